"""Derivatives generated from the source, compared with differences when compiled code first uses them."""

from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.agreement import UNKNOWN, make_agreement, random_direction, random_weights
from numgd.foundations.linalg import all_finite, epsilon, is_finite
from numgd.foundations.schemes import NO_CURVATURE, PAIR, SOURCE
from numgd.foundations.spaces import SERIAL
from numgd.jit.making import made_once
from numgd.jit.pointers import WANT_GRADIENT, WANT_HESSIAN, WANT_PRODUCT, WANT_VALUE, borrow
from numgd.jit.portable import compiled, portable, seldom
from numgd.kernels.cpu.solvers import least_squares as fit
from numgd.kernels.cpu.solvers.host_evaluator import (
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    REFINED,
    REPLACED,
    REPORT_SIZE,
    Problem,
    make_call,
    make_evaluator,
)

copy, dot, max_abs, step = SERIAL.copy, SERIAL.dot, SERIAL.max_abs, SERIAL.step

# Rows of scratch memory, before those of the host
POINT, DIRECTION, MOVED, SLOPES, WEIGHTS = range(5)
OWN_ROWS = 5


class Line(NamedTuple):
    """The line along which a function is compared with its derivative."""

    problem: Any
    point: Any
    direction: Any
    moved: Any  # scratch, (n,)
    values: Any  # scratch for a function with many values
    weights: Any  # weights of these values in the sum that is compared


@portable
def _move(line, t):
    step(line.moved, line.point, line.point.dtype.type(t), line.direction)


@portable
def _memory(x):
    """Scratch memory and a report for comparisons at x."""
    work, report = np.empty((OWN_ROWS + HOST_ROWS, x.size), x.dtype), np.empty(REPORT_SIZE)
    for field in (NFEV, NJEV, NHEV, REPLACED, REFINED):
        report[field] = 0
    return work, report


call = make_call(SERIAL)
call_value, call_gradient, call_curvature = seldom(call), seldom(call), seldom(call)


@made_once
def compare_gradient():
    """The compiled check of a gradient generated from the source, cached on disk.

    ``compare_gradient()(x, function, context, box)`` returns one of the outcomes of
    `numgd.foundations.agreement`, and the numbers of evaluations: nfev, njev and nhev.
    """

    @portable
    def along(line, t):
        _move(line, t)
        return float(call_value(line.problem, line.moved, line.values, WANT_VALUE))

    agreement = make_agreement(along)

    @portable
    def outcome_at(x, work, problem):
        point, direction, gradient = work[POINT], work[DIRECTION], work[SLOPES]
        if not all_finite(x):
            return UNKNOWN
        random_direction(x, problem.box, point, direction)
        call_gradient(problem, point, gradient, WANT_GRADIENT)
        slope = 0.0
        for i in range(x.size):
            if is_finite(gradient[i]):
                slope += gradient[i] * direction[i]
            else:
                direction[i] = x.dtype.type(0)
        if max_abs(direction) == 0.0:
            return UNKNOWN
        line = Line(problem, point, direction, work[MOVED], gradient, gradient)
        return agreement(line, slope, float(epsilon(x)))

    @compiled("compare-gradient")
    def compare(x, function, context, box):
        own_work, own_report = _memory(x)
        # An exception would leave references to what is not borrowed.
        x, box, work, report = borrow(x), borrow(box), borrow(own_work), borrow(own_report)
        none = work[:0]
        problem = Problem(
            function, context, PAIR, none[0:0, 0], report, work[OWN_ROWS:], 0, 0, NO_CURVATURE, none, box
        )
        try:  # an error at a point near x need not occur in the solve
            outcome = outcome_at(x, work, problem)
        except Exception:
            outcome = UNKNOWN
        own_work[POINT] = 0  # which keeps the memory until here
        return outcome, int(own_report[NFEV]), int(own_report[NJEV]), int(own_report[NHEV])

    return compare


