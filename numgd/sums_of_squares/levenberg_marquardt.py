"""Levenberg-Marquardt as a trust region in variables scaled by the Jacobian: Moré (1978), section 7."""

import math

from numgd.foundations.linalg import epsilon, euclidean_norm
from numgd.foundations.spaces import copy, max_abs
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.damping import damped_step
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    BOTH,
    BY_FUNCTION,
    BY_GRADIENT,
    BY_STEP,
    CALLBACK,
    DIAGONAL,
    GOING_ON,
    GRADIENT,
    JACOBIAN,
    MATRICES,
    MAX_NFEV,
    NORMS,
    NOT_FINITE,
    POINT,
    PROJECTED,
    RESIDUALS,
    RIGHT_SIDE,
    ROUNDING,
    SCALE,
    STEP,
    TRIAL,
    WORK,
    FitOutcome,
)
from numgd.sums_of_squares.fit_method import FitMethod
from numgd.sums_of_squares.model import change_along, fill_gradient, fill_norms, scaled_norm, widen
from numgd.sums_of_squares.qr import copy_triangle, factorize

TOLERANCE = 0.1  # of a step's length, relative to the radius
ACCEPTED = 1e-4  # least share of the predicted decrease


@seldom
def _steepest_cosine(g, norms, size):
    """Largest magnitude of the cosine between the residuals and a column of the Jacobian."""
    zero = g.dtype.type(0)
    largest = zero
    if size > zero:
        for j in range(g.size):
            if norms[j] > zero:
                largest = max(largest, abs(g[j]) / size / norms[j])
    return largest


@seldom
def _status_of_step(decrease, predicted, radius, size, ftol, xtol):
    """Moré's tests of a step; all quantities are relative."""
    by_function = abs(decrease) <= ftol and predicted <= ftol and decrease <= predicted + predicted
    by_step = radius <= xtol * size
    if by_function and by_step:
        return BOTH
    if by_function:
        return BY_FUNCTION
    if by_step:
        return BY_STEP
    return GOING_ON


@seldom
def _triangulate(J, r, A, projected, R, diagonal, order, b):
    """Write R and b = Qᵀ r of the Jacobian's factorisation J P = Q R."""
    for j in range(b.size):
        copy(A[j], J[j])
    copy(projected, r)
    factorize(A, diagonal, order, b, projected)
    copy_triangle(R, A, diagonal)
    for j in range(b.size):
        b[j] = projected[j]


@portable
def _status_at_point(status, finite, stop, cosine, nfev, options):
    """Status at a new point, where `status` is that of the step to it."""
    if not finite:
        return NOT_FINITE
    if stop:
        return CALLBACK
    if status == GOING_ON and cosine <= options.gtol:
        return BY_GRADIENT
    if status == GOING_ON and nfev >= options.max_nfev:
        return MAX_NFEV
    return status


@portable
def _status_of_trial(decrease, predicted, radius, size, nfev, tiny, options):
    """Status after a trial step: `_status_of_step`, by rounding alone, or by the limit."""
    status = _status_of_step(decrease, predicted, radius, size, options.ftol, options.xtol)
    if status != GOING_ON:
        return status
    if _status_of_step(decrease, predicted, radius, size, tiny, tiny) != GOING_ON:
        return ROUNDING
    return MAX_NFEV if nfev >= options.max_nfev else GOING_ON


@portable
def _shrinking(decrease, slope, comparable, real):
    """The factor of the radius after a poor step, from the parabola through both ends: between 0.1 and 0.5.

    If the residuals at the end are not `comparable`, it is 0.1.
    """
    half, tenth = real(0.5), real(0.1)
    shrink = half
    if decrease < real(0):
        shrink = half * slope / (slope + half * decrease)
    return shrink if comparable and shrink >= tenth else tenth


def make_solver(evaluator):
    """The solver for a driver's `ResidualEvaluator`."""
    residuals, jacobian, observe = evaluator.residuals, evaluator.jacobian, evaluator.observe

    @portable
    def levenberg_marquardt(problem, x, scale, memory, options):
        real = x.dtype.type
        zero, one, half, tenth = real(0), real(1), real(0.5), real(0.1)
        long, short, order = memory
        n = x.size
        r, r_trial, projected = long[RESIDUALS], long[TRIAL], long[PROJECTED]
        J, A = long[JACOBIAN : JACOBIAN + n], long[JACOBIAN + n : JACOBIAN + n + n]
        g, D, p, x_trial, norms = short[GRADIENT], short[SCALE], short[STEP], short[POINT], short[NORMS]
        diagonal, b, vectors, q = short[DIAGONAL], short[RIGHT_SIDE], short[WORK:], short[WORK]
        R, S = short[MATRICES : MATRICES + n], short[MATRICES + n : MATRICES + n + n]

        tiny = epsilon(x)
        radius = damping = x_size = zero
        nfev, njev, iteration = 1, 0, 0
        status = GOING_ON
        for j in range(n):
            D[j] = one / scale[j]
            short[ACTIVE, j] = zero
        size = euclidean_norm(r)
        while True:
            # At every return below, J and g are those at x.
            jacobian(problem, x, r, J)
            njev += 1
            fill_gradient(J, r, g)
            finite = fill_norms(J, norms)
            optimality = max_abs(g)
            cost = half * (size * size)
            stop = observe(problem, iteration, nfev, cost, optimality)
            status = _status_at_point(status, finite, stop, _steepest_cosine(g, norms, size), nfev, options)
            if status != GOING_ON:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)

            _triangulate(J, r, A, projected, R, diagonal, order, b)
            first = iteration == 0
            if options.adaptive:
                widen(D, norms, first)
            if first:
                x_size = scaled_norm(D, x)
                radius = options.factor * x_size if x_size > zero else options.factor

            accepted = False
            while not accepted:
                damping = damped_step(R, S, order, D, b, radius, damping, real(TOLERANCE), p, vectors)
                p_size = scaled_norm(D, p)
                if first:
                    radius = min(radius, p_size)
                for j in range(n):
                    x_trial[j] = x[j] + p[j]
                residuals(problem, x_trial, r_trial)
                nfev += 1
                size_trial = euclidean_norm(r_trial)

                # Relative to ‖r‖², Moré (1978), eqs. 4.4 to 4.6.
                decrease = -one
                if tenth * size_trial < size:
                    decrease = one - (size_trial / size) * (size_trial / size)
                change_along(R, order, p, q)
                by_model = euclidean_norm(q) / size
                by_damping = math.sqrt(damping) * (p_size / size)
                predicted = by_model * by_model + real(2) * by_damping * by_damping
                slope = -(by_model * by_model + by_damping * by_damping)
                agreement = decrease / predicted if predicted > zero else zero
                if agreement <= real(0.25):
                    shrink = _shrinking(decrease, slope, tenth * size_trial < size, real)
                    radius = shrink * min(radius, p_size / tenth)
                    damping /= shrink
                elif damping == zero or agreement >= real(0.75):
                    radius = p_size / half
                    damping *= half

                accepted = agreement >= real(ACCEPTED)
                if accepted:
                    copy(x, x_trial)
                    copy(r, r_trial)
                    x_size = scaled_norm(D, x)
                    size = size_trial
                    iteration += 1
                status = _status_of_trial(decrease, predicted, radius, x_size, nfev, tiny, options)
                if status != GOING_ON and not accepted:
                    return FitOutcome(status, iteration, nfev, njev, cost, optimality)

    return levenberg_marquardt


METHOD = FitMethod(
    name="lm",
    summary="Levenberg-Marquardt, as in MINPACK.",
    make_solver=make_solver,
    minpack=True,
)
