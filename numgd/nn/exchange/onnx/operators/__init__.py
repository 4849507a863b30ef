"""The layers in terms of ONNX's operators, and the operators in terms of layers."""

from numgd.nn.exchange.onnx.operators import (
    adaptive_pool,
    constants,
    convolutions,
    dense,
    elementwise,
    local_response_norm,
    norms,
    per_channel,
    pools,
    radial_basis,
    shapes,
    shortcuts,
    sums,
)

_ALL = [
    exchange
    for module in (
        adaptive_pool,
        constants,
        convolutions,
        dense,
        elementwise,
        local_response_norm,
        norms,
        per_channel,
        pools,
        radial_basis,
        shapes,
        shortcuts,
        sums,
    )
    for exchange in module.EXCHANGES
]

EXCHANGES = {exchange.layer: exchange for exchange in _ALL if exchange.layer is not None}
"""How each layer is written."""

COMPUTED = constants.COMPUTED | dict.fromkeys(elementwise.OPERATORS, elementwise.of_constants)
"""How operators are computed whose inputs are all constant."""

READERS = {operator: read for exchange in _ALL for operator, read in exchange.read.items()}
"""How each operator is read."""
