"""Any user callable to the one compiled form that solvers call.

A plain or ``@njit`` function that Numba can compile becomes machine code with the fixed signature of
`numgd.jit.pointers.objective_signature`; anything else is called back, from the same compiled solver.
"""

import builtins
import dis
import math
import types as python_types
from collections import OrderedDict
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.core.registry import CPUDispatcher

from numgd.jit.arguments import (
    fingerprint,
    loader,
    pack,
    row_loader,
    row_of_args,
    storage_size,
    type_of,
    unpack,
)
from numgd.jit.pointers import (
    GRADIENT,
    VALUE,
    call_python,
    function_address,
    objective_signature,
    vector_view,
)
from numgd.jit.portable import OBJECTIVE_FLAGS, compile_quietly, compiled, portable
from numgd.kernels.cpu.solve import (
    COMPLEX_STEP,
    EXACT,
    JOINT,
    THREE_POINT,
    TWO_POINT,
)

# Plain functions to compiled ones ---------------------------------------------------------------------


class _LeastRecentlyUsed(OrderedDict):
    """A dictionary of bounded size."""

    def __init__(self, limit):
        super().__init__()
        self._limit = limit

    def remember(self, key, value):
        self[key] = value
        if len(self) > self._limit:
            self.popitem(last=False)
        return value


_dispatchers = _LeastRecentlyUsed(256)
_objectives = _LeastRecentlyUsed(512)

_FROZEN_TYPES = (int, bool, complex, str, bytes, type(None), np.generic, CPUDispatcher, np.ufunc, type)
_FROZEN_TYPES += (python_types.BuiltinFunctionType,)
_FROZEN_MODULES = frozenset(("numpy", "math", "cmath", "numba", "operator", "builtins"))


def _frozen(value):
    """Hashable stand-in for a value that cannot change, or None where it could."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, _FROZEN_TYPES):
        return type(value), value
    if isinstance(value, python_types.ModuleType):
        return value.__name__ if value.__name__.partition(".")[0] in _FROZEN_MODULES else None
    if isinstance(value, tuple):
        parts = tuple(_frozen(part) for part in value)
        return None if None in parts else parts
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
    parts = [code, function.__defaults__]
    if function.__kwdefaults__ or code.co_flags & 0x2A0:  # generators and coroutines
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
        if _frozen(default) is None:
            return None
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
        found = _dispatchers.remember(key, njit(**OBJECTIVE_FLAGS)(function))
    return found, key


def _result_type(dispatcher, argument_types):
    """Type that a function returns for argument types; raises where Numba cannot compile it."""
    if dispatcher._can_compile:
        compile_quietly(dispatcher, argument_types)
        return dispatcher.overloads[argument_types].signature.return_type
    # The user has given signatures; one of them may serve these types.
    template, _, arguments, keywords = dispatcher.get_call_template(argument_types, {})
    return template(dispatcher.typingctx).apply(arguments, keywords).return_type


def numba_real(dtype):
    """Numba's float32 or float64 for NumPy's."""
    return types.float32 if dtype == np.float32 else types.float64


def _is_real(numba_type):
    return isinstance(numba_type, types.Integer | types.Float | types.Boolean)


def _is_gradient(numba_type):
    return isinstance(numba_type, types.Array) and numba_type.ndim == 1 and _is_real(numba_type.dtype)


# The compiled form ------------------------------------------------------------------------------------


@portable
def _fill(g, gradient):
    """Copy a user's gradient, of whatever real dtype and layout, to the solver's memory."""
    if gradient.size != g.size:
        raise ValueError("jac must return a vector of the length of x0")
    for i in range(g.size):
        g[i] = gradient[i]


def _can_keep(numba_type):
    """Whether an argument of this type could keep a reference to x beyond the call: it gets a copy then."""
    kinds = (types.ListType, types.DictType, types.List, types.StructRef, types.ClassInstanceType)
    return isinstance(numba_type, kinds) or (
        isinstance(numba_type, types.BaseTuple) and any(_can_keep(part) for part in numba_type)
    )


def make_adapter(fun, jac, scheme, load, args_type, vector):
    """The compiled objective of a function and its gradient, both ``@njit``, for one type of x and args.

    Parameters
    ----------
    fun, jac : dispatcher
        `jac` is None unless the scheme is EXACT.
    scheme : int
        How the gradient is obtained; see `numgd.kernels.cpu.solve`.
    load : callable
        Portable function ``load(context)`` that gives the tuple of args.
    args_type : numba.types.BaseTuple
        Type of that tuple.
    vector : numba.types.Array
        Type of x.

    Returns
    -------
    The compile result, or None where Numba cannot compile the functions or they do not return what a
    solver can take.
    """
    argument_types = (vector, *args_type)
    view = vector_view(vector.dtype)
    if any(_can_keep(part) for part in args_type):

        @portable
        def point(x, n):
            return view(x, n).copy()

    else:

        @portable
        def point(x, n):
            return view(x, n)

    real = np.dtype(vector.dtype.name).type
    if scheme == JOINT:

        def adapter(x, g, n, wanted, context):
            f, gradient = fun(point(x, n), *load(context))
            _fill(view(g, n), gradient)
            return real(f)

    elif scheme == EXACT:

        def adapter(x, g, n, wanted, context):
            f = real(0)
            if wanted & VALUE:
                f = real(fun(point(x, n), *load(context)))
            if wanted & GRADIENT:
                _fill(view(g, n), jac(point(x, n), *load(context)))
            return f

    elif scheme == COMPLEX_STEP:
        step = 1e-20

        def adapter(x, g, n, wanted, context):
            f = real(0)
            if wanted & VALUE:
                f = real(fun(point(x, n), *load(context)))
            if wanted & GRADIENT:
                gradient = view(g, n)
                for i in range(n):
                    moved = view(x, n) + 0j
                    moved[i] += complex(0.0, step)
                    gradient[i] = fun(moved, *load(context)).imag / step
            return f

    else:

        def adapter(x, g, n, wanted, context):
            return real(fun(point(x, n), *load(context)))

    try:
        value = _result_type(fun, argument_types)
        if scheme == JOINT:
            fits = isinstance(value, types.BaseTuple) and len(value) == 2
            fits = fits and _is_real(value[0]) and _is_gradient(value[1])
        else:
            fits = _is_real(value)
        if scheme == EXACT:
            fits = fits and _is_gradient(_result_type(jac, argument_types))
        if not fits:
            return None
        signature = objective_signature(vector.dtype)
        dispatcher = njit(**OBJECTIVE_FLAGS)(adapter)
        compile_quietly(dispatcher, signature)
        return dispatcher.overloads[signature.args]
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return None


class Compiled(NamedTuple):
    """A user's function as machine code."""

    address: Any
    args_size: Any  # bytes of the packed args
    keep: Any  # what must stay alive as long as the address is used
    fun: Any  # the function (and gradient) as dispatchers, for callers in Python
    jac: Any


