"""Distances from prototypes: a factor times the sums of (x − prototype)², over an axis of prototypes."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.tensors import Lazy
from numgd.nn.layers import RadialBasis


def write_radial_basis(layer, at):
    """Unsqueeze, Sub, Mul, and ReduceSum."""
    prototypes = at.constant(layer.prototypes.astype(at.dtype))
    beside = at.add("Unsqueeze", at.x[0], at.constant(np.array([1])))
    apart = at.add("Sub", beside, prototypes)
    squares = at.add("Mul", apart, apart)
    if layer.factor != 1:
        squares = at.add("Mul", squares, layer.factor)
    return at.add("ReduceSum", squares, at.constant(np.array([2])), keepdims=0)


class Distances(Lazy):
    """Vectors with an axis of prototypes, at one of the steps to the sums."""

    def __init__(self, node, value, prototypes=None, factor=None):
        self.node, self.value, self.prototypes, self.factor = node, value, prototypes, factor

    def after(self, node, given):
        """The next step."""
        first, second = given if len(given) == 2 else (None, None)
        if self.prototypes is None:
            if node.operator == "Sub" and first is self and isinstance(second, np.ndarray):
                return Distances(node, self.value, second)
        elif node.operator == "Mul" and self.factor is None and first is second:
            return Distances(node, self.value, self.prototypes, 1.0)
        elif node.operator == "Mul" and self.factor is not None and getattr(second, "size", 0) == 1:
            return Distances(node, self.value, self.prototypes, self.factor * float(second.reshape(())))
        return None

    def _make(self):
        raise self.node.error("numgd adds an axis of prototypes only for distances from these")


def read_unsqueeze(node):
    """Unsqueeze of vectors that are compared with prototypes."""
    value, axes = node.value(), node.integers("axes", 1, ())
    if len(value.shape) != 1 or axes != (1,):
        raise ValueError(f"axes are {axes}; numgd adds no axes to values")
    return Distances(node, value)


def read_sum(node):
    """ReduceSum of squares."""
    squares, axes = node.tensor(), node.integers("axes", 1, ())
    if not isinstance(squares, Distances) or squares.factor is None:
        raise ValueError("numgd has sums over axes only in distances from prototypes")
    if axes != (2,) or node.attribute("keepdims", 1):
        raise ValueError(f"axes are {axes}; of distances they must be 2, without keepdims")
    node.require("noop_with_empty_axes", 0)
    prototypes = squares.value.own_order(squares.prototypes)
    return node.add(RadialBasis(prototypes, squares.factor), squares.value)


EXCHANGES = (Exchange(RadialBasis, write_radial_basis, {"Unsqueeze": read_unsqueeze, "ReduceSum": read_sum}),)
