"""A function of numbers together with its derivative."""

from collections.abc import Callable
from typing import NamedTuple


class Pair(NamedTuple):
    """Two portable functions with the same arguments.

    The first argument is what the derivative is with respect to, the last one a parameter of the same dtype,
    which most functions ignore.  They are `strict`: whoever calls them, no sum in them is reordered.
    """

    value: Callable
    derivative: Callable