def compile_objective(fun, jac, scheme, args, dtype, rows=False):
    """The `Compiled` form of a function, made once for functions and types; None if there is none.

    Parameters
    ----------
    fun : callable
    jac : callable or None
    scheme : int
    args : tuple
    dtype : numpy.dtype
        float32 or float64.
    rows : bool
        Whether arrays in args vary along their first axis, and a call is for one row of them.
    """
    fun_dispatcher, fun_key = dispatcher_of(fun)
    if fun_dispatcher is None:
        return None
    jac_dispatcher, jac_key = None, None
    if jac is not None:
        jac_dispatcher, jac_key = dispatcher_of(jac)
        if jac_dispatcher is None:
            return None
    form = scheme if scheme in (EXACT, JOINT, COMPLEX_STEP) else TWO_POINT
    try:
        key = (fun_key, jac_key, form, dtype.char, rows, fingerprint(args))
    except ValueError:  # args of a type that Numba does not know
        return None
    if key in _objectives:
        return _objectives[key]
    args_type = type_of(args)
    vector = types.Array(numba_real(dtype), 1, "C")
    if rows:
        load, given_type = row_loader(args_type), type_of(row_of_args(args, 0))
    else:
        load, given_type = loader(args_type), args_type
    result = make_adapter(fun_dispatcher, jac_dispatcher, form, load, given_type, vector)
    found = None
    if result is not None:
        keep = (result, fun_dispatcher, jac_dispatcher)
        size = storage_size(args_type)
        found = Compiled(function_address(result), size, keep, fun_dispatcher, jac_dispatcher)
    return _objectives.remember(key, found)


# The called-back form ---------------------------------------------------------------------------------


