"""Scalar functions over whole arrays; see `numgd.kernels.cpu.layers.elementwise`."""

from functools import cache

import numpy as np
from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.elementwise import INVALID, ONE, SUMS, part_of
from numgd.kernels.cuda import target
from numgd.kernels.cuda.layers.rows import for_rows, weight_of
from numgd.kernels.cuda.layers.sums import MOST_THREADS, launch_sum, shape_of_sum, sum_of_team
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape, load4, store4
from numgd.scalars import times

__all__ = [
    "INVALID",
    "ONE",
    "SUMS",
    "add",
    "count_invalid",
    "derivatives",
    "one",
    "total",
    "totals_of_rows",
    "values",
]


def one(like):
    """The vector of a single 1 of an array's dtype, as weights where nothing is weighed."""
    return target.constant(ONE[like.dtype])


def total(kind, x, y, weights, repeat, parameter):
    """The sum of ``weights[i // repeat] * loss(x[i], y[i])`` over all i, as a device array (1,)."""
    repeat = repeat_of(repeat, x.size)
    fours = _fours(x.size, x, y, *((weights,) if repeat == 1 else ()))
    shape = shape_of_sum(x.size)
    return launch_sum(_sum_of(kind), shape, x, y, weights, repeat, x.dtype.type(parameter), fours)


def totals_of_rows(kind, x, y, columns, weights, repeat, factor, parameter, out):
    """out[row] = factor * weights[row // repeat] * the sum of the losses of the row's `columns` elements."""
    real, rows = x.dtype.type, x.size // columns
    if rows:
        shape, team = for_rows(rows, columns)
        numbers = repeat_of(repeat, rows), float(factor), real(parameter), team
        launch(_row_sum_of(kind), shape, x, y, columns, weights, *numbers, out)


def values(kind, x, y, weights, repeat, factor, parameter, out):
    """out[i] = factor * weights[i // repeat] * f(x[i], y[i]) for a loss or an activation.

    `out` can be `x`.
    """
    _map("value", kind, x, y, weights, repeat, factor, parameter, out)


def derivatives(kind, x, y, weights, repeat, factor, parameter, out):
    """As `values`, for the derivative of f with respect to x."""
    _map("derivative", kind, x, y, weights, repeat, factor, parameter, out)


def add(x, y, out, activation=None):
    """out = x + y for vectors, with an activation in `SUMS`; x can be `out`."""
    _map("value", SUMS[activation], x, y, one(x), x.size, 1.0, 0.0, out)


def count_invalid(kind, x):
    """Number of elements of a vector that are invalid according to a test in `INVALID`."""
    return float(target.fetch(total(kind, x, x, one(x), x.size, 0.0))[0])


def repeat_of(repeat, count):
    """`repeat` as kernels take it: 0 if one weight is for all."""
    return 0 if repeat >= max(2, count) else repeat


def _fours(count, *arrays):
    """How many times four neighbours of vectors are accessed at once."""
    return count // 4 if target.can_load4(*arrays) else 0


def _map(part, kind, x, y, weights, repeat, factor, parameter, out):
    if x.size:
        real, repeat = x.dtype.type, repeat_of(repeat, x.size)
        fours = _fours(x.size, x, y, out, *((weights,) if repeat == 1 else ()))
        shape = launch_shape(max(fours, x.size - 4 * fours))
        numbers = repeat, real(factor), real(parameter), fours
        launch(_map_of(kind, part), shape, x, y, weights, *numbers, out)


@portable
def _four_weights(weights, repeat, first):
    """The weights of four neighbours."""
    if repeat == 1:
        return load4(weights, first)
    if repeat == 0:
        return weights[0], weights[0], weights[0], weights[0]
    sample = first // repeat
    left = (sample + 1) * repeat - first  # so many of the four or more have the first weight
    a = weights[sample]
    if left >= 4:
        return a, a, a, a
    b = a if left > 1 else weights[(first + 1) // repeat]
    c = a if left > 2 else weights[(first + 2) // repeat]
    return a, b, c, weights[(first + 3) // repeat]


@cache
def _map_of(kind, part):
    scalar = part_of(kind, part)

    @kernel
    def function(x, y, weights, repeat, factor, parameter, fours, out):
        start, step = cuda.grid(1), cuda.gridsize(1)
        for i in range(start, fours, step):
            u, v = load4(x, 4 * i), load4(y, 4 * i)
            w = _four_weights(weights, repeat, 4 * i)
            a = times(factor * w[0], scalar(u[0], v[0], parameter))
            b = times(factor * w[1], scalar(u[1], v[1], parameter))
            c = times(factor * w[2], scalar(u[2], v[2], parameter))
            d = times(factor * w[3], scalar(u[3], v[3], parameter))
            store4(out, 4 * i, (a, b, c, d))
        for i in range(4 * fours + start, x.size, step):
            out[i] = times(factor * weight_of(weights, repeat, i), scalar(x[i], y[i], parameter))

    return function


@cache
def _sum_of(kind):
    scalar = part_of(kind, "value")

    @kernel
    def function(x, y, weights, repeat, parameter, fours, partial):
        shared = cuda.shared.array(MOST_THREADS, float64)
        start, step, own = cuda.grid(1), cuda.gridsize(1), 0.0
        for i in range(start, fours, step):
            u, v = load4(x, 4 * i), load4(y, 4 * i)
            w = _four_weights(weights, repeat, 4 * i)
            own += np.float64(times(w[0], scalar(u[0], v[0], parameter)))
            own += np.float64(times(w[1], scalar(u[1], v[1], parameter)))
            own += np.float64(times(w[2], scalar(u[2], v[2], parameter)))
            own += np.float64(times(w[3], scalar(u[3], v[3], parameter)))
        for i in range(4 * fours + start, x.size, step):
            own += np.float64(times(weight_of(weights, repeat, i), scalar(x[i], y[i], parameter)))
        lane = cuda.threadIdx.x
        found = sum_of_team(shared, lane, cuda.blockDim.x, own)
        if lane == 0:
            partial[cuda.blockIdx.x] = found

    return function


@cache
def _row_sum_of(kind):
    scalar = part_of(kind, "value")

    @kernel
    def function(x, y, columns, weights, repeat, factor, parameter, team, out):
        shared = cuda.shared.array(MOST_THREADS, float64)
        lane, rows, each = cuda.threadIdx.x, out.size, cuda.blockDim.x // team
        for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
            row = first + lane // team
            own, start = 0.0, row * columns
            for j in range(lane % team, columns if row < rows else 0, team):
                own += np.float64(scalar(x[start + j], y[start + j], parameter))
            if team > 1:
                own = sum_of_team(shared, lane, team, own)
            if lane % team == 0 and row < rows:
                weight = factor * np.float64(weight_of(weights, repeat, row))
                out[row] = x.dtype.type(times(weight, own))

    return function