@made_once
def compare_curvature():
    """The same for second derivatives: of a Hessian if `order` is n, of its product if it is 0.

    ``compare_curvature()(x, order, function, context, scheme, box)``
    """
    evaluate = make_evaluator(SERIAL).evaluate

    @portable
    def along(line, t):
        _move(line, t)
        evaluate(line.problem, line.moved, line.values)
        return float(dot(line.values, line.weights))

    agreement = make_agreement(along)

    @portable
    def outcome_at(x, work, matrix, problem):
        point, direction, moved, weights = work[POINT], work[DIRECTION], work[MOVED], work[WEIGHTS]
        if not all_finite(x):
            return UNKNOWN
        random_direction(x, problem.box, point, direction)
        random_weights(weights)
        problem.report[NHEV] += 1
        slope = 0.0
        if matrix.size > 0:
            call_curvature(problem, point, matrix, WANT_HESSIAN)
            for j in range(x.size):
                row = float(dot(matrix[j], weights))
                if is_finite(row):
                    slope += row * direction[j]
                else:
                    direction[j] = x.dtype.type(0)
        else:
            pair = work[MOVED : MOVED + 2]
            copy(pair[0], direction)
            call_curvature(problem, point, pair, WANT_PRODUCT)
            slope += dot(pair[1], weights)
        if max_abs(direction) == 0.0:
            return UNKNOWN
        line = Line(problem, point, direction, moved, work[SLOPES], weights)
        return agreement(line, slope, float(epsilon(x)))

    @compiled("compare-curvature")
    def compare(x, order, function, context, scheme, box):
        own_work, own_report = _memory(x)
        own_matrix = np.empty((order, order), x.dtype)
        x, box, work, report = borrow(x), borrow(box), borrow(own_work), borrow(own_report)
        matrix = borrow(own_matrix)
        problem = Problem(
            function, context, scheme, x[:0], report, work[OWN_ROWS:], 0, 0, NO_CURVATURE, matrix[:0], box
        )
        try:
            outcome = outcome_at(x, work, matrix, problem)
        except Exception:
            outcome = UNKNOWN
        own_work[POINT] = 0
        own_matrix[:0] = 0
        return outcome, int(own_report[NFEV]), int(own_report[NJEV]), int(own_report[NHEV])

    return compare


# Rows of scratch memory of the residuals' length: residuals, weights, the Jacobian's columns, and a spare row
VALUES, SUM_WEIGHTS, COLUMNS = range(3)


@made_once
def compare_jacobian():
    """The same for a Jacobian generated from the source.

    ``compare_jacobian()(x, short, long, function, context, report, box)``: `short` is
    (OWN_ROWS + fit.FIT_HOST_ROWS, n), `long` is (COLUMNS + n + 1, m).
    """

    @portable
    def along(line, t):
        _move(line, t)
        fit.residuals(line.problem, line.moved, line.values)
        return float(dot(line.values, line.weights))

    agreement = make_agreement(along)

    @portable
    def outcome_at(x, short, long, problem):
        point, direction, columns = short[POINT], short[DIRECTION], long[COLUMNS : COLUMNS + x.size]
        if not all_finite(x):
            return UNKNOWN
        random_direction(x, problem.box, point, direction)
        random_weights(long[SUM_WEIGHTS])
        fit.call(problem, point, columns[0], WANT_GRADIENT)
        line = Line(problem, point, direction, short[MOVED], long[VALUES], long[SUM_WEIGHTS])
        slope = 0.0
        for j in range(x.size):
            column = dot(columns[j], line.weights)
            if is_finite(column):
                slope += direction[j] * column
            else:
                direction[j] = 0.0
        if max_abs(direction) == 0.0:
            return UNKNOWN
        return agreement(line, slope, float(epsilon(x)))

    @compiled("compare-jacobian")
    def compare(x, short, long, function, context, report, box):
        x, short, long, report, box = borrow(x), borrow(short), borrow(long), borrow(report), borrow(box)
        report[fit.FIT_CALLS] = 0
        report[fit.FIT_REPLACED] = 0
        none, spare = short[0:0, 0], long[COLUMNS + x.size]
        problem = fit.FitProblem(
            function, context, SOURCE, none, 1.0, report, short[OWN_ROWS:], spare, 0, 0, box
        )
        try:
            return outcome_at(x, short, long, problem)
        except Exception:
            return UNKNOWN

    return compare
