"""Powell's dogleg in trust regions that are boxes, like the bounds.

C. Voglis and I. E. Lagaris, A rectangular trust region dogleg approach for unconstrained and bound
constrained nonlinear optimization, WSEAS International Conference on Applied Mathematics (2004).
"""

import math

from numgd.foundations.linalg import euclidean_norm
from numgd.foundations.spaces import copy, dot
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    DIAGONAL,
    GOING_ON,
    GRADIENT,
    JACOBIAN,
    MATRICES,
    MAX_NFEV,
    NORMS,
    NOT_FINITE_AT_START,
    POINT,
    PROJECTED,
    RESIDUALS,
    ROUNDING,
    SCALE,
    STEP,
    TRIAL,
    WEIGHTED,
    WORK,
    FitOutcome,
)
from numgd.sums_of_squares.fit_method import FitMethod
from numgd.sums_of_squares.full_step import full_step
from numgd.sums_of_squares.losses import cost_of, weigh
from numgd.sums_of_squares.model import (
    agreement_of,
    change_along,
    fill_gradient,
    fill_norms,
    next_radius,
    status_at_point,
    tested,
    widen,
)


@seldom
def find_free(x, g, lower, upper, active):
    """Mark in `active` the bounds that x lies on; returns the largest |g| of the variables that can move.

    A variable on a bound that −g points at cannot move, and is marked by 2 or −2.
    """
    real = x.dtype.type
    zero, one, two = real(0), real(1), real(2)
    largest = zero
    for j in range(x.size):
        active[j] = zero
        if x[j] <= lower[j]:
            active[j] = -two if g[j] > zero else -one
        elif x[j] >= upper[j]:
            active[j] = two if g[j] < zero else one
        if abs(active[j]) < two:
            largest = max(largest, abs(g[j]))
    return largest


@seldom
def dogleg(full, steepest, ideal, low, high, step):
    """Write to `step` the end of the dogleg within the box [low, high], which contains 0.

    If `full` is outside the box, the path follows `steepest` to the minimiser ``ideal * steepest``, or to the
    edge of the box if that is nearer, and then heads towards `full`.
    """
    real = step.dtype.type
    zero, one = real(0), real(1)
    inside = True
    first = ideal
    for j in range(step.size):
        inside &= full[j] >= low[j] and full[j] <= high[j]
        if steepest[j] > zero:
            first = min(first, high[j] / steepest[j])
        elif steepest[j] < zero:
            first = min(first, low[j] / steepest[j])
    if inside:
        copy(step, full)
        return
    second = one
    for j in range(step.size):
        step[j] = min(max(first * steepest[j], low[j]), high[j])
        change = full[j] - step[j]
        if change > zero:
            second = min(second, (high[j] - step[j]) / change)
        elif change < zero:
            second = min(second, (low[j] - step[j]) / change)
    for j in range(step.size):
        step[j] = min(max(step[j] + second * (full[j] - step[j]), low[j]), high[j])


@seldom
def fix_variables(J, g, D, optimality, active, norms, steepest, A):
    """Write the Jacobian and the steepest descent of the variables that can move; those of others are zero.

    The marks of `find_free` become those of the result: -1, 0 or 1.
    """
    real = g.dtype.type
    zero, one = real(0), real(1)
    steepness = optimality if optimality > zero else one
    for j in range(g.size):
        share = one if abs(active[j]) < real(1.5) else zero
        active[j] = min(max(active[j], -one), one)
        norms[j] *= share
        steepest[j] = -share * ((g[j] / steepness) / D[j]) / D[j]
        for i in range(J.shape[1]):
            A[j, i] = share * J[j, i]


@seldom
def step_within(x, s, D, lower, upper, x_trial):
    """x_trial = x + s; returns the length of the scaled step and whether a bound has cut it short."""
    size = x.dtype.type(0)
    cut = False
    for j in range(x.size):
        # Reach a bound exactly, and never cross it.
        x_trial[j] = min(max(x[j] + s[j], lower[j]), upper[j])
        if s[j] == lower[j] - x[j]:
            x_trial[j] = lower[j]
        elif s[j] == upper[j] - x[j]:
            x_trial[j] = upper[j]
        cut |= x_trial[j] != x[j] and (x_trial[j] == lower[j] or x_trial[j] == upper[j])
        size = max(size, abs(s[j]) * D[j])
    return size, cut


