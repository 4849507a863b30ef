"""RMSprop: the gradient is divided by the root of a running mean of its square.

T. Tieleman and G. Hinton, Neural Networks for Machine Learning, Coursera (2012), lecture 6.5.
"""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    decay: Fraction = 0.9
    eps: NonNegative = 1e-8


@portable
def coefficients(real, options, t, running):
    """Step size, decay of the mean and its complement, ε."""
    return options.learning_rate, options.decay, real(1) - options.decay, options.eps


@portable
def mean_square(g, v, c):
    """The updated mean of g²."""
    return c[1] * v + c[2] * g * g


@portable
def scaled(g, v, c):
    """The gradient divided by √v + ε."""
    return g / (math.sqrt(v) + c[3])


@portable
def update(p, g, slots, c):
    """One parameter: v ← ρ v + (1 − ρ) g², θ ← θ − η g / (√v + ε)."""
    v = mean_square(g, slots[0], c)
    return p - c[0] * scaled(g, v, c), (v,)


RULE = Rule(
    name="rmsprop",
    optimizer="RMSprop",
    summary="RMSprop.",
    formula="v ← ρ v + (1 − ρ) g², θ ← θ − η g / (√v + ε)",
    source="Tieleman & Hinton 2012",
    options=Options,
    slots=("v",),
    coefficients=coefficients,
    update=update,
)
