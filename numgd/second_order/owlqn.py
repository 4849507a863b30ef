"""OWL-QN: L-BFGS for a smooth function plus an L1 term, with exact zeros.

G. Andrew and J. Gao, "Scalable training of L1-regularized log-linear models", ICML 2007.  Minimises
F(x) = f(x) + l1 ‖x‖₁ + ½ l2 ‖x‖² within bounds.  The reported value is F and the gradient its subgradient of
least norm; gtol applies to the latter, cut where it reaches a bound.  Backtracking interpolates, whereas the
paper halves the step.

Bounds are treated like the orthants: a step is cut where it leaves the box, a variable at a bound moves only
if F then descends, and those that stay there are left out of the pairs (D. P. Bertsekas, SIAM J. Control
Optim. 20 (1982) 221-246).

Memory: that of L-BFGS.
"""

import math
from typing import NamedTuple

from numgd.foundations.ranges import Limit, LimitFromOne, NonNegative, NormOrder, Tolerance
from numgd.foundations.records import Method
from numgd.foundations.status import GOING_ON, LINE_SEARCH_FAILED, MAXFUN, Outcome
from numgd.jit.portable import portable
from numgd.second_order import lbfgs
from numgd.second_order.box import clip, land
from numgd.second_order.descent import SCRATCH_ROWS, is_descent, make_steepest
from numgd.second_order.l1 import make_composite, make_distance
from numgd.second_order.line_search import FAILED, MINUS_INFINITY, WOLFE, Found
from numgd.second_order.stopping import (
    make_relative_step_test,
    status_after_step,
    status_at_start,
    status_before_step,
    status_of_step,
)


class OwlqnOptions(NamedTuple):
    """Options of OWL-QN; those that L-BFGS-B has too are under SciPy's names."""

    l1: NonNegative = 0.0  # strength of the L1 term
    l2: NonNegative = 0.0  # strength of the L2 term
    gtol: Tolerance = 1e-5  # stop when the norm of the subgradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the relative length of the step is at most this; 0: never
    ftol: Tolerance = 2.220446049250313e-09  # stop when the relative decrease is at most this; 0: never
    maxiter: Limit = 15000
    maxfun: LimitFromOne = 15000
    maxls: LimitFromOne = 40  # evaluations in one line search


SUFFICIENT = 1e-4
"""Fraction of the predicted decrease that a step must achieve."""

REACH = 0
"""Place in `carry` of the first trial step: it grows while steps meet no curvature."""


@portable
def align(p, x, v):
    """Zero the components of p in which x is zero and the function with subgradient v does not descend.

    The paper does so also where x is not zero (eq. 6); without that, p still descends, and better.
    """
    zero = p.dtype.type(0)
    for i in range(p.size):
        if x[i] == zero and not (p[i] < zero < v[i] or v[i] < zero < p[i]):
            p[i] = zero


@portable
def stay_on_bounds(p, x, v, lower, upper):
    """Zero the components of p in which x is at a bound and the function does not descend."""
    zero = p.dtype.type(0)
    for i in range(lower.size):
        if (x[i] <= lower[i] or x[i] >= upper[i]) and not (p[i] < zero < v[i] or v[i] < zero < p[i]):
            p[i] = zero


@portable
def leave_out(y, s, x, lower, upper):
    """Zero the change of the gradient where a variable stays at its bound: pairs describe the others."""
    zero = y.dtype.type(0)
    for i in range(lower.size):
        if s[i] == zero and (x[i] <= lower[i] or x[i] >= upper[i]):
            y[i] = zero


@portable
def orthant_step(out, x, alpha, p):
    """out = x + alpha p, with zero where the sign of x would change; eq. 5."""
    zero = x.dtype.type(0)
    for i in range(x.size):
        moved = x[i] + alpha * p[i]
        crosses = moved < zero < x[i] or x[i] < zero < moved
        out[i] = zero if crosses else moved


@portable
def directional(v, x_trial, x):
    """vᵀ(x_trial − x)."""
    total = v.dtype.type(0)
    for i in range(v.size):
        total += v[i] * (x_trial[i] - x[i])
    return total


@portable
def shorten(real, alpha, f, slope, f_trial):
    """The next trial step: the minimiser of a parabola, between a tenth and a half of the last."""
    if not f_trial < math.inf:
        return alpha * real(0.1)
    rise = f_trial - f - alpha * slope
    return alpha * max(real(0.1), min(real(0.5), real(-0.5) * alpha * slope / rise))


def make_direction(space, direct):
    """Function that writes the direction of L-BFGS, kept in the orthant and the box, or −v.

    It returns the slope, the first trial step and the age, which is 0 for −v.
    """
    dot, steepest = space.dot, make_steepest(space)
    align_to_signs, stay = space.form(align), space.form(stay_on_bounds)

    @portable
    def direction(problem, x, p, v, memory, age, reach, options, lower, upper):
        real = x.dtype.type
        one = real(1)
        slope = real(0)
        if age > 0:
            direct(problem, x, p, v, memory, age, options)
            if options.l1 > real(0):
                align_to_signs(p, x, v)
            stay(p, x, v, lower, upper)
            slope = dot(v, p)
        if is_descent(slope):
            return slope, reach, age
        slope, scaled = steepest(p, v)
        return slope, reach if scaled else reach * min(one, one / math.sqrt(-slope)), 0

    return direction


