"""Images as vectors."""

from dataclasses import dataclass
from math import prod

from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """All numbers of a sample in one vector, in the order of memory: row by row, channels last.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Flatten(), input_shape=(2, 3, 4)).output_shape
    (24,)
    """

    reads = ""
    keeps_features = True  # of vectors

    def output_shape(self, *shapes):
        return (prod(one_input(shapes, None, "")),)

    def passes(self, training):
        return True

    def forward(self, at):
        """Nothing: the output is the input."""

    def backward(self, at):
        """Nothing: the gradients are one."""
