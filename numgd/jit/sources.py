"""What machine code depends on besides numgd's own sources: the user's functions in a record."""

import dataclasses
import hashlib
import inspect
import math
import types

import numpy as np

_LIBRARIES = ("numba", "numgd", "numpy", "math", "builtins", "typing")
"""Packages whose versions, or whose sources, are part of the folder of compiled code."""


def foreign_digest(things):
    """A digest of the functions among `things` that are not part of numgd, and of all that they refer to.

    Empty if there are none; None if the dependencies of a function are unknown: its machine code must not be
    kept on disk then.
    """
    walk = _Walk()
    for thing in things:
        walk.take(thing)
    if walk.unknown:
        return None
    if not walk.parts:
        return ""
    return hashlib.sha256("\n".join(sorted(walk.parts)).encode()).hexdigest()[:16]


class _Walk:
    """Collects the texts of functions and the values that they refer to."""

    def __init__(self):
        self.parts, self.unknown, self._seen = set(), False, set()

    def take(self, thing, name="", inside=False):
        """Record a value; `inside` a user's function, values other than functions count too."""
        thing = getattr(thing, "py_func", thing)
        if inspect.isfunction(thing):
            self._function(thing)
        elif isinstance(thing, tuple) and not inside:
            for item in thing:
                self.take(item)
        elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            for field in dataclasses.fields(thing):
                self.take(getattr(thing, field.name))
        elif inside:
            self._value(name, thing)

    def _function(self, function):
        if function in self._seen:
            return
        self._seen.add(function)
        closure = inspect.getclosurevars(function) if _is_foreign(function.__module__) else None
        if closure is None:
            for cell in function.__closure__ or ():  # a factory in numgd may hold a user's function
                self.take(cell.cell_contents)
            return
        try:
            self.parts.add(f"{function.__qualname__}: {inspect.getsource(function)}")
        except (OSError, TypeError):
            self.unknown = True
        self.take(function.__defaults__ or ())
        for scope in (closure.nonlocals, closure.globals):
            for name, value in scope.items():
                self.take(value, f"{function.__qualname__}.{name}", inside=True)

    def _value(self, name, value):
        if isinstance(value, types.ModuleType):
            if _is_foreign(value.__name__):
                self.unknown = True  # any of its functions may be used
        elif isinstance(value, np.ndarray | np.generic):
            digest = hashlib.sha256(value.tobytes()).hexdigest()
            self.parts.add(f"{name} = {value.dtype} {value.shape} {digest}")
        elif isinstance(value, bool | int | float | complex | str | bytes | type(None)):
            self.parts.add(f"{name} = {value!r} {math.copysign(1.0, value) if value == 0 else ''}")
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                self.take(item, f"{name}[{number}]", inside=True)
        elif isinstance(value, type):
            if _is_foreign(value.__module__):
                self.parts.add(f"{name} = {value.__qualname__} {getattr(value, '_fields', '')}")
        elif not (callable(value) and not _is_foreign(getattr(value, "__module__", None) or "")):
            self.unknown = True


def _is_foreign(module):
    return (module or "").partition(".")[0] not in _LIBRARIES
