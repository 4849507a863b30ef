"""Lion: steps of fixed length along the sign of a mean of gradients, with decoupled weight decay.

X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
"""

from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.comparisons import with_sign
from numgd.first_order.decoupled import with_weight_decay
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-4
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    weight_decay: NonNegative = 0.0


@portable
def _coefficients(real, options, t, running):
    """Weights of m and g in the direction and in the next m, and the step size."""
    return adam.means(real, options) + (options.learning_rate,)


@portable
def _update(p, g, slots, c):
    """One parameter: θ ← θ − η sign(β₁ m + (1 − β₁) g), m ← β₂ m + (1 − β₂) g."""
    beta1, rest1, beta2, rest2, rate = c
    m = slots[0]
    return p - with_sign(rate, beta1 * m + rest1 * g), (beta2 * m + rest2 * g,)


coefficients, update = with_weight_decay(_coefficients, _update)


RULE = Rule(
    name="lion",
    optimizer="Lion",
    summary="Steps by the sign of a momentum.",
    formula="θ ← (1 − η λ) θ − η sign(β₁ m + (1 − β₁) g), m ← β₂ m + (1 − β₂) g",
    source="Chen et al. 2023",
    options=Options,
    slots=("m",),
    coefficients=coefficients,
    update=update,
)
