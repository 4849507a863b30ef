"""The loop that all line-search methods share: a direction, a strong-Wolfe step, an update of the model."""

import math
from typing import Any, NamedTuple

from numgd.jit.portable import portable
from numgd.second_order.line_search import (
    DECREASE,
    DESCENDS,
    FAILED,
    MINUS_INFINITY,
    STUCK,
    make_strong_wolfe,
)
from numgd.spaces import make_norm
from numgd.status import (
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

SCRATCH_ROWS = 5  # gradient, direction, trial point, two trial gradients


AUTOMATIC = -1


class DescentOptions(NamedTuple):
    """Options of the line-search methods, under SciPy's names."""

    gtol: Any = 1e-5  # stop when the norm of the gradient is at most this
    norm: Any = math.inf  # order of that norm
    xrtol: Any = 0.0  # stop when the step is relatively at most this; 0 never
    ftol: Any = 0.0  # stop when the relative decrease is at most this; 0 never
    c1: Any = 1e-4  # sufficient decrease
    c2: Any = 0.9  # curvature
    maxiter: Any = AUTOMATIC  # 200 n
    maxfun: Any = UNLIMITED
    maxls: Any = 100  # evaluations in one line search


class Model(NamedTuple):
    """What distinguishes one line-search method from another, over one space.

    remember(s, y, g, memory, age) -> age takes in an accepted step s, the change y of the gradient and
    the new gradient g.  direct(p, g, memory, age) writes the next direction to p; at age 0 it is −g.
    """

    remember: Any
    direct: Any


def make_descent(space, evaluate, observe, model, unit_step):
    """The loop over a space for one method.

    `evaluate(problem, x, gradient) -> f` and `observe(problem, iteration, f) -> stop` belong to the
    driver; `problem` is theirs and passes through untouched.  `unit_step`: whether the first trial step is
    one (methods whose directions are well scaled) or SciPy's guess from the last decrease.
    """
    dot, copy, scale, combine = space.dot, space.copy, space.scale, space.combine
    norm = make_norm(space)
    remember, direct = model
    strong_wolfe = make_strong_wolfe(space, evaluate)

    @portable
    def descent(problem, x, work, options, age):
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
        f_previous = f + math.sqrt(dot(g, g)) / two  # SciPy's guess: a first step of length one
        fresh = age == 0
        observe(problem, iteration, f)
        direct(p, g, memory, age)
        while True:
            if size <= options.gtol:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            slope = dot(g, p)
            if not (slope < zero and slope > -math.inf):
                age, fresh = 0, True
                copy(p, g)
                scale(p, -one)
                slope = dot(g, p)
                if not (slope < zero and slope > -math.inf):  # squares over- or underflow
                    scale(p, one / norm(g, real(math.inf)))
                    slope = dot(g, p)

            alpha = one
            if iteration == 0 or not unit_step:
                alpha = min(one, real(2.02) * (f - f_previous) / slope)
                if not alpha > zero:
                    alpha = one
            limit = min(options.maxls, options.maxfun - evaluations)
            found = strong_wolfe(
                problem, x, f, slope, p, alpha, x_trial, gradients, options.c1, options.c2, limit
            )
            evaluations += found.evaluations
            if found.outcome == FAILED:
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if fresh:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age, fresh = 0, True  # forget the model and try along the gradient
                f_previous = f + math.sqrt(dot(g, g)) / two
                direct(p, g, memory, age)
                continue

            # p becomes the step s, g the change of the gradient y, then the new gradient.
            g_new = gradients[found.row]
            scale(p, found.alpha)
            combine(g, -one, one, g_new)
            copy(x, x_trial)
            age = remember(p, g, g_new, memory, age)
            copy(g, g_new)
            f_previous, f = f, found.f
            iteration += 1
            size = norm(g, options.norm)
            stop = observe(problem, iteration, f)
            if found.outcome == MINUS_INFINITY or found.outcome == DESCENDS:
                return Outcome(UNBOUNDED, iteration, evaluations, f, age)
            if not size < math.inf:
                return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if found.outcome == STUCK and size > options.gtol:
                if fresh:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age, fresh = 0, True  # forget the model and go on along the gradient
                f_previous = f + math.sqrt(dot(g, g)) / two
                direct(p, g, memory, age)
                continue
            fresh = False
            if size > options.gtol and found.outcome != DECREASE:
                if options.xrtol > zero and math.sqrt(dot(p, p)) <= options.xrtol * (
                    options.xrtol + math.sqrt(dot(x, x))
                ):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)
            direct(p, g, memory, age)

    return descent
