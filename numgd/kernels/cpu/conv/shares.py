"""Sums that threads make independently: work is dealt into shares, whose sums are added in order at the end.

The number of shares follows from the shape, so that results are the same at any number of threads.
"""

from numba import prange

from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled

SHARES = 16
"""Shares at most."""

MEMORY = 16 * 2**20
"""Bytes that the sums of all shares may take."""

FEWEST = 4
"""Shares below which all threads work on one sum instead."""


def shares_for(length, pieces):
    """Shares for sums of `length` bytes over so many pieces of work."""
    shares = min(SHARES, pieces, MEMORY // max(1, length))
    return shares if shares >= min(FEWEST, pieces) else 1


@compiled("conv-add-shares", ELEMENTWISE_FLAGS)
def add_shares(partial, out):
    """Sum `partial` (shares, n) into `out` (n,)."""
    step = 1024
    for block in prange((out.size + step - 1) // step):
        first, last = block * step, min(out.size, (block + 1) * step)
        total = out[first:last]
        total[:] = partial[0, first:last]
        for share in range(1, partial.shape[0]):
            numbers = partial[share, first:last]
            for i in range(total.size):
                total[i] += numbers[i]
