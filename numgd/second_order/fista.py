"""FISTA: accelerated proximal gradients for a smooth function plus an L1 term.

A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems",
SIAM J. Imaging Sci. 2 (2009) 183-202, restarted where the momentum leads uphill (B. O'Donoghue and
E. Candès, Found. Comput. Math. 15 (2015) 715-732), with longer steps after a restart.  Minimises
F(x) = f(x) + l1 ‖x‖₁ + ½ l2 ‖x‖² within bounds, and F never rises.  The reported value is F and the gradient
its subgradient of least norm; gtol applies to the latter, cut where it reaches a bound.  The proximal map of
the L1 term and the box is the soft threshold, clipped; extrapolated points are clipped too.

Memory: 7 vectors of length n.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import epsilon
from numgd.foundations.ranges import Limit, LimitFromOne, NonNegative, NormOrder, Tolerance
from numgd.foundations.records import Method
from numgd.foundations.status import (
    CALLBACK,
    GOING_ON,
    LINE_SEARCH_FAILED,
    MAXFUN,
    UNBOUNDED,
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order.box import clip
from numgd.second_order.l1 import make_composite, make_distance, minimum_norm_subgradient, soft_threshold
from numgd.second_order.stopping import (
    make_relative_step_test,
    status_at_start,
    status_before_step,
    status_of_step,
)


class FistaOptions(NamedTuple):
    """Options of FISTA."""

    l1: NonNegative = 0.0  # strength of the L1 term
    l2: NonNegative = 0.0  # strength of the L2 term
    gtol: Tolerance = 1e-5  # stop when the norm of the subgradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the relative length of the step is at most this; 0: never
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0: never
    maxiter: Limit = 15000
    maxfun: LimitFromOne = UNLIMITED


# Scalars in `carry`: the t of the paper, the Lipschitz constant to try next, and F where the run started.
T, LIPSCHITZ, START = 0, 1, 2

SHRINKING = 0.5  # factor of the Lipschitz constant when the momentum restarts


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


def make_is_lower(space):
    """Function ``is_lower(f_trial, f, f_start, v_trial, x_trial, x, noise)`` over a space.

    It says whether F is lower or, if rounding hides that, whether a convex F with subgradient v_trial would be.
    """
    expand = space.form(expansion)

    @portable
    def is_lower(f_trial, f, f_start, v_trial, x_trial, x, noise):
        if f_trial <= f:
            return True
        if f_trial - f <= noise * abs(f) and f_trial <= f_start:
            return expand(v_trial, x_trial, x)[0] <= 0
        return False

    return is_lower


@portable
def next_momentum(t, real):
    """The next t and the factor of the last step: Beck & Teboulle, eq. 4.2 and 4.3."""
    one = real(1)
    t_next = (one + math.sqrt(one + real(4) * t * t)) / real(2)
    return t_next, (t - one) / t_next


@portable
def larger_lipschitz(lipschitz, curvature, real):
    """The next estimate of the Lipschitz constant, after a step with the last one met more curvature."""
    growth = real(1.1) * curvature / lipschitz
    if not growth > real(1.2):
        growth = real(1.2) if curvature > lipschitz else real(10)
    return lipschitz * min(growth, real(10))


@portable
def smaller_lipschitz(lipschitz, curvature, against, first, real):
    """The next estimate of the Lipschitz constant, after a step that met less curvature."""
    if first:
        return max(real(0.01) * lipschitz, min(curvature, lipschitz))
    if curvature <= real(0):
        return lipschitz * real(0.1)
    if against > real(0):
        return lipschitz * real(SHRINKING)
    return lipschitz


class ProximalStep(NamedTuple):
    """Where the search for a Lipschitz constant ended; the point is in x_trial, its gradient in g_trial."""

    found: Any
    smooth: Any  # the smooth part there
    lipschitz: Any
    curvature: Any  # met by the step
    evaluations: Any


def make_proximal_step(space, value, gradient):
    """The proximal step from y with backtracking: Beck & Teboulle, section 4."""
    max_abs = space.max_abs
    threshold, move_inside, expand = space.form(soft_threshold), space.form(clip), space.form(expansion)

    @portable
    def proximal_step(
        problem, y, smooth_y, g_y, x_trial, g_trial, lipschitz, momentum, left, noise, options, lower, upper
    ):
        real = y.dtype.type
        zero, one, two = real(0), real(1), real(2)
        smooth = curvature = zero
        evaluations = 0
        while evaluations < left and lipschitz < math.inf:
            threshold(x_trial, y, one / lipschitz, g_y, options.l1 / lipschitz)
            move_inside(x_trial, lower, upper)
            smooth = value(problem, x_trial, options)
            evaluations += 1
            linear, square = expand(g_y, x_trial, y)
            if smooth == -math.inf or (square == zero and momentum == zero):
                break
            gap = smooth - smooth_y - linear
            curvature = two * gap / square
            hidden = abs(gap) <= noise * max(abs(smooth_y), abs(smooth))
            if hidden or curvature <= lipschitz or square == zero:
                gradient(problem, x_trial, g_trial, options)
                if hidden:  # the gap is lost to rounding: compute it from the gradients
                    curvature = (expand(g_trial, x_trial, y)[0] - linear) / square
                if (curvature <= lipschitz or square == zero) and max_abs(g_trial) < math.inf:
                    return ProximalStep(True, smooth, lipschitz, curvature, evaluations)
            lipschitz = larger_lipschitz(lipschitz, curvature, real)
        return ProximalStep(False, smooth, lipschitz, curvature, evaluations)

    return proximal_step


def make_extrapolate(space, evaluate):
    """Function that writes the extrapolated point to y and the gradient of the smooth part there to g_y.

    It returns the value of the smooth part and the number of evaluations.
    """
    copy, step, move_inside = space.copy, space.step, space.form(clip)

    @portable
    def extrapolate(problem, x, s, momentum, smooth, g, y, g_y, options, lower, upper):
        step(y, x, momentum, s)
        move_inside(y, lower, upper)
        if momentum == 0:
            copy(g_y, g)
            return smooth, 0
        return evaluate(problem, y, g_y, options), 1

    return extrapolate


def make_advance(space):
    """Function that moves x to the trial point, with its gradient and subgradient; s is the step."""
    copy, axpy = space.copy, space.axpy

    @portable
    def advance(x, x_trial, s, g, g_trial, v, v_trial):
        copy(s, x_trial)
        axpy(s, -x.dtype.type(1), x)
        copy(x, x_trial)
        copy(g, g_trial)
        copy(v, v_trial)

    return advance


def make_solver(space, evaluator):
    """The solver over a space."""
    copy, scale, max_abs = space.copy, space.scale, space.max_abs
    observe, bounds, move_inside = evaluator.observe, evaluator.bounds, space.form(clip)
    subgradient, uphill, is_lower = (
        space.form(minimum_norm_subgradient),
        space.form(turns),
        make_is_lower(space),
    )
    evaluate, value, gradient, penalty, refine = make_composite(space, evaluator)
    small = make_relative_step_test(space)
    distance, measure = make_distance(space)
    extrapolate, advance = make_extrapolate(space, evaluate), make_advance(space)
    proximal_step = make_proximal_step(space, value, gradient)

    @portable
    def solve(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one = real(0), real(1)
        v, g, s, y, g_y, x_trial, g_trial = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
        noise = real(epsilon(x) ** real(2.0 / 3.0))  # below this fraction of a value, gradients decide
        lower, upper = bounds(problem)
        move_inside(x, lower, upper)
        smooth = evaluate(problem, x, g, options)
        f = smooth + penalty(x, options)
        evaluations, iteration = 1, 0
        size = measure(v, x, g, options, lower, upper, x_trial)
        status = status_at_start(f, size)
        if status != GOING_ON:
            return Outcome(status, iteration, evaluations, f, age)
        first = carry[T] != carry[T]  # nothing is carried: NaN
        if first:
            carry[T], carry[START] = one, f
            carry[LIPSCHITZ] = max_abs(v)  # a first step of length one
            copy(s, v)
            scale(s, zero)
        observe(problem, iteration, f)
        while True:
            status = status_before_step(size, iteration, evaluations, options.maxiter, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            t_next, momentum = next_momentum(carry[T], real)
            smooth_y, count = extrapolate(problem, x, s, momentum, smooth, g, y, g_y, options, lower, upper)
            evaluations += count
            if count > 0 and not abs(smooth_y) + max_abs(g_y) < math.inf:
                carry[T] = one
                continue
            found = proximal_step(
                problem, y, smooth_y, g_y, x_trial, g_trial, carry[LIPSCHITZ], momentum,
                options.maxfun - evaluations, noise, options, lower, upper,
            )  # fmt: skip
            evaluations += found.evaluations
            if found.smooth == -math.inf:
                copy(x, x_trial)
                return Outcome(UNBOUNDED, iteration, evaluations, found.smooth, age)

            f_trial, against, lower_point = f, zero, False
            if found.found:
                f_trial = found.smooth + penalty(x_trial, options)
                against = uphill(y, x_trial, x)
                v_trial = y
                subgradient(v_trial, x_trial, g_trial, options.l1, lower, upper)
                lower_point = is_lower(f_trial, f, carry[START], v_trial, x_trial, x, noise)
            if not lower_point:
                if not found.found and evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if momentum == zero:
                    if not refine(problem, x, g, options):
                        return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                    size = measure(v, x, g, options, lower, upper, x_trial)
                carry[T] = one  # continue from x without momentum
                continue

            advance(x, x_trial, s, g, g_trial, v, v_trial)
            f_previous, f, smooth = f, f_trial, found.smooth
            carry[T] = one if against > zero else t_next
            carry[LIPSCHITZ] = smaller_lipschitz(found.lipschitz, found.curvature, against, first, real)
            first = False
            iteration += 1
            age += 1
            size = distance(v, x, options, lower, upper, x_trial)
            stop = observe(problem, iteration, f)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if size > options.gtol:
                status = status_of_step(small(s, x, options), f_previous, f, x, options)
                if status != GOING_ON:
                    return Outcome(status, iteration, evaluations, f, age)

    return solve


METHOD = Method(
    name="fista",
    summary="Accelerated proximal gradients for a smooth function plus an L1 penalty.",
    options=FistaOptions(),
    bounded=True,
    matrix_free=True,
    over_device_vectors=True,
    rows=rows,
    make_solver=make_solver,
)
