"""What machine code depends on besides numgd's own sources: the user's functions and what they refer to."""

import builtins
import dataclasses
import dis
import hashlib
import inspect
import types
from functools import lru_cache

import numpy as np
from numba.core import types as numba_types
from numba.core.dispatcher import Dispatcher

from numgd.system.own_sources import contents

_LIBRARIES = ("numba", "numgd", "numpy", "math", "builtins", "typing")
"""Packages whose versions, or whose sources, are part of the folder of compiled code."""


def foreign_digest(things, plain=False):
    """A digest of the functions among `things` that are not part of numgd, and of all that they refer to.

    Parameters
    ----------
    things : iterable
        Functions, dispatchers, records and tuples of them; their order counts.
    plain : bool
        Whether plain Python functions only are known.  What Numba makes of a user's own dispatcher depends on
        when it was compiled, on Numba's own files and on overloads; what a call of numgd does depends on what
        has been registered.

    Returns
    -------
    str or None
        Empty if there are no such functions.  None if it is not certain what one of them depends on: its
        machine code must not be kept on disk then.
    """
    walk = _Walk(plain)
    for thing in things:
        walk.take(thing)
    if walk.unknown:
        return None
    return hashlib.sha256("\n".join(walk.lines).encode()).hexdigest()[:16] if walk.foreign else ""


def described(word):
    """A text that tells a word from all others in every process; None if there is none.

    Words are strings, numbers, None, Numba's types of numbers, arrays and tuples, and tuples of words.
    """
    if isinstance(word, str | int | float | type(None)):
        return repr(word)
    if isinstance(word, tuple | list):
        parts, name = [described(part) for part in word], "words"
    elif isinstance(word, numba_types.BaseTuple):
        made = getattr(word, "instance_class", tuple)
        name = f"{made.__module__}.{made.__qualname__} {getattr(made, '_fields', '')}"
        parts = [described(part) for part in word]
    elif isinstance(word, numba_types.Array):
        parts, name = [described(word.dtype)], str(word)
    elif isinstance(word, numba_types.Number | numba_types.Boolean | numba_types.NoneType):
        return str(word)
    else:
        return None
    return None if None in parts else f"{name} ({', '.join(parts)})"


def digest_of_words(words):
    """A digest that tells a word from all others in every process; None if there is none."""
    text = described(words)
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]


class _Walk:
    """Writes down functions and the values that they refer to, in the order in which they are found."""

    def __init__(self, plain):
        self.lines, self.unknown, self.foreign = [], False, False
        self._plain, self._numbers = plain, {}

    def take(self, thing, inside=False):
        """Write down a value; `inside` a user's function, values other than functions count too."""
        if isinstance(thing, Dispatcher):
            thing = self._function_of(thing)
        if inspect.isfunction(thing):
            self._function(thing, inside)
        elif isinstance(thing, tuple):
            if inside:
                self._line(f"{_name(type(thing))} {getattr(thing, '_fields', '')} {len(thing)}")
            for item in thing:
                self.take(item, inside)
        elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            for field in dataclasses.fields(thing):
                self._line(field.name)
                self.take(getattr(thing, field.name))
        elif inside:
            self._value(thing)

    def _line(self, text):
        self.lines.append(text)
        self.unknown |= " at 0x" in text

    def _function_of(self, dispatcher):
        """The function that a dispatcher compiles, or from which numgd has made it by `made_from`."""
        made_from = getattr(dispatcher, MADE_FROM, None)
        if made_from is not None:
            words, origin = made_from
            text = described(words)
            self.unknown |= text is None
            self._line(f"made {text}")
            return self._function_of(origin) if isinstance(origin, Dispatcher) else origin
        function = dispatcher.py_func
        if _is_foreign(_module_of(function)):
            options = {
                name: sorted(map(repr, value)) if isinstance(value, set | frozenset) else value
                for name, value in dispatcher.targetoptions.items()
            }
            self._line(f"compiled {sorted(options.items())!r}")
            # With explicit signatures or types of locals the code is not that of its arguments.
            special = bool(getattr(dispatcher, "locals", None)) or not dispatcher._can_compile
            self.unknown |= special or self._plain
        return function

    def _function(self, function, inside):
        known = (function, inside) in self._numbers
        number = self._numbers.setdefault((function, inside), len(self._numbers))
        self._line(f"function {number} {function.__module__}.{function.__qualname__}")
        if known:
            return
        module = _module_of(function)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        if not _is_foreign(module):
            numgds = module.partition(".")[0] == "numgd"
            self.unknown |= inside and numgds and self._plain
            # A factory in numgd may hold a user's function; Numba's decorators hold their options.
            for variable, cell in cells:
                self._cell(variable, cell, inside and numgds)
            return
        self.foreign = True
        try:  # the text has what the code has not: the decorators
            self._line(f"{inspect.getsource(function)} {contents(function.__code__)}")
        except Exception:  # no text, or one that does not belong to the function any more
            self.unknown = True
        self.take(function.__defaults__ or (), inside=True)
        for argument, value in (function.__kwdefaults__ or {}).items():
            self._line(argument)
            self.take(value, inside=True)
        for variable, cell in cells:
            self._cell(variable, cell, inside=True)
        for variable in global_names(function.__code__):
            self._line(variable)
            if variable in function.__globals__:
                self.take(function.__globals__[variable], inside=True)
            elif not hasattr(builtins, variable):
                self.unknown = True  # it may be defined later

    def _cell(self, variable, cell, inside):
        self._line(variable)
        try:
            value = cell.cell_contents
        except ValueError:  # empty so far
            self.unknown = True
        else:
            self.take(value, inside)

    def _value(self, value):
        module = getattr(value, "__module__", None)
        if isinstance(value, types.ModuleType):
            self._line(f"module {value.__name__}")
            top = value.__name__.partition(".")[0]  # any of the functions of a user's module may be used
            self.unknown |= _is_foreign(value.__name__) or (self._plain and top == "numgd")
        elif isinstance(value, np.ndarray | np.generic):
            digest = hashlib.sha256(value.tobytes()).hexdigest()
            self._line(f"array {value.dtype!r} {value.shape} {digest}")
            self.unknown |= value.dtype.hasobject
        elif isinstance(value, bool | int | float | complex | str | bytes | type(None)):
            self._line(f"{_name(type(value))} {value!r}")
        elif isinstance(value, type):
            self._line(
                f"{_name(value)} {getattr(value, '_fields', '')} {getattr(value, '_field_defaults', '')}"
            )
            self.unknown |= _is_foreign(module) and not hasattr(value, "_fields")
        elif callable(value) and module and not _is_foreign(module):
            called = getattr(value, "__qualname__", getattr(value, "__name__", None))
            self._line(f"{module}.{called}")
            self.unknown |= called is None
        else:
            self.unknown = True


MADE_FROM = "_numgd_made_from"


def made_from(dispatcher, origin, *words):
    """Note that numgd made a dispatcher from the function or dispatcher `origin`; words tell how."""
    if isinstance(dispatcher, Dispatcher):  # not with NUMBA_DISABLE_JIT
        setattr(dispatcher, MADE_FROM, (words, origin))
    return dispatcher


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


def _module_of(function):
    """The module whose globals a function reads: decorators may give it the name of another."""
    return function.__globals__.get("__name__") or function.__module__ or ""


def _name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_foreign(module):
    return (module or "").partition(".")[0] not in _LIBRARIES