def make_backtracking(space, value, gradient, penalty):
    """The line search; the `row` of its result has no meaning.

    On success x_trial is the point found and g_trial the gradient of the smooth part there.
    """
    dot, step = space.dot, space.step
    step_in_orthant, land_on_bounds = space.form(orthant_step), space.form(land)
    predicted_fall = space.form(directional)

    @portable
    def move(out, x, alpha, p, options, lower, upper):
        if options.l1 > x.dtype.type(0):
            step_in_orthant(out, x, alpha, p)
        else:
            step(out, x, alpha, p)
        land_on_bounds(out, x, lower, upper)

    @portable
    def backtrack(problem, x, f, slope, v, p, alpha, x_trial, g_trial, limit, options, lower, upper):
        real = x.dtype.type
        first_alpha = alpha
        for count in range(1, limit + 1):
            move(x_trial, x, alpha, p, options, lower, upper)
            f_trial = value(problem, x_trial, options) + penalty(x_trial, options)
            enough = False
            if f_trial == -math.inf:
                gradient(problem, x_trial, g_trial, options)
                return Found(MINUS_INFINITY, alpha, f_trial, 0, count)
            if f_trial < math.inf:
                fall = predicted_fall(v, x_trial, x)
                if not fall < real(0):
                    return Found(FAILED, alpha, f, 0, count)
                enough = f_trial <= f + real(SUFFICIENT) * fall or (count == limit and f_trial < f)
                # By rounding, any step that is short enough would pass.
                enough &= f_trial < f or alpha == first_alpha
            if enough:
                gradient(problem, x_trial, g_trial, options)
                if abs(dot(g_trial, p)) < math.inf:
                    return Found(WOLFE, alpha, f_trial, 0, count)
            alpha = shorten(real, alpha, f, slope, f_trial)
        return Found(FAILED, alpha, f, 0, limit)

    return backtrack


def make_advance(space, remember):
    """Function that moves x to the trial point and remembers the pair; returns the new age.

    On return p is the step s and g the new gradient of the smooth part.
    """
    copy, axpy, combine = space.copy, space.axpy, space.combine
    leave_out_bound = space.form(leave_out)

    @portable
    def advance(x, x_trial, p, g, g_trial, alpha, memory, age, options, lower, upper):
        one = x.dtype.type(1)
        copy(p, x_trial)
        axpy(p, -one, x)
        combine(g, -one, one, g_trial)  # y
        leave_out_bound(g, p, x, lower, upper)
        copy(x, x_trial)
        age = remember(alpha, p, g, g_trial, memory, age, options)
        copy(g, g_trial)
        return age

    return advance


def make_solver(space, evaluator):
    """The solver over a space."""
    observe, bounds, move_inside = evaluator.observe, evaluator.bounds, space.form(clip)
    evaluate, value, gradient, penalty, refine = make_composite(space, evaluator)
    model = lbfgs.make_model(space)
    direction = make_direction(space, model.direct)
    backtrack = make_backtracking(space, value, gradient, penalty)
    advance = make_advance(space, model.remember)
    _, measure = make_distance(space)
    small = make_relative_step_test(space)

    @portable
    def solve(problem, x, work, carry, options, age):
        real = x.dtype.type
        one = real(1)
        v, p, x_trial, g, g_trial = work[0], work[1], work[2], work[3], work[4]
        memory = work[SCRATCH_ROWS:]
        lower, upper = bounds(problem)
        move_inside(x, lower, upper)
        f = evaluate(problem, x, g, options) + penalty(x, options)
        evaluations, iteration = 1, 0
        size = measure(v, x, g, options, lower, upper, x_trial)
        status = status_at_start(f, size)
        if status != GOING_ON:
            return Outcome(status, iteration, evaluations, f, age)
        reach = carry[REACH] if carry[REACH] == carry[REACH] else one
        observe(problem, iteration, f)
        while True:
            status = status_before_step(size, iteration, evaluations, options.maxiter, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            slope, alpha, age = direction(problem, x, p, v, memory, age, reach, options, lower, upper)
            limit = min(options.maxls, options.maxfun - evaluations)
            found = backtrack(
                problem, x, f, slope, v, p, alpha, x_trial, g_trial, limit, options, lower, upper
            )
            evaluations += found.evaluations
            if found.outcome == FAILED:
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if refine(problem, x, g, options):
                    size = measure(v, x, g, options, lower, upper, x_trial)
                    continue
                if age == 0:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age, reach = 0, one  # forget the pairs and try along the subgradient
                continue

            known = age
            age = advance(x, x_trial, p, g, g_trial, found.alpha, memory, age, options, lower, upper)
            reach = reach * real(4) if age == known and found.alpha == alpha else one
            carry[REACH] = reach
            f_previous, f = f, found.f
            iteration += 1
            size = measure(v, x, g, options, lower, upper, x_trial)
            stop = observe(problem, iteration, f)
            status = status_after_step(f == -math.inf or reach > real(1e10), size, stop)
            if status == GOING_ON and size > options.gtol:
                status = status_of_step(small(p, x, options), f_previous, f, x, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)

    return solve


METHOD = Method(
    name="owl-qn",
    summary="L-BFGS for a smooth function plus an L1 penalty.",
    options=OwlqnOptions(),
    maxcor=lbfgs.MAXCOR,
    tolerances=("gtol", "ftol"),
    bounded=True,
    matrix_free=True,
    over_device_vectors=True,
    rows=lbfgs.rows,
    make_solver=make_solver,
)
