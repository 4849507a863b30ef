"""LARS: momentum with steps of a length that is a fixed fraction of the norm of each layer's weights.

Y. You, I. Gitman and B. Ginsburg, "Large batch training of convolutional networks", arXiv:1708.03888 (2017),
algorithm 1.
"""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1.0
    momentum: UnitInterval = 0.9
    weight_decay: NonNegative = 0.0
    trust_coefficient: NonNegative = 1e-3


@portable
def coefficients(real, options, t, running):
    """Decay of the velocity, and λ."""
    return options.momentum, options.weight_decay


@portable
def measure(p, g, slots, c):
    """θ² and g², to be summed over a layer."""
    return p * p, g * g


@portable
def adapt(real, options, c, sums, running):
    """The step size: η times the trust coefficient times ‖θ‖ / (‖g‖ + λ ‖θ‖), or η if ‖θ‖ = 0."""
    size, slope = math.sqrt(sums[0]), math.sqrt(sums[1])
    rate, whole = options.learning_rate, slope + options.weight_decay * size
    if size != 0 and whole != 0:
        rate = rate * options.trust_coefficient * size / whole
    return c + (rate,)


@portable
def update(p, g, slots, c):
    """One parameter: v ← γ v + η' (g + λ θ), θ ← θ − v."""
    v = c[0] * slots[0] + c[2] * (g + c[1] * p)
    return p - v, (v,)


RULE = Rule(
    name="lars",
    optimizer="LARS",
    summary="Momentum with steps in proportion to each array's norm.",
    formula=(
        "v ← γ v + η κ ‖θ‖ / (‖g‖ + λ ‖θ‖) (g + λ θ), θ ← θ − v, norms over each array; κ is "
        "`trust_coefficient`"
    ),
    source="You, Gitman & Ginsburg 2017",
    options=Options,
    slots=("v",),
    coefficients=coefficients,
    update=update,
    measure=measure,
    adapt=adapt,
)
