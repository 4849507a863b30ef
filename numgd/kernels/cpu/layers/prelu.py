"""Leaky ReLU with a slope for each column of x (rows, columns), and the gradients of x and of the slopes."""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import apart, compiled, portable
from numgd.scalars import ACTIVATIONS, times

_value, _derivative = ACTIVATIONS["leaky_relu"]


@apart
def _row(x, slopes, out):
    for c in range(x.size):
        out[c] = _value(x[c], slopes[c])


@portable
def _block(b, x, slopes, block, out):
    for i in range(b * block, min((b + 1) * block, x.shape[0])):
        _row(borrow(x)[i], slopes, borrow(out)[i])


def repeated(weight, columns):
    """The slopes one after the other, again and again, for so many columns."""
    return np.resize(weight, columns)


@compiled("prelu")
def forward(x, slopes, block, out):
    """out = x where x > 0, else slope · x; threads process blocks of rows."""
    parallel_for(_block, (x.shape[0] + block - 1) // block, x.size, x, slopes, block, out)


@portable
def below(x):
    """The derivative with respect to the slope: 0 where x > 0, else x."""
    return type(x)(0) if x > 0 else x


@apart
def _gradient_of_row(grad, x, slopes, out, sums):
    for c in range(x.size):
        value, slope = x[c], grad[c]
        out[c] = times(slope, _derivative(value, slopes[c]))
        sums[c] += np.float64(times(slope, below(value)))


@portable
def _gradient_of_block(b, grad, x, slopes, block, out, partial):
    sums = borrow(partial)[b]
    sums[:] = 0.0
    for i in range(b * block, min((b + 1) * block, x.shape[0])):
        _gradient_of_row(borrow(grad)[i], borrow(x)[i], slopes, borrow(out)[i], sums)


@compiled("prelu-gradient")
def backward(grad, x, slopes, block, out, partial):
    """out: the gradient of x; partial[b] (columns,): that of the slopes from the rows of block b."""
    parallel_for(_gradient_of_block, partial.shape[0], 2 * x.size, grad, x, slopes, block, out, partial)
