"""Convolutions whose results each take only some channels, by a table of connections."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from numgd.foundations.ranges import Flag, Whole, checked
from numgd.kernels.layers import memory
from numgd.kernels.layers import places as kernels
from numgd.nn.initialisers import INITIALISERS, InitialiserName
from numgd.nn.layers.conv2d import Conv2d
from numgd.nn.layers.layer import Layer, Parameter


@dataclass(frozen=True, eq=False)
class ConnectedConv2d(Layer):
    """A convolution of images in which each channel of the result takes some channels of the image.

    Parameters
    ----------
    connections : sequence of sequences of int
        For each channel of the result those of the image that it takes, counted from 0.
    kernel_size : int or pair
    stride : int or pair
    padding : int, pair, four integers, 'same', 'same_lower' or 'valid'
    bias : bool
    initialiser : str
        Of the weights (connections, kh, kw), by its name in `numgd.nn.initialisers`.  The fan-in of a weight
        is that of its channel of the result: the number of its connections times kh · kw.

    Raises
    ------
    TypeError, ValueError
        For a table that is not of that form, with a channel named twice or a result without any; in a
        network, for images that lack a channel in it.

    Notes
    -----
    The weights are one kernel per connection, in the order of the table; there is nothing else to train than
    these and the biases.  They are laid into the weights of a full convolution, zero elsewhere.  Source:
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document recognition,
    Proceedings of the IEEE 86 (1998), section II.B and table I.

    Examples
    --------
    >>> from numgd import nn
    >>> layer = nn.ConnectedConv2d([[0, 1], [1], [0, 1, 2]], kernel_size=5)
    >>> network = nn.Network(layer, input_shape=(8, 8, 3))
    >>> network.named_parameters()["connectedconv2d.weight"].shape, network.output_shape
    ((6, 5, 5), (4, 4, 3))
    """

    connections: Any
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    bias: Flag = True
    initialiser: InitialiserName = "he_uniform"

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "connections", _checked_table(self.connections))
        self._full  # noqa: B018  checked when it is first made

    @cached_property
    def _full(self):
        """The convolution with all connections."""
        return Conv2d(len(self.connections), self.kernel_size, self.stride, self.padding, bias=self.bias)

    def output_shape(self, *shapes):
        found, channels = self._full.output_shape(*shapes), shapes[0][2]
        missing = [channel for row in self.connections for channel in row if channel >= channels]
        if missing:
            raise ValueError(f"takes channel {missing[0]}, counted from 0, got shape {shapes[0]}")
        return found

    def parameters(self, *shapes):
        full = self._full.parameters(*shapes)
        kernel, draw = full["weight"].shape[1:3], INITIALISERS[self.initialiser]

        def initialiser(random, shape):
            maps = (draw(random, (1, *kernel, len(row)))[0] for row in self.connections)
            return np.concatenate([np.moveaxis(kernels, 2, 0) for kernels in maps])

        number = sum(map(len, self.connections))
        return full | {"weight": Parameter((number, *kernel), initialiser)}

    def _filled(self, at):
        """The weights of the full convolution, and where in them those of this one lie."""
        own = at.parameters["weight"]
        shape = (len(self.connections), *own.shape[1:], at.shapes[0][3])
        numbers = np.arange(prod(shape)).reshape(shape)
        places = np.concatenate(
            [np.moveaxis(numbers[k][..., row], 2, 0).reshape(-1) for k, row in enumerate(self.connections)]
        )
        full = memory.scratch(own, shape, own.dtype)
        kernels.put(own.reshape(-1), places, full.reshape(-1))
        return full, places

    def forward(self, at):
        full, _ = self._filled(at)
        self._full.forward(at._replace(parameters=at.parameters | {"weight": full}))

    def backward(self, at):
        full, places = self._filled(at)
        slopes = memory.scratch(full, full.shape, full.dtype)
        self._full.backward(
            at._replace(
                parameters=at.parameters | {"weight": full}, gradients=at.gradients | {"weight": slopes}
            )
        )
        kernels.take(slopes.reshape(-1), places, at.gradients["weight"].reshape(-1))

    def multiply_adds(self, *shapes):
        weight = self.parameters(*shapes)["weight"].shape
        return prod(self.output_shape(*shapes)[:2]) * prod(weight)


def _checked_table(given):
    """The connections as tuples; raises TypeError or ValueError."""
    try:
        rows = [list(row) for row in given]
    except TypeError:
        raise TypeError(f"connections must be a sequence of sequences of channels; it is {given!r}") from None
    if not rows:
        raise ValueError("connections must have at least one row")
    table = tuple(
        tuple(checked(f"connections[{k}][{i}]", channel, Whole) for i, channel in enumerate(row))
        for k, row in enumerate(rows)
    )
    for k, row in enumerate(table):
        if not row or len(set(row)) < len(row):
            raise ValueError(f"connections[{k}] must name one or more channels, each once; it is {rows[k]!r}")
    return table
