"""What machine code depends on besides numgd's own sources: the user's functions in a record."""

import builtins
import dataclasses
import dis
import hashlib
import inspect
import math
import types
from functools import lru_cache

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
        """Record a value; `inside` a user's function, values other than functions count too.

        A dispatcher that is made from another function says how and from which by its attribute `made_from`.
        """
        while getattr(thing, "made_from", None) is not None:
            words, thing = thing.made_from
            self.parts.add(f"{name} is {words!r} of")
        options, thing = getattr(thing, "targetoptions", ""), getattr(thing, "py_func", thing)
        if options and _is_foreign(thing.__module__):
            self.parts.add(f"{thing.__qualname__} {options}")
        if inspect.isfunction(thing):
            self._function(thing, name, inside)
        elif isinstance(thing, tuple) and not inside:
            for item in thing:
                self.take(item)
        elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            for field in dataclasses.fields(thing):
                self.take(getattr(thing, field.name))
        elif inside:
            self._value(name, thing)

    def _function(self, function, name, inside):
        if inside:
            self.parts.add(f"{name} = {function.__module__}.{function.__qualname__}")
        if (function, inside) in self._seen:
            return
        self._seen.add((function, inside))
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if not _is_foreign(function.__module__):
            # A factory in numgd may hold a user's function; Numba's decorators hold their options.
            inside = inside and _top(function.__module__) == "numgd"
            for variable, cell in cells.items():
                self._cell(f"{function.__qualname__}.{variable}", cell, inside)
            return
        name = function.__qualname__
        try:  # the text has what the code has not: the decorators
            self.parts.add(f"{name}: {inspect.getsource(function)} {_contents(function.__code__)}")
        except (OSError, TypeError):
            self.unknown = True
        self.take(function.__defaults__ or (), f"{name} defaults", inside=True)
        for argument, value in (function.__kwdefaults__ or {}).items():
            self.take(value, f"{name} default of {argument}", inside=True)
        for variable, cell in cells.items():
            self._cell(f"{name}.{variable}", cell, inside=True)
        for variable in global_names(function.__code__):
            if variable in function.__globals__:
                self.take(function.__globals__[variable], f"{name}.{variable}", inside=True)
            elif not hasattr(builtins, variable):
                self.unknown = True  # it may be defined later

    def _cell(self, name, cell, inside=False):
        try:
            value = cell.cell_contents
        except ValueError:  # empty so far
            self.unknown = True
        else:
            self.take(value, name, inside)

    def _value(self, name, value):
        if isinstance(value, types.ModuleType):
            self.parts.add(f"{name} = module {value.__name__}")
            self.unknown |= _is_foreign(value.__name__)  # any of its functions may be used
        elif isinstance(value, np.ndarray | np.generic):
            digest = hashlib.sha256(value.tobytes()).hexdigest()
            self.parts.add(f"{name} = {value.dtype} {value.shape} {digest}")
        elif isinstance(value, bool | int | float | complex | str | bytes | type(None)):
            self.parts.add(f"{name} = {value!r} {math.copysign(1.0, value) if value == 0 else ''}")
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                self.take(item, f"{name}[{number}]", inside=True)
        elif isinstance(value, type):
            self.parts.add(
                f"{name} = {value.__module__}.{value.__qualname__} {getattr(value, '_fields', '')}"
            )
            self.unknown |= _is_foreign(value.__module__) and not hasattr(value, "_fields")
        elif callable(value) and getattr(value, "__module__", None) and not _is_foreign(value.__module__):
            called = getattr(value, "__qualname__", getattr(value, "__name__", None))
            self.parts.add(f"{name} = {value.__module__}.{called}")
            self.unknown |= called is None
        else:
            self.unknown = True


def _contents(code):
    """All of a code object that its machine code depends on: neither its file nor its lines."""
    constants = [
        _contents(part) if isinstance(part, types.CodeType) else _text(part) for part in code.co_consts
    ]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {constants} {names} {counts}"


def _text(constant):
    # A set has another order in each process.
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


@lru_cache(1024)
def global_names(code):
    """Names of the globals that a code object, and the code nested in it, reads."""
    names = [
        step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    ]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names += global_names(constant)
    return tuple(dict.fromkeys(names))


def _is_foreign(module):
    return _top(module) not in _LIBRARIES


def _top(module):
    return (module or "").partition(".")[0]
