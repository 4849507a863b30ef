"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019, algorithm 2)."""

from typing import NamedTuple

from numgd.first_order import adam
from numgd.first_order.decoupled import with_weight_decay
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8
    weight_decay: NonNegative = 0.01


coefficients, update = with_weight_decay(adam.coefficients, adam.update)


RULE = Rule(
    name="adamw",
    optimizer="AdamW",
    summary="Adam with decoupled weight decay.",
    formula="θ ← (1 − η λ) θ, then Adam",
    source="Loshchilov & Hutter 2019",
    options=Options,
    slots=adam.RULE.slots,
    coefficients=coefficients,
    update=update,
)
