"""Gradient descent: θ ← θ − η g."""

from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3


@portable
def coefficients(real, options, t, running):
    """The step size."""
    return (options.learning_rate,)


@portable
def update(p, g, slots, c):
    """One parameter."""
    return p - c[0] * g, slots


RULE = Rule(
    name="gd",
    aliases=("sgd",),
    optimizer="SGD",
    summary="Gradient descent, stochastic where the gradients are.",
    formula="θ ← θ − η g",
    source="",
    options=Options,
    slots=(),
    coefficients=coefficients,
    update=update,
)
