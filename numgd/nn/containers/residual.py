"""Residual blocks."""

from numgd.foundations.ranges import check_arguments
from numgd.nn.containers.container import Container, checked_part, join, only
from numgd.nn.layers import Add
from numgd.nn.layers.layer import ActivationName


class Residual(Container):
    """``body(x) + shortcut(x)``, with an activation of the sum.

    Parameters
    ----------
    body : Layer or container
    shortcut : Layer or container, optional
        By default the identity.
    activation : str, optional

    Notes
    -----
    Source: K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR (2016).

    Examples
    --------
    >>> from numgd import nn
    >>> block = nn.Residual(nn.Dense(3), activation="relu")
    >>> nn.Network(block, input_shape=(3,)).output_shape
    (3,)
    """

    @check_arguments
    def __init__(self, body, shortcut=None, activation: ActivationName = None):
        self.parts = {"body": checked_part("body", body)}
        if shortcut is not None:
            self.parts["shortcut"] = checked_part("shortcut", shortcut)
        self.activation = activation

    def connect(self, wiring, inputs, path):
        """Add the block to a network; returns the number of its output."""
        only(inputs, path, self)
        body, *shortcut = (
            part.connect(wiring, inputs, join(path, name)) for name, part in self.parts.items()
        )
        return Add(self.activation).connect(wiring, (body, *(shortcut or inputs)), join(path, "add"))
