"""NAdamW: NAdam (Dozat, 2016) with decoupled weight decay (Loshchilov & Hutter, 2019)."""

from typing import NamedTuple

from numgd.first_order import nadam
from numgd.first_order.decoupled import with_weight_decay
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Fraction, NonNegative


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: NonNegative = 2e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: NonNegative = 1e-8
    momentum_decay: NonNegative = 4e-3
    weight_decay: NonNegative = 0.01


coefficients, update = with_weight_decay(nadam.coefficients, nadam.update)


RULE = Rule(
    name="nadamw",
    optimizer="NAdamW",
    summary="NAdam with decoupled weight decay.",
    formula="θ ← (1 − η λ) θ, then NAdam",
    source="Dozat 2016; Loshchilov & Hutter 2019",
    options=Options,
    slots=nadam.RULE.slots,
    coefficients=coefficients,
    update=update,
)
