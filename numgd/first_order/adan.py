"""Adan: Nesterov momentum from gradients and their differences, divided by a root mean square of both.

X. Xie, P. Zhou, H. Li, Z. Lin and S. Yan, "Adan: adaptive Nesterov momentum algorithm for faster optimizing
deep models", IEEE Trans. Pattern Anal. Mach. Intell. 46 (2024) 9508-9520, algorithm 1, with the bias
corrections of the authors' code; β₁, β₂ and β₃ are the paper's 1 − β₁, 1 − β₂ and 1 − β₃.
"""

import math
from typing import NamedTuple

from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    beta1: Fraction = 0.98
    beta2: Fraction = 0.92
    beta3: Fraction = 0.99
    eps: NonNegative = 1e-8
    weight_decay: NonNegative = 0.0


@portable
def coefficients(real, options, t, running):
    """1 if differences count, else 0; the decay rates and complements; the denominator; the step sizes."""
    one = real(1)
    beta1, beta2, beta3 = options.beta1, options.beta2, options.beta3
    counts = one if t > one else real(0)
    rate = options.learning_rate
    along_m, along_v = rate / (one - beta1**t), rate * beta2 / (one - beta2**t)
    decays = (beta1, one - beta1, beta2, one - beta2, beta3, one - beta3)
    scale = (math.sqrt(one - beta3**t), options.eps)
    return (counts,) + decays + scale + (along_m, along_v, one + rate * options.weight_decay)


@portable
def update(p, g, slots, c):
    """One parameter: a step along (m̂ + β₂ v̂) / (√n̂ + ε), then the proximal step of the weight decay."""
    m, v, n, before = slots
    change = c[0] * (g - before)
    m = c[1] * m + c[2] * g
    v = c[3] * v + c[4] * change
    ahead = g + c[3] * change
    n = c[5] * n + c[6] * ahead * ahead
    size = math.sqrt(n) / c[7] + c[8]
    return (p - (c[9] * m + c[10] * v) / size) / c[11], (m, v, n, g)


RULE = Rule(
    name="adan",
    optimizer="Adan",
    summary="Adam with Nesterov's momentum by differences of gradients.",
    formula=(
        "d = g − g₋, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) d, n ← β₃ n + (1 − β₃) (g + β₂ d)², "
        "θ ← (θ − η (m̂ + β₂ v̂) / (√n̂ + ε)) / (1 + η λ), g₋ the gradient before"
    ),
    source="Xie et al. 2024",
    options=Options,
    slots=("m", "v", "n", "previous"),
    coefficients=coefficients,
    update=update,
)
