"""Adadelta: the step has the units of the parameter, whatever the units of the gradient.

M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1.
"""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1.0
    decay: Fraction = 0.9
    eps: NonNegative = 1e-6


@portable
def coefficients(real, options, t, running):
    """Step size, decay of both means and its complement, ε."""
    return options.learning_rate, options.decay, real(1) - options.decay, options.eps


@portable
def update(p, g, slots, c):
    """One parameter: v ← ρ v + (1 − ρ) g², δ = g √(d + ε) / √(v + ε), d ← ρ d + (1 − ρ) δ², θ ← θ − η δ."""
    rate, decay, rest, eps = c
    v, d = slots
    v = decay * v + rest * g * g
    change = math.sqrt((d + eps) / (v + eps)) * g
    return p - rate * change, (v, decay * d + rest * change * change)


RULE = Rule(
    name="adadelta",
    optimizer="Adadelta",
    summary="Adadelta.",
    formula="v ← ρ v + (1 − ρ) g², δ = g √((d + ε) / (v + ε)), d ← ρ d + (1 − ρ) δ², θ ← θ − η δ",
    source="Zeiler 2012",
    options=Options,
    slots=("v", "d"),
    coefficients=coefficients,
    update=update,
)
