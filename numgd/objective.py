"""Any user callable to the one compiled form that solvers call.

A plain or ``@njit`` function that Numba can compile becomes machine code with the fixed signature of
`numgd.jit.pointers.objective_signature`; anything else is called back, from the same compiled solver.
"""

import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types

from numgd.functions import LeastRecentlyUsed, dispatcher_of
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
from numgd.jit.portable import OBJECTIVE_FLAGS, compile_quietly, compiled, portable, quiet_compilation
from numgd.kernels.cpu.solve import (
    COMPLEX_STEP,
    EXACT,
    JOINT,
    THREE_POINT,
    TWO_POINT,
)

_objectives = LeastRecentlyUsed(512)


def _result_type(dispatcher, argument_types):
    """Type that a function returns for argument types; raises where Numba cannot compile it."""
    with quiet_compilation():
        call = types.Dispatcher(dispatcher).get_call_type(dispatcher.typingctx, argument_types, {})
    return call.return_type


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


def _enters_python(dispatcher):
    """Whether a function has an ``objmode`` block, through which x could be kept beyond the call."""
    return any(result.lifted for result in dispatcher.overloads.values())


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
    try:
        value = _result_type(fun, argument_types)
        gradient = _result_type(jac, argument_types) if scheme == EXACT else None
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return None
    if scheme == JOINT:
        fits = isinstance(value, types.BaseTuple) and len(value) == 2
        fits = fits and _is_real(value[0]) and _is_gradient(value[1])
    else:
        fits = _is_real(value) and (gradient is None or _is_gradient(gradient))
    if not fits:
        return None
    if any(_can_keep(part) for part in args_type) or _enters_python(fun) or (jac and _enters_python(jac)):

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

    signature = objective_signature(vector.dtype)
    dispatcher = njit(**OBJECTIVE_FLAGS)(adapter)
    try:
        compile_quietly(dispatcher, signature)
    except Exception:
        return None
    return dispatcher.overloads[signature.args]


class Compiled(NamedTuple):
    """A user's function as machine code."""

    address: Any
    args_size: Any  # bytes of the packed args
    keep: Any  # what must stay alive as long as the address is used
    fun: Any  # the function (and gradient) as dispatchers, for callers in Python
    jac: Any


def _all_same_in_numba(values):
    """Whether Numba treats all args as Python does: no subclasses of arrays, no lists that are copied."""
    for value in values:
        if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.recarray, np.memmap):
            return False
        if isinstance(value, list | set) or (isinstance(value, tuple) and not _all_same_in_numba(value)):
            return False
    return True


def _agree(plain, compiled, x, args):
    """Whether a plain function and its compiled form give the same at x, once, when it is first compiled.

    Numba's integers have 64 bits and its ``int ** int`` is an integer: a function may differ that compiles.
    """
    if plain is None or plain is compiled:
        return True
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = plain(x.copy(), *args)
        except Exception:
            return False  # as itself, it will say what is wrong
        try:
            answer = compiled(x.copy(), *args)
        except ZeroDivisionError:
            return True
        except Exception:
            return False
    tolerance = 1e3 * np.finfo(x.dtype).eps
    pairs = zip(expected, answer, strict=True) if isinstance(answer, tuple) else ((expected, answer),)
    return all(np.allclose(a, b, tolerance, tolerance, equal_nan=True) for a, b in pairs)


def compile_objective(fun, jac, scheme, args, x, rows=False):
    """The `Compiled` form of a function, made once for functions and types; None if there is none.

    Parameters
    ----------
    fun : callable
    jac : callable or None
    scheme : int
    args : tuple
    x : numpy.ndarray
        A point, float32 or float64, at which a plain function's compiled form is compared with itself.
    rows : bool
        Whether arrays in args vary along their first axis, and a call is for one row of them.
    """
    fun_dispatcher, fun_key = dispatcher_of(fun)
    jac_dispatcher, jac_key = dispatcher_of(jac) if jac is not None else (None, None)
    if fun_dispatcher is None or (jac is not None and jac_dispatcher is None):
        return None
    if not _all_same_in_numba(args):
        return None
    form = scheme if scheme in (EXACT, JOINT, COMPLEX_STEP) else TWO_POINT
    try:
        key = (fun_key, jac_key, form, x.dtype.char, rows, fingerprint(args))
    except Exception:  # args of a type that Numba does not know
        return None
    found = _objectives.get(key, _objectives)
    if found is not _objectives:
        return found
    if not np.isfinite(x).all():
        return None  # the solver will refuse it: nothing to compile for
    first_args = row_of_args(args, 0) if rows else args
    try:
        args_type, given_type = type_of(args), type_of(first_args)
    except Exception:
        return None
    load = row_loader(args_type) if rows else loader(args_type)
    vector = types.Array(numba_real(x.dtype), 1, "C")
    result = make_adapter(fun_dispatcher, jac_dispatcher, form, load, given_type, vector)
    found = None
    pairs = ((fun, fun_dispatcher), (jac, jac_dispatcher))
    if result is not None and all(_agree(plain, compiled, x, first_args) for plain, compiled in pairs):
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
        f = 0.0
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


def bind(fun, jac, scheme, args, x, argument):
    """The objective of a user's functions and args, compiled where possible.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``.
    jac : callable or None
    scheme : int
        How the gradient is obtained.
    args : tuple
    x : numpy.ndarray
        The starting point.
    argument : numpy.ndarray
        Where the solver leaves x for a function that is called back.
    """
    bound = _bind_compiled(fun, jac, scheme, args, x, rows=False)
    if bound is not None:
        return bound
    target = PythonObjective(fun, jac, scheme, args, argument)
    address, size = _bridge(argument.dtype)
    return Bound(address, size, (target.gradient, id(target)), target)


def bind_rows(fun, jac, scheme, args, x):
    """The same for many problems, arrays in args varying along their first axis; None if not compiled."""
    return _bind_compiled(fun, jac, scheme, args, x, rows=True)


def _bind_compiled(fun, jac, scheme, args, x, rows):
    found = compile_objective(fun, jac, scheme, args, x, rows)
    if found is None:
        return None
    try:
        return Bound(found.address, found.args_size, args, found)
    except Exception:  # a value that does not fit the type that Numba gave it
        return None


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
