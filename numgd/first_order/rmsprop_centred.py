"""Centred RMSprop: the gradient is divided by its running standard deviation.

A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850 (2013), eqs. 38-45.  The
variance v − m² itself is updated, so there is no cancellation and rounding cannot make it negative.
"""

from typing import NamedTuple

from numgd.first_order import rmsprop_momentum
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    decay: Fraction = 0.9
    eps: NonNegative = 1e-8
    momentum: UnitInterval = 0.0
    eps_root: NonNegative = 0.0


coefficients = rmsprop_momentum.coefficients


@portable
def update(p, g, slots, c):
    """One parameter: d = g − m, m ← m + (1 − ρ) d, v ← ρ (v + (1 − ρ) d²), and a step of RMSprop."""
    decay, rest = c[1], c[2]
    m, variance, b = slots
    d = g - m
    variance = decay * (variance + rest * d * d)
    p, b = rmsprop_momentum.follow(p, g, variance, b, c)
    return p, (m + rest * d, variance, b)


RULE = Rule(
    name="rmsprop-centred",
    optimizer="RMSpropCentred",
    summary="RMSprop by the variance of gradients.",
    formula="RMSprop with momentum, with the variance v − m² for v, where m ← ρ m + (1 − ρ) g",
    source="Graves 2013",
    options=Options,
    slots=("m", "variance", "b"),
    coefficients=coefficients,
    update=update,
)
