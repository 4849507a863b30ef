"""AdaBelief: Adam with the mean square of g − m, the surprise, in place of that of g.

J. Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients", NeurIPS 2020,
algorithm 2; ε is added to s at every step and to √ŝ.
"""

from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-16


coefficients = adam.coefficients


@portable
def update(p, g, slots, c):
    """One parameter: s ← β₂ s + (1 − β₂) (g − m)² + ε, θ ← θ − η m̂ / (√ŝ + ε) with Adam's m."""
    beta1, rest1, beta2, rest2, eps = c[:5]
    m, s = slots
    m = beta1 * m + rest1 * g
    surprise = g - m
    s = beta2 * s + rest2 * surprise * surprise + eps
    return p - adam.step(m, s, c), (m, s)


RULE = Rule(
    name="adabelief",
    optimizer="AdaBelief",
    summary="Adam by the variance about the mean.",
    formula="s ← β₂ s + (1 − β₂) (g − m)² + ε, θ ← θ − η m̂ / (√ŝ + ε)",
    source="Zhuang et al. 2020",
    options=Options,
    slots=("m", "s"),
    coefficients=coefficients,
    update=update,
)
