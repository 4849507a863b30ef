"""Scalar functions over whole arrays: the sum of their values, their values and their derivatives."""

import numpy as np

from numgd.jit.blocks import address_of_block, view_of
from numgd.jit.making import made_once
from numgd.jit.portable import strict
from numgd.kernels.cpu.layers.blocks import BLOCK_ELEMENTS, PIECE, drive
from numgd.kernels.cpu.layers.rows import make_sum
from numgd.scalars import ACTIVATIONS, LOSSES, times


def total(kind, x, y, weights, repeat, parameter):
    """The sum of ``weights[i // repeat] * loss(x[i], y[i])`` over all i.

    Parameters
    ----------
    kind : str
        A loss in `numgd.scalars.LOSSES`, or a test in `INVALID`.
    x, y : numpy.ndarray
        Contiguous vectors of n elements.
    weights : numpy.ndarray
        Contiguous, with n / repeat elements.
    repeat : int
    parameter : float

    All arrays have the same dtype.
    """
    function = _sum_of(kind, x.dtype)
    return drive(
        function, x, y, weights, repeat, x, 1, (1, 0), (x.size, PIECE, BLOCK_ELEMENTS), 1.0, parameter
    )


def totals_of_rows(kind, x, y, columns, weights, repeat, factor, parameter, out):
    """out[row] = factor * weights[row // repeat] * the sum of the losses of the row's `columns` elements."""
    function = _row_sum_of(kind, x.dtype)
    block = max(1, BLOCK_ELEMENTS // columns)
    steps, sizes = (columns, 1), (x.size // columns, block, block)
    drive(function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter)


def values(kind, x, y, weights, repeat, factor, parameter, out):
    """out[i] = factor * weights[i // repeat] * f(x[i], y[i]) for a loss or an activation.

    Activations ignore `y`: any vector can be passed.  Those that keep their slope can be computed in place,
    with one weight.  Other parameters are as for `total`.
    """
    function = _map_of(kind, x.dtype, "value")
    drive(function, x, y, weights, repeat, out, 1, (1, 1), (x.size, PIECE, BLOCK_ELEMENTS), factor, parameter)


def derivatives(kind, x, y, weights, repeat, factor, parameter, out):
    """As `values`, for the derivative of f with respect to x."""
    function = _map_of(kind, x.dtype, "derivative")
    drive(function, x, y, weights, repeat, out, 1, (1, 1), (x.size, PIECE, BLOCK_ELEMENTS), factor, parameter)


def count_invalid(kind, x):
    """Number of elements of a vector that are invalid according to a test in `INVALID`."""
    one = np.ones(1, x.dtype)
    function = _sum_of(kind, x.dtype)
    return drive(
        function, x, x, one, max(1, x.size) + 1, x, 1, (1, 0), (x.size, PIECE, BLOCK_ELEMENTS), 1.0, 0.0
    )


@strict
def _not_a_probability(x, y, c):
    real = type(x)
    return real(0) if (x >= 0) & (x <= real(1)) else real(1)


@strict
def _not_a_sign(x, y, c):
    real = type(x)
    return real(0) if (x == real(1)) | (x == real(-1)) else real(1)


@strict
def _not_a_weight(x, y, c):
    real = type(x)
    return real(0) if (x >= 0) & (x < real(np.inf)) else real(1)


INVALID = {"probability": _not_a_probability, "sign": _not_a_sign, "weight": _not_a_weight}
"""Tests of the arguments of losses: 1 for an invalid number, 0 for a valid one."""


@strict
def _sum(x, y, c):
    return x + y


@strict
def _sum_above_zero(x, y, c):
    total = x + y
    return type(x)(0) if total <= 0 else total


ONE = {np.dtype(real): np.ones(1, real) for real in (np.float32, np.float64)}
"""By dtype, weights where nothing is weighed: with `repeat` above the number of elements, one is for all."""


def one(like):
    """The vector of a single 1 of an array's dtype, as weights where nothing is weighed."""
    return ONE[like.dtype]


SUMS = {None: "sum", "relu": "sum-relu"}
"""Sums of two numbers, without and with an activation."""

_SUMS = {SUMS[None]: _sum, SUMS["relu"]: _sum_above_zero}


def add(x, y, out, activation=None):
    """out = x + y for vectors, with an activation in `SUMS`; x can be `out`."""
    one, sizes = ONE[x.dtype], (x.size, PIECE, BLOCK_ELEMENTS)
    function = _map_of(SUMS[activation], x.dtype, "value")
    drive(function, x, y, one, x.size + 1, out, 1, (1, 1), sizes, 1.0, 0.0)


def part_of(kind, part):
    """A scalar function of x, y and the parameter."""
    if kind in _SUMS:
        return _SUMS[kind]
    if kind in INVALID:
        return INVALID[kind]
    if kind in LOSSES:
        return getattr(LOSSES[kind], part)
    of_x = getattr(ACTIVATIONS[kind], part)

    @strict
    def ignoring_y(x, y, c):
        return of_x(x, c)

    return ignoring_y


@made_once
def _sum_of(kind, dtype):
    scalar, view, real = part_of(kind, "value"), view_of(dtype), dtype.type

    def block(x, y, scale, out, rows, columns, factor, parameter):
        x, y, c = view(x, rows), view(y, rows), real(parameter)
        result = real(0)
        if scale == 0:
            for i in range(rows):
                result += scalar(x[i], y[i], c)
        else:
            weights = view(scale, rows)
            for i in range(rows):
                result += times(weights[i], scalar(x[i], y[i], c))
        return times(factor, np.float64(result))

    return address_of_block(f"sum-{kind}-{dtype.name}", block)


@made_once
def _row_sum_of(kind, dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize
    sum_over = make_sum(part_of(kind, "value"))

    def block(x, y, scale, out, rows, columns, factor, parameter):
        out = view(out, rows)
        for row in range(rows):
            start = row * columns * width
            multiplier = factor
            if scale != 0:
                multiplier *= view(scale, rows)[row]
            u, v = view(x + start, columns), view(y + start, columns)
            out[row] = real(times(multiplier, sum_over(u, v, real(parameter))))
        return 0.0

    return address_of_block(f"row_sum-{kind}-{dtype.name}", block)


@made_once
def _map_of(kind, dtype, part):
    scalar, view, real = part_of(kind, part), view_of(dtype), dtype.type
    keeps_slope = kind in ACTIVATIONS and ACTIVATIONS[kind].keeps_slope
    in_place = part == "value" and (keeps_slope or kind in _SUMS)

    def block(x, y, scale, out, rows, columns, factor, parameter):
        same = out == x
        x, y, out, c = view(x, rows), view(y, rows), view(out, rows), real(parameter)
        if in_place and same:  # from a copy, since vector code needs separate arrays
            x = x.copy()
        multiplier = real(factor)
        if scale == 0:
            for i in range(rows):
                out[i] = scalar(x[i], y[i], c)
            if multiplier != real(1):
                for i in range(rows):
                    out[i] = times(multiplier, out[i])
        else:
            weights = view(scale, rows)
            for i in range(rows):
                out[i] = times(multiplier * weights[i], scalar(x[i], y[i], c))
        return 0.0

    return address_of_block(f"{part}-{kind}-{dtype.name}", block)
