"""The loop that all line-search methods share: a direction, a strong-Wolfe step, an update of the model."""

import math
from typing import Annotated, Any, NamedTuple

from numgd.foundations.linalg import epsilon
from numgd.foundations.ranges import Below, Limit, LimitFromOne, NormOrder, OpenFraction, Tolerance
from numgd.foundations.spaces import make_norm
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
from numgd.second_order.line_search import (
    ARRIVED,
    DECREASE,
    DESCENDS,
    FAILED,
    MINUS_INFINITY,
    STUCK,
    make_strong_wolfe,
)

SCRATCH_ROWS = 5  # gradient, direction, trial point, two trial gradients


AUTOMATIC = -1

QUIET = 3
"""Place in `carry` of whether the last search foretold no decrease that would show, and found none.

One direction does not tell whether a point is a minimum, as far as rounding shows: the model's and the
gradient's have to agree.
"""


class DescentOptions(NamedTuple):
    """Options of the line-search methods, under SciPy's names."""

    gtol: Tolerance = 1e-5  # stop when the norm of the gradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the step is relatively at most this; 0 never
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0 never
    c1: Annotated[OpenFraction, Below("c2")] = 1e-4  # sufficient decrease
    c2: OpenFraction = 0.9  # curvature
    maxiter: Limit = AUTOMATIC  # 200 n
    maxfun: LimitFromOne = UNLIMITED
    maxls: LimitFromOne = 100  # evaluations in one line search


@portable
def stay(problem, x, p, g, memory, age, options):
    """The `escape` of a method that takes every stationary point for a minimum."""
    return g.dtype.type(0)


class Model(NamedTuple):
    """What distinguishes one line-search method from another, over one space.

    remember(alpha, s, y, g, memory, age, options) -> age takes in an accepted step s of length alpha, the
    change y of the gradient, which it may overwrite, and the new gradient g.  direct(problem, x, p, g,
    memory, age, options) writes the next direction to p and leaves what it reads as it is; at age 0 it
    is −g, unless the model is `local`.  escape(problem, x, p, g, memory, age, options) is asked at a point
    where the gradient is within gtol: it writes a direction of negative curvature to p and gives the mean
    slope along it, or gives 0 for a minimum.
    """

    remember: Any
    direct: Any
    escape: Any = stay


# The first trial step of a line search: guess(first, fresh, f, f_previous, slope, alpha, x, g), `first` of a
# run, or `fresh` without a model, `alpha` the length of the last step.


@portable
def from_last_decrease(first, fresh, f, f_previous, slope, alpha, x, g):
    """SciPy's guess: the function falls as much as it did in the last iteration."""
    real = x.dtype.type
    guess = min(real(1), real(2.02) * (f - f_previous) / slope)
    return guess if guess > real(0) else real(1)


@portable
def unit_after_first(first, fresh, f, f_previous, slope, alpha, x, g):
    """One, of directions whose length means something from the second on."""
    if first:
        return from_last_decrease(first, fresh, f, f_previous, slope, alpha, x, g)
    return x.dtype.type(1)


@portable
def unit(first, fresh, f, f_previous, slope, alpha, x, g):
    """One, of a Newton step."""
    return x.dtype.type(1)


@portable
def unseen(f, x):
    """The decrease of a value that rounding may hide."""
    return x.dtype.type(8) * epsilon(x) * abs(f)


@portable
def flat(g, x, f):
    """Whether a gradient is small beside the value: max |gᵢ| max(|xᵢ|, 1) ≤ ε^⅓ max(|f|, 1).

    The slopes along one direction, or along the gradient, say little of a narrow valley.  J. E. Dennis and
    R. B. Schnabel, Numerical Methods for Unconstrained Optimization and Nonlinear Equations (1983), 7.2.
    """
    one = x.dtype.type(1)
    limit = epsilon(x) ** (one / x.dtype.type(3)) * max(abs(f), one)
    largest = x.dtype.type(0)
    for i in range(x.size):
        largest = max(largest, abs(g[i]) * max(abs(x[i]), one))
    return largest <= limit


@portable
def decrease_to_miss(tolerance, slope, g, x, f):
    """The decrease along a direction that need not be looked for: a tolerance, or what rounding may hide.

    Of the latter there is none where the gradient is not small beside the value.
    """
    hidden = unseen(f, x)
    if tolerance > hidden:
        return tolerance
    steep = -slope > x.dtype.type(1e6) * hidden  # then it is far from hidden, and need not be asked further
    return hidden if not steep and flat(g, x, f) else x.dtype.type(0)


def make_relative_step_test(space):
    """SciPy's test of BFGS: ‖s‖ ≤ xrtol (xrtol + ‖x‖)."""
    dot = space.dot

    @portable
    def small(s, x, options):
        xrtol = options.xrtol
        return xrtol > x.dtype.type(0) and math.sqrt(dot(s, s)) <= xrtol * (xrtol + math.sqrt(dot(x, x)))

    return small


