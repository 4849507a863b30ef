"""OWL-QN: L-BFGS for a smooth function plus an L1 term, with exact zeros.

G. Andrew and J. Gao, "Scalable training of L1-regularized log-linear models", ICML 2007.  Minimises
F(x) = f(x) + l1 ‖x‖₁ + ½ l2 ‖x‖² within bounds; the value is F, the gradient its subgradient of least norm,
and that is what gtol tests, cut where it reaches a bound.  The backtracking interpolates where the paper
halves.

Bounds are treated as the orthants are: a step ends where it leaves the box, a variable at a bound moves only
where F descends, and those that stay there are left out of the pairs (D. P. Bertsekas, SIAM J. Control Optim.
20 (1982) 221-246).

Memory: that of L-BFGS.
"""

import math
from typing import NamedTuple

from numgd.foundations.ranges import Limit, LimitFromOne, NonNegative, NormOrder, Tolerance
from numgd.foundations.records import Method
from numgd.foundations.status import (
    CALLBACK,
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    LINE_SEARCH_FAILED,
    MAXFUN,
    MAXITER,
    NOT_FINITE,
    UNBOUNDED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order import lbfgs
from numgd.second_order.box import clip, land
from numgd.second_order.descent import SCRATCH_ROWS
from numgd.second_order.l1 import make_composite, make_size, minimum_norm_subgradient


class OwlqnOptions(NamedTuple):
    """Options of OWL-QN; those of L-BFGS-B under SciPy's names."""

    l1: NonNegative = 0.0  # strength of the L1 term
    l2: NonNegative = 0.0  # strength of the L2 term
    gtol: Tolerance = 1e-5  # stop when the norm of the subgradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the step is relatively at most this; 0 never
    ftol: Tolerance = 2.220446049250313e-09  # stop when the relative decrease is at most this; 0 never
    maxiter: Limit = 15000
    maxfun: LimitFromOne = 15000
    maxls: LimitFromOne = 40  # evaluations in one line search


DECREASE = 1e-4
"""Fraction of the decrease foretold that a step must bring."""

REACH = 0
"""Place in `carry` of the first trial step: it grows while steps meet no curvature."""


@portable
def align(p, x, v):
    """Zero the components of p in which x is zero and the function with subgradient v does not descend.

    The paper does so where x is not zero too (eq. 6): p descends without that, and better.
    """
    zero = p.dtype.type(0)
    for i in range(p.size):
        if x[i] == zero and not (p[i] < zero < v[i] or v[i] < zero < p[i]):
            p[i] = zero


@portable
def stay(p, x, v, lower, upper):
    """Zero the components of p in which x is at a bound and the function does not descend."""
    zero = p.dtype.type(0)
    for i in range(lower.size):
        if (x[i] <= lower[i] or x[i] >= upper[i]) and not (p[i] < zero < v[i] or v[i] < zero < p[i]):
            p[i] = zero


@portable
def leave_out(y, s, x, lower, upper):
    """Zero the change of the gradient where a variable stays at its bound: pairs tell of the others."""
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
    """The next trial step: the minimiser of a parabola, within a tenth and a half of the last."""
    if not f_trial < math.inf:
        return alpha * real(0.1)
    rise = f_trial - f - alpha * slope
    return alpha * max(real(0.1), min(real(0.5), real(-0.5) * alpha * slope / rise))


def make_solver(space, evaluator):
    """The solver over a space."""
    dot, copy, scale, step = space.dot, space.copy, space.scale, space.step
    axpy, combine = space.axpy, space.combine
    observe, bounds = evaluator.observe, evaluator.bounds
    evaluate, value, gradient, penalty, refine = make_composite(space, evaluator)
    remember, direct = lbfgs.make_model(space)[:2]
    max_abs, distance = space.max_abs, make_size(space)

    @portable
    def solve(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one = real(0), real(1)
        v, p, x_trial, g, g_trial = work[0], work[1], work[2], work[3], work[4]
        memory = work[SCRATCH_ROWS:]
        lower, upper = bounds(problem)
        clip(x, lower, upper)
        f = evaluate(problem, x, g, options) + penalty(x, options)
        evaluations = 1
        iteration = 0
        minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
        size = distance(v, x, options.norm, lower, upper, x_trial)
        if f == -math.inf:
            return Outcome(UNBOUNDED, iteration, evaluations, f, age)
        if not (f < math.inf and size < math.inf):
            return Outcome(NOT_FINITE, iteration, evaluations, f, age)
        reach = carry[REACH] if carry[REACH] == carry[REACH] else one
        observe(problem, iteration, f)
        while True:
            if size <= options.gtol:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= options.maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            slope = zero
            alpha = reach
            if age > 0:
                direct(problem, x, p, v, memory, age, options)
                if options.l1 > zero:
                    align(p, x, v)
                stay(p, x, v, lower, upper)
                slope = dot(v, p)
            if not (slope < zero and slope > -math.inf):
                age = 0
                copy(p, v)
                scale(p, -one)
                slope = dot(v, p)
                if not (slope < zero and slope > -math.inf):  # squares over- or underflow
                    scale(p, one / max_abs(v))
                    slope = dot(v, p)
                else:
                    alpha *= min(one, one / math.sqrt(-slope))
            first_alpha = alpha

            f_trial, found = f, False
            limit = min(options.maxls, options.maxfun - evaluations)
            while limit > 0 and not found:
                if options.l1 > zero:
                    orthant_step(x_trial, x, alpha, p)
                else:
                    step(x_trial, x, alpha, p)
                land(x_trial, x, lower, upper)
                f_trial = value(problem, x_trial, options) + penalty(x_trial, options)
                evaluations += 1
                limit -= 1
                if f_trial == -math.inf:
                    found = True
                elif f_trial < math.inf:
                    fall = directional(v, x_trial, x)
                    if not fall < zero:
                        break
                    found = f_trial <= f + real(DECREASE) * fall or (limit == 0 and f_trial < f)
                    # Rounding lets any step pass that is short enough.
                    found &= f_trial < f or alpha == first_alpha
                if found:
                    gradient(problem, x_trial, g_trial, options)
                    slope_trial = dot(g_trial, p)
                    found = abs(slope_trial) < math.inf or f_trial == -math.inf
                if not found:
                    alpha = shorten(real, alpha, f, slope, f_trial)
            if not found:
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if refine(problem, x, g, options):
                    minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
                    size = distance(v, x, options.norm, lower, upper, x_trial)
                    continue
                if age == 0:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age, reach = 0, one  # forget the pairs and try along the subgradient
                continue

            # p becomes the step s, g the change of the gradient y, then the new gradient.
            copy(p, x_trial)
            axpy(p, -one, x)
            combine(g, -one, one, g_trial)
            leave_out(g, p, x, lower, upper)
            copy(x, x_trial)
            moved = dot(p, p)
            known, age = age, remember(alpha, p, g, g_trial, memory, age, options)
            reach = reach * real(4) if age == known and alpha == first_alpha else one
            carry[REACH] = reach
            copy(g, g_trial)
            f_previous, f = f, f_trial
            iteration += 1
            minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
            size = distance(v, x, options.norm, lower, upper, x_trial)
            stop = observe(problem, iteration, f)
            if f == -math.inf or reach > real(1e10):
                return Outcome(UNBOUNDED, iteration, evaluations, f, age)
            if not size < math.inf:
                return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if size > options.gtol:
                if options.xrtol > zero and math.sqrt(moved) <= options.xrtol * (
                    options.xrtol + math.sqrt(dot(x, x))
                ):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)

    return solve


METHOD = Method(
    name="owl-qn",
    summary="L-BFGS for a smooth function plus an L1 penalty.",
    options=OwlqnOptions(),
    maxcor=lbfgs.MAXCOR,
    tolerances=("gtol", "ftol"),
    bounded=True,
    matrix_free=True,
    on_device=False,
    rows=lbfgs.rows,
    make_solver=make_solver,
)
