"""Adam (Kingma & Ba, ICLR 2015, algorithm 1), and functions that its variants share."""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8


@portable
def means(real, options):
    """Coefficients of both running means: each decay rate and its complement."""
    one = real(1)
    return options.beta1, one - options.beta1, options.beta2, one - options.beta2


@portable
def scale(real, options, t):
    """Coefficients of the denominator: ε, and the bias correction √(1 − β₂ᵗ)."""
    return options.eps, math.sqrt(real(1) - options.beta2**t)


@portable
def coefficients(real, options, t, running):
    """Coefficients of the means and the denominator, and the step size with the bias correction 1 − β₁ᵗ."""
    rate = options.learning_rate / (real(1) - options.beta1**t)
    return means(real, options) + scale(real, options, t) + (rate,)


@portable
def moments(g, slots, c):
    """The updated means of g and g²."""
    return c[0] * slots[0] + c[1] * g, c[2] * slots[1] + c[3] * g * g


@portable
def denominator(v, c):
    """√v̂ + ε."""
    return math.sqrt(v) / c[5] + c[4]


@portable
def step(m, v, c):
    """η m̂ / (√v̂ + ε)."""
    return c[6] * m / denominator(v, c)


@portable
def update(p, g, slots, c):
    """One parameter: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η m̂ / (√v̂ + ε)."""
    m, v = moments(g, slots, c)
    return p - step(m, v, c), (m, v)


RULE = Rule(
    name="adam",
    optimizer="Adam",
    summary="Adam.",
    formula="θ ← θ − η m̂ / (√v̂ + ε)",
    source="Kingma & Ba 2015",
    options=Options,
    slots=("m", "v"),
    coefficients=coefficients,
    update=update,
)
