"""AdaMax: Adam with a decaying maximum of |g| in place of the root mean square.

D. P. Kingma and J. Ba, ICLR 2015, algorithm 2.
"""

from typing import NamedTuple

from numgd.first_order.comparisons import larger
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 2e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8


@portable
def coefficients(real, options, t, running):
    """Decay of the mean and its complement, decay of the maximum, ε, and the bias-corrected step size."""
    one = real(1)
    rate = options.learning_rate / (one - options.beta1**t)
    return options.beta1, one - options.beta1, options.beta2, options.eps, rate


@portable
def update(p, g, slots, c):
    """One parameter: m ← β₁ m + (1 − β₁) g, u ← max(β₂ u, |g| + ε), θ ← θ − η m̂ / u."""
    beta1, rest1, beta2, eps, rate = c
    m, u = slots
    m = beta1 * m + rest1 * g
    u = larger(beta2 * u, abs(g) + eps)
    return p - rate * m / u, (m, u)


RULE = Rule(
    name="adamax",
    optimizer="Adamax",
    summary="Adam with the infinity norm.",
    formula="u ← max(β₂ u, |g| + ε), θ ← θ − η m̂ / u",
    source="Kingma & Ba 2015",
    options=Options,
    slots=("m", "u"),
    coefficients=coefficients,
    update=update,
)
