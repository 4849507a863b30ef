"""Where the arrays of a layout lie in the memory of a network."""

from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """An array of a layout, in the memory of a network.

    Attributes
    ----------
    own : str
        Its dotted name in the network.
    view : array
        A view of the network's memory, with the axes of the layout.
    order : array of int or None
        Where the layout's features lie along the last axis of the view, if not in its order.
    """

    own: str
    view: np.ndarray
    order: np.ndarray | None = None

    def read(self):
        """A copy of the numbers."""
        if self.order is None:
            return np.array(self.view, order="C")
        return np.take(self.view, self.order, axis=-1)

    def write(self, numbers):
        """Replace the numbers."""
        if self.order is not None:
            numbers = np.take(numbers, np.argsort(self.order), axis=-1)
        self.view[...] = numbers


def own_layout(network):
    """`Place` by the network's own names."""
    found = network.named_parameters() | network.named_states()
    return {name: Place(name, view) for name, view in found.items()}
