"""Branches whose channels are laid side by side."""

from numgd.nn.containers.container import Container, join, named_parts, only
from numgd.nn.layers import Concatenate


class Identity(Container):
    """The input itself, such as the branch of a dense block that keeps what is there.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Concat(nn.Identity(), nn.Dense(2)), input_shape=(3,)).output_shape
    (5,)
    """

    def __init__(self):
        self.parts = {}

    def connect(self, wiring, inputs, path):
        """The number of the input."""
        return only(inputs, path, self)


class Concat(Container):
    """The channels of several branches side by side, each applied to the same input.

    Parameters
    ----------
    *branches : Layer or container
        Named by their position.
    **named : Layer or container
        Those after them, under names of their own.

    Notes
    -----
    Sources: C. Szegedy et al., Going deeper with convolutions, CVPR (2015); G. Huang et al., Densely
    connected convolutional networks, CVPR (2017).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Concat(nn.Dense(2), nn.Dense(3)), input_shape=(4,)).output_shape
    (5,)
    """

    def __init__(self, *branches, **named):
        self.parts = named_parts(branches, named)

    def connect(self, wiring, inputs, path):
        """Add the branches to a network; returns the number of the output."""
        only(inputs, path, self)
        found = tuple(part.connect(wiring, inputs, join(path, name)) for name, part in self.parts.items())
        return Concatenate().connect(wiring, found, join(path, "concatenate"))
