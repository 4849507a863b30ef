"""Bias and activation of a dense layer, and their gradient, over rows (N, C)."""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable


@portable
def _add_to_block(b, y, bias, floor, block):
    for i in range(b * block, min((b + 1) * block, y.shape[0])):
        row = borrow(y)[i]
        for c in range(row.size):
            value = row[c] + bias[c]
            row[c] = floor if value < floor else value


@compiled("dense-bias")
def add_bias(y, bias, floor, block):
    """y = max(y + bias, floor) in place; NaN stays NaN.  Threads process blocks of rows."""
    blocks = (y.shape[0] + block - 1) // block
    parallel_for(_add_to_block, blocks, y.size, y, bias, floor, block)


@portable
def _gradient_of_block(b, grad, y, floor, block, passed, partial):
    nothing = grad.dtype.type(0)
    sums = borrow(partial)[b]
    sums[:] = 0.0
    for i in range(b * block, min((b + 1) * block, grad.shape[0])):
        slope, row, result = borrow(grad)[i], borrow(y)[i], borrow(passed)[i]
        for c in range(slope.size):
            value = nothing if row[c] <= floor else slope[c]
            result[c] = value
            sums[c] += np.float64(value)


@compiled("dense-bias-gradient")
def bias_gradient(grad, y, floor, block, passed, partial):
    """passed = grad where y is above the floor, else 0; partial[b] = its sums over the rows of block b."""
    parallel_for(_gradient_of_block, partial.shape[0], 2 * grad.size, grad, y, floor, block, passed, partial)
