"""Channels of several values side by side."""

from dataclasses import dataclass

from numgd.kernels.layers import concatenate as kernels
from numgd.nn.layers.layer import Layer
from numgd.nn.layers.shared import as_rows


@dataclass(frozen=True, eq=False)
class Concatenate(Layer):
    """The channels of several inputs, which agree in all other axes, side by side.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Concat(nn.Conv2d(2, 1), nn.Conv2d(3, 1)), input_shape=(4, 4, 1)).output_shape
    (4, 4, 5)
    """

    reads = ""
    splits_gradient = True

    def output_shape(self, *shapes):
        if not shapes or any(not shape or shape[:-1] != shapes[0][:-1] for shape in shapes):
            raise ValueError(
                f"takes inputs that agree in all axes but the channels, got {', '.join(map(str, shapes))}"
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def forward(self, at):
        first = 0
        for x in at.x:
            kernels.put(as_rows(x), as_rows(at.y), first)
            first += x.shape[-1]

    def backward(self, at):
        """Nothing: gradients of the inputs are channels of that of the output."""
