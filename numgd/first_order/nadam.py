"""NAdam: Adam with Nesterov momentum, whose decay rate μ grows from β₁/2 to β₁.

T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop, algorithm 2.
"""

from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 2e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8
    momentum_decay: NonNegative = 4e-3


@portable
def momentum(real, options, t):
    """μ of step t."""
    return options.beta1 * (real(1) - real(0.5) * real(0.96) ** (t * options.momentum_decay))


@portable
def coefficients(real, options, t, running):
    """Coefficients of the means and the denominator, and the step sizes along m and g.

    The product of all μ so far is kept in ``running[0]``.
    """
    one = real(1)
    now, next_one = momentum(real, options, t), momentum(real, options, t + one)
    product = now if t == 1 else running[0] * now
    running[0] = product
    along_m = options.learning_rate * next_one / (one - product * next_one)
    along_g = options.learning_rate * (one - now) / (one - product)
    return adam.means(real, options) + adam.scale(real, options, t) + (along_m, along_g)


@portable
def update(p, g, slots, c):
    """One parameter: θ ← θ − (η₁ m + η₂ g) / (√v̂ + ε) with Adam's m and v."""
    m, v = adam.moments(g, slots, c)
    return p - (c[6] * m + c[7] * g) / adam.denominator(v, c), (m, v)


RULE = Rule(
    name="nadam",
    optimizer="NAdam",
    summary="Adam with Nesterov's momentum.",
    formula=(
        "θ ← θ − η (μₜ₊₁ m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ)) / (√v̂ + ε), μₜ = β₁ (1 − ½ 0.96^(t "
        "`momentum_decay`)), Πₜ = μ₁ ⋯ μₜ"
    ),
    source="Dozat 2016",
    options=Options,
    slots=adam.RULE.slots,
    coefficients=coefficients,
    update=update,
)
