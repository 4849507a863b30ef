"""Prodigy: Adam whose step size is an estimate of the distance to the solution.

K. Mishchenko and A. Defazio, "Prodigy: an expeditiously adaptive parameter-free learner", ICML 2024,
algorithm 4, with the momentum of the numerator from the authors' code and its option ``decouple``.
"""

import math
from typing import Annotated, NamedTuple

from numgd.first_order.comparisons import larger, start_or
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, Interval, NonNegative, Positive
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters; `learning_rate` multiplies the estimate d of the distance, which starts at `d0`."""

    learning_rate: NonNegative = 1.0
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8
    weight_decay: NonNegative = 0.0
    d0: Positive = 1e-6
    d_factor: Positive = 1.0
    growth_rate: Annotated[float, Interval("[1, inf]")] = math.inf


@portable
def coefficients(real, options, t, running):
    """Whether this is the first step, the weights of the running means, and the step size d η.

    The estimate d, its numerator and the largest estimate are kept in `running`.
    """
    zero, one = real(0), real(1)
    first = one if t == one else zero
    if t == one:
        running[0] = options.d0
        running[1] = zero
        running[2] = options.d0
    d, beta1, beta2 = running[0], options.beta1, options.beta2
    rate = d * options.learning_rate
    return (
        first,
        beta1,
        d * (one - beta1),
        beta2,
        d * d * (one - beta2),
        math.sqrt(beta2),
        d / options.d0 * rate,
        rate,
        rate * options.weight_decay,
    )


@portable
def measure(p, g, slots, c):
    """Terms of ⟨g, θ₀ − θ⟩ and of the 1-norm of s."""
    return g * (start_or(c[0], p, slots[3]) - p), abs(c[5] * slots[2] + c[6] * g)


@portable
def adapt(real, options, c, sums, running):
    """The next estimate d: the largest quotient of both sums so far, growing by at most `growth_rate`.

    If s is zero, the step size is zero.
    """
    rate, d = c[7], running[0]
    if sums[1] != 0:
        numerator = c[5] * running[1] + c[6] * sums[0]
        estimate = options.d_factor * numerator / sums[1]
        if d == options.d0:
            d = larger(d, estimate)
        largest = larger(running[2], estimate)
        most = d * options.growth_rate
        d = most if largest > most else largest
        running[0] = d
        running[1] = numerator
        running[2] = largest
    else:
        rate = real(0)
    return c + (rate, d * options.eps)


@portable
def update(p, g, slots, c):
    """One parameter: θ ← (1 − d η λ) θ − d η m / (√v + d ε)."""
    start = start_or(c[0], p, slots[3])
    m = c[1] * slots[0] + c[2] * g
    v = c[3] * slots[1] + c[4] * g * g
    s = c[5] * slots[2] + c[6] * g
    moved = p - c[8] * p if c[9] > 0 else p
    return moved - c[9] * m / (math.sqrt(v) + c[10]), (m, v, s, start)


RULE = Rule(
    name="prodigy",
    optimizer="Prodigy",
    summary="Adam that estimates its step size.",
    formula=(
        "m ← β₁ m + (1 − β₁) d g, v ← β₂ v + (1 − β₂) d² g², s ← √β₂ s + d² η g, "
        "r ← √β₂ r + d² η ⟨g, θ₀ − θ⟩, θ ← (1 − d η λ) θ − d η m / (√v + d ε), d ← max(d, r / ‖s‖₁) from "
        "`d0` on, sums over all arrays of one dtype and group"
    ),
    source="Mishchenko & Defazio 2024",
    options=Options,
    slots=("m", "v", "s", "start"),
    coefficients=coefficients,
    update=update,
    measure=measure,
    adapt=adapt,
    scope="all",
)
