"""Backtracking: shorter steps, by interpolation, until the function has decreased enough.

L. Armijo, Pacific J. Math. 16 (1966) 1-3; interpolation: Nocedal & Wright, section 3.5.
"""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable
from numgd.second_order.line_search import FAILED, MINUS_INFINITY, WOLFE, Found

LEAST, MOST = 0.1, 0.5
"""Bounds on the ratio of a trial step to the previous one."""


@portable
def parabola_minimizer(real, slope0, a, rise):
    """Minimiser of the parabola with a given slope at 0 that has risen by `rise` at a (eq. 3.58)."""
    return -slope0 * a * a / (real(2) * (rise - slope0 * a))


@portable
def cubic_minimizer(real, slope0, a, rise_a, b, rise_b):
    """Minimiser of the cubic with that slope at 0 through two points (eq. 3.59)."""
    above_a, above_b = (rise_a - slope0 * a) / (a * a), (rise_b - slope0 * b) / (b * b)
    cube = (above_b - above_a) / (b - a)
    square = above_a - a * cube
    radicand = max(square * square - real(3) * cube * slope0, real(0))
    # This form of the root avoids a difference of nearly equal numbers.
    return -slope0 / (square + math.sqrt(radicand))


def make_armijo(space, value):
    """The search over a space; `value(problem, x)` returns the value."""
    step = space.step

    @portable
    def armijo(problem, x, f0, slope0, p, alpha, x_trial, c1, limit):
        """Search along p from x, first trying `alpha`, for at most `limit` evaluations.

        On return `x_trial` is x + alpha p; the `row` of the result has no meaning.
        """
        real = x.dtype.type
        last, last_f = real(0), f0
        for count in range(limit):
            step(x_trial, x, alpha, p)
            f = value(problem, x_trial)
            if f == -math.inf:
                return Found(MINUS_INFINITY, alpha, f, 0, count + 1)
            if f <= f0 + c1 * alpha * slope0 and f < f0:
                return Found(WOLFE, alpha, f, 0, count + 1)
            trial = real(LEAST) * alpha
            if f < math.inf:
                trial = parabola_minimizer(real, slope0, alpha, f - f0)
                if last_f < math.inf and last > real(0):
                    trial = cubic_minimizer(real, slope0, alpha, f - f0, last, last_f - f0)
            last, last_f = alpha, f
            shorter = trial if trial > real(LEAST) * alpha else real(LEAST) * alpha
            alpha = min(shorter, real(MOST) * alpha)
            if alpha * -slope0 < real(0.1) * epsilon(x) * abs(f0):
                return Found(FAILED, real(0), f0, 0, count + 1)  # any decrease would be hidden
        return Found(FAILED, real(0), f0, 0, limit)

    return armijo
