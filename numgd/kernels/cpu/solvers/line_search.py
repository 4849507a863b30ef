"""One line search on the host for a compiled objective."""

import math
from typing import Annotated, NamedTuple

import numpy as np

from numgd.foundations.ranges import Below, Finite, LimitFromOne, OpenFraction, Positive
from numgd.foundations.schemes import NO_CURVATURE
from numgd.foundations.spaces import SERIAL
from numgd.jit.making import made_once
from numgd.jit.pointers import HOLDS_GIL
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.solvers.host_evaluator import NFEV, NJEV, REFINED, REPLACED, Problem, make_evaluator
from numgd.second_order.backtracking import make_armijo
from numgd.second_order.hager_zhang import make_hager_zhang
from numgd.second_order.line_search import FAILED, Found, make_strong_wolfe

# Rows of scratch memory, before those of the host
START, TRIAL, GRADIENTS = 0, 1, 2  # gradient at the start, trial point, two gradients there
OWN_ROWS = 4


class Limits(NamedTuple):
    """Where a line search starts, and when it may end; the numbers are in the dtype of x."""

    f0: Finite  # value at x; NaN if it and the gradient are unknown
    alpha: Positive  # first trial step
    c1: Annotated[OpenFraction, Below("c2")]  # sufficient decrease
    c2: OpenFraction  # curvature
    maxls: LimitFromOne  # evaluations


def _make_search(name, evaluator):
    """The named ``search(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit)``."""
    if name == "strong-wolfe":
        return make_strong_wolfe(SERIAL, evaluator.evaluate)
    if name == "hager-zhang":
        return make_hager_zhang(SERIAL, evaluator.evaluate)
    armijo = make_armijo(SERIAL, evaluator.value)

    @portable
    def search(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit):
        return armijo(problem, x, f0, slope0, p, alpha, x_trial, c1, limit)

    return search


@made_once
def line_search(name):
    """The compiled line search with a name: ``"armijo"``, ``"strong-wolfe"`` or ``"hager-zhang"``.

    ``line_search(name)(x, p, work, limits, function, context, scheme, steps, report)`` searches along p
    from x and returns the slope at x and a `Found`, with the gradient there in row GRADIENTS + ``row`` of
    `work`, of shape (OWN_ROWS + host rows, n).  Row START holds the gradient at x, given by the caller or
    computed here.  The search fails at once if the slope is not negative.
    """
    evaluator = make_evaluator(SERIAL)
    evaluate, dot = evaluator.evaluate, SERIAL.dot
    search = _make_search(name, evaluator)

    @compiled(f"search-{name}")
    def along(x, p, work, limits, function, context, scheme, steps, report):
        report[NFEV] = 0
        report[NJEV] = 0
        report[REPLACED] = 0
        report[REFINED] = 0
        none = work[:0]
        problem = Problem(
            function, context, scheme, steps, report, work[OWN_ROWS:], HOLDS_GIL, 0, NO_CURVATURE, none, none
        )
        start = work[START]
        f0 = limits.f0
        if f0 != f0:
            f0 = evaluate(problem, x, start)
        zero = x.dtype.type(0)
        slope0 = dot(start, p) if abs(f0) < math.inf else x.dtype.type(math.nan)
        if not (slope0 < zero and slope0 > -math.inf):
            return slope0, Found(FAILED, zero, f0, 1, 0)
        gradients = work[GRADIENTS:OWN_ROWS]
        found = search(
            problem, x, f0, slope0, p, limits.alpha, work[TRIAL], gradients, limits.c1, limits.c2,
            limits.maxls,
        )  # fmt: skip
        return slope0, found

    return along


def scratch(n, dtype, host_rows):
    """Scratch memory for a line search."""
    return np.empty((OWN_ROWS + host_rows, n), dtype)
