"""A user's ``@njit`` functions as one compiled function with the signature that solvers expect."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types

from numgd.foundations.schemes import COMPLEX_STEP, EXACT, IMAGINARY_STEP, JOINT, PAIR
from numgd.jit.compilable import name_of, result_type
from numgd.jit.kept import keep
from numgd.jit.pointers import (
    WANT_GRADIENT,
    WANT_HESSIAN,
    WANT_PRODUCT,
    WANT_VALUE,
    objective_signature,
    vector_view,
)
from numgd.jit.portable import OBJECTIVE_FLAGS, compile_quietly, portable


class Functions(NamedTuple):
    """The user's function ``fun(x, *args)`` and those of its derivatives that are also functions."""

    fun: Any  # None if only `pair` is ever called
    jac: Any = None  # jac(x, *args) -> (n,), None unless the scheme is EXACT
    hess: Any = None  # hess(x, *args) -> (n, n)
    hessp: Any = None  # hessp(x, p, *args) -> (n,)
    pair: Any = None  # pair(x, gradient, *args) -> value, writes the gradient; None unless the scheme is PAIR


def numba_real(dtype):
    """Numba's float32 or float64 that corresponds to NumPy's."""
    return types.float32 if dtype == np.float32 else types.float64


def is_real(numba_type):
    return isinstance(numba_type, types.Integer | types.Float | types.Boolean)


def is_real_array(numba_type, ndim):
    return isinstance(numba_type, types.Array) and numba_type.ndim == ndim and is_real(numba_type.dtype)


@portable
def fill(out, vector):
    """Copy a user's gradient, of any real dtype and layout, to the solver's memory."""
    if vector.size != out.size:
        raise ValueError("jac must return a vector of the length of x0")
    for i in range(out.size):
        out[i] = vector[i]


@portable
def _fill_matrix(out, matrix):
    n = matrix.shape[0]
    if matrix.shape[1] != n or n * n != out.size:
        raise ValueError("hess must return a matrix with a row and a column for each of x0")
    for i in range(n):
        for j in range(n):
            out[i * n + j] = matrix[i, j]


def can_keep(numba_type):
    """Whether an argument of this type could keep a reference to x after the call; x is then copied."""
    kinds = (types.ListType, types.DictType, types.List, types.StructRef, types.ClassInstanceType)
    return isinstance(numba_type, kinds) or (
        isinstance(numba_type, types.BaseTuple) and any(can_keep(part) for part in numba_type)
    )


def enters_python(dispatcher):
    """Whether a function has an ``objmode`` block, through which x could be kept after the call."""
    return any(result.lifted for result in dispatcher.overloads.values())


def _types_fit(functions, scheme, vector, argument_types):
    """Whether the functions compile for these types and return something that a solver can use."""
    arguments = (vector, *argument_types)
    try:
        fits = functions.fun is None
        if functions.fun is not None:
            value = result_type(functions.fun, arguments)
            fits = is_real(value)
        if functions.pair is not None:
            fits = fits and is_real(result_type(functions.pair, (vector, *arguments)))
        if scheme == JOINT:
            if not (isinstance(value, types.BaseTuple) and len(value) == 2):
                return False
            value, gradient = value
            fits = is_real(value) and is_real_array(gradient, 1)
        if functions.jac is not None:
            fits = fits and is_real_array(result_type(functions.jac, arguments), 1)
        if functions.hess is not None:
            fits = fits and is_real_array(result_type(functions.hess, arguments), 2)
        if functions.hessp is not None:
            result = result_type(functions.hessp, (vector, vector, *argument_types))
            fits = fits and is_real_array(result, 1)
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return False
    return fits


