"""Exponentials of rows minus their largest elements, and the sums of these, for softmax and cross-entropy."""

import numpy as np

from numgd.jit import simd
from numgd.jit.portable import portable, strict
from numgd.kernels.cpu.layers.blocks import PIECE

_SHORT = 64  # rows of fewer elements share one loop over all their exponentials


def make_sum(term):
    """Function ``sum(u, v, a)``: Σᵢ term(u[i], v[i], a), with pieces in the dtype of u, added in float64."""

    @portable
    def sum_of_piece(u, v, a):
        piece = u.dtype.type(0)
        for i in range(u.size):  # only this sum may be reordered: `term` is strict
            piece += term(u[i], v[i], a)
        return np.float64(piece)

    @portable
    def sum_over(u, v, a):
        total = 0.0
        for first in range(0, u.size, PIECE):
            last = min(first + PIECE, u.size)
            total += sum_of_piece(u[first:last], v[first:last], a)
        return total

    return sum_over


@strict
def below(u, top):
    """u − top, where `top` is the largest element of u's row and may be infinite; 0 where they are equal."""
    return type(u)(0) if u == top else u - top


@strict
def mass(top, total):
    """The sum of a row's exponentials; NaN if it has no limit: several elements are ∞, or all are −∞."""
    determined = (abs(top) < np.inf) | ((top > 0) & (total == 1))
    return np.float64(total if determined else np.nan)


@strict
def _exponential(u, v, a):
    return simd.exp_flushing(below(u, a))


@strict
def _difference(u, v, a):
    return u - a


@strict
def _product(u, v, a):
    return u * v


sum_of_exponentials = make_sum(_exponential)
sum_of_differences = make_sum(_difference)
sum_of_products = make_sum(_product)


@portable
def _row(u, row, columns):
    return u[row * columns : (row + 1) * columns]


@portable
def exponentials_of_rows(u, columns, out, sums):
    """out = exp(u − largest element of the row) for rows of `columns` elements; `sums` = their sums."""
    if columns < _SHORT:
        _exponentials_of_short_rows(u, columns, np.empty(sums.size, u.dtype), out, sums)
        return
    zero = u.dtype.type(0)
    for row in range(sums.size):
        given, found = _row(u, row, columns), _row(out, row, columns)
        top = simd.maximum(given)
        for j in range(columns):
            found[j] = simd.exp_flushing(below(given[j], top))
        sums[row] = mass(top, sum_of_differences(found, found, zero))


@portable
def log_sums_of_rows(u, columns, tops, logs):
    """logs = log Σ exp(u − top) for each row of `columns` elements; `tops` = the largest elements."""
    if columns < _SHORT:
        _exponentials_of_short_rows(u, columns, tops, np.empty(u.size, u.dtype), logs)
    else:
        for row in range(tops.size):
            given = _row(u, row, columns)
            tops[row] = simd.maximum(given)
            logs[row] = mass(tops[row], sum_of_exponentials(given, given, tops[row]))
    for row in range(tops.size):
        logs[row] = simd.log(logs[row])


@portable
def _exponentials_of_short_rows(u, columns, tops, out, sums):
    for row in range(tops.size):
        given, found = _row(u, row, columns), _row(out, row, columns)
        top = simd.maximum(given)
        tops[row] = top
        for j in range(columns):
            found[j] = below(given[j], top)
    for i in range(out.size):
        out[i] = simd.exp_flushing(out[i])
    for row in range(tops.size):
        found = _row(out, row, columns)
        total = u.dtype.type(0)
        for j in range(columns):
            total += found[j]
        sums[row] = mass(tops[row], total)
