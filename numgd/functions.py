"""A user's plain Python function as an ``@njit`` function, where the two cannot differ."""

import builtins
import dis
import types as python_types
from collections import OrderedDict
from functools import lru_cache

import numpy as np
from numba import njit
from numba.core.registry import CPUDispatcher

from numgd.jit.portable import PLAIN_FLAGS


class LeastRecentlyUsed(OrderedDict):
    """A dictionary of bounded size."""

    def __init__(self, limit):
        super().__init__()
        self._limit = limit

    def remember(self, key, value):
        self[key] = value
        if len(self) > self._limit:
            self.popitem(last=False)
        return value


_dispatchers = LeastRecentlyUsed(256)

_FROZEN_TYPES = (int, bool, str, bytes, type(None), CPUDispatcher, np.ufunc, type)
_FROZEN_TYPES += (python_types.BuiltinFunctionType,)
_FROZEN_MODULES = frozenset(("numpy", "math", "cmath", "numba", "operator", "builtins"))


def _frozen(value):
    """Hashable stand-in for a value that cannot change, or None where it could."""
    if isinstance(value, float):
        return type(value), value.hex()
    if isinstance(value, np.generic):
        return type(value), value.tobytes()
    if isinstance(value, complex):
        return type(value), repr(value)
    if isinstance(value, _FROZEN_TYPES):
        return type(value), value
    if isinstance(value, python_types.ModuleType):
        return value.__name__ if value.__name__.partition(".")[0] in _FROZEN_MODULES else None
    if isinstance(value, tuple):
        parts = tuple(_frozen(part) for part in value)
        return None if None in parts else (type(value), *parts)
    if getattr(value, "__module__", "").partition(".")[0] in _FROZEN_MODULES and callable(value):
        return value
    return None


@lru_cache(1024)
def _global_names(code):
    """Names of the globals that a function's code, and code within it, reads."""
    names = [step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"]
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            names += _global_names(constant)
    return tuple(dict.fromkeys(names))


def _identity(function):
    """Key under which a plain function's compiled form may be used again; None if it must not be compiled.

    Compiled code freezes the globals and the closure that it refers to.  It may stand for the function
    as long as these are the same immutable values; a function that refers to anything mutable (an array,
    a list, a module of the user's) is called back instead and sees every change.
    """
    code = function.__code__
    parts = [code]
    if function.__kwdefaults__ or code.co_flags & 0x2A0:  # generators and coroutines
        return None
    if "random" in code.co_names:  # Numba's generator is not NumPy's: another seed, other numbers
        return None
    for name in _global_names(code):
        if name in function.__globals__:
            value = _frozen(function.__globals__[name])
            if value is None:
                return None
            parts.append(value)
        else:
            parts.append(hasattr(builtins, name))
    for cell in function.__closure__ or ():
        try:
            value = _frozen(cell.cell_contents)
        except ValueError:  # an empty cell
            return None
        if value is None:
            return None
        parts.append(value)
    for default in function.__defaults__ or ():
        value = _frozen(default)
        if value is None:
            return None
        parts.append(value)
    return tuple(parts)


def dispatcher_of(function):
    """The ``@njit`` form of a user's function and the key of that form, or (None, None) if it has none."""
    if isinstance(function, CPUDispatcher):
        return function, function
    if not isinstance(function, python_types.FunctionType):
        return None, None
    key = _identity(function)
    if key is None:
        return None, None
    try:
        found = _dispatchers.get(key)
    except TypeError:  # an unhashable default
        return None, None
    if found is None:
        found = _dispatchers.remember(key, njit(**PLAIN_FLAGS)(function))
    return found, key