def make_solver(evaluator):
    """The solver for a driver's `ResidualEvaluator`."""
    residuals, jacobian, observe, bounds = evaluator

    @portable
    def dogbox(problem, x, scale, memory, options):
        real = x.dtype.type
        zero, one, half = real(0), real(1), real(0.5)
        long, short, order = memory
        n = x.size
        r, r_trial, weighted, projected = long[RESIDUALS], long[TRIAL], long[WEIGHTED], long[PROJECTED]
        J, A = long[JACOBIAN : JACOBIAN + n], long[JACOBIAN + n : JACOBIAN + n + n]
        g, D, s, x_trial, norms = short[GRADIENT], short[SCALE], short[STEP], short[POINT], short[NORMS]
        active, diagonal, R = short[ACTIVE], short[DIAGONAL], short[MATRICES : MATRICES + n]
        vectors = short[WORK:]
        spare, full, steepest, low, high = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]

        lower, upper = bounds(problem)
        radius = zero
        for j in range(n):
            D[j] = one / scale[j]
        nfev, njev, iteration = 1, 0, 0
        status = GOING_ON
        cost = cost_of(r, options)
        if not cost < math.inf:
            return FitOutcome(NOT_FINITE_AT_START, iteration, nfev, njev, cost, cost)
        while True:
            # At every return below, J and g are those at x.
            jacobian(problem, x, r, J)
            njev += 1
            weigh(r, weighted, J, options)
            fill_gradient(J, weighted, g)
            finite = fill_norms(J, norms)
            if options.adaptive:
                widen(D, norms, iteration == 0)
            optimality = find_free(x, g, lower, upper, active)
            stop = observe(problem, iteration, nfev, cost, optimality)
            status = status_at_point(status, finite, optimality, stop, nfev, options)
            fix_variables(J, g, D, optimality, active, norms, steepest, A)
            if iteration == 0:
                for j in range(n):
                    radius = max(radius, abs(x[j] * D[j]))
            if status != GOING_ON:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)
            if not (radius > zero and radius < math.inf):
                radius = one
            copy(projected, weighted)
            full_step(A, projected, norms, R, order, diagonal, spare, full)
            change_along(R, order, steepest, spare)
            size = euclidean_norm(spare)
            ideal = zero
            if size > zero:
                ideal = -(dot(g, steepest) / size) / size

            decrease = -one
            while status == GOING_ON and not decrease > zero:
                for j in range(n):
                    low[j] = max(lower[j] - x[j], -radius / D[j])
                    high[j] = min(upper[j] - x[j], radius / D[j])
                dogleg(full, steepest, ideal, low, high, s)
                size, cut = step_within(x, s, D, lower, upper, x_trial)
                change_along(R, order, s, spare)
                predicted = -(dot(g, s) + half * dot(spare, spare))
                residuals(problem, x_trial, r_trial)
                nfev += 1
                cost_trial = cost_of(r_trial, options)
                agreement = -one
                if cost_trial < math.inf:
                    decrease = cost - cost_trial
                    agreement = agreement_of(decrease, predicted, real)
                    length, x_size = euclidean_norm(s), euclidean_norm(x)
                    # A step cut short by a bound says nothing about convergence.
                    if not (cut and decrease > zero):
                        status = tested(decrease, cost, length, x_size, agreement, options)
                radius = next_radius(radius, agreement, size, real)
                if not radius > zero:
                    status = ROUNDING
                if status == GOING_ON and nfev >= options.max_nfev:
                    status = MAX_NFEV
            if not decrease > zero:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)
            copy(x, x_trial)
            copy(r, r_trial)
            cost = cost_trial
            iteration += 1

    return dogbox


METHOD = FitMethod(
    name="dogbox",
    summary="A dogleg in a rectangular trust region.",
    make_solver=make_solver,
    bounded=True,
    robust=True,
)
