"""Copies, on the host, of what training changes in a network: its parameters and its other states."""

from typing import Any, NamedTuple

import numpy as np

from numgd.kernels.layers import memory


class Weights(NamedTuple):
    """A copy of a network's parameters and states."""

    parameters: Any  # (n,)
    states: Any  # name -> array

    def put(self, network):
        """Copy them into the network."""
        memory.assign(network.parameters, self.parameters)
        for name, state in network.named_states().items():
            memory.assign(state, self.states[name])

    def update(self, network, parameters=None):
        """Copy the network's into this memory, with other parameters if these are given."""
        self.parameters[:] = memory.fetched(network.parameters) if parameters is None else parameters
        for name, state in network.named_states().items():
            self.states[name][...] = memory.fetched(state)


def weights_of(network):
    """The `Weights` of a network."""
    states = {name: np.array(memory.fetched(state)) for name, state in network.named_states().items()}
    return Weights(np.array(memory.fetched(network.parameters)), states)


def finite(vector):
    """Whether all elements are finite."""
    return memory.is_finite(vector)


def first_not_finite(network):
    """The name of the first parameter or state that is not finite; None if all are."""
    if finite(network.parameters) and all(
        np.isfinite(memory.fetched(state)).all() for state in network.named_states().values()
    ):
        return None
    arrays = {**network.named_parameters(), **network.named_states()}
    return next(name for name, array in arrays.items() if not np.isfinite(memory.fetched(array)).all())
