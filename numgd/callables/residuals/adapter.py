"""A user's ``@njit`` residuals or model as one compiled function with the signature that solvers expect."""

import numpy as np
from numba import njit, types

from numgd.callables.compilable import name_of, result_type
from numgd.callables.objective.adapter import can_keep, enters_python, is_real, is_real_array
from numgd.foundations.linalg import solve_lower
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, IMAGINARY_STEP
from numgd.jit.arguments import loader
from numgd.jit.kept import keep
from numgd.jit.pointers import WANT_GRADIENT, WANT_VALUE, address_of, objective_signature, vector_view
from numgd.jit.portable import OBJECTIVE_FLAGS, compile_quietly, portable

"""Length of the complex step: its square is negligible beside one."""


# What a user's function may return ----------------------------------------------------------------------


@portable
def as_it_is(value):
    return value


@portable
def _slope(value):
    return value.imag / IMAGINARY_STEP


def _is_complex(numba_type):
    return isinstance(numba_type, types.Complex)


def make_take(answer, part, spread):
    """Function ``take(out, answer)`` for residuals of a Numba type, or None for any other type.

    `part` is applied to every number; with `spread`, a single number is used for every residual.
    """
    fits = _is_complex if part is _slope else is_real
    if fits(answer):

        @portable
        def take(out, answer):
            if not spread and out.size != 1:
                raise ValueError("fun must return as many residuals as it did at x0")
            for i in range(out.size):
                out[i] = part(answer)

    elif isinstance(answer, types.Array) and answer.ndim == 1 and fits(answer.dtype):

        @portable
        def take(out, answer):
            if answer.size != out.size:
                raise ValueError("fun must return as many residuals as it did at x0")
            for i in range(out.size):
                out[i] = part(answer[i])

    elif isinstance(answer, types.List | types.UniTuple) and fits(answer.dtype):

        @portable
        def take(out, answer):
            if len(answer) != out.size:
                raise ValueError("fun must return as many residuals as it did at x0")
            for i in range(out.size):
                out[i] = part(answer[i])

    else:
        return None
    return take


@portable
def take_columns(out, matrix, n, m):
    """Copy a user's Jacobian (m, n) to `out`, column by column."""
    if matrix.shape[0] != m or matrix.shape[1] != n:
        raise ValueError("jac must return a matrix with a row for each residual, a column for each variable")
    for j in range(n):
        for i in range(m):
            out[j * m + i] = matrix[i, j]


@portable
def take_each(out, columns, n, m):
    """The same for a Jacobian given as a tuple of columns."""
    for j in range(n):
        column = columns[j]
        if column.size != m:
            raise ValueError("fun must return as many residuals as there are data points")
        for i in range(m):
            out[j * m + i] = column[i]


# Residuals and models, through the same four functions -----------------------------------------------------
# answer(x, n, data) calls the function, moved(z, data) calls it at a complex z, and slopes(x, n, data) calls
# jac.  finish(out, data, whole) turns the returned values into residuals, or (not `whole`) into a column of
# the Jacobian.


def make_residual_adapter(fun, jac, scheme, args_type, vector):
    """The compiled form of ``fun(x, *args)`` and ``jac(x, *args)``, or None; its context is (m, args).

    Parameters
    ----------
    fun, jac : dispatcher
        `jac` is None unless the scheme is EXACT.
    scheme : int
        How the Jacobian is obtained; see `numgd.kernels.cpu.solvers.least_squares`.
    args_type : numba.types.BaseTuple
        Type of the tuple of args.
    vector : numba.types.Array
        Type of x.

    Returns
    -------
    The compile result, or None if Numba cannot compile the functions or they return something that a solver
    cannot use.
    """
    view = vector_view(vector.dtype)
    cautious = any(can_keep(part) for part in args_type) or enters_python(fun)
    cautious = cautious or (jac is not None and enters_python(jac))

    @portable
    def point(x, n):
        return view(x, n).copy() if cautious else view(x, n)

    @portable
    def answer(x, n, args):
        return fun(point(x, n), *args)

    @portable
    def moved(z, args):
        return fun(z, *args)

    @portable
    def slopes(x, n, args):
        return jac(point(x, n), *args)

    @portable
    def finish(out, args, whole):
        pass

    complex_vector = types.Array(types.complex128, 1, "C")
    try:
        kinds = _types(fun, jac, scheme, (vector, *args_type), (complex_vector, *args_type))
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return None
    made_from = (fun, jac), ("residuals",)
    return _compile(answer, moved, slopes, finish, kinds, False, scheme, args_type, vector, made_from)


