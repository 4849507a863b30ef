"""Copies of what training changes in a network: its parameters and its other states."""

from typing import Any, NamedTuple

import numpy as np


class Weights(NamedTuple):
    """A copy of a network's parameters and states."""

    parameters: Any  # (n,)
    states: Any  # name -> array

    def put(self, network):
        """Copy them into the network."""
        network.parameters[:] = self.parameters
        for name, state in network.named_states().items():
            state[...] = self.states[name]

    def update(self, network, parameters=None):
        """Copy the network's into this memory, with other parameters if these are given."""
        self.parameters[:] = network.parameters if parameters is None else parameters
        for name, state in network.named_states().items():
            self.states[name][...] = state


def weights_of(network):
    """The `Weights` of a network."""
    states = {name: np.array(state) for name, state in network.named_states().items()}
    return Weights(network.parameters.copy(), states)


def finite(vector):
    """Whether all elements are finite."""
    # A sum of squares is finite in one pass and without temporary memory, unless it overflows.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.dot(vector, vector)) or np.isfinite(vector).all())


def first_not_finite(network):
    """The name of the first parameter or state that is not finite; None if all are."""
    if finite(network.parameters) and all(np.isfinite(s).all() for s in network.named_states().values()):
        return None
    arrays = {**network.named_parameters(), **network.named_states()}
    return next(name for name, array in arrays.items() if not np.isfinite(array).all())
