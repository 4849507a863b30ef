"""What happens to sums on their way to the result: bias and activation."""

from numgd.jit.pointers import borrow
from numgd.jit.portable import portable

ACTIVATIONS = {None: 0, "relu": 1, "relu6": 2, "leaky_relu": 3}
"""Activations that a convolution applies while its results are in the cache, and their codes."""


@portable
def finish(sums, start, bias, first, out, place, count, activation):
    """Write activation(sums + bias) for `count` neighbouring channels of one pixel."""
    real = sums.dtype.type
    zero = real(0.0)
    line = borrow(out)[place : place + count]
    given = borrow(sums)[start : start + count]
    shift = borrow(bias)[first : first + count]
    if activation == 0:
        for j in range(count):
            line[j] = given[j] + shift[j]
    elif activation == 1:
        for j in range(count):
            value = given[j] + shift[j]
            line[j] = zero if value <= zero else value  # NaN stays
    elif activation == 2:
        six = real(6.0)
        for j in range(count):
            value = given[j] + shift[j]
            value = zero if value <= zero else value
            line[j] = six if value >= six else value
    else:
        slope = real(0.01)
        for j in range(count):
            value = given[j] + shift[j]
            line[j] = slope * value if value <= zero else value
