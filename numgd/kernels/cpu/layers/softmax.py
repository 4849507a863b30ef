"""Softmax and its logarithm over rows, forward and backward."""

import numpy as np

from numgd.jit.blocks import address_of_block, view_of
from numgd.jit.making import made_once
from numgd.jit.portable import strict
from numgd.kernels.cpu.layers.blocks import BLOCK_ELEMENTS, drive
from numgd.kernels.cpu.layers.rows import (
    below,
    exponentials_of_rows,
    log_sums_of_rows,
    sum_of_differences,
    sum_of_products,
)


def softmax(x, columns, out):
    """out = softmax(x) for each row; `x` is a contiguous vector of rows of `columns` elements."""
    _drive(_softmax(x.dtype), x, x, columns, out)


def softmax_backward(grad, x, columns, out):
    """out = the gradient of Σ grad · softmax(x) with respect to x."""
    _drive(_softmax_backward(x.dtype), x, grad, columns, out)


def log_softmax(x, columns, out):
    """out = log softmax(x)."""
    _drive(_log_softmax(x.dtype), x, x, columns, out)


def log_softmax_backward(grad, x, columns, out):
    """out = the gradient of Σ grad · log softmax(x) with respect to x."""
    _drive(_log_softmax_backward(x.dtype), x, grad, columns, out)


def rows_in_block(columns):
    """Number of rows in a block."""
    return max(
        1, BLOCK_ELEMENTS // (4 * columns)
    )  # an exponential costs about as much as four elementary operations


def _drive(function, x, y, columns, out):
    rows, block = x.size // columns, rows_in_block(columns)
    one = np.ones(1, x.dtype)
    steps, sizes = (columns, columns), (rows, block, block)
    drive(function, x, y, one, rows + 1, out, columns, steps, sizes, 1.0, 0.0)


@made_once
def _softmax(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        sums = np.empty(rows)
        exponentials_of_rows(view(x, rows * columns), columns, view(out, rows * columns), sums)
        for row in range(rows):
            p, share = view(out + row * columns * width, columns), real(1.0 / sums[row])
            for j in range(columns):
                p[j] *= share
        return 0.0

    return address_of_block(f"softmax-{dtype.name}", block)


@made_once
def _softmax_backward(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        sums = np.empty(rows)
        exponentials_of_rows(view(x, rows * columns), columns, view(out, rows * columns), sums)
        for row in range(rows):
            start = row * columns * width
            g, p, share = view(y + start, columns), view(out + start, columns), 1.0 / sums[row]
            mean = real(share * sum_of_products(p, g, real(0)))
            share = real(share)
            for j in range(columns):
                p[j] = share * p[j] * (g[j] - mean)
        return 0.0

    return address_of_block(f"softmax_backward-{dtype.name}", block)


@strict
def twice_less(u, top, log_of_sum):
    """(u − top) − log_of_sum, in this order: top + log_of_sum would lose digits of the smaller one."""
    return below(u, top) - log_of_sum


@made_once
def _log_softmax(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        tops, logs = np.empty(rows, real), np.empty(rows)
        log_sums_of_rows(view(x, rows * columns), columns, tops, logs)
        for row in range(rows):
            start = row * columns * width
            u, p = view(x + start, columns), view(out + start, columns)
            top, log_of_sum = tops[row], real(logs[row])
            for j in range(columns):
                p[j] = twice_less(u[j], top, log_of_sum)
        return 0.0

    return address_of_block(f"log_softmax-{dtype.name}", block)


@made_once
def _log_softmax_backward(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        sums = np.empty(rows)
        exponentials_of_rows(view(x, rows * columns), columns, view(out, rows * columns), sums)
        for row in range(rows):
            start = row * columns * width
            g, p = view(y + start, columns), view(out + start, columns)
            share = real(sum_of_differences(g, g, real(0)) / sums[row])
            for j in range(columns):
                p[j] = g[j] - share * p[j]
        return 0.0

    return address_of_block(f"log_softmax_backward-{dtype.name}", block)
