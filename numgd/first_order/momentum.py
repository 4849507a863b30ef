"""Momentum: v ← γ v + (1 − δ) η g, θ ← θ − v (Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1-17).

The dampening δ of gradients begins with the second step, as in PyTorch.
"""

from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    momentum: UnitInterval = 0.9
    dampening: UnitInterval = 0.0


@portable
def coefficients(real, options, t, running):
    """Factor of the gradient and decay of the velocity."""
    share = real(1) - options.dampening if t > 1 else real(1)
    return options.learning_rate * share, options.momentum


@portable
def velocity(g, slots, c):
    """The next velocity."""
    return c[1] * slots[0] + c[0] * g


@portable
def update(p, g, slots, c):
    """One parameter."""
    v = velocity(g, slots, c)
    return p - v, (v,)


RULE = Rule(
    name="momentum",
    optimizer="Momentum",
    summary="Gradient descent with momentum.",
    formula="v ← γ v + (1 − `dampening`) η g, θ ← θ − v; the first gradient is not dampened",
    source="Polyak 1964",
    options=Options,
    slots=("v",),
    coefficients=coefficients,
    update=update,
)
