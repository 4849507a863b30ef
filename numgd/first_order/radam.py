"""Rectified Adam: plain momentum while v̂ is based on few gradients, then Adam with a rectified step size.

L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020, algorithm 2, with ε
added to √v and the threshold ρ > 5 instead of the paper's 4.
"""

import math

from numgd.first_order import adam
from numgd.first_order.rule import Rule
from numgd.jit.portable import portable

Options = adam.Options


@portable
def coefficients(real, options, t, running):
    """Coefficients of the means, ε, and step sizes without and with the denominator, one of which is 0."""
    zero, one, two, four = real(0), real(1), real(2), real(4)
    power = options.beta2**t
    most = two / (one - options.beta2) - one
    length = most - two * t * power / (one - power)  # ρ: number of gradients that v̂ is based on
    plain = options.learning_rate / (one - options.beta1**t)
    adaptive = zero
    if length > real(5):
        over = (length - four) * (length - two) * most
        under = (most - four) * (most - two) * length
        adaptive = plain * math.sqrt(one - power) * math.sqrt(over / under)
        plain = zero
    return adam.means(real, options) + (options.eps, plain, adaptive)


@portable
def update(p, g, slots, c):
    """One parameter: θ ← θ − (η₁ + η₂ / (√v + ε)) m with Adam's m and v."""
    m, v = adam.moments(g, slots, c)
    return p - (c[5] + c[6] / (math.sqrt(v) + c[4])) * m, (m, v)


RULE = Rule(
    name="radam",
    optimizer="RAdam",
    summary="Adam with a rectified variance.",
    formula=(
        "while ρₜ ≤ 5 θ ← θ − η m̂, then θ ← θ − η r m̂ √(1 − β₂ᵗ) / (√v + ε); ρₜ = ρ∞ − 2 t β₂ᵗ / "
        "(1 − β₂ᵗ), ρ∞ = 2 / (1 − β₂) − 1, r² = (ρₜ − 4) (ρₜ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρₜ)"
    ),
    source="Liu et al. 2020",
    options=Options,
    slots=adam.RULE.slots,
    coefficients=coefficients,
    update=update,
)
