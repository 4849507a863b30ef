"""The loop that turns an update rule into a minimisation method.

The iterates of a rule do not descend monotonically, so the loop keeps and returns the best point seen, unless
the gradient test is satisfied at a point whose value is no higher than the first one.
"""

import math
from typing import NamedTuple

from numgd.first_order.apply import make_apply, make_start
from numgd.foundations.ranges import Limit, LimitFromOne, NormOrder, Tolerance
from numgd.foundations.spaces import make_norm
from numgd.foundations.status import (
    CALLBACK,
    CONVERGED_GRADIENT,
    MAXFUN,
    MAXITER,
    NOT_FINITE,
    UNBOUNDED,
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable

SCRATCH_ROWS = 3  # gradient, best point, gradient there


class LoopOptions(NamedTuple):
    """Options of every rule as a method, in addition to the rule's own hyper-parameters."""

    gtol: Tolerance = 1e-5  # stop when the norm of the gradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    maxiter: Limit = 10_000
    maxfun: LimitFromOne = UNLIMITED


def make_rule_descent(space, evaluator, rule):
    """The loop over a space for one rule."""
    evaluate, observe = evaluator.evaluate, evaluator.observe
    copy = space.copy
    norm = make_norm(space)
    apply = space.form(make_apply)(rule)
    start = space.form(make_start)(rule)

    @portable
    def descent(problem, x, work, carry, options, age):
        real = x.dtype.type
        g, best_x, best_g = work[0], work[1], work[2]
        slots = work[SCRATCH_ROWS:]
        if age == 0:
            start(slots, options)
        f = evaluate(problem, x, g)
        evaluations = 1
        iteration = 0
        first_f = best_f = f
        copy(best_x, x)
        copy(best_g, g)
        stop = observe(problem, iteration, f)
        while True:
            size = norm(g, options.norm)
            if not (abs(f) < math.inf and size < math.inf):
                status = UNBOUNDED if f == -math.inf else NOT_FINITE
                break
            if f < best_f:
                best_f = f
                copy(best_x, x)
                copy(best_g, g)
            if size <= options.gtol and f <= first_f:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if stop:
                status = CALLBACK
                break
            if iteration >= options.maxiter:
                status = MAXITER
                break
            if evaluations >= options.maxfun:
                status = MAXFUN
                break
            age += 1
            apply(x, g, slots, options, real(age), carry)
            f = evaluate(problem, x, g)
            evaluations += 1
            iteration += 1
            stop = observe(problem, iteration, f)
        copy(x, best_x)
        copy(g, best_g)
        return Outcome(status, iteration, evaluations, best_f, age)

    return descent
