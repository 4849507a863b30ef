"""How a layer is written as ONNX operators, and operators are read as layers."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Exchange(NamedTuple):
    """Both directions between a layer and the operators of ONNX.

    Attributes
    ----------
    layer : type, optional
        None for operators that no layer is written as.
    write : callable, optional
        ``write(layer, at) -> name``: adds nodes to ``at``, a `numgd.nn.exchange.onnx.writer.Place`, and
        returns the name of the result.
    read : dict of str to callable
        By the name of an operator ``read(node)``, which returns what the result of a
        `numgd.nn.exchange.onnx.reader.Node` is in the network.
    elementwise : bool
        Whether the layer computes each number from one at the same place.
    """

    layer: type | None = None
    write: Callable | None = None
    read: Mapping[str, Callable] = MappingProxyType({})
    elementwise: bool = False
