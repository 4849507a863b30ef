"""Adagrad: the step of each parameter is divided by the root of the sum of all its squared gradients.

J. Duchi, E. Hazan and Y. Singer, J. Mach. Learn. Res. 12 (2011) 2121-2159, with the diagonal matrix.
"""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 0.01
    learning_rate_decay: NonNegative = 0.0
    initial_accumulator: NonNegative = 0.0
    eps: NonNegative = 1e-10


@portable
def initial(real, options):
    """Initial value of the sum."""
    return (options.initial_accumulator,)


@portable
def coefficients(real, options, t, running):
    """The step size, which `learning_rate_decay` shrinks with t, and ε."""
    one = real(1)
    return options.learning_rate / (one + (t - one) * options.learning_rate_decay), options.eps


@portable
def update(p, g, slots, c):
    """One parameter: s ← s + g², θ ← θ − η g / (√s + ε)."""
    rate, eps = c
    s = slots[0] + g * g
    return p - rate * g / (math.sqrt(s) + eps), (s,)


RULE = Rule(
    name="adagrad",
    optimizer="Adagrad",
    summary="Adagrad.",
    formula=(
        "s ← s + g², θ ← θ − ηₜ g / (√s + ε), ηₜ = η / (1 + (t − 1) `learning_rate_decay`); s from "
        "`initial_accumulator` on"
    ),
    source="Duchi, Hazan & Singer 2011",
    options=Options,
    slots=("s",),
    coefficients=coefficients,
    update=update,
    initial=initial,
)
