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
    eps_root: NonNegative = 0.0


@portable
def coefficients(real, options, t, running):
    """Step size, decay of the mean and its complement, ε outside the root and inside."""
    rest = real(1) - options.decay
    return options.learning_rate, options.decay, rest, options.eps, options.eps_root


@portable
def mean_square(g, v, c):
    """The updated mean of g²."""
    return c[1] * v + c[2] * g * g


@portable
def scaled(g, v, c):
    """The gradient divided by √(v + ε_root) + ε."""
    return g / (math.sqrt(v + c[4]) + c[3])


@portable
def update(p, g, slots, c):
    """One parameter: v ← ρ v + (1 − ρ) g², θ ← θ − η g / (√(v + ε_root) + ε)."""
    v = mean_square(g, slots[0], c)
    return p - c[0] * scaled(g, v, c), (v,)


RULE = Rule(
    name="rmsprop",
    optimizer="RMSprop",
    summary="RMSprop.",
    formula="v ← ρ v + (1 − ρ) g², θ ← θ − η g / (√(v + `eps_root`) + ε)",
    source="Tieleman & Hinton 2012",
    options=Options,
    slots=("v",),
    coefficients=coefficients,
    update=update,
)
