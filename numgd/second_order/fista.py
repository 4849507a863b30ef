"""FISTA: accelerated proximal gradients for a smooth function plus an L1 term.

A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems",
SIAM J. Imaging Sci. 2 (2009) 183-202, started anew where the momentum leads uphill (B. O'Donoghue and
E. Candès, Found. Comput. Math. 15 (2015) 715-732), and then with longer steps.  Minimises
F(x) = f(x) + l1 ‖x‖₁ + ½ l2 ‖x‖² within bounds, and F never rises; the value is F, the gradient its
subgradient of least norm, and that is what gtol tests, cut where it reaches a bound.  The proximal map of the
L1 term and the box is the soft threshold, clipped; points of the momentum are clipped too.

Memory: 7 vectors of length n.
"""

import math
from typing import NamedTuple

from numgd.foundations.linalg import epsilon
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
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order.box import clip
from numgd.second_order.l1 import make_composite, make_size, minimum_norm_subgradient, soft_threshold


class FistaOptions(NamedTuple):
    """Options of FISTA."""

    l1: NonNegative = 0.0  # strength of the L1 term
    l2: NonNegative = 0.0  # strength of the L2 term
    gtol: Tolerance = 1e-5  # stop when the norm of the subgradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the step is relatively at most this; 0 never
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0 never
    maxiter: Limit = 15000
    maxfun: LimitFromOne = UNLIMITED


# Scalars carried: the t of the paper, the Lipschitz constant to try next, and F where the run started.
T, LIPSCHITZ, START = 0, 1, 2

SHRINKING = 0.5  # of the Lipschitz constant, where the momentum starts anew; between, it only grows


@portable
def rows(n, maxcor):
    """Rows of scratch memory: subgradient, gradient, last step, and point, gradient and two trial rows."""
    return 7


@portable
def expansion(g, x_trial, x):
    """gᵀΔ and ΔᵀΔ of Δ = x_trial − x."""
    linear = square = x.dtype.type(0)
    for i in range(x.size):
        change = x_trial[i] - x[i]
        linear += g[i] * change
        square += change * change
    return linear, square


