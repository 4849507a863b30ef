"""Bias and activation of a dense layer, and their gradient, over rows (N, C)."""

import numpy as np

from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def add_bias(y, bias, floor, block):
    """y = max(y + bias, floor) in place; NaN stays NaN."""
    if y.size:
        launch(_add_bias, launch_shape(y.size), y.reshape(y.size), bias, y.dtype.type(floor))


@kernel
def _add_bias(y, bias, floor):
    columns = bias.size
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        value = y[i] + bias[i % columns]
        y[i] = floor if value < floor else value


def bias_gradient(grad, y, floor, block, passed, partial):
    """passed = grad where y is above the floor, else 0; partial[b] = its sums over the rows of block b."""
    if partial.size:
        launch(
            _bias_gradient, launch_shape(partial.size),
            grad, y, y.dtype.type(floor), block, passed, partial,
        )  # fmt: skip


@kernel
def _bias_gradient(grad, y, floor, block, passed, partial):
    rows, columns = grad.shape
    nothing = grad.dtype.type(0)
    for i in range(cuda.grid(1), partial.size, cuda.gridsize(1)):
        b, column = i // columns, i % columns
        total = 0.0
        for row in range(b * block, min((b + 1) * block, rows)):
            value = nothing if y[row, column] <= floor else grad[row, column]
            passed[row, column] = value
            total += np.float64(value)
        partial[b, column] = total