class PythonObjective:
    """A user's function that Numba cannot compile, as the compiled solver calls it.

    The solver calls the object with what it wants (VALUE, GRADIENT or both); x is read from `argument`,
    which the solver has written, and the gradient is left in `gradient`.
    """

    def __init__(self, fun, jac, scheme, args, argument):
        self.fun, self.jac, self.scheme, self.args = fun, jac, scheme, args
        self.argument = argument
        self.gradient = np.empty_like(argument)

    def __call__(self, wanted):
        f = math.nan
        if self.scheme == JOINT:
            answer = self.fun(self.argument.copy(), *self.args)
            try:
                f, gradient = answer
            except (TypeError, ValueError):
                raise TypeError(
                    f"fun must return (value, gradient) when jac is True; it returned {_described(answer)}"
                ) from None
            self._take(gradient, "fun")
            return _real_scalar(f)
        if wanted & VALUE:
            f = _real_scalar(self.fun(self.argument.copy(), *self.args))
        if wanted & GRADIENT:
            if self.scheme == COMPLEX_STEP:
                self._complex_step()
            else:
                self._take(self.jac(self.argument.copy(), *self.args), "jac")
        return f

    def _take(self, gradient, name):
        values = np.atleast_1d(np.asarray(gradient))
        if values.dtype.kind not in "fiub":
            raise TypeError(f"{name} must return a real gradient; it returned {_described(gradient)}")
        if values.size != self.gradient.size:
            raise ValueError(
                f"{name} must return a gradient of length {self.gradient.size}; "
                f"it returned {_described(gradient)}"
            )
        self.gradient[:] = values.ravel()

    def _complex_step(self):
        step = 1e-20
        for i in range(self.argument.size):
            moved = self.argument.astype(np.result_type(self.argument, np.complex64))
            moved[i] += step * 1j
            self.gradient[i] = np.asarray(self.fun(moved, *self.args)).item().imag / step


def _described(value):
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return f"{value!r:.60} ({type(value).__name__})"


def _real_scalar(value):
    """A float from what a user's function returned, or an error that says what it returned."""
    if type(value) is not float:
        try:
            value = np.asarray(value).item()
        except ValueError:
            raise TypeError(f"fun must return a real number; it returned {_described(value)}") from None
        if not isinstance(value, float | int):
            raise TypeError(f"fun must return a real number; it returned {_described(value)}")
    return float(value)


@cache
def _bridge(dtype):
    """The compiled objective that calls a `PythonObjective`, and the bytes of its context."""
    real = numba_real(dtype)
    context_type = types.Tuple((types.Array(real, 1, "C"), types.int64))
    load = loader(context_type)
    view = vector_view(real)
    scalar = dtype.type

    @compiled(f"python-objective-{dtype}")
    def bridge(x, g, n, wanted, context):
        gradient, target = load(context)
        f = call_python(target, wanted)
        if wanted & GRADIENT:
            _fill(view(g, n), gradient)
        return scalar(f)

    signature = objective_signature(real)
    compile_quietly(bridge, signature)
    return function_address(bridge.overloads[signature.args]), storage_size(context_type)


# Bound to its args ------------------------------------------------------------------------------------


class Bound:
    """An objective with its args in place, for the length of one solve.

    Attributes
    ----------
    address : int
        Of the compiled objective.
    context : int
        Address of the packed args.
    """

    def __init__(self, address, size, values, keep):
        self.address = address
        self.context = 0
        self._values, self._keep = values, keep
        if size:
            self._buffer = np.empty(size, np.uint8)
            self.context = pack(self._buffer, values)

    def release(self):
        """Give back the references to the args."""
        if self.context:
            unpack(self._buffer, self._values)
            self.context = 0


def bind(fun, jac, scheme, args, argument):
    """The objective of a user's functions and args, compiled where possible.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``.
    jac : callable or None
    scheme : int
        How the gradient is obtained.
    args : tuple
    argument : numpy.ndarray
        Where the solver leaves x for a function that is called back.
    """
    found = compile_objective(fun, jac, scheme, args, argument.dtype)
    if found is not None:
        return Bound(found.address, found.args_size, args, found)
    target = PythonObjective(fun, jac, scheme, args, argument)
    address, size = _bridge(argument.dtype)
    return Bound(address, size, (target.gradient, id(target)), target)


def bind_rows(fun, jac, scheme, args, dtype):
    """The same for many problems, arrays in args varying along their first axis; None if not compiled."""
    found = compile_objective(fun, jac, scheme, args, dtype, rows=True)
    if found is None:
        return None
    return Bound(found.address, found.args_size, args, found)


def scheme_of(jac):
    """How a gradient is obtained, from SciPy's `jac` argument; raises for what it cannot be."""
    if callable(jac):
        return EXACT
    if jac is None or jac is False:
        return TWO_POINT
    if jac is True:
        return JOINT
    try:
        return {"2-point": TWO_POINT, "3-point": THREE_POINT, "cs": COMPLEX_STEP}[jac]
    except (KeyError, TypeError):
        raise ValueError(
            f"jac must be a callable, True, '2-point', '3-point', 'cs' or None; it is {jac!r}"
        ) from None