def make_descent(
    space,
    evaluator,
    model,
    unit_step=False,
    guess=None,
    search=make_strong_wolfe,
    step_test=make_relative_step_test,
    local=False,
):
    """The loop over a space for one method.

    `unit_step`: whether the first trial step is one (methods whose directions are well scaled) or SciPy's
    guess from the last decrease; another `guess` takes its place.  `search` and `step_test` make the line
    search and the test for a step too small to go on.  `local`: the model comes from derivatives at x alone,
    so that there is nothing to forget when it fails; a direction of NaN says that they are not finite.
    """
    dot, copy, scale, combine = space.dot, space.copy, space.scale, space.combine
    evaluate, observe, refine = evaluator.evaluate, evaluator.observe, evaluator.refine
    norm = make_norm(space)
    remember, direct, escape = model
    first_trial = guess or (unit_after_first if unit_step else from_last_decrease)
    line_search = search(space, evaluate)
    small = step_test(space)

    @portable
    def descent(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one, two = real(0), real(1), real(2)
        g, p, x_trial, gradients = work[0], work[1], work[2], work[3:5]
        memory = work[SCRATCH_ROWS:]
        f = evaluate(problem, x, g)
        evaluations = 1
        iteration = 0
        maxiter = options.maxiter if options.maxiter >= 0 else 200 * x.size
        size = norm(g, options.norm)
        if f == -math.inf:
            return Outcome(UNBOUNDED, iteration, evaluations, f, age)
        if not (f < math.inf and size < math.inf):
            return Outcome(NOT_FINITE, iteration, evaluations, f, age)
        f_previous, fresh = carry[0], carry[1] > zero
        first = f_previous != f_previous  # nothing is carried: NaN
        if first:
            f_previous = f + math.sqrt(dot(g, g)) / two  # SciPy's guess: a first step of length one
            fresh = age == 0 and not local
        observe(problem, iteration, f)
        alpha = carry[2]
        while True:
            slope = zero
            stationary = size <= options.gtol
            if stationary:
                slope = escape(problem, x, p, g, memory, age, options)
                if not slope < zero:
                    return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            if not stationary:
                direct(problem, x, p, g, memory, age, options)
                slope = dot(g, p)
                if local and slope != slope:
                    return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if not (slope < zero and slope > -math.inf):
                age, fresh = 0, True
                copy(p, g)
                scale(p, -one)
                slope = dot(g, p)
                if not (slope < zero and slope > -math.inf):  # squares over- or underflow
                    scale(p, one / norm(g, real(math.inf)))
                    slope = dot(g, p)

            alpha = first_trial(first, fresh, f, f_previous, slope, alpha, x, g)
            limit = min(options.maxls, options.maxfun - evaluations)
            tolerance = options.ftol * max(abs(f), one)
            negligible = decrease_to_miss(tolerance, slope, g, x, f)
            found = line_search(
                problem, x, f, slope, p, alpha, x_trial, gradients, options.c1, options.c2, limit,
                negligible,
            )  # fmt: skip
            evaluations += found.evaluations
            quiet = found.outcome == ARRIVED
            arrived = quiet and (carry[QUIET] > zero if fresh else local or negligible == tolerance)
            arrived = arrived and negligible > zero
            if found.outcome == FAILED or (quiet and found.alpha == zero):
                if stationary:
                    return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
                if local and small(p, x, options):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if arrived:
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if refine(problem, x, g):
                    size = norm(g, options.norm)
                    continue
                if fresh or local:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age, fresh = 0, True  # forget the model and try along the gradient
                f_previous = f + math.sqrt(dot(g, g)) / two
                carry[0], carry[1], carry[QUIET] = f_previous, one, one if quiet else zero
                continue

            # p becomes the step s, g the change of the gradient y, then the new gradient.
            g_new = gradients[found.row]
            alpha = found.alpha
            small_direction = local and small(p, x, options)
            scale(p, alpha)
            combine(g, -one, one, g_new)
            copy(x, x_trial)
            age = remember(alpha, p, g, g_new, memory, age, options)
            copy(g, g_new)
            f_previous, f = f, found.f
            carry[0], carry[1], carry[2] = f_previous, zero, alpha
            carry[QUIET] = one if quiet else zero
            first = False
            iteration += 1
            size = norm(g, options.norm)
            stop = observe(problem, iteration, f)
            if found.outcome == MINUS_INFINITY or found.outcome == DESCENDS:
                return Outcome(UNBOUNDED, iteration, evaluations, f, age)
            if not size < math.inf:
                return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if (quiet or found.outcome == STUCK) and size > options.gtol:
                if small_direction:
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if arrived:
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)
                if refine(problem, x, g):
                    fresh, size = False, norm(g, options.norm)
                    continue
                if fresh:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                fresh = True
                if not local:
                    age = 0  # forget the model and go on along the gradient
                f_previous = f + math.sqrt(dot(g, g)) / two
                carry[0], carry[1] = f_previous, one
                continue
            fresh = False
            if size > options.gtol and found.outcome != DECREASE:
                # A search that shortened a Newton step says nothing about how far the minimum is.
                if small(p, x, options) and (small_direction or not local):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)

    return descent
