"""One sum of squares on the host: how a solver calls compiled residuals, and its compiled entry point."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import typeof

from numgd.foundations.linalg import all_finite, epsilon, is_finite
from numgd.foundations.memory import new_memory
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, SOURCE, THREE_POINT
from numgd.foundations.spaces import copy
from numgd.jit.making import made_once
from numgd.jit.pointers import WANT_GRADIENT, WANT_VALUE, borrow, call_objective, call_python, interrupted
from numgd.jit.portable import compiled, portable, seldom
from numgd.sums_of_squares.covariance import covariance, determined
from numgd.sums_of_squares.evaluator import (
    NOT_FINITE_AT_START,
    RESIDUALS,
    FitOptions,
    FitOutcome,
    Memory,
    ResidualEvaluator,
    long_rows,
    short_rows,
)

# Fields of the report that the entry leaves for its caller
FIT_CALLS, FIT_NFEV, FIT_COST, FIT_OPTIMALITY, FIT_REPLACED = range(5)
FIT_REPORT_SIZE = 5
"""FIT_REPLACED counts the non-finite entries of a Jacobian from the source that differences replaced."""

FIT_HOST_ROWS = 2  # the argument of the residuals, and the moved point of differences


class FitProblem(NamedTuple):
    """The data that the functions of `EVALUATOR` need; solvers only pass it on."""

    function: Any  # address of the compiled residuals
    context: Any  # address of their packed data
    scheme: Any  # how the Jacobian is obtained: EXACT, SOURCE, COMPLEX_STEP, TWO_POINT or THREE_POINT
    steps: Any  # relative difference steps, one per variable; empty for the default ones
    floor: Any  # lower limit of the magnitude that a relative step refers to
    report: Any
    rows: Any  # (FIT_HOST_ROWS, n) scratch
    spare: Any  # (m,) scratch
    attention: Any  # how the solve can be interrupted; see `numgd.jit.pointers.interrupted`
    hook: Any  # address of a Python callable that is called in every iteration, 0 for none
    box: Any  # (2, n) bounds, infinite where there are none


@portable
def bounds(problem):
    """The box that the variables must stay in."""
    return problem.box[0], problem.box[1]


@portable
def observe(problem, iteration, nfev, cost, optimality):
    """Report an iteration to the caller's hook, if there is one; a non-zero result stops the solver."""
    if problem.hook == 0:
        return int(interrupted(problem.attention))
    problem.report[FIT_NFEV] = nfev
    problem.report[FIT_COST] = cost
    problem.report[FIT_OPTIMALITY] = optimality
    return int(call_python(problem.hook, iteration))


@seldom
def call(problem, x, out, wanted):
    """Residuals or Jacobian at x; the first entry is NaN if the function divided by zero."""
    # The user's function gets a copy, so it may overwrite its argument.
    argument = problem.rows[0]
    copy(argument, x)
    answer = call_objective(problem.function, argument, out, wanted, problem.context)
    if answer != answer:
        out[0] = answer


@portable
def residuals(problem, x, r):
    """The residuals at x."""
    interrupted(problem.attention)
    problem.report[FIT_CALLS] += 1
    call(problem, x, r, WANT_VALUE)


@portable
def _difference_step(problem, x, j):
    """Length and sign of the step in variable j: away from zero, before bounds are considered."""
    real = x.dtype.type
    h = real(0)
    if problem.steps.size > 0:
        h = problem.steps[j] * max(problem.floor, abs(x[j]))
    if x[j] + h == x[j]:
        order = real(3) if problem.scheme == THREE_POINT else real(2)
        h = epsilon(x) ** (real(1) / order) * max(real(1), abs(x[j]))
    if x[j] < real(0):
        h = -h
    return h


@portable
def _offsets(problem, x, j):
    """Offsets of variable j for its column, within the bounds; the second is 0 if one step is enough."""
    real = x.dtype.type
    zero, two = real(0), real(2)
    h = _difference_step(problem, x, j)
    reach = abs(h)
    below, above = x[j] - problem.box[0, j], problem.box[1, j] - x[j]
    wide, towards = max(below, above), real(1) if above >= below else -real(1)
    if problem.scheme == THREE_POINT:
        if reach <= below and reach <= above:
            return h, -h
        reach = towards * min(reach, wide / two)
        return reach, two * reach
    if (h > zero and h > above) or (h < zero and -h > below):
        h = towards * min(reach, wide)
    return h, zero


@seldom
def _differences(problem, x, r, columns):
    """Columns of the Jacobian: slopes at x of the lines or parabolas through x and the moved points."""
    zero = x.dtype.type(0)
    moved, spare = problem.rows[1], problem.spare
    copy(moved, x)
    for j in range(x.size):
        column = columns[j]
        first, second = _offsets(problem, x, j)
        parabola = second != zero
        near = far = zero
        for place in range(2):
            if place == 1 and not parabola:
                behind = x[j] - first
                if all_finite(column) or behind < problem.box[0, j] or behind > problem.box[1, j]:
                    break
                second = -first  # not finite ahead: try the other side
            target = spare if place == 1 and parabola else column
            moved[j] = x[j] + (first if place == 0 else second)
            residuals(problem, moved, target)
            near, far = far, moved[j] - x[j]  # the step after rounding
        moved[j] = x[j]
        if parabola:
            for i in range(r.size):
                to_near, to_far = (column[i] - r[i]) / near, (spare[i] - r[i]) / far
                column[i] = (far * to_near - near * to_far) / (far - near)
        else:
            for i in range(r.size):
                column[i] = (column[i] - r[i]) / far


