"""Many small least-squares fits on the device: one thread solves one fit at a time.

The residuals are functions of one data point, compiled into the kernel with their gradients.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.linalg import all_finite
from numgd.jit.portable import portable
from numgd.kernels.cuda import target
from numgd.kernels.cuda.solvers.many_problems import lanes_for
from numgd.kernels.cuda.solvers.row_of_args import make_row_of
from numgd.kernels.cuda.target import cuda, kernel, launch
from numgd.sums_of_squares.evaluator import (
    NOT_FINITE_AT_START,
    RESIDUALS,
    FitOutcome,
    Memory,
    ResidualEvaluator,
    long_rows,
    short_rows,
)

OWN_ROWS = 3  # of the short memory: the point, its scale, and a row of the Jacobian


class FitProblem(NamedTuple):
    """What the functions of `make_evaluator` need; solvers only pass it on."""

    args: Any  # of this fit
    row: Any  # (n,) scratch for a row of the Jacobian
    box: Any  # (2, n) bounds, infinite where there are none


@cache
def make_evaluator(residual):
    """The `ResidualEvaluator` of a device thread."""

    @portable
    def residuals(problem, x, r):
        for i in range(r.size):
            r[i] = residual(x, problem.row, i, *problem.args)

    @portable
    def jacobian(problem, x, r, columns):
        for i in range(r.size):
            residual(x, problem.row, i, *problem.args)
            for j in range(x.size):
                columns[j, i] = problem.row[j]

    @portable
    def observe(problem, iteration, nfev, cost, optimality):
        return 0

    @portable
    def bounds(problem):
        return problem.box[0], problem.box[1]

    return ResidualEvaluator(residuals, jacobian, observe, bounds)


@cache
def make_kernel(method, residual, places):
    """The kernel of a `FitMethod` for one residual; its arguments are those of the driver."""
    row_of = make_row_of(places)
    evaluator = make_evaluator(residual)
    residuals, descend = evaluator.residuals, method.make_solver(evaluator)

    @portable
    def solve(problem, x, scale, memory, options):
        residuals(problem, x, memory.long[RESIDUALS])
        if not all_finite(memory.long[RESIDUALS]):
            nothing = x.dtype.type(math.nan)
            return FitOutcome(NOT_FINITE_AT_START, 0, 1, 0, nothing, nothing)
        return descend(problem, x, scale, memory, options)

    @kernel
    def fit_rows(X, G, scale, long, short, order, options, args, box, cost, counts):
        lane = cuda.grid(1)
        if lane >= long.shape[2]:
            return
        x, own_scale, row_scratch = short[0, :, lane], short[1, :, lane], short[2, :, lane]
        memory = Memory(long[:, :, lane], short[OWN_ROWS:, :, lane], order[:, lane])
        for row in range(lane, X.shape[0], long.shape[2]):
            for j in range(x.size):
                x[j] = X[row, j]
                own_scale[j] = scale[j]
            problem = FitProblem(row_of(args, row, lane), row_scratch, box)
            outcome = solve(problem, x, own_scale, memory, options)
            for j in range(x.size):
                X[row, j] = x[j]
                G[row, j] = short[OWN_ROWS, j, lane]
            cost[row] = outcome.cost
            counts[row, 0] = outcome.status
            counts[row, 1] = outcome.nit
            counts[row, 2] = outcome.nfev
            counts[row, 3] = outcome.njev

    return fit_rows


class FitScratch(NamedTuple):
    """Scratch memory of fits; the thread is the last index, so that neighbours access neighbouring words."""

    long: Any  # (rows, m, lanes)
    short: Any  # (rows, n, lanes)
    order: Any  # (n, lanes)


def scratch_fits(count, n, m, dtype, lanes=None):
    """Scratch memory for `fit_many`: m residuals of n variables."""
    rows = OWN_ROWS + short_rows(n)
    lanes = lanes or lanes_for(count, long_rows(n) * m + rows * n + n, dtype)
    return FitScratch(
        target.empty((long_rows(n), m, lanes), dtype),
        target.empty((rows, n, lanes), dtype),
        target.empty((n, lanes), np.int64),
    )


@cache
def fit_many(method, residual):
    """The driver of a `FitMethod` for one residual.

    ``residual(x, g, i, *args) -> r`` is a ``@cuda.jit(device=True)`` or portable function: residual i of a
    fit with the parameters x, whose gradient it writes to g; it may not write to x.

    ``fit_many(method, residual)(X, G, scale, scratch, options, args, box, cost, counts, places)`` overwrites
    the rows of `X` (N, n) with the parameters and fills the rows of `G` (N, n) with the gradients there,
    `cost` (N,) with half the sums of squares, and the columns of `counts` (N, 4) with status, nit, nfev and
    njev.  `scale` (n,) are the sizes of typical changes of the parameters, `options` the `FitOptions` in the
    dtype of `X`, `box` (2, n) the bounds, infinite where there are none, and `scratch` comes from
    `scratch_fits`, which also says how many residuals there are.  `places` says where each of the args has
    the entry of a fit; see `numgd.kernels.cuda.solvers.row_of_args`.
    """

    def drive(X, G, scale, scratch, options, args, box, cost, counts, places):
        threads = target.THREADS
        blocks = (scratch.long.shape[2] + threads - 1) // threads
        if X.shape[0] > 0:
            fit = make_kernel(method, residual, places)
            launch(
                fit, (blocks, threads), X, G, scale, scratch.long, scratch.short, scratch.order, options,
                args, box, cost, counts,
            )  # fmt: skip

    return drive


def options_in(options, dtype):
    """Options of a fit with their numbers in a dtype."""
    real = np.dtype(dtype).type
    return type(options)(*(real(v) if isinstance(v, float) else v for v in options))
