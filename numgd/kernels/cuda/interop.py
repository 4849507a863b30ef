"""Arrays of other libraries on a device, without copies: what comes from CuPy or PyTorch goes back to them."""

import sys
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """The arrays of one library."""

    name: str
    of_device: Any  # of_device(array): the memory of one of Numba's device arrays as an array of the library


def _same(array):
    return array


def _to_cupy(array):
    return sys.modules["cupy"].asarray(array)


def _to_torch(array):
    return sys.modules["torch"].as_tensor(array, device="cuda")


NUMBA = Kind("numba", _same)
KINDS = {"cupy": Kind("cupy", _to_cupy), "torch": Kind("torch", _to_torch)}


def kind_of(array):
    """The `Kind` of a device array; Numba's for a library that is not known."""
    return KINDS.get(type(array).__module__.partition(".")[0], NUMBA)