@portable
def turns(y, x_trial, x):
    """(y − x_trial)ᵀ(x_trial − x), positive where the momentum led uphill (O'Donoghue & Candès, eq. 13)."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += (y[i] - x_trial[i]) * (x_trial[i] - x[i])
    return total


def make_solver(space, evaluator):
    """The solver over a space."""
    dot, copy, scale, axpy, step = space.dot, space.copy, space.scale, space.axpy, space.step
    observe, bounds = evaluator.observe, evaluator.bounds
    evaluate, value, gradient, penalty, refine = make_composite(space, evaluator)
    max_abs, distance = space.max_abs, make_size(space)

    @portable
    def solve(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one, two = real(0), real(1), real(2)
        v, g, s, y, g_y, x_trial, g_trial = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
        noise = real(epsilon(x) ** real(2.0 / 3.0))  # below this fraction of a value, gradients are asked
        lower, upper = bounds(problem)
        clip(x, lower, upper)
        smooth = evaluate(problem, x, g, options)
        f = smooth + penalty(x, options)
        evaluations = 1
        iteration = 0
        minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
        size = distance(v, x, options.norm, lower, upper, x_trial)
        if f == -math.inf:
            return Outcome(UNBOUNDED, iteration, evaluations, f, age)
        if not (f < math.inf and size < math.inf):
            return Outcome(NOT_FINITE, iteration, evaluations, f, age)
        first = carry[T] != carry[T]  # nothing is carried: NaN
        if first:
            carry[T], carry[START] = one, f
            carry[LIPSCHITZ] = max_abs(v)  # a first step of length one
            copy(s, v)
            scale(s, zero)
        observe(problem, iteration, f)
        while True:
            if size <= options.gtol:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= options.maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            t, lipschitz = carry[T], carry[LIPSCHITZ]
            t_next = (one + math.sqrt(one + real(4) * t * t)) / two  # Beck & Teboulle, eq. 4.2
            momentum = (t - one) / t_next
            step(y, x, momentum, s)
            clip(y, lower, upper)
            smooth_y = smooth
            if momentum == zero:
                copy(g_y, g)
            else:
                smooth_y = evaluate(problem, y, g_y, options)
                evaluations += 1
                if not abs(smooth_y) + max_abs(g_y) < math.inf:
                    carry[T] = one
                    continue

            found = False
            smooth_trial = curvature = zero
            while evaluations < options.maxfun and not found and lipschitz < math.inf:
                soft_threshold(x_trial, y, one / lipschitz, g_y, options.l1 / lipschitz)
                clip(x_trial, lower, upper)
                smooth_trial = value(problem, x_trial, options)
                evaluations += 1
                if smooth_trial == -math.inf:
                    copy(x, x_trial)
                    return Outcome(UNBOUNDED, iteration, evaluations, smooth_trial, age)
                linear, square = expansion(g_y, x_trial, y)
                if square == zero and momentum == zero:
                    break
                gap = smooth_trial - smooth_y - linear
                curvature = two * gap / square
                hidden = abs(gap) <= noise * max(abs(smooth_y), abs(smooth_trial))
                if hidden or curvature <= lipschitz or square == zero:
                    gradient(problem, x_trial, g_trial, options)
                    if hidden:  # rounding leaves nothing of the gap: the gradients tell
                        curvature = (expansion(g_trial, x_trial, y)[0] - linear) / square
                    found = (curvature <= lipschitz or square == zero) and max_abs(g_trial) < math.inf
                if not found:
                    growth = real(1.1) * curvature / lipschitz
                    if not growth > real(1.2):
                        growth = real(1.2) if curvature > lipschitz else real(10)
                    lipschitz *= min(growth, real(10))
            if not found:
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if momentum == zero:
                    if not refine(problem, x, g, options):
                        return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                    minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
                    size = distance(v, x, options.norm, lower, upper, x_trial)
                carry[T] = one
                continue

            f_trial = smooth_trial + penalty(x_trial, options)
            against = turns(y, x_trial, x)
            v_trial = y
            minimum_norm_subgradient(v_trial, x_trial, g_trial, options.l1, lower, upper)
            fell = f_trial <= f
            if not fell and f_trial - f <= noise * abs(f) and f_trial <= carry[START]:
                fell = expansion(v_trial, x_trial, x)[0] <= zero  # rounding hides what a convex F falls
            if not fell:
                if momentum == zero:
                    if not refine(problem, x, g, options):
                        return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                    minimum_norm_subgradient(v, x, g, options.l1, lower, upper)
                    size = distance(v, x, options.norm, lower, upper, x_trial)
                carry[T] = one  # go on from x without momentum
                continue

            copy(s, x_trial)
            axpy(s, -one, x)
            copy(x, x_trial)
            copy(g, g_trial)
            copy(v, v_trial)
            f_previous, f, smooth = f, f_trial, smooth_trial
            carry[T] = one if against > zero else t_next
            if first:
                lipschitz = max(real(0.01) * lipschitz, min(curvature, lipschitz))
            elif curvature <= zero:
                lipschitz *= real(0.1)
            elif against > zero:
                lipschitz *= real(SHRINKING)
            carry[LIPSCHITZ] = lipschitz
            first = False
            iteration += 1
            age += 1
            size = distance(v, x, options.norm, lower, upper, x_trial)
            stop = observe(problem, iteration, f)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if size > options.gtol:
                if options.xrtol > zero and math.sqrt(dot(s, s)) <= options.xrtol * (
                    options.xrtol + math.sqrt(dot(x, x))
                ):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)

    return solve


METHOD = Method(
    name="fista",
    summary="Accelerated proximal gradients for a smooth function plus an L1 penalty.",
    options=FistaOptions(),
    bounded=True,
    matrix_free=True,
    on_device=False,
    rows=rows,
    make_solver=make_solver,
)
