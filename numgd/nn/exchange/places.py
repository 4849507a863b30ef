"""Where the arrays of a layout lie in the memory of a network."""

from typing import Any, NamedTuple

import numpy as np


class Place(NamedTuple):
    """An array of a layout, in the memory of a network.

    Attributes
    ----------
    own : str
        Its dotted name in the network.
    view : array
        A view of the network's memory, with the axes of the layout.
    index : index of NumPy's
        With which the view has the order of features of the layout.
    """

    own: str
    view: np.ndarray
    index: Any = ...

    def read(self):
        """A copy of the numbers."""
        return np.array(self.view[self.index], order="C")

    def write(self, numbers):
        """Replace the numbers."""
        self.view[self.index] = numbers


def own_layout(network):
    """`Place` by the network's own names."""
    found = network.named_parameters() | network.named_states()
    return {name: Place(name, view) for name, view in found.items()}
