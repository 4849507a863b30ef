"""Schedule-free gradient descent: an average of the iterates instead of a decaying learning rate.

The parameters are the point y at which the gradient is taken.  The rule's solution, to be used once training
ends, is the average x, which `position` returns: y = (1 − γ) z + γ x.

A. Defazio, X. Yang, H. Mehta, K. Mishchenko, A. Khaled and A. Cutkosky, "The road less scheduled", NeurIPS
2024, with the weights of the authors' code.
"""

from typing import NamedTuple

from numgd.first_order.comparisons import start_or
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative, OpenFraction
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters.

    The learning rate grows over `warmup_steps`.  A point's weight in the average is
    ``t**weight_power`` times the largest learning rate so far to the power `weight_rate_power`.
    """

    learning_rate: NonNegative = 1.0
    momentum: OpenFraction = 0.9
    warmup_steps: NonNegative = 0.0
    weight_power: NonNegative = 0.0
    weight_rate_power: NonNegative = 2.0


@portable
def weights(real, options, momentum, t, running):
    """Whether this is the first step, γ, η, the weight of z in the average, and the step of y along g.

    The sum of all weights so far is kept in ``running[0]``, the largest learning rate in ``running[1]``.
    """
    zero, one = real(0), real(1)
    first = one if t == one else zero
    rate = options.learning_rate
    if t < options.warmup_steps:
        rate = rate * t / options.warmup_steps
    largest = rate if t == one else max(rate, running[1])
    weight = t**options.weight_power * largest**options.weight_rate_power
    total = weight if t == one else running[0] + weight
    running[0] = total
    running[1] = largest
    share = weight / total if total > zero else zero
    return first, momentum, rate, share, rate * (momentum * (one - share) - one)


@portable
def move(p, z, g, c):
    """The next y and z."""
    return p + c[3] * (z - p) + c[4] * g, z - c[2] * g


@portable
def coefficients(real, options, t, running):
    """Coefficients of the average."""
    return weights(real, options, options.momentum, t, running)


@portable
def update(p, g, slots, c):
    """One parameter: y ← (1 − w) y + w z + η (γ (1 − w) − 1) g, z ← z − η g, where w is the weight of z."""
    y, z = move(p, start_or(c[0], p, slots[0]), g, c)
    return y, (z,)


@portable
def position(p, slots, c):
    """x = y + (1 − 1/γ) (z − y)."""
    return p + (1 - 1 / c[1]) * (slots[0] - p)


RULE = Rule(
    name="schedule-free-sgd",
    optimizer="ScheduleFreeSGD",
    summary="Gradient descent with an average instead of a schedule.",
    formula=(
        "z ← z − η g, x ← (1 − w) x + w z, θ = (1 − γ) z + γ x, where w is the share of the step in the sum "
        "of all weights tᵃ η_maxᵇ so far; a is `weight_power`, b `weight_rate_power`, and η grows over "
        "`warmup_steps`"
    ),
    source="Defazio et al. 2024",
    options=Options,
    slots=("z",),
    coefficients=coefficients,
    update=update,
    position=position,
)
