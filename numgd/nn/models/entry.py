"""What a model with a name consists of."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """A model that has a name.

    Attributes
    ----------
    make : callable
        A function of `numgd.nn.models`.
    input_shape : tuple
        What the model is made for.
    options : dict
        What `make` is called with.
    """

    make: Callable
    input_shape: tuple
    options: Mapping = MappingProxyType({})
