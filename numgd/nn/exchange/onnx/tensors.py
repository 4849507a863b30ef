"""What the tensors of a model are in the network that is read from it.

Some are no value of the network by themselves, because several nodes of a model together are one layer:
`Expression`, `Padded`, `Pooled` and `Grouped`.  The next node may know what to do with them; any other one
settles them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numgd.nn.exchange.onnx.layouts import permuted, to_channels_first
from numgd.nn.layers import AvgPool2d

NUMBERS = np.linspace(-12, 12, 97)
"""What functions of single numbers are recognised by; ±1 and 0 are among them."""

MOST_OPERATORS = 16
"""Operators in a row that are one activation at most."""


@dataclass(frozen=True, eq=False)
class Value:
    """A value of the network.

    Attributes
    ----------
    source : str
        Name of the node of the graph that computes it.
    tensor : str
        Name of the model's tensor that it is.
    shape : tuple
        In the network: without the batch, channels last.
    last : bool
        Whether the channels are last in the model's tensor too.
    order : array or None
        Where the features of the model's tensor lie in the network's, if they are ordered otherwise.
    """

    source: str
    tensor: str
    shape: tuple
    last: bool = False
    order: Any = None

    def settle(self):
        """The value itself."""
        return self

    @property
    def axes(self):
        """Number of axes, with the batch."""
        return len(self.shape) + 1

    @property
    def channel_axis(self):
        """The axis of the channels in the model's tensor."""
        return len(self.shape) if self.last else 1

    @property
    def model_shape(self):
        """The shape of the model's tensor, without the batch."""
        if self.last:
            return self.shape
        return permuted((None, *self.shape), to_channels_first(len(self.shape) + 1))[1:]

    def own_order(self, array):
        """Numbers for each feature of the model's tensor, in the network's order; along the last axis."""
        return array if self.order is None else np.take(array, np.argsort(self.order), -1)

    def per_channel(self, array):
        """One number per channel from an array that is broadcast along all other axes."""
        axes, channels = self.axes, self.shape[-1]
        wanted = tuple(channels if axis == self.channel_axis else 1 for axis in range(axes))
        given = (1,) * (axes - array.ndim) + array.shape
        if given != wanted:
            raise ValueError(
                f"takes constants of one number or one per channel, which is shape {wanted}; they have "
                f"{array.shape}"
            )
        return self.own_order(array.reshape(-1))


class Lazy:
    """A tensor that becomes a value of the network when it is needed as such."""

    _settled: Value | None = None

    def after(self, node, given):
        """What an elementwise operator, whose inputs are given, makes of it; None for nothing special."""

    def settle(self):
        """The value; raises ValueError if the network cannot compute it."""
        if self._settled is None:
            self._settled = self._make()
        return self._settled


class Expression(Lazy):
    """A function of single numbers.

    Parameters
    ----------
    node : Node
        The last operator.
    curves : dict
        The function's values at `NUMBERS`, by the tensor that it is taken as a function of: from the
        earliest tensor to an input of the last operator.
    summed : tuple of tensors
        The inputs of the last operator, if that is a sum.
    axes : int
        Number of axes, with the batch.
    """

    def __init__(self, node, curves, summed, axes):
        self.node, self.curves, self.summed, self.axes = node, curves, summed, axes

    @classmethod
    def of(cls, node, compute, given):
        """What an operator makes of tensors and numbers; ``compute(*numbers)`` computes it."""
        tensors = [expressed(one) for one in given if is_tensor(one)]
        sums = node.operator in ("Add", "Sum") and len(tensors) == len(given)
        summed = tuple(tensors) if sums and len(tensors) > 1 else ()
        first, *others = map(_curves, tensors)
        shared = [tensor for tensor in first if all(tensor in curves for curves in others)]
        curves = {}
        for tensor in shared[-MOST_OPERATORS:]:
            taken = (found[tensor] for found in (first, *others))
            curves[tensor] = compute(*(next(taken) if is_tensor(one) else one for one in given))
        return cls(node, curves, summed, tensors[0].axes)

    def _make(self):
        for tensor, curve in self.curves.items():
            found = self.node.function_of(tensor, curve)
            if found is not None:
                return found
        return self.node.sum_of([tensor.settle() for tensor in self.summed])


def is_tensor(one):
    """Whether an input of a node is not constant."""
    return isinstance(one, Value | Lazy)


def expressed(tensor):
    """A tensor as a value or an expression."""
    return tensor if isinstance(tensor, Expression) else tensor.settle()


def _curves(tensor):
    """A tensor as a function of those before it and of itself."""
    return {**getattr(tensor, "curves", {}), tensor: NUMBERS}


class Padded(Lazy):
    """An image with a border of one number, which convolutions and pools can apply themselves."""

    def __init__(self, node, value, sides, number):
        self.node, self.value, self.sides, self.number = node, value, sides, number

    def _make(self):
        raise self.node.error(
            f"pads are {self.sides} (top, bottom, left, right): numgd pads only as a part of convolutions, "
            "with zeros, and of pools"
        )


class Pooled(Lazy):
    """The mean over a whole image, as an image of one pixel."""

    def __init__(self, node, value):
        self.node, self.value = node, value

    @property
    def last(self):
        """Whether the channels are last in the model's tensor."""
        return self.value.last

    @property
    def model_shape(self):
        """The shape of the model's tensor, without the batch."""
        channels = self.value.shape[2]
        return (1, 1, channels) if self.last else (channels, 1, 1)

    def _make(self):
        return self.node.add(AvgPool2d(self.value.shape[:2]), self.value)


class Grouped(Lazy):
    """A value in the shape (batch, groups, …)."""

    def __init__(self, node, value, groups):
        self.node, self.value, self.groups = node, value, groups

    def _make(self):
        raise self.node.error(
            f"gives {self.groups} groups of numbers: numgd reads this only before InstanceNormalization"
        )
