"""What happens to sums on their way to the result: bias and activation."""

import numpy as np

from numgd.jit.portable import portable

ACTIVATIONS = {None: 0, "relu": 1, "relu6": 2, "leaky_relu": 3}
"""Activations that a convolution applies while its results are in the cache, and their codes."""


@portable
def finish(sums, start, bias, first, out, place, count, activation):
    """Write activation(sums + bias) for `count` neighbouring channels of one pixel."""
    real = sums.dtype.type
    zero = real(0.0)
    # Without a sign, an index is not counted from the end, and needs no slice before the loop is fast.
    given, shift, line = np.uint64(start), np.uint64(first), np.uint64(place)
    length = np.uint64(count)
    if activation == 0:
        for j in range(length):
            out[line + j] = sums[given + j] + bias[shift + j]
    elif activation == 1:
        for j in range(length):
            value = sums[given + j] + bias[shift + j]
            out[line + j] = zero if value <= zero else value  # NaN stays
    elif activation == 2:
        six = real(6.0)
        for j in range(length):
            value = sums[given + j] + bias[shift + j]
            value = zero if value <= zero else value
            out[line + j] = six if value >= six else value
    else:
        slope = real(0.01)
        for j in range(length):
            value = sums[given + j] + bias[shift + j]
            out[line + j] = slope * value if value <= zero else value
