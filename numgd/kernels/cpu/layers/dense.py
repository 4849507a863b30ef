"""A dense layer with the products of the BLAS, over rows: x (N, C), weight (D, C), out (N, D)."""

import math

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.columns import block_rows


def forward(x, weight, bias, floor, out):
    """out = max(x · weightᵀ + bias, floor), without a bias if it is None, without a floor if it is NaN."""
    np.dot(x, weight.T, out=out)
    if bias is not None or not math.isnan(floor):
        bias = np.zeros(len(weight), x.dtype) if bias is None else bias
        add_bias(out, bias, floor, block_rows(*out.shape))


def backward(grad, x, weight, y, floor, grad_x, grad_weight, grad_bias):
    """The gradients of `forward`, whose result is y; without a floor y is not read."""
    if math.isnan(floor):
        grad_bias[...] = grad.sum(axis=0, dtype=np.float64)
    else:
        slopes, grad = grad, np.empty_like(grad)
        block = block_rows(*slopes.shape)
        partial = np.empty((-(-slopes.shape[0] // block), slopes.shape[1]))
        bias_gradient(slopes, y, floor, block, grad, partial)
        grad_bias[...] = partial.sum(axis=0)
    np.dot(grad, weight, out=grad_x)
    np.dot(grad.T, x, out=grad_weight)


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
