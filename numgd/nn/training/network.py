"""What training asks of a network."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import numpy as np


class Trainable(Protocol):
    """The attributes and methods by which training sees a network.

    Attributes
    ----------
    dtype : numpy.dtype
        float32 or float64: of parameters, gradients, inputs and outputs.
    input_shape, output_shape : tuple of int
        Of one sample: (H, W, C) or (D,).
    parameters, gradient : numpy.ndarray of shape (n,)
        All parameters and their gradient, in memory that stays the same.
    undecayed : collection of str
        Names of the parameters that weight decay skips by option: biases, and scales and shifts of
        normalisation.
    """

    dtype: Any
    input_shape: Any
    output_shape: Any
    parameters: np.ndarray
    gradient: np.ndarray
    undecayed: Collection[str]

    def named_parameters(self) -> Mapping[str, np.ndarray]:
        """The parameters by name, as contiguous views of `parameters`."""

    def named_gradients(self) -> Mapping[str, np.ndarray]:
        """The same of `gradient`."""

    def named_states(self) -> Mapping[str, np.ndarray]:
        """What else training changes, such as running statistics, in memory that stays the same."""

    def checked_data(self, X: Any, y: Any, loss: Any) -> tuple[np.ndarray, Any]:
        """Data and labels as arrays, after checks of shapes, dtypes, ranges and finite values.

        X may keep another dtype: each batch is converted.  With ``y=None`` and ``loss=None`` only X is
        checked.
        """

    def loss_and_gradient(self, X: np.ndarray, y: np.ndarray, loss: Any, seed: int) -> float:
        """The mean loss of a batch in training mode; also fills `gradient` and updates the states.

        The random numbers of dropout are a function of `seed`, an integer in [0, 2⁶³).
        """

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The outputs in inference mode, (N, *output_shape), in memory that the next call may overwrite."""

    def loss(self, outputs: np.ndarray, y: np.ndarray, loss: Any) -> float:
        """The mean loss of given outputs."""


_MEMBERS = (*Trainable.__annotations__, *(name for name in vars(Trainable) if name[0] != "_"))


def check_network(network):
    """Raise TypeError unless a network has what training needs."""
    for name in _MEMBERS:
        if not hasattr(network, name):
            raise TypeError(f"network must be a network; it is {network!r:.80}, without {name!r}")
