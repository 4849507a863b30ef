"""One or four neighbouring numbers of vectors at once, so that a kernel has one text for both.

Four are loaded and stored at once where addresses are multiples of 16 bytes, as `target.can_load4` says.
"""

from collections.abc import Callable
from typing import NamedTuple

from numgd.jit.portable import portable
from numgd.kernels.cuda.target import load4, store4


class Lanes(NamedTuple):
    """How many neighbours, and how a tuple of them is loaded and stored: as by `load4` and `store4`."""

    count: int
    load: Callable
    store: Callable


@portable
def _load(array, start):
    return (array[start],)


@portable
def _store(array, start, values):
    array[start] = values[0]


ONE = Lanes(1, _load, _store)
FOUR = Lanes(4, load4, store4)
