"""Changes to gradients and parameters besides a rule's own step: clipping, noise, decay and averages."""

import math

import numpy as np

from numgd.first_order.apply import make_change, make_measure
from numgd.foundations.random import normal
from numgd.jit.portable import portable


@portable
def clipped(g, factor, bound):
    """An element of a gradient times a factor, clipped to ±bound."""
    slope = factor * g
    slope = bound if slope > bound else slope
    return -bound if slope < -bound else slope


@portable
def norm_factor(real, square, max_norm):
    """Factor of a gradient that reduces its norm, the root of `square`, to at most `max_norm`."""
    return max_norm / math.sqrt(square) if square > max_norm * max_norm else real(1)


@portable
def shrinkage(weight_decay, decoupled, learning_rate):
    """The multiple of the parameters that is added to the gradients, and the factor of the parameters."""
    if decoupled:
        return 0.0, 1.0 - learning_rate * weight_decay
    return weight_decay, 1.0


@portable
def average_weights(ema, average_from, t):
    """The weights of the previous average and of the point after step t = 1, 2, … in the next average.

    The average is exponential with decay `ema` ≥ 0, or the mean from step ``average_from`` > 0 on.
    """
    if average_from > 0:
        weight = 1.0 / max(1.0, t - average_from + 1.0)
        return 1.0 - weight, weight
    decay = ema if t > 1 else 0.0
    return decay, 1.0 - decay


@portable
def noise_stream(t, group=0):
    """The stream of random numbers of step t, for a group of arrays."""
    return np.uint64(t) | np.uint64(group) << np.uint64(40)


@portable
def noise(real, deviation, seed, stream, i):
    """The noise added to element i of a gradient: a normal number with the given standard deviation."""
    return deviation * normal(real, seed, stream, np.uint64(i))


@portable
def noise_deviation(variance, decay, t):
    """Standard deviation in step t = 1, 2, …; Neelakantan et al., arXiv:1511.06807, equation 1."""
    return math.sqrt(variance / t**decay)


@portable
def treated(p, g, factor, bound, decay, keep):
    """A parameter and its gradient as a rule sees them."""
    return p * keep, clipped(g, factor, bound) + decay * p


@portable
def averaged(kept, x, old, new):
    """The next average from the previous one, which with the weight 0 may be anything, and a parameter."""
    return old * kept + new * x if old != 0 else new * x


def make_treated(rule, in_rows=False):
    """Functions ``change`` and ``measured`` of a rule that first treat the parameter and its gradient.

    ``change(i, p, g, factor, bound, decay, keep, slots, c)`` returns the next p.  ``measured(sums, i, …)``,
    with the same arguments, is that of `make_measure`, or None if the rule has no sums.
    """
    update = make_change(rule, in_rows)

    @portable
    def change(i, p, g, factor, bound, decay, keep, slots, c):
        kept, slope = treated(p, g, factor, bound, decay, keep)
        return update(i, kept, slope, slots, c)

    if rule.measure is None:
        return change, None
    measure = make_measure(rule, in_rows)

    @portable
    def measured(sums, i, p, g, factor, bound, decay, keep, slots, c):
        kept, slope = treated(p, g, factor, bound, decay, keep)
        return measure(sums, i, kept, slope, slots, c)

    return change, measured
