"""A user's plain Python function as an ``@njit`` function, if the two cannot differ."""

import builtins
import re
import types as python_types
from collections import OrderedDict

import numpy as np
from numba import njit, types
from numba.core.registry import CPUDispatcher

from numgd.jit.kept import keep
from numgd.jit.portable import OBJECTIVE_FLAGS, PLAIN_FLAGS, compile_quietly, quiet_compilation
from numgd.jit.sources import global_names, made_from


class LeastRecentlyUsed(OrderedDict):
    """A dictionary of bounded size."""

    def __init__(self, limit):
        super().__init__()
        self._limit = limit

    def get(self, key):
        """The value of a key, which counts as a use; None if there is none."""
        found = super().get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def remember(self, key, value):
        self[key] = value
        if len(self) > self._limit:
            self.popitem(last=False)
        return value


class NotFrozen(Exception):
    """Why a function must not be compiled: it refers to something mutable, or Numba treats it differently."""


class CalledBack:
    """A function that is not compiled, and the reason, worded to follow its name."""

    def __init__(self, function, reason):
        self.function, self.reason = function, reason
        self.__name__ = function.__name__

    def __call__(self, *args):
        return self.function(*args)


_dispatchers = LeastRecentlyUsed(256)

_FROZEN_TYPES = (int, bool, str, bytes, type(None), CPUDispatcher, np.ufunc, type)
_FROZEN_TYPES += (python_types.BuiltinFunctionType,)
_FROZEN_MODULES = {"numpy", "math", "cmath", "numba", "operator", "builtins"}


def freeze(module):
    """Note that the names of a module never change meaning, and that Numba knows its functions."""
    _FROZEN_MODULES.add(module)


def is_function(value):
    """Whether a value is one of the user's plain Python functions, which may be compiled."""
    return isinstance(value, python_types.FunctionType) and not _is_known(value)


def _is_known(value):
    """Whether something comes from a module whose names never change meaning."""
    return _is_frozen(getattr(value, "__module__", None) or "")


def _is_frozen(name):
    return any(name == module or name.startswith(f"{module}.") for module in _FROZEN_MODULES)


def frozen(value, callers=()):
    """Hashable stand-in for a value that cannot change, or None if it could.

    For a plain function this is its `identity`; `callers` are the code objects of the functions that led to
    it, so that a cycle is noticed.
    """
    if isinstance(value, float):
        return type(value), value.hex()
    if isinstance(value, np.generic):
        return type(value), value.tobytes()
    if isinstance(value, complex):
        return type(value), repr(value)
    if isinstance(value, _FROZEN_TYPES):
        return type(value), value
    if isinstance(value, python_types.ModuleType):
        return value.__name__ if _is_frozen(value.__name__) else None
    if isinstance(value, tuple):
        parts = tuple(frozen(part, callers) for part in value)
        return None if None in parts else (type(value), *parts)
    if is_function(value):
        return None if value.__code__ in callers else identity(value, callers)
    if not (_is_known(value) and callable(value)):
        return None
    try:
        hash(value)
    except TypeError:  # such as numpy.poly1d
        return None
    return value


def captured(function):
    """Pairs of name and value for everything that a plain function refers to, except builtins.

    These are globals, closure cells and defaults.  An empty cell raises `NotFrozen`.
    """
    code = function.__code__
    for name in global_names(code):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            raise NotFrozen(f"refers to `{name}`, which has no value yet") from None
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)


def identity(function, callers=()):
    """Key under which a plain function's compiled form may be reused.

    Compiled code freezes the globals and the closure that it refers to.  It can replace the function as long
    as these are the same immutable values; plain functions among them, under the same rule, are compiled
    with it.  A function that refers to anything mutable (an array, a list, one of the user's modules) is
    called back instead and sees every change.

    Raises
    ------
    NotFrozen
        If it must not be compiled.
    """
    code = function.__code__
    if function.__kwdefaults__:
        raise NotFrozen("has keyword-only arguments with defaults")
    if code.co_flags & 0x2A0:
        raise NotFrozen("is a generator or a coroutine")
    if "random" in code.co_names:  # Numba's generator has its own seed and gives other numbers
        raise NotFrozen(
            "uses random numbers, which Numba generates differently from NumPy: draw them before the call"
        )
    callers = (*callers, code)
    parts = [code]
    for name, value in captured(function):
        part = frozen(value, callers)
        if part is None:
            raise NotFrozen(_reason(name, value))
        parts.append((name, part))
    # A builtin name may later be shadowed by a global of the module.
    for name in global_names(code):
        parts.append(name in function.__globals__ or hasattr(builtins, name))
    return tuple(parts)