@seldom
def _replace(problem, x, r, column, j):
    """Replace non-finite entries of column j of the Jacobian by differences, on the other side if needed."""
    zero = x.dtype.type(0)
    moved, spare = problem.rows[1], problem.spare
    copy(moved, x)
    h = _difference_step(problem, x, j)
    before = _count_not_finite(column)
    for side in range(2):
        moved[j] = min(max(x[j] + h if side == 0 else x[j] - h, problem.box[0, j]), problem.box[1, j])
        width = moved[j] - x[j]  # the step after rounding
        if width == zero or all_finite(column):
            continue
        residuals(problem, moved, spare)
        for i in range(r.size):
            if not is_finite(column[i]):
                column[i] = (spare[i] - r[i]) / width
    problem.report[FIT_REPLACED] += before - _count_not_finite(column)


@portable
def _count_not_finite(values):
    count = 0
    for i in range(values.size):
        if not is_finite(values[i]):
            count += 1
    return count


@portable
def jacobian(problem, x, r, columns):
    """The columns of the Jacobian at x, where the residuals are r."""
    if problem.scheme == EXACT or problem.scheme == SOURCE or problem.scheme == COMPLEX_STEP:
        if problem.scheme == COMPLEX_STEP:
            problem.report[FIT_CALLS] += x.size
        # The first row provides the address of the whole Jacobian.
        call(problem, x, columns[0], WANT_GRADIENT)
        if problem.scheme == SOURCE and all_finite(r):
            for j in range(x.size):
                if not all_finite(columns[j]):
                    _replace(problem, x, r, columns[j], j)
    else:
        _differences(problem, x, r, columns)


EVALUATOR = ResidualEvaluator(residuals, jacobian, observe, bounds)


@made_once
def entry(method):
    """The compiled solver of a `FitMethod`: compiled once for all functions, and cached on disk.

    ``entry(...)(x, scale, long, short, order, options, given, function, context, …)`` overwrites `x` and the
    memory as described for `ResidualEvaluator`, and returns a `FitOutcome`.  `given` says whether the
    residuals at `x` are already in their row; the arguments from `function` on are the fields of
    `FitProblem`, without the scratch memory.
    """
    solver = method.make_solver(EVALUATOR)

    @compiled(method.code_name("fit", method.name))
    def fit(
        x, scale, long, short, order, options, given, function, context, scheme, steps, floor, report,
        attention, hook, box,
    ):  # fmt: skip
        x, scale, long, short, order = borrow(x), borrow(scale), borrow(long), borrow(short), borrow(order)
        steps, report, box = borrow(steps), borrow(report), borrow(box)
        own, whole = short.shape[0] - FIT_HOST_ROWS, long.shape[0] - 1
        problem = FitProblem(
            function, context, scheme, steps, floor, report, short[own:], long[whole], attention, hook, box
        )
        report[FIT_CALLS] = given
        report[FIT_REPLACED] = 0
        if not given:
            residuals(problem, x, long[RESIDUALS])
        if not all_finite(long[RESIDUALS]):
            nothing = x.dtype.type(math.nan)
            return FitOutcome(NOT_FINITE_AT_START, 0, 1, 0, nothing, nothing)
        return solver(problem, x, scale, Memory(long, short[:own], order), options)

    return fit


def signature_of_fit():
    """The types of the arguments of `entry`, which are the same for all methods."""
    vector, matrix, order = np.empty(1), np.empty((1, 1)), np.empty(1, np.int64)
    arguments = (
        vector, vector, matrix, matrix, order, FitOptions(), False, 0, 0, 0, vector, 0.0, vector, 0, 0,
        matrix,
    )  # fmt: skip
    return tuple(map(typeof, arguments))


_REMEDY = ": 'l-bfgs' of numgd.minimize, for half the sum of squares, stores no matrix"


def short_memory(n):
    """The arrays `short` and `order` for `entry`; the residuals use row −FIT_HOST_ROWS of `short`."""
    short = new_memory("a fit", _REMEDY, (short_rows(n) + FIT_HOST_ROWS, n))
    return short, np.empty(n, np.int64)


def long_memory(n, m):
    """The array `long` for `entry`."""
    return new_memory(f"a fit of {n} parameters", _REMEDY, (long_rows(n) + 1, m), unit="residuals")


@compiled("fit-finite")
def finite(values):
    """Whether a vector holds neither NaN nor infinity; takes a tenth of NumPy's time."""
    return all_finite(values)


@compiled("fit-covariance")
def estimate(columns, residuals, x, variance):
    """Covariance of parameters, whether it is meaningful, and the QR factors of the Jacobian J.

    Parameters
    ----------
    columns : (n, m)
        J by columns.
    residuals : (m,)
    x : (n,)
        The parameters.
    variance : float
        Variance of a residual.

    Returns
    -------
    out : (n, n)
        The pseudo-inverse of JᵀJ times the variance.
    full : bool
        Whether J has full rank.
    certain : bool
        Result of `determined` for `out`.
    A : (n, m)
        The factors as `factorize` leaves them, with the diagonal of R in its place.
    order : (n,)
        Which column of J became column k of R.
    projected : (m,)
        Qᵀ times the residuals.
    """
    n = columns.shape[0]
    A, projected = columns.copy(), residuals.copy()
    square, short = np.empty((4, n, n)), np.empty((3, n))
    order, again = np.empty(n, np.int64), np.empty(n, np.int64)
    diagonal = short[0]
    out = square[3]
    rank = covariance(
        A, projected, square[0], square[1], square[2], order, again, diagonal, short[1], short[2], out
    )  # fmt: skip
    for i in range(n):
        for j in range(n):
            out[i, j] *= variance
    return out, rank == n, determined(out, x), A, order, projected
