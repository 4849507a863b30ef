"""NAdamW: NAdam (Dozat, 2016) with decoupled weight decay (Loshchilov & Hutter, 2019)."""

from typing import Any, NamedTuple

from numgd.first_order import nadam
from numgd.first_order.decoupled import with_weight_decay


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: Any = 2e-3
    beta1: Any = 0.9
    beta2: Any = 0.999
    eps: Any = 1e-8
    momentum_decay: Any = 4e-3
    weight_decay: Any = 0.01


SLOTS = nadam.SLOTS
coefficients, update = with_weight_decay(nadam.coefficients, nadam.update)
