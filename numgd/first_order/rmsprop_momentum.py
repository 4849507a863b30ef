"""RMSprop with momentum: a velocity accumulates the scaled gradients, and the parameters follow it.

The form is that of A. Graves, arXiv:1308.0850 (2013), eqs. 38-45, without its mean of the gradient and with
the step size outside the velocity.
"""

from typing import NamedTuple

from numgd.first_order import rmsprop
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    decay: Fraction = 0.9
    eps: NonNegative = 1e-8
    momentum: UnitInterval = 0.9
    eps_root: NonNegative = 0.0


@portable
def coefficients(real, options, t, running):
    """Coefficients of RMSprop, and the decay of the velocity."""
    return rmsprop.coefficients(real, options, t, running) + (options.momentum,)


@portable
def follow(p, g, v, b, c):
    """Parameter and velocity after b ← μ b + g / (√(v + ε_root) + ε), θ ← θ − η b."""
    b = c[5] * b + rmsprop.scaled(g, v, c)
    return p - c[0] * b, b


@portable
def update(p, g, slots, c):
    """One parameter."""
    v = rmsprop.mean_square(g, slots[0], c)
    p, b = follow(p, g, v, slots[1], c)
    return p, (v, b)


RULE = Rule(
    name="rmsprop-momentum",
    optimizer="RMSpropMomentum",
    summary="RMSprop with momentum.",
    formula="v ← ρ v + (1 − ρ) g², b ← γ b + g / (√(v + `eps_root`) + ε), θ ← θ − η b",
    source="Graves 2013",
    options=Options,
    slots=("v", "b"),
    coefficients=coefficients,
    update=update,
)
