"""Gauss-Newton with a line search: Nocedal & Wright, section 10.3, and algorithm 3.1 with interpolation."""

import math

from numgd.foundations.linalg import epsilon, euclidean_norm
from numgd.foundations.spaces import copy, dot, max_abs
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    BY_FUNCTION,
    BY_GRADIENT,
    BY_STEP,
    CALLBACK,
    DIAGONAL,
    GOING_ON,
    GRADIENT,
    JACOBIAN,
    LINE_SEARCH_FAILED,
    MATRICES,
    MAX_NFEV,
    NORMS,
    NOT_FINITE,
    NOT_FINITE_AT_START,
    POINT,
    PROJECTED,
    RESIDUALS,
    STEP,
    TRIAL,
    WEIGHTED,
    WORK,
    FitOutcome,
)
from numgd.sums_of_squares.fit_method import FitMethod
from numgd.sums_of_squares.full_step import full_step
from numgd.sums_of_squares.losses import cost_of, weigh
from numgd.sums_of_squares.model import fill_gradient, fill_norms, tested

DECREASE = 1e-4  # least share of the decrease that the slope predicts


@seldom
def descend(J, g, scale, p, along):
    """p = the minimiser of the linearised residuals along the scaled gradient; `along` (m,) is scratch."""
    real = p.dtype.type
    steepness = max_abs(g)
    for j in range(p.size):
        p[j] = -(scale[j] * (scale[j] * (g[j] / steepness)))
    for i in range(along.size):
        along[i] = real(0)
        for j in range(p.size):
            along[i] += J[j, i] * p[j]
    size = euclidean_norm(along)
    if size > real(0):
        best = -(dot(g, p) / size) / size
        for j in range(p.size):
            p[j] *= best


@portable
def _shorter(alpha, rise, slope, real):
    """Length of the next trial: the minimiser of a parabola, between a tenth and half of this one."""
    if not abs(rise) < math.inf:
        return real(0.1) * alpha
    best = -slope * alpha / (real(2) * (rise - slope * alpha))
    return alpha * min(max(best, real(0.1)), real(0.5))


def make_solver(evaluator):
    """The solver for a driver's `ResidualEvaluator`."""
    residuals, jacobian, observe = evaluator.residuals, evaluator.jacobian, evaluator.observe

    @portable
    def gauss_newton(problem, x, scale, memory, options):
        real = x.dtype.type
        zero, one, half = real(0), real(1), real(0.5)
        long, short, order = memory
        n = x.size
        r, r_trial, weighted, projected = long[RESIDUALS], long[TRIAL], long[WEIGHTED], long[PROJECTED]
        J, A = long[JACOBIAN : JACOBIAN + n], long[JACOBIAN + n : JACOBIAN + n + n]
        g, p, x_trial, norms = short[GRADIENT], short[STEP], short[POINT], short[NORMS]
        diagonal, z, R = short[DIAGONAL], short[WORK], short[MATRICES : MATRICES + n]

        nfev, njev, iteration = 1, 0, 0
        status = GOING_ON
        for j in range(n):
            short[ACTIVE, j] = zero
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
            optimality = max_abs(g)
            stop = observe(problem, iteration, nfev, cost, optimality)
            if not finite:
                status = NOT_FINITE
            elif optimality < options.gtol:
                status = BY_GRADIENT
            elif status == GOING_ON and stop:
                status = CALLBACK
            elif status == GOING_ON and nfev >= options.max_nfev:
                status = MAX_NFEV
            if status != GOING_ON:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)

            for j in range(n):
                copy(A[j], J[j])
            copy(projected, weighted)
            full_step(A, projected, norms, R, order, diagonal, z, p)
            steepest = False
            accepted = False
            alpha = one
            while not accepted:
                slope = dot(g, p)
                size = euclidean_norm(p)
                if not (slope < zero and size < math.inf):
                    alpha = zero
                for j in range(n):
                    x_trial[j] = x[j] + alpha * p[j]
                x_size = euclidean_norm(x)
                if not alpha * size > epsilon(x) * x_size:
                    if alpha == one and size < options.xtol * (options.xtol + x_size):
                        return FitOutcome(BY_STEP, iteration, nfev, njev, cost, optimality)
                    if steepest:
                        return FitOutcome(LINE_SEARCH_FAILED, iteration, nfev, njev, cost, optimality)
                    descend(J, g, scale, p, projected)
                    steepest, alpha = True, one
                    continue
                residuals(problem, x_trial, r_trial)
                nfev += 1
                cost_trial = cost_of(r_trial, options)
                rise = cost_trial - cost
                accepted = rise <= real(DECREASE) * alpha * slope
                if accepted:
                    # Tests of the full step: a short one along a poor direction says nothing.
                    decrease = max(-rise, -half * slope)
                    status = tested(decrease, cost, size, x_size, one, options)
                elif -slope <= options.ftol * cost and abs(rise) <= real(4) * epsilon(x) * cost:
                    status = BY_FUNCTION  # the predicted decrease is below rounding
                elif nfev >= options.max_nfev:
                    status = MAX_NFEV
                if status != GOING_ON and not accepted:
                    return FitOutcome(status, iteration, nfev, njev, cost, optimality)
                alpha = _shorter(alpha, rise, slope, real)
            copy(x, x_trial)
            copy(r, r_trial)
            cost = cost_trial
            iteration += 1

    return gauss_newton


METHOD = FitMethod(
    name="gn",
    summary="Gauss-Newton with a line search.",
    make_solver=make_solver,
    robust=True,
)
