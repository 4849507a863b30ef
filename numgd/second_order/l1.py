"""The composite objective F(x) = f(x) + l1 ‖x‖₁ + ½ l2 ‖x‖² of sparse methods, and its subgradient.

With bounds, F is infinite outside the box; empty arrays mean no bounds.
"""

from typing import Any, NamedTuple

from numgd.foundations.spaces import make_norm
from numgd.jit.portable import portable
from numgd.second_order.box import make_projected_norm


@portable
def absolute_sum(x):
    """‖x‖₁."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += abs(x[i])
    return total


class Composite(NamedTuple):
    """The composite objective over a space, for a driver's `Evaluator`.

    The smooth part is f(x) + ½ l2 ‖x‖²; `options` hold l1 and l2.
    """

    evaluate: Any  # evaluate(problem, x, g, options) -> the smooth part, and writes its gradient to g
    value: Any  # value(problem, x, options) -> the smooth part
    gradient: Any  # gradient(problem, x, g, options): its gradient, at the point of the last `value`
    penalty: Any  # penalty(x, options) -> l1 ‖x‖₁
    refine: Any  # refine(problem, x, g, options): that of `Evaluator`, for the gradient of the smooth part


def make_composite(space, evaluator):
    """The composite objective of a problem."""
    dot, axpy = space.dot, space.axpy
    smooth, smooth_value, smooth_gradient = evaluator.evaluate, evaluator.value, evaluator.gradient
    refine_smooth, sum_of_magnitudes = evaluator.refine, space.form(absolute_sum)

    @portable
    def ridge(x, options):
        if options.l2 == x.dtype.type(0):
            return x.dtype.type(0)
        return x.dtype.type(0.5) * options.l2 * dot(x, x)

    @portable
    def evaluate(problem, x, g, options):
        f = smooth(problem, x, g)
        axpy(g, options.l2, x)
        return f + ridge(x, options)

    @portable
    def value(problem, x, options):
        return smooth_value(problem, x) + ridge(x, options)

    @portable
    def gradient(problem, x, g, options):
        smooth_gradient(problem, x, g)
        axpy(g, options.l2, x)

    @portable
    def penalty(x, options):
        return options.l1 * sum_of_magnitudes(x)

    @portable
    def refine(problem, x, g, options):
        if not refine_smooth(problem, x, g):
            return False
        axpy(g, options.l2, x)
        return True

    return Composite(evaluate, value, gradient, penalty, refine)


@portable
def minimum_norm_subgradient(out, x, g, l1, lower, upper):
    """Write to `out` the subgradient of least norm of F, whose smooth part has the gradient g.

    It is zero exactly at a minimum (G. Andrew and J. Gao, ICML 2007, eq. 4).  At a bound, a component along
    which F descends outwards is zero too.
    """
    zero = x.dtype.type(0)
    for i in range(x.size):
        if x[i] > zero:
            out[i] = g[i] + l1
        elif x[i] < zero or g[i] > l1:
            out[i] = g[i] - l1
        elif g[i] < -l1:
            out[i] = g[i] + l1
        else:
            out[i] = zero if g[i] == g[i] else g[i]
    for i in range(lower.size):
        if (x[i] <= lower[i] and out[i] > zero) or (x[i] >= upper[i] and out[i] < zero):
            out[i] = zero


def make_distance(space):
    """Functions ``distance`` and ``measure``: how far a point is from a minimum.

    ``distance(v, x, options, lower, upper, scratch)`` is the norm of the subgradient v, cut where the step −v
    reaches a bound; ``measure(v, x, g, options, lower, upper, scratch)`` writes that subgradient first.
    """
    norm, projected_norm = make_norm(space), make_projected_norm(space)
    subgradient = space.form(minimum_norm_subgradient)

    @portable
    def distance(v, x, options, lower, upper, scratch):
        if lower.size == 0:
            return norm(v, options.norm)
        return projected_norm(x, v, options.norm, lower, upper, scratch)

    @portable
    def measure(v, x, g, options, lower, upper, scratch):
        subgradient(v, x, g, options.l1, lower, upper)
        return distance(v, x, options, lower, upper, scratch)

    return distance, measure


@portable
def soft_threshold(out, x, a, g, threshold):
    """out = the minimiser of ½‖z − (x − a g)‖² + threshold ‖z‖₁ over z."""
    real = x.dtype.type
    for i in range(x.size):
        z = x[i] - a * g[i]
        if z > threshold:
            out[i] = z - threshold
        elif z < -threshold:
            out[i] = z + threshold
        else:
            out[i] = real(0) if z == z else z
