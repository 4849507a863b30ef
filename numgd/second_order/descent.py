"""The loop that all line-search methods share: a direction, a strong-Wolfe step, an update of the model."""

import math
from typing import Annotated, Any, NamedTuple

from numgd.foundations.ranges import Below, Limit, LimitFromOne, NormOrder, OpenFraction, Tolerance
from numgd.foundations.spaces import make_norm
from numgd.foundations.status import (
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    GOING_ON,
    LINE_SEARCH_FAILED,
    MAXFUN,
    NOT_FINITE,
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order.line_search import (
    ARRIVED,
    STUCK,
    WOLFE,
    make_strong_wolfe,
    nothing_found,
    unbounded,
)
from numgd.second_order.stopping import (
    AUTOMATIC,
    iteration_limit,
    make_negligible_decrease,
    make_relative_step_test,
    status_after_step,
    status_at_limits,
    status_at_start,
    status_of_step,
)

SCRATCH_ROWS = 5  # gradient, direction, trial point, two trial gradients

# Places in `carry`.
F_PREVIOUS = 0  # the value before the last step
FRESH = 1  # 1 if the model has just been forgotten, so that the next direction is the negative gradient
LENGTH = 2  # of the last step
QUIET = 3  # 1 if the last search found nothing better, and the slopes predicted that; see `confirmed`


class DescentOptions(NamedTuple):
    """Options of the line-search methods, under SciPy's names."""

    gtol: Tolerance = 1e-5  # stop when the norm of the gradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the relative length of the step is at most this; 0: never
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0: never
    c1: Annotated[OpenFraction, Below("c2")] = 1e-4  # sufficient decrease
    c2: OpenFraction = 0.9  # curvature
    maxiter: Limit = AUTOMATIC  # 200 n
    maxfun: LimitFromOne = UNLIMITED
    maxls: LimitFromOne = 100  # evaluations in one line search


@portable
def no_escape(problem, x, p, g, memory, age, options):
    """The `escape` of a method that treats every stationary point as a minimum."""
    return g.dtype.type(0)


class Model(NamedTuple):
    """What distinguishes one line-search method from another, over one space.

    remember(alpha, s, y, g, memory, age, options) -> age updates the model after an accepted step s of length
    alpha, with the change y of the gradient, which it may overwrite, and the new gradient g.  direct(problem,
    x, p, g, memory, age, options) writes the next direction to p and leaves its other arguments unchanged; at
    age 0 it is −g, unless the model is `local`.  escape(problem, x, p, g, memory, age, options) is called at
    a point where the gradient is within gtol: it writes a direction of negative curvature to p and returns
    the mean slope along it, or returns 0 for a minimum.
    """

    remember: Any
    direct: Any
    escape: Any = no_escape


# The first trial step of a line search: guess(first, fresh, f, f_previous, slope, alpha, x, g).  `first` is
# true in the first iteration of a run and `fresh` without a model; `alpha` is the length of the last step.


@portable
def from_last_decrease(first, fresh, f, f_previous, slope, alpha, x, g):
    """SciPy's guess: the function decreases as much as it did in the last iteration."""
    real = x.dtype.type
    guess = min(real(1), real(2.02) * (f - f_previous) / slope)
    return guess if guess > real(0) else real(1)


@portable
def unit_after_first(first, fresh, f, f_previous, slope, alpha, x, g):
    """One, except in the first iteration: for directions that have a natural length from the second on."""
    if first:
        return from_last_decrease(first, fresh, f, f_previous, slope, alpha, x, g)
    return x.dtype.type(1)


@portable
def unit(first, fresh, f, f_previous, slope, alpha, x, g):
    """One: for Newton steps."""
    return x.dtype.type(1)


@portable
def is_descent(slope):
    """Whether a slope is negative and finite."""
    return slope < 0 and slope > -math.inf


@portable
def confirmed(outcome, fresh, local, carry, negligible, tolerance):
    """Whether a search with this outcome shows that its start is a minimum, within ftol or rounding.

    Where rounding decides, one direction is not enough: the model's direction and then the negative gradient
    (`fresh`) have to agree.
    """
    if outcome != ARRIVED or not negligible > 0:
        return False
    return carry[QUIET] > 0 if fresh else local or negligible == tolerance


@portable
def status_of_stop(moved, stationary, small, arrived, evaluations, options):
    """Status when a search ends at its start or, if `moved`, where rounding leaves no better point."""
    if stationary and not moved:
        return CONVERGED_GRADIENT
    if small:
        return CONVERGED_STEP
    if arrived:
        return CONVERGED_FUNCTION
    if evaluations >= options.maxfun and not moved:
        return MAXFUN
    return GOING_ON


def make_steepest(space):
    """Function ``steepest(p, g)``, which returns the slope along p and whether p was scaled.

    It writes −g to p, or −g / max |gᵢ| where the squares of −g over- or underflow.
    """
    dot, max_abs, copy, scale = space.dot, space.max_abs, space.copy, space.scale

    @portable
    def steepest(p, g):
        one = g.dtype.type(1)
        copy(p, g)
        scale(p, -one)
        slope = dot(g, p)
        if is_descent(slope):
            return slope, False
        scale(p, one / max_abs(g))
        return dot(g, p), True

    return steepest


def make_carrying(space, local):
    """Functions ``resume(carry, f, g, age)`` and ``forget(carry, f, g, quiet)`` for the contents of `carry`.

    `resume` returns the previous value, whether the next direction is the negative gradient, the length of
    the last step, and whether the run is new; `forget` returns the previous value for a search along the
    negative gradient.
    """
    dot = space.dot

    @portable
    def previous_value(f, g):
        """The previous value for which SciPy's guess is a step of length one."""
        return f + math.sqrt(dot(g, g)) / g.dtype.type(2)

    @portable
    def resume(carry, f, g, age):
        if carry[F_PREVIOUS] != carry[F_PREVIOUS]:  # nothing is carried: NaN
            return previous_value(f, g), age == 0 and not local, carry[LENGTH], True
        return carry[F_PREVIOUS], carry[FRESH] > 0, carry[LENGTH], False

    @portable
    def forget(carry, f, g, quiet):
        carry[F_PREVIOUS] = previous_value(f, g)
        carry[FRESH], carry[QUIET] = 1, quiet
        return carry[F_PREVIOUS]

    return resume, forget


def make_search_along(space, evaluate, search, local):
    """Function that searches along p; it returns what was found and whether x is `confirmed` as a minimum."""
    line_search, negligible_decrease = search(space, evaluate), make_negligible_decrease(space)

    @portable
    def search_along(problem, x, f, g, slope, p, alpha, x_trial, gradients, fresh, carry, left, options):
        limit = min(options.maxls, left)
        tolerance = options.ftol * max(abs(f), x.dtype.type(1))
        negligible = negligible_decrease(tolerance, slope, g, x, f)
        found = line_search(
            problem, x, f, slope, p, alpha, x_trial, gradients, options.c1, options.c2, limit, negligible
        )
        return found, confirmed(found.outcome, fresh, local, carry, negligible, tolerance)

    return search_along


def make_advance(space, remember):
    """Function that moves x to the point that a search found and updates the model; returns the new age.

    On return p is the step s and g the new gradient.
    """
    copy, scale, combine = space.copy, space.scale, space.combine

    @portable
    def advance(found, x, f, x_trial, p, g, gradients, carry, memory, age, options):
        one = x.dtype.type(1)
        g_new = gradients[found.row]
        scale(p, found.alpha)
        combine(g, -one, one, g_new)  # y
        copy(x, x_trial)
        age = remember(found.alpha, p, g, g_new, memory, age, options)
        copy(g, g_new)
        carry[F_PREVIOUS], carry[FRESH], carry[LENGTH] = f, 0, found.alpha
        carry[QUIET] = found.outcome == ARRIVED
        return age

    return advance


def make_descent(
    space,
    evaluator,
    model,
    guess=from_last_decrease,
    search=make_strong_wolfe,
    step_test=make_relative_step_test,
    local=False,
):
    """The loop over a space for one method.

    `guess` gives the first trial step; `search` and `step_test` make the line search and the test of the
    length of a step.  A `local` model consists of derivatives at x alone, so there is nothing to forget when
    it fails; a NaN direction means that they are not finite.
    """
    dot = space.dot
    evaluate, observe, refine = evaluator.evaluate, evaluator.observe, evaluator.refine
    norm, steepest = make_norm(space), make_steepest(space)
    resume, forget = make_carrying(space, local)
    direct, escape = model.direct, model.escape
    search_along = make_search_along(space, evaluate, search, local)
    advance = make_advance(space, model.remember)
    small = step_test(space)

    @portable
    def descent(problem, x, work, carry, options, age):
        g, p, x_trial, gradients, memory = work[0], work[1], work[2], work[3:5], work[SCRATCH_ROWS:]
        maxiter = iteration_limit(options, x)
        f = evaluate(problem, x, g)
        evaluations, iteration = 1, 0
        size = norm(g, options.norm)
        status = status_at_start(f, size)
        if status != GOING_ON:
            return Outcome(status, iteration, evaluations, f, age)
        f_previous, fresh, alpha, first = resume(carry, f, g, age)
        observe(problem, iteration, f)
        while True:
            slope = x.dtype.type(0)
            stationary = size <= options.gtol
            if stationary:
                slope = escape(problem, x, p, g, memory, age, options)
                if not slope < 0:
                    return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            status = status_at_limits(iteration, evaluations, maxiter, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            if not stationary:
                direct(problem, x, p, g, memory, age, options)
                slope = dot(g, p)
                if local and slope != slope:
                    return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if not is_descent(slope):
                age, fresh = 0, True
                slope, _ = steepest(p, g)

            alpha = guess(first, fresh, f, f_previous, slope, alpha, x, g)
            found, arrived = search_along(
                problem, x, f, g, slope, p, alpha, x_trial, gradients, fresh, carry,
                options.maxfun - evaluations, options,
            )  # fmt: skip
            evaluations += found.evaluations
            quiet = found.outcome == ARRIVED
            moved = not nothing_found(found)
            small_direction = local and small(p, x, options)
            if moved:
                age = advance(found, x, f, x_trial, p, g, gradients, carry, memory, age, options)
                f_previous, f, alpha = f, found.f, found.alpha
                first = False
                iteration += 1
                size = norm(g, options.norm)
                stop = observe(problem, iteration, f)
                status = status_after_step(unbounded(found), size, stop)
                if status == GOING_ON and size > options.gtol and found.outcome == WOLFE:
                    # A search that shortened a Newton step says nothing about how far away the minimum is.
                    near = small(p, x, options) and (small_direction or not local)
                    status = status_of_step(near, f_previous, f, x, options)
                if status != GOING_ON:
                    return Outcome(status, iteration, evaluations, f, age)
                if size <= options.gtol or not (quiet or found.outcome == STUCK):
                    fresh = False
                    continue
            # Up to rounding, there is no lower point along p.
            status = status_of_stop(moved, stationary, small_direction, arrived, evaluations, options)
            if status == GOING_ON and refine(problem, x, g):
                fresh, size = fresh and not moved, norm(g, options.norm)
                continue
            if status == GOING_ON and (fresh or (local and not moved)):
                status = LINE_SEARCH_FAILED
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            # Forget the model and continue along the negative gradient.
            age, fresh = age if local else 0, True
            f_previous = forget(carry, f, g, quiet)

    return descent