def _reason(name, value):
    """Why a value keeps a function from being compiled, and what to do."""
    if isinstance(value, np.ndarray):
        return f"refers to the array `{name}`: pass it through `args`"
    if isinstance(value, python_types.ModuleType):
        return f"refers to the module `{name}`: import the names that are needed instead"
    if is_function(value):
        return f"refers to the function `{name}`, which calls it in turn: decorate it with @njit"
    return (
        f"refers to `{name}` ({type(value).__name__}), which could change: pass what it needs through `args`"
    )


def dispatcher_of(function):
    """The ``@njit`` form of a user's function and its key, or (None, None) if there is none."""
    if isinstance(function, CPUDispatcher):
        return function, function
    if not isinstance(function, python_types.FunctionType):
        return None, None
    try:
        key = identity(function)
        found = _dispatchers.get(key)
    except (NotFrozen, TypeError):  # TypeError: an unhashable default
        return None, None
    if found is None:
        found = _dispatchers.remember(key, njit(**PLAIN_FLAGS)(_with_compiled_helpers(function)))
        keep(made_from(found, function), name_of(function), (function,))
    return found, key


def reason_for(function):
    """Why a function has no ``@njit`` form, worded to follow its name; None if it has one."""
    if isinstance(function, CPUDispatcher):
        return None
    if isinstance(function, CalledBack):
        return function.reason
    if isinstance(function, python_types.MethodType):
        return "is a method, whose object could change: use a function, and pass what it needs through `args`"
    if not isinstance(function, python_types.FunctionType):
        return f"is an object of class {type(function).__name__}, not a function"
    try:
        hash(identity(function))
    except NotFrozen as error:
        return str(error)
    except TypeError:
        return "has a default argument that could change"
    return None


def name_of(function):
    """The name of a function in messages."""
    name = getattr(function, "__name__", type(function).__name__)
    return "the function" if name == "<lambda>" else name


def error_line(error):
    """The line of Numba's error message that says what is wrong."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Failed in nopython", "During: "))]
    return lines[0] if lines else type(error).__name__


def _with_compiled_helpers(function):
    """The same function with the plain functions that it refers to replaced by dispatchers."""
    helpers = {name: value for name, value in captured(function) if is_function(value)}
    if not helpers:
        return function
    helpers = {name: dispatcher_of(value)[0] for name, value in helpers.items()}
    cells = [
        python_types.CellType(helpers[name]) if name in helpers else cell
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    ]
    own = ("__builtins__", "__name__", *global_names(function.__code__))
    names = {name: function.__globals__[name] for name in own if name in function.__globals__}
    made = python_types.FunctionType(
        function.__code__,
        names | {name: helpers[name] for name in names if name in helpers},
        function.__name__,
        function.__defaults__,
        tuple(cells) if function.__closure__ else None,
    )
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    made.__dict__.update(function.__dict__)
    return made


def result_type(dispatcher, argument_types):
    """Type that a function returns for argument types; raises if Numba cannot compile it."""
    return _call_type(dispatcher, argument_types).return_type


def _call_type(dispatcher, argument_types):
    with quiet_compilation():
        return types.Dispatcher(dispatcher).get_call_type(dispatcher.typingctx, argument_types, {})


def compile_result_of(dispatcher, argument_types):
    """The compile result of a function for these argument types; raises if Numba cannot compile it."""
    signature = _call_type(dispatcher, argument_types)
    if signature.args == tuple(argument_types):
        return dispatcher.overloads[signature.args]

    # It was compiled for types to which Numba converts these, or it has default values or a ``*args``.
    names = ", ".join(f"argument_{i}" for i in range(len(argument_types)))
    namespace = {"__name__": __name__, "function": dispatcher}
    exec(f"def forward({names}):\n    return function({names})\n", namespace)
    forward = njit(**OBJECTIVE_FLAGS)(namespace["forward"])
    keep(forward, name_of(dispatcher), (dispatcher,), "forward", tuple(argument_types))
    compile_quietly(forward, tuple(argument_types))
    return forward.overloads[tuple(argument_types)]


UNKNOWN_ARGS = "args contain values that Numba does not know or treats differently from Python"
"""A reason why functions are called back."""


def reason_against(dispatcher, argument_types, name):
    """Why a function does not compile for argument types, or None if it does."""
    try:
        answer = result_type(dispatcher, argument_types)
    except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
        return f"{name} cannot be compiled by Numba: {error_line(error)}"
    if isinstance(answer, types.NoneType):
        return f"{name} returns None: has it a `return`?"
    return None
