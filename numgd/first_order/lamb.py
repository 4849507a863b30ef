"""LAMB: Adam with steps scaled to the norm of each layer's weights, and weight decay in the direction.

Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020,
algorithm 2, with φ(z) = z and Adam's bias corrections.
"""

import math
from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-6
    weight_decay: NonNegative = 0.0


@portable
def coefficients(real, options, t, running):
    """Adam's coefficients for a step size of one, and λ."""
    rate = real(1) / (real(1) - options.beta1**t)
    return adam.means(real, options) + adam.scale(real, options, t) + (rate, options.weight_decay)


@portable
def direction(p, m, v, c):
    """m̂ / (√v̂ + ε) + λ θ."""
    return adam.step(m, v, c) + c[7] * p


@portable
def measure(p, g, slots, c):
    """θ² and the square of the direction, to be summed over a layer."""
    m, v = adam.moments(g, slots, c)
    r = direction(p, m, v, c)
    return p * p, r * r


@portable
def adapt(real, options, c, sums, running):
    """The step size: η ‖θ‖ / ‖r‖, or η if either norm is 0."""
    rate = options.learning_rate
    if sums[0] != 0 and sums[1] != 0:
        rate = rate * math.sqrt(sums[0]) / math.sqrt(sums[1])
    return c + (rate,)


@portable
def update(p, g, slots, c):
    """One parameter: r = m̂ / (√v̂ + ε) + λ θ, θ ← θ − η ‖θ‖ / ‖r‖ r with Adam's m and v."""
    m, v = adam.moments(g, slots, c)
    return p - c[8] * direction(p, m, v, c), (m, v)


RULE = Rule(
    name="lamb",
    optimizer="LAMB",
    summary="Adam with steps as long as each array's norm.",
    formula="r = m̂ / (√v̂ + ε) + λ θ, θ ← θ − η ‖θ‖ / ‖r‖ r, norms over each array",
    source="You et al. 2020",
    options=Options,
    slots=("m", "v"),
    coefficients=coefficients,
    update=update,
    measure=measure,
    adapt=adapt,
)
