"""Functions of arrays that live in the host's memory or on a device, in the form of whatever library."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from numbers import Number
from typing import Any, TypeVar, cast, get_args

import numpy as np

from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device

F = TypeVar("F", bound=Callable[..., Any])

_ON_HOST = frozenset((np.ndarray, np.float32, np.float64, int, float, bool, str, type(None)))
"""Types of arguments that need no closer look."""


_MOST_PARTS = 8
"""Items of a sequence that are looked at one by one; longer ones are of one kind: arrays or numbers."""


def anywhere(function: F) -> F:
    """Decorate a function of arrays so that it takes those of a device from any library.

    Arguments with ``__cuda_array_interface__`` reach the function as Numba's device arrays of the same
    memory.  What it returns from there is given back in the kind of the first of them: a CuPy array, a
    PyTorch tensor or a Numba device array, of the same memory; an array that it was given, as that.

    Raises
    ------
    TypeError
        If some arrays live on the host and some on a device; both are named, and nothing is done.
    ValueError
        If an array on a device is not contiguous.
    """
    parameters = signature(function).parameters
    names = tuple(parameters)
    arrays = {name for name, parameter in parameters.items() if _takes_arrays(parameter.annotation)}

    @wraps(function)
    def call(*args, **kwargs):
        for argument in args:
            if type(argument) not in _ON_HOST and _holds_device(argument):
                return _call_on_device(function, names, arrays, args, kwargs)
        if not kwargs:
            return function(*args)
        for argument in kwargs.values():
            if type(argument) not in _ON_HOST and _holds_device(argument):
                return _call_on_device(function, names, arrays, args, kwargs)
        return function(*args, **kwargs)

    return cast(F, call)


def _takes_arrays(annotation):
    """Whether the annotation of a parameter names arrays, alone, in tuples or among other things."""
    return annotation is np.ndarray or any(map(_takes_arrays, get_args(annotation)))


def _holds_device(argument):
    """Whether an argument is an array on a device, or a sequence of arrays that begins with such."""
    if isinstance(argument, tuple | list):
        return any(map(on_device, argument[:_MOST_PARTS]))
    return on_device(argument)


def _call_on_device(function, names, arrays, args, kwargs):
    """Call a function with arrays of a device, one or more."""
    given = [*zip(names, args, strict=False), *kwargs.items()]
    known = []  # pairs of what the caller gave and the same as the function gets it
    _check_places(arrays, given)

    def there(name, argument):
        if isinstance(argument, tuple | list) and _holds_device(argument):
            return type(argument)(there(f"{name}[{i}]", part) for i, part in enumerate(argument))
        if not on_device(argument):
            return argument
        known.append((argument, memory.taken(name, argument)))
        return known[-1][1]

    found = [there(name, argument) for name, argument in given]
    named = dict(zip(kwargs, found[len(args) :], strict=True))
    result = function(*found[: len(args)], *args[len(names) :], **named)
    if isinstance(result, tuple):
        parts = [_in_kind(part, known) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return _in_kind(result, known)


def _check_places(arrays, given):
    """Raise TypeError if arrays are in different places; numbers can be given beside arrays of a device."""
    parts = [
        (label, part, name in arrays) for name, argument in given for label, part in _parts(name, argument)
    ]
    there = next(label for label, part, _ in parts if on_device(part))
    for label, part, is_array in parts:
        if is_array and not (part is None or on_device(part) or isinstance(part, Number) or _is_number(part)):
            raise TypeError(f"{label} is on the host, but {there} is on a device: copy one of them")


def _parts(name, argument):
    """An argument, or the items of a sequence of arrays, with their names."""
    if isinstance(argument, tuple | list) and _holds_device(argument):
        return [(f"{name}[{i}]", part) for i, part in enumerate(argument)]
    return [(name, argument)]


def _is_number(argument):
    return isinstance(argument, np.ndarray | np.generic) and argument.ndim == 0


def _in_kind(result, known):
    """A device array in the kind of the first one that was given, or the given one that it is."""
    if not on_device(result):
        return result
    for argument, array in known:
        if result is array:
            return argument
    return memory.in_kind(result, known[0][0])