def make_model_adapter(fun, jac, scheme, n, data_type, vector):
    """The compiled form of ``fun(xdata, *parameters)`` minus ydata; its context is (m, data).

    `data_type` is the type of data = (xdata, ydata, weights, *numbers).  The n parameters are passed one by
    one, followed by the numbers that the model captured.  Weights are (m,) factors of the residuals, or the
    lower Cholesky factor (m, m) of their covariance, or empty.
    """
    real = vector.dtype
    load = loader(types.UniTuple(real, n))
    load_complex = loader(types.UniTuple(types.complex128, n))

    @portable
    def answer(x, n, data):
        return fun(data[0], *(load(x) + data[3:]))

    @portable
    def moved(z, data):
        return fun(data[0], *(load_complex(address_of(z)) + data[3:]))

    @portable
    def slopes(x, n, data):
        return jac(data[0], *(load(x) + data[3:]))

    @portable
    def less(out, data, whole):
        if whole:
            target = data[1]
            for i in range(out.size):
                out[i] -= target[i]

    if data_type[2].ndim == 2:

        @portable
        def finish(out, data, whole):
            less(out, data, whole)
            solve_lower(data[2], out)

    else:

        @portable
        def finish(out, data, whole):
            less(out, data, whole)
            weights = data[2]
            if weights.size > 0:
                for i in range(out.size):
                    out[i] *= weights[i]

    try:
        numbers = tuple(data_type)[3:]
        plain = (data_type[0], *[real] * n, *numbers)
        kinds = _types(fun, jac, scheme, plain, (data_type[0], *[types.complex128] * n, *numbers))
    except Exception:
        return None
    made_from = (fun, jac), ("model", n)
    return _compile(answer, moved, slopes, finish, kinds, True, scheme, data_type, vector, made_from)


def _types(fun, jac, scheme, plain, shifted):
    """Return types for the residuals, for the residuals at a complex point, and for the Jacobian."""
    return (
        result_type(fun, plain),
        result_type(fun, shifted) if scheme == COMPLEX_STEP else None,
        result_type(jac, plain) if scheme == EXACT else None,
    )


def _compile(answer, moved, slopes, finish, kinds, spread, scheme, data_type, vector, made_from):
    """The compile result of a residual function with the solvers' signature, or None."""
    value_type, shifted_type, jacobian_type = kinds
    real = np.dtype(vector.dtype.name).type
    view = vector_view(vector.dtype)
    load = loader(types.Tuple((types.int64, data_type)))
    take = make_take(value_type, as_it_is, spread)
    if take is None:
        return None

    if scheme == EXACT:
        columns = isinstance(jacobian_type, types.UniTuple) and is_real_array(jacobian_type.dtype, 1)
        if not (columns or is_real_array(jacobian_type, 2)):
            return None
        copy = take_each if columns else take_columns

        @portable
        def differentiate(x, out, n, m, data):
            copy(out, slopes(x, n, data), n, m)

    elif scheme == COMPLEX_STEP:
        take_slopes = make_take(shifted_type, _slope, spread)
        if take_slopes is None:
            return None

        @portable
        def differentiate(x, out, n, m, data):
            for j in range(n):
                z = view(x, n) + 0j
                z[j] += complex(0.0, IMAGINARY_STEP)
                take_slopes(out[j * m : (j + 1) * m], moved(z, data))

    else:

        @portable
        def differentiate(x, out, n, m, data):
            pass

    def adapter(x, out, n, wanted, context):
        m, data = load(context)
        if wanted & WANT_VALUE:
            r = view(out, m)
            take(r, answer(x, n, data))
            finish(r, data, True)
        if wanted & WANT_GRADIENT:
            columns = view(out, n * m)
            differentiate(x, columns, n, m, data)
            for j in range(n):
                finish(columns[j * m : (j + 1) * m], data, False)
        return real(0)

    signature = objective_signature(vector.dtype)
    dispatcher = njit(**OBJECTIVE_FLAGS)(adapter)
    functions, words = made_from
    keep(
        dispatcher, f"residuals-{name_of(functions[0])}", functions,
        *words, int(scheme), data_type, vector, kinds,
    )  # fmt: skip
    try:
        compile_quietly(dispatcher, signature)
    except Exception:
        return None
    return dispatcher.overloads[signature.args]
