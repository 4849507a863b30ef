"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019, algorithm 2)."""

from typing import Any, NamedTuple

from numgd.first_order import adam
from numgd.first_order.decoupled import with_weight_decay


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: Any = 1e-3
    beta1: Any = 0.9
    beta2: Any = 0.999
    eps: Any = 1e-8
    weight_decay: Any = 0.01


SLOTS = adam.SLOTS
coefficients, update = with_weight_decay(adam.coefficients, adam.update)
