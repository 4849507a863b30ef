"""Yogi: Adam whose v moves towards g² by a step that does not depend on the distance.

M. Zaheer, S. Reddi, D. Sachan, S. Kale and S. Kumar, "Adaptive methods for nonconvex optimization", NeurIPS
2018, algorithm 2, with Adam's bias corrections and a small initial value of both means.
"""

from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.comparisons import with_sign
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-3
    initial_accumulator: NonNegative = 1e-6


coefficients = adam.coefficients


@portable
def initial(real, options):
    """Initial values of both means."""
    return options.initial_accumulator, options.initial_accumulator


@portable
def update(p, g, slots, c):
    """One parameter: v ← v − (1 − β₂) sign(v − g²) g², θ ← θ − η m̂ / (√v̂ + ε) with Adam's m."""
    beta1, rest1, _, rest2 = c[:4]
    m, v = slots
    square = g * g
    m = beta1 * m + rest1 * g
    v = v - with_sign(rest2 * square, v - square)
    return p - adam.step(m, v, c), (m, v)


RULE = Rule(
    name="yogi",
    optimizer="Yogi",
    summary="Adam with an additive second moment.",
    formula=(
        "v ← v − (1 − β₂) sign(v − g²) g², θ ← θ − η m̂ / (√v̂ + ε); m and v from `initial_accumulator` on"
    ),
    source="Zaheer et al. 2018",
    options=Options,
    slots=("m", "v"),
    coefficients=coefficients,
    update=update,
    initial=initial,
)
