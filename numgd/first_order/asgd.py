"""Averaged gradient descent: steps that shrink with t, and the average of the iterates.

B. T. Polyak and A. B. Juditsky, SIAM J. Control Optim. 30 (1992) 838-855; the step sizes are those of W. Xu,
"Towards optimal one pass large scale learning with averaged stochastic gradient descent", arXiv:1107.2490.
"""

from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative, Start
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters.

    `decay` is λ, the strength of a penalty ½ λ θ²; the average starts with the point of step
    ``averaging_start + 2``.
    """

    learning_rate: NonNegative = 0.01
    decay: NonNegative = 1e-4
    power: NonNegative = 0.75
    averaging_start: Start = 1e6


@portable
def coefficients(real, options, t, running):
    """Step size, the fraction that a parameter loses, the weights of the new point and of the old average."""
    one = real(1)
    before = t - one
    rate = options.learning_rate / (one + options.decay * options.learning_rate * before) ** options.power
    weight = one / max(one, before - options.averaging_start)
    return rate, rate * options.decay, weight, one - weight


@portable
def update(p, g, slots, c):
    """One parameter: θ ← θ − η (g + λ θ), and the average of θ."""
    rate, lost, weight, rest = c
    p = p - (rate * g + lost * p)
    return p, (rest * slots[0] + weight * p,)


@portable
def position(p, slots, c):
    """The average; before averaging starts, θ itself."""
    return slots[0]


RULE = Rule(
    name="asgd",
    optimizer="ASGD",
    summary="Averaged gradient descent.",
    formula=(
        "θ ← θ − ηₜ (g + ρ θ), ηₜ = η / (1 + ρ η (t − 1))^`power`, and the average of θ from step "
        "`averaging_start` + 2 on"
    ),
    source="Polyak & Juditsky 1992; Xu 2011",
    options=Options,
    slots=("average",),
    coefficients=coefficients,
    update=update,
    position=position,
)
