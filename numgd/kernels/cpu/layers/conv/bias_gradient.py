"""The gradient of the bias: sums over pixels, independent of the number of threads."""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.portable import compiled, portable
from numgd.jit.program import scratch
from numgd.kernels.cpu.layers.columns import add_up, side_by_side

MIN_ROWS = 64
"""Minimum number of rows in a block."""


@portable
def _sum_block(block, grad, partial):
    total = partial[block]
    total[:] = 0.0
    first = block * grad.shape[0] // partial.shape[0]
    last = (block + 1) * grad.shape[0] // partial.shape[0]
    for row in range(first, last):
        numbers = grad[row]
        for c in range(numbers.size):
            total[c] += np.float64(numbers[c])


@compiled("conv-bias-gradient")
def _partial(grad, partial):
    """Sums over blocks of rows, in float64."""
    parallel_for(_sum_block, partial.shape[0], grad.size, grad, partial)


def bias_gradient(grad, out):
    """Sum `grad` (…, channels) into `out` (channels,)."""
    if grad.size == 0:
        out[:] = 0
        return
    channels = grad.shape[-1]
    pixels = side_by_side(grad.size // channels, channels)
    rows = grad.reshape(-1, pixels * channels)
    partial = scratch((min(256, rows.shape[0] // MIN_ROWS + 1), rows.shape[1]), np.dtype(np.float64))
    _partial(rows, partial)
    add_up(partial.reshape(-1, channels), 0, out)
