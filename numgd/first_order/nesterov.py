"""Nesterov's accelerated gradient: v ← γ v + η g(θ − γ v), θ ← θ − v.

The parameters are the point φ = θ − γ v at which the gradient is taken, so that a gradient at the parameters
is the one that the formula needs.  In terms of φ it reads v ← γ v + η g(φ), φ ← φ − η g(φ) − γ v.

Y. Nesterov, Soviet Math. Doklady 27 (1983) 372-376; the form with a velocity is eqs. 3 and 4 of I. Sutskever,
J. Martens, G. Dahl and G. Hinton, ICML 2013.
"""

from typing import NamedTuple

from numgd.first_order import momentum
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    momentum: UnitInterval = 0.9


@portable
def coefficients(real, options, t, running):
    """Step size and decay of the velocity."""
    return options.learning_rate, options.momentum


@portable
def update(p, g, slots, c):
    """One parameter."""
    rate, decay = c
    v = momentum.velocity(g, slots, c)
    return p - rate * g - decay * v, (v,)


@portable
def position(p, slots, c):
    """θ = φ + γ v."""
    return p + c[1] * slots[0]


RULE = Rule(
    name="nesterov",
    aliases=("nag",),
    optimizer="Nesterov",
    summary="Gradient descent with Nesterov's momentum.",
    formula="v ← γ v + η g, φ ← φ − η g − γ v, where φ = θ − γ v",
    source="Nesterov 1983; Sutskever et al. 2013",
    options=Options,
    slots=momentum.RULE.slots,
    coefficients=coefficients,
    update=update,
    position=position,
)
