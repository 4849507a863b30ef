"""Parameters and gradients as users pass them: an array, a list or tuple of arrays, or a dictionary."""

import math
from functools import cached_property
from operator import is_

import numpy as np

from numgd.jit.array_objects import describe, meets, unchanged
from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device


def named(name, given):
    """Keys, items and arrays of a structure; raises TypeError naming the item that is not an array.

    The arrays are the items or, for those of other libraries on a device, Numba's arrays of the same memory.
    """
    if isinstance(given, dict):
        keys, items = list(given), list(given.values())
    elif isinstance(given, list | tuple):
        keys, items = range(len(given)), given
    else:
        keys, items = (None,), (given,)
    arrays = []
    for key, item in zip(keys, items, strict=True):
        if not (isinstance(item, np.ndarray) or on_device(item)):
            raise TypeError(f"{label(name, key)} must be an array; it is {type(item).__name__}")
        arrays.append(memory.taken(label(name, key), item) if on_device(item) else item)
    return keys, items, arrays


def label(name, key):
    """The name of an array in messages."""
    return name if key is None else f"{name}[{key!r}]"


def in_structure_of(given, arrays):
    """Arrays in the structure of `given`."""
    if isinstance(given, dict):
        return dict(zip(given, arrays, strict=True))
    if isinstance(given, list | tuple):
        return getattr(type(given), "_make", type(given))(arrays)  # for a NamedTuple
    return arrays[0]


def check_parameters(keys, arrays):
    """Raise for arrays that cannot be parameters."""
    if not arrays:
        raise ValueError("params contains no arrays")
    for key, p in zip(keys, arrays, strict=True):
        if p.dtype not in (np.float32, np.float64):
            raise TypeError(f"{label('params', key)} must be float32 or float64; its dtype is {p.dtype}")
        if isinstance(p, np.ndarray) and not p.flags.writeable:
            raise ValueError(f"{label('params', key)} is read-only")
        if isinstance(p, np.ndarray) and _overlaps_itself(p):
            raise ValueError(f"{label('params', key)} has elements that share memory with each other")
    for key, p in zip(keys, arrays, strict=True):
        if on_device(p) != on_device(arrays[0]):
            one, other = (f"{label('params', k)} is {_home(a)}" for k, a in ((keys[0], arrays[0]), (key, p)))
            raise TypeError(f"params must all be on the same device: {one}, but {other}")


def _home(array):
    """Where an array lives, in words."""
    return "on a GPU" if on_device(array) else "in the host's memory"


def _overlaps_itself(array):
    """Whether an axis has a stride of zero, as after broadcasting."""
    return (
        not array.flags.c_contiguous
        and 0 in array.strides
        and array.size > 1
        and any(step == 0 and length > 1 for step, length in zip(array.strides, array.shape, strict=True))
    )


def check_gradients(keys, arrays, gradients):
    """Raise for arrays that cannot be the gradients of these parameters."""
    for key, p, g in zip(keys, arrays, gradients, strict=True):
        if g.shape != p.shape:
            raise ValueError(f"{label('grads', key)} has shape {g.shape}, but the parameter's is {p.shape}")
        if g.dtype != p.dtype:
            raise TypeError(f"{label('grads', key)} has dtype {g.dtype}, but the parameter's is {p.dtype}")
        if on_device(g) != on_device(p):
            homes = f"one is {_home(g)}, the other {_home(p)}"
            raise TypeError(f"{label('grads', key)} and the parameter must be on the same device: {homes}")


class Known:
    """Arrays from an earlier call: which objects, under which keys, and where their memory was.

    The memory, shape, strides, dtype or writeability of an array can change while the object stays the same;
    `matches` checks all of these.

    Parameters
    ----------
    keys : sequence
    items : sequence
        The arrays as they were given.
    arrays : sequence of arrays
        All on the host, or all on a device.
    """

    def __init__(self, keys, items, arrays):
        self.keys, self.items, self.arrays = tuple(keys), list(items), list(arrays)
        self.numbered = self.keys == tuple(range(len(self.arrays)))
        self.on_host = not on_device(self.arrays[0])
        if self.on_host:
            self.objects, self.words, self.bounds = describe(self.arrays)
        else:
            self.words = self._layouts()
            starts = np.array([layout[0] for layout in self.words], np.intp)
            self.bounds = np.stack([starts, starts + [_bytes_of(a) for a in self.arrays]], 1)

    @cached_property
    def reach(self):
        """Sorted start addresses and, for each, the furthest end address of the arrays up to it."""
        first, last = self.bounds[np.argsort(self.bounds[:, 0])].T
        return np.ascontiguousarray(first), np.maximum.accumulate(last)

    def _layouts(self):
        return [memory.layout(item) for item in self.items]

    def matches(self, given):
        """Whether a structure holds these very arrays, with memory and layout unchanged."""
        return self._holds(given) and self.unchanged()

    def unchanged(self):
        """Whether the memory and layout of the arrays are unchanged."""
        return unchanged(self.objects, self.words) if self.on_host else self._layouts() == self.words

    def _holds(self, given):
        if isinstance(given, dict):
            if tuple(given) != self.keys:
                return False
            given = given.values()
        elif not isinstance(given, list | tuple):
            return self.keys == (None,) and given is self.items[0]
        elif not self.numbered:
            return False
        return len(given) == len(self.items) and all(map(is_, given, self.items))


def check_parameters_apart(parameters):
    """Raise if two parameters share memory."""
    first, reached = parameters.reach
    if (first[1:] < reached[:-1]).any():
        _refuse_shared("params", parameters, parameters)


def check_gradients_apart(parameters, gradients):
    """Raise if a gradient shares memory with a parameter."""
    if meets(*parameters.reach, gradients.bounds):
        _refuse_shared("grads", gradients, parameters)


def _refuse_shared(name, some, parameters):
    """Raise if arrays with overlapping address ranges share, or may share, elements."""
    for number, (key, array) in enumerate(zip(some.keys, some.arrays, strict=True)):
        first, last = some.bounds[number]
        others = (parameters.bounds[:, 0] < last) & (parameters.bounds[:, 1] > first)
        for other in np.flatnonzero(others):
            if some is parameters and other >= number:
                break
            if _share(array, parameters.arrays[other]):
                another = label("params", parameters.keys[other])
                raise ValueError(f"{label(name, key)} shares memory with {another}")


def _share(some, another):
    if not isinstance(some, np.ndarray):
        return True
    try:
        return np.shares_memory(some, another, max_work=1000)
    except np.exceptions.TooHardError:
        return True


def _bytes_of(array):
    return math.prod(array.shape) * np.dtype(array.dtype).itemsize
