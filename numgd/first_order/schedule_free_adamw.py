"""Schedule-free AdamW: schedule-free descent along gradients scaled by Adam's second moment.

A. Defazio, X. Yang, H. Mehta, K. Mishchenko, A. Khaled and A. Cutkosky, "The road less scheduled", NeurIPS
2024, algorithm 1, with the bias correction and the weights of the authors' code.
"""

import math
from typing import NamedTuple

from numgd.first_order import schedule_free_sgd
from numgd.first_order.comparisons import start_or
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative, OpenFraction
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters; those of the average are as in schedule-free gradient descent."""

    learning_rate: NonNegative = 2.5e-3
    beta1: OpenFraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8
    weight_decay: NonNegative = 0.0
    warmup_steps: NonNegative = 0.0
    weight_power: NonNegative = 0.0
    weight_rate_power: NonNegative = 2.0


@portable
def coefficients(real, options, t, running):
    """Coefficients of the average, decay of v and its complement, the bias correction, ε and λ."""
    one, beta2 = real(1), options.beta2
    average = schedule_free_sgd.weights(real, options, options.beta1, t, running)
    return average + (beta2, one - beta2, math.sqrt(one - beta2**t), options.eps, options.weight_decay)


@portable
def update(p, g, slots, c):
    """One parameter: v ← β₂ v + (1 − β₂) g², and the schedule-free step along g / (√v̂ + ε) + λ y."""
    v = c[5] * slots[1] + c[6] * g * g
    scaled = g / (math.sqrt(v) / c[7] + c[8]) + c[9] * p
    y, z = schedule_free_sgd.move(p, start_or(c[0], p, slots[0]), scaled, c)
    return y, (z, v)


RULE = Rule(
    name="schedule-free-adamw",
    optimizer="ScheduleFreeAdamW",
    summary="AdamW with an average instead of a schedule.",
    formula="as `schedule-free-sgd` with γ = β₁ and g / (√v̂ + ε) + λ θ for g",
    source="Defazio et al. 2024",
    options=Options,
    slots=("z", "v"),
    coefficients=coefficients,
    update=update,
    position=schedule_free_sgd.position,
)
