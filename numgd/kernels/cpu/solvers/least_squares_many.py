"""Many small least-squares fits on all cores: each thread solves one fit at a time."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types

from numgd.foundations.linalg import is_finite
from numgd.foundations.memory import new_memory
from numgd.foundations.spaces import copy
from numgd.jit.making import made_once
from numgd.jit.parallel import UNKNOWN, parallel_for
from numgd.jit.pointers import address_of, compiled_call, count_on, function_address, interrupted
from numgd.jit.portable import SOLVER_FLAGS, compile_quietly, compiled, portable
from numgd.kernels.cpu.solvers.least_squares import (
    FIT_HOST_ROWS,
    FIT_REPLACED,
    FIT_REPORT_SIZE,
    entry,
    signature_of_fit,
)
from numgd.kernels.cpu.solvers.many_problems import MOST_TOGETHER
from numgd.sums_of_squares.box import move_inside
from numgd.sums_of_squares.covariance import covariance, determined, variance_of
from numgd.sums_of_squares.evaluator import (
    CALLBACK,
    GRADIENT,
    JACOBIAN,
    RESIDUALS,
    TIME_LIMIT,
    TOO_FEW,
    long_rows,
    short_rows,
)

RAISED = -9
"""Status of a fit whose function raised an exception; its row of X is the point where it did."""

# Columns of `counts`
STATUS, NIT, NFEV, NJEV, POINTS, REPLACEMENTS = range(6)
FIT_COUNTS = 6

PACKED, ROW, SIZE, PARTS, X_DATA, Y_DATA, WEIGHTS = range(7)
WORDS = 7
"""What the adapter of residuals or a model gets as its context: the address of what is packed for all fits,
the fit's number, how many residuals it has, and for a model in how many parts each x comes, and where the
fit's x, y and weights are (0 for none)."""


class Data(NamedTuple):
    """The data of the models of a batch; all empty for residuals, whose data is in their args."""

    x: Any  # (1 or N, parts * m), the same for all fits if there is one row
    y: Any  # (N, m)
    sigma: Any  # (0, 1 or N, m) standard deviations
    used: Any  # (0 or N, m) booleans, which points count


class FitBatch(NamedTuple):
    """What all fits of a batch share."""

    options: Any  # FitOptions
    function: Any  # address of the adapter of residuals or models
    context: Any  # address of what is packed for it
    first: Any  # number of the first fit, by which residuals find their args
    halt: Any  # (1,) becomes 1 when unfinished fits are to be abandoned
    scheme: Any
    steps: Any
    floor: Any
    scale: Any  # (n,)
    box: Any  # (1 or N, 2, n)
    size: Any  # number of residuals of every fit, m
    parts: Any  # in how many parts each x comes
    interior: Any  # whether the method needs points strictly inside the box
    least: Any  # fits with fewer points are not solved
    full: Any  # whether a covariance needs a Jacobian of full rank
    absolute: Any  # whether the standard deviations are in absolute units


class FitScratch(NamedTuple):
    """Scratch memory, a block for each thread."""

    long: Any  # (threads, (long_rows(n) + 1) * m)
    short: Any  # (threads, short_rows(n) + FIT_HOST_ROWS, n)
    order: Any  # (threads, 2, n)
    report: Any  # (threads, FIT_REPORT_SIZE)
    words: Any  # (threads, WORDS)
    data: Any  # (threads, (parts + 2) * m) the points of a fit with gaps, and its weights
    square: Any  # (threads, 3 * n, n) for covariances


def scratch_fits(threads, n, m, parts):
    """The `FitScratch` of fits of n parameters to m residuals."""

    def memory(*shape):
        return new_memory(f"fitting {n} parameters on {threads} threads", "", shape, unit="numbers")

    return FitScratch(
        memory(threads, (long_rows(n) + 1) * m),
        memory(threads, short_rows(n) + FIT_HOST_ROWS, n),
        np.empty((threads, 2, n), np.int64),
        memory(threads, FIT_REPORT_SIZE),
        np.zeros((threads, WORDS), np.int64),
        memory(threads, (parts + 2) * m),
        memory(threads, 3 * n, n),
    )


def fit_many(method):
    """The compiled driver of a `FitMethod`.

    ``drive(X, C, G, cost, counts, data, scratch, batch)`` overwrites the rows of `X` (N, n) with the
    parameters, and fills `C` (N, n, n) with their covariances and `G` (N, n) with the gradients, if they are
    not empty, `cost` (N, 2) with half the sums of squares and the optimality, and `counts` (N, FIT_COUNTS).

    A fit of a model leaves out the points where x or y is NaN, or which `data.used` excludes.  Fits that are
    unfinished when ``batch.halt`` becomes 1 end with TIME_LIMIT.  A function that raises an exception sets
    it: the fit's status is then RAISED.
    """
    solve, signature = entry(method), signature_of_fit()
    compile_quietly(solve, signature)
    solver = solve.overloads[signature]
    drive, address = _driver(solver.signature), function_address(solver)

    def call(X, C, G, cost, counts, data, scratch, batch):
        drive(address, X, C, G, cost, counts, data, scratch, batch)

    return call


@portable
def _point_is_used(data, row, x, i, m, parts):
    """Whether point i of a fit counts."""
    if data.used.shape[0] > 0 and not data.used[row, i]:
        return False
    if data.y[row, i] != data.y[row, i]:
        return False
    for part in range(parts):  # noqa: SIM110  Numba compiles loops, not generators
        if x[part * m + i] != x[part * m + i]:
            return False
    return True


