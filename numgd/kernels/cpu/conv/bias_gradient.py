"""The gradient of the bias: sums over pixels, the same at any number of threads."""

import numpy as np
from numba import prange

from numgd.jit.portable import THREADED_FLAGS, compiled
from numgd.kernels.cpu.columns import abreast

ROWS = 64


@compiled("conv-bias-gradient", THREADED_FLAGS)
def _partial(grad, partial):
    """Sums over blocks of rows, in float64."""
    for block in prange(partial.shape[0]):
        total = partial[block]
        total[:] = 0.0
        first = block * grad.shape[0] // partial.shape[0]
        last = (block + 1) * grad.shape[0] // partial.shape[0]
        for row in range(first, last):
            line = grad[row]
            for c in range(line.size):
                total[c] += np.float64(line[c])


def bias_gradient(grad, out):
    """Sum `grad` (…, channels) into `out` (channels,)."""
    if grad.size == 0:
        out[:] = 0
        return
    channels = grad.shape[-1]
    pixels = abreast(grad.size // channels, channels)
    rows = grad.reshape(-1, pixels * channels)
    partial = np.empty((min(256, rows.shape[0] // ROWS + 1), rows.shape[1]))
    _partial(rows, partial)
    out[:] = partial.reshape(-1, channels).sum(axis=0)