def _make_first(functions, scheme, load, point, view, vector):
    """Function ``first(x, g, n, wanted, context)``: the value, and the gradient if a function gives it."""
    real = np.dtype(vector.dtype.name).type
    fun, jac, pair = functions.fun, functions.jac, functions.pair

    @portable
    def alone(x, g, n, wanted, context):
        if wanted & WANT_VALUE:
            return real(fun(point(x, n), *load(context)))
        return real(0)

    @portable
    def joint(x, g, n, wanted, context):
        if wanted & WANT_VALUE:
            value, gradient = fun(point(x, n), *load(context))
            fill(view(g, n), gradient)
            return real(value)
        return real(0)

    @portable
    def paired(x, g, n, wanted, context):
        if wanted & WANT_GRADIENT:
            return both(x, g, n, wanted, context)
        return alone(x, g, n, wanted, context)

    @portable
    def both(x, g, n, wanted, context):
        return real(pair(point(x, n), view(g, n), *load(context)))

    @portable
    def exact(x, g, n, wanted, context):
        f = alone(x, g, n, wanted, context)
        if wanted & WANT_GRADIENT:
            fill(view(g, n), jac(point(x, n), *load(context)))
        return f

    @portable
    def by_complex_step(x, g, n, wanted, context):
        f = alone(x, g, n, wanted, context)
        if wanted & WANT_GRADIENT:
            gradient = view(g, n)
            for i in range(n):
                moved = view(x, n) + 0j
                moved[i] += complex(0.0, IMAGINARY_STEP)
                gradient[i] = fun(moved, *load(context)).imag / IMAGINARY_STEP
        return f

    if fun is None:
        return both
    return {JOINT: joint, PAIR: paired, EXACT: exact, COMPLEX_STEP: by_complex_step}.get(scheme, alone)


def _make_second(functions, load, point, view):
    """Function ``second(x, g, n, wanted, context)`` for second derivatives given by functions."""
    hess, hessp = functions.hess, functions.hessp

    @portable
    def none(x, g, n, wanted, context):
        pass

    @portable
    def full(x, g, n, wanted, context):
        if wanted & WANT_HESSIAN:
            _fill_matrix(view(g, n * n), hess(point(x, n), *load(context)))

    @portable
    def product(x, g, n, wanted, context):
        if wanted & WANT_PRODUCT:
            pair = view(g, 2 * n)
            answer = hessp(point(x, n), pair[:n].copy(), *load(context))
            if answer.size != n:
                raise ValueError("hessp must return a vector of the length of x0")
            fill(pair[n:], answer)

    if hess is not None:
        return full
    return none if hessp is None else product


def make_adapter(functions, scheme, load, args_type, vector):
    """The compiled objective of ``@njit`` functions for given types of x and args.

    Parameters
    ----------
    functions : Functions
        Dispatchers; `hess` and `hessp` are not both given.
    scheme : int
        How the gradient is obtained; see `numgd.kernels.cpu.solvers.one_problem`.
    load : callable
        Portable function ``load(context)`` that returns the tuple of args.
    args_type : numba.types.BaseTuple
        Type of that tuple.
    vector : numba.types.Array
        Type of x.

    Returns
    -------
    The compile result, or None if Numba cannot compile the functions or they return something that a solver
    cannot use.
    """
    if not _types_fit(functions, scheme, vector, tuple(args_type)):
        return None
    view = vector_view(vector.dtype)
    if any(can_keep(part) for part in args_type) or any(
        enters_python(function) for function in functions if function is not None
    ):

        @portable
        def point(x, n):
            return view(x, n).copy()

    else:

        @portable
        def point(x, n):
            return view(x, n)

    first = _make_first(functions, scheme, load, point, view, vector)
    second = _make_second(functions, load, point, view)

    def adapter(x, g, n, wanted, context):
        f = first(x, g, n, wanted, context)
        second(x, g, n, wanted, context)
        return f

    signature = objective_signature(vector.dtype)
    dispatcher = njit(**OBJECTIVE_FLAGS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(adapter)
    given = [name for name, function in functions._asdict().items() if function is not None]
    whole_type = getattr(load, "args_type", None)  # if each call uses one row of args
    keep(
        dispatcher, f"objective-{name_of(functions.fun or functions.pair)}", functions,
        given, int(scheme), args_type, whole_type, vector,
    )  # fmt: skip
    try:
        compile_quietly(dispatcher, signature)
    except Exception:
        return None
    return dispatcher.overloads[signature.args]