@portable
def _gather(row, data, batch, scratch, words):
    """Set the words of a fit of a model; returns the number of its points."""
    m, parts = batch.size, batch.parts
    x, y = data.x[row if data.x.shape[0] > 1 else 0], data.y[row]
    count = 0
    for i in range(m):
        count += _point_is_used(data, row, x, i, m, parts)
    words[X_DATA], words[Y_DATA], words[WEIGHTS] = address_of(x), address_of(y), 0
    if count < m:  # the points that are used, one after another
        place = 0
        for i in range(m):
            if _point_is_used(data, row, x, i, m, parts):
                for part in range(parts):
                    scratch[part * count + place] = x[part * m + i]
                scratch[parts * m + place] = y[i]
                place += 1
        words[X_DATA], words[Y_DATA] = address_of(scratch), address_of(scratch[parts * m :])
    if data.sigma.shape[0] > 0:
        sigma, weights = data.sigma[row if data.sigma.shape[0] > 1 else 0], scratch[(parts + 1) * m :]
        place = 0
        for i in range(m):
            if count == m or _point_is_used(data, row, x, i, m, parts):
                weights[place] = 1.0 / sigma[i]
                place += 1
        words[WEIGHTS] = address_of(weights)
    return count


@portable
def _write_covariance(out, x, cost, long, own, batch):
    """Write the covariance of fitted parameters to `out`, infinite where the data do not determine it."""
    n, m = x.size, long.shape[1]
    variance, known = variance_of(cost, m, n, batch.absolute)
    columns, residuals, square, spare = long[JACOBIAN : JACOBIAN + n], long[RESIDUALS], own.square, own.short
    rank = covariance(
        columns, residuals, square[:n], square[n : 2 * n], square[2 * n :], own.order[0], own.order[1],
        spare[0], spare[1], spare[2], out,
    )  # fmt: skip
    for i in range(n):
        for j in range(n):
            out[i, j] *= variance
    if not (known and determined(out, x) and (rank == n or not batch.full)):
        for i in range(n):
            for j in range(n):
                out[i, j] = math.inf


@made_once
def _driver(signature):
    """The driver of all methods, which calls their solvers by address, so that it is compiled once."""
    solve = compiled_call(signature)
    flag, word = types.boolean, types.int64

    @portable
    def fit_row(solver, row, X, C, G, cost, counts, data, own, batch):
        x, n, m, words = X[row], X.shape[1], batch.size, own.words
        words[PACKED], words[ROW], words[PARTS] = batch.context, batch.first + row, batch.parts
        if data.y.shape[0] > 0:
            m = _gather(row, data, batch, own.data, words)
        words[SIZE] = m
        counts[row, POINTS] = m
        if m < batch.least:
            counts[row, STATUS] = TOO_FEW
            return
        box = batch.box[row if batch.box.shape[0] > 1 else 0]
        if batch.interior:
            move_inside(x, box[0], box[1], 1e-10)
        rows = long_rows(n) + 1
        long = own.long[: rows * m].reshape((rows, m))
        outcome = solve(
            solver,
            (
                x, batch.scale, long, own.short, own.order[0], batch.options, flag(False), batch.function,
                address_of(words), batch.scheme, batch.steps, batch.floor, own.report,
                address_of(batch.halt), word(0), box,
            ),
        )  # fmt: skip
        status = outcome.status
        counts[row, STATUS] = TIME_LIMIT if status == CALLBACK else status
        counts[row, NIT], counts[row, NFEV], counts[row, NJEV] = outcome.nit, outcome.nfev, outcome.njev
        counts[row, REPLACEMENTS] = int(own.report[FIT_REPLACED])
        cost[row, 0], cost[row, 1] = outcome.cost, outcome.optimality
        if not is_finite(outcome.cost):
            return
        if G.shape[0] > 0:
            copy(G[row], own.short[GRADIENT])
        if C.shape[0] > 0 and status > 0:
            _write_covariance(C[row], x, outcome.cost, long, own, batch)

    @portable
    def guarded(solver, row, X, C, G, cost, counts, data, own, batch):
        # An exception must not leave a parallel loop: the row is marked, and the caller reproduces the error.
        try:
            fit_row(solver, row, X, C, G, cost, counts, data, own, batch)
        except Exception:
            counts[row, STATUS] = RAISED
            copy(X[row], own.short[own.short.shape[0] - FIT_HOST_ROWS])
            batch.halt[0] = 1

    @portable
    def fit_rows(thread, taken, solver, X, C, G, cost, counts, data, scratch, batch):
        rows = X.shape[0]
        together = max(1, min(MOST_TOGETHER, rows // (4 * scratch.long.shape[0])))
        own = FitScratch(
            scratch.long[thread], scratch.short[thread], scratch.order[thread], scratch.report[thread],
            scratch.words[thread], scratch.data[thread], scratch.square[thread],
        )  # fmt: skip
        begin = count_on(address_of(taken), together)
        while begin < rows:
            for row in range(begin, min(begin + together, rows)):
                if interrupted(address_of(batch.halt)):
                    counts[row, STATUS] = TIME_LIMIT
                    continue
                guarded(solver, row, X, C, G, cost, counts, data, own, batch)
            begin = count_on(address_of(taken), together)

    @compiled("fit-many", {**SOLVER_FLAGS, "nogil": True})
    def drive(solver, X, C, G, cost, counts, data, scratch, batch):
        taken = np.zeros(1, np.int64)
        parallel_for(
            fit_rows, scratch.long.shape[0], UNKNOWN if X.shape[0] > 1 else 0, taken, solver, X, C, G, cost,
            counts, data, scratch, batch,
        )  # fmt: skip

    return drive
