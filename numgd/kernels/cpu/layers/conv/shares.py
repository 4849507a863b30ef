"""Sums that threads compute independently: work is divided into shares, whose sums are added in order.

The number of shares depends on the shape alone, so results are the same for any number of threads.
"""

from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable

MAX_SHARES = 16
"""Maximum number of shares."""

MAX_BYTES = 16 * 2**20
"""Maximum size of the sums of all shares, in bytes."""

BLOCK_SIZE = 1024
"""Number of sums that are added up in one task."""

MIN_SHARES = 4
"""With fewer shares, all threads work on one sum instead."""


def shares_for(length, chunks):
    """The number of shares for sums of `length` bytes over a number of chunks of work."""
    shares = min(MAX_SHARES, chunks, MAX_BYTES // max(1, length))
    return shares if shares >= min(MIN_SHARES, chunks) else 1


@portable
def _add_block(block, partial, out):
    first, last = block * BLOCK_SIZE, min(out.size, (block + 1) * BLOCK_SIZE)
    total = out[first:last]
    total[:] = partial[0, first:last]
    for share in range(1, partial.shape[0]):
        numbers = partial[share, first:last]
        for i in range(total.size):
            total[i] += numbers[i]


@compiled("conv-add-shares", ELEMENTWISE_FLAGS)
def add_shares(partial, out):
    """Sum `partial` (shares, n) into `out` (n,)."""
    parallel_for(_add_block, (out.size + BLOCK_SIZE - 1) // BLOCK_SIZE, partial.size, partial, out)
