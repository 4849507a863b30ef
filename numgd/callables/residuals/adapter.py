"""A user's residuals or model as one compiled function with the signature that solvers expect."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types

from numgd.callables.objective.adapter import can_keep, enters_python, is_real, is_real_array
from numgd.foundations.linalg import solve_lower
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, IMAGINARY_STEP
from numgd.jit.arguments import loader, row_of_args, storage_size
from numgd.jit.compilable import name_of, result_type
from numgd.jit.kept import keep
from numgd.jit.making import made_once
from numgd.jit.pointers import (
    WANT_GRADIENT,
    WANT_VALUE,
    address_of,
    compiled_call,
    function_address,
    objective_signature,
    vector_view,
)
from numgd.jit.portable import OBJECTIVE_FLAGS, compile_quietly, compiled, portable
from numgd.jit.sources import digest_of_words
from numgd.kernels.cpu.solvers.least_squares_many import (
    PACKED,
    PARTS,
    ROW,
    SIZE,
    WEIGHTS,
    WORDS,
    X_DATA,
    Y_DATA,
)

# What a user's function may return -----------------------------------------------------------------------


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


# How the user's functions are called ---------------------------------------------------------------------


class UserFunction(NamedTuple):
    """A user's function for arguments of certain types."""

    call: Any  # call(context, arguments), portable; the context is loaded
    answer: Any  # Numba type of what it returns


class Functions(NamedTuple):
    """One thing for each of the user's functions that an adapter calls."""

    fun: Any
    moved: Any = None  # fun at a complex point; None unless the scheme is COMPLEX_STEP
    jac: Any = None  # None unless the scheme is EXACT


def linked_in(dispatcher, argument_types):
    """A `UserFunction` whose machine code becomes part of its caller's; raises if Numba cannot compile it."""

    @portable
    def call(context, arguments):
        return dispatcher(*arguments)

    return UserFunction(call, result_type(dispatcher, argument_types))


def by_address(answer, argument_types, place):
    """A `UserFunction` that is called at an address in the context."""
    at = compiled_call(answer(*argument_types))

    @portable
    def call(context, arguments):
        return at(context[2][place], arguments)

    return UserFunction(call, answer)


def each(make, fun, jac, scheme, plain, shifted):
    """The `Functions` that ``make(function, argument types)`` returns for those that the scheme needs."""
    return Functions(
        make(fun, plain),
        make(fun, shifted) if scheme == COMPLEX_STEP else None,
        make(jac, plain) if scheme == EXACT else None,
    )


# Residuals and models, through the same four functions ---------------------------------------------------


class Form(NamedTuple):
    """What distinguishes residuals from models; the context is loaded: (m, data), or (m, data, addresses).

    answer(x, n, context) calls the function, moved(z, context) calls it at a complex z, and
    slopes(x, n, context) calls jac.  finish(out, data, whole) turns the returned values into residuals, or
    (not `whole`) into a column of the Jacobian.
    """

    answer: Any
    moved: Any
    slopes: Any
    finish: Any
    spread: Any  # whether a single number is used for every residual


def residual_types(args_type, vector):
    """Argument types of ``fun(x, *args)``, and of the same at a complex x."""
    return (vector, *args_type), (types.Array(types.complex128, 1, "C"), *args_type)


def residual_form(functions, vector, cautious):
    """The `Form` of ``fun(x, *args)``, whose data is args; if `cautious`, the functions get a copy of x."""
    view = vector_view(vector.dtype)
    fun, shifted, jac = (one and one.call for one in functions)

    @portable
    def point(x, n):
        return view(x, n).copy() if cautious else view(x, n)

    @portable
    def answer(x, n, context):
        return fun(context, (point(x, n), *context[1]))

    @portable
    def moved(z, context):
        return shifted(context, (z, *context[1]))

    @portable
    def slopes(x, n, context):
        return jac(context, (point(x, n), *context[1]))

    @portable
    def finish(out, data, whole):
        pass

    return Form(answer, moved, slopes, finish, False)


def is_cautious(fun, jac, args_type):
    """Whether the functions could keep x after a call."""
    return (
        any(can_keep(part) for part in args_type)
        or enters_python(fun)
        or (jac is not None and enters_python(jac))
    )


def model_types(n, data_type, vector):
    """Argument types of ``f(xdata, *parameters, *numbers)``, and of the same with complex parameters."""
    xdata, _, _, *numbers = data_type
    return (xdata, *[vector.dtype] * n, *numbers), (xdata, *[types.complex128] * n, *numbers)


def model_form(functions, n, data_type, vector):
    """The `Form` of ``f(xdata, *parameters, *numbers)`` minus ydata.

    The data is (xdata, ydata, weights, *numbers).  The n parameters are passed one by one, followed by the
    numbers that the model captured.  Weights are (m,) factors of the residuals, or the lower Cholesky factor
    (m, m) of their covariance, or empty.
    """
    fun, shifted, jac = (one and one.call for one in functions)
    load = loader(types.UniTuple(vector.dtype, n))
    load_complex = loader(types.UniTuple(types.complex128, n))

    @portable
    def arguments(parameters, data):
        return (data[0], *(parameters + data[3:]))

    @portable
    def answer(x, n, context):
        return fun(context, arguments(load(x), context[1]))

    @portable
    def moved(z, context):
        return shifted(context, arguments(load_complex(address_of(z)), context[1]))

    @portable
    def slopes(x, n, context):
        return jac(context, arguments(load(x), context[1]))

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

    return Form(answer, moved, slopes, finish, True)


# The adapter ---------------------------------------------------------------------------------------------


def make_adapter(form, functions, scheme, load, vector):
    """Function with the solvers' signature; None if a solver cannot use what the functions return.

    ``load(context)`` gives what the functions of the form call the loaded context.
    """
    real = np.dtype(vector.dtype.name).type
    view = vector_view(vector.dtype)
    answer, moved, slopes, finish, spread = form
    take = make_take(functions.fun.answer, as_it_is, spread)
    differentiate = _make_differentiate(moved, slopes, functions, scheme, view, spread)
    if take is None or differentiate is None:
        return None

    def adapter(x, out, n, wanted, context):
        loaded = load(context)
        m, data = loaded[0], loaded[1]
        if wanted & WANT_VALUE:
            r = view(out, m)
            take(r, answer(x, n, loaded))
            finish(r, data, True)
        if wanted & WANT_GRADIENT:
            columns = view(out, n * m)
            differentiate(x, columns, n, m, loaded)
            for j in range(n):
                finish(columns[j * m : (j + 1) * m], data, False)
        return real(0)

    return adapter


def _make_differentiate(moved, slopes, functions, scheme, view, spread):
    """Function that writes the columns of the Jacobian, or None if a solver cannot use what is returned."""
    if scheme == EXACT:
        answer = functions.jac.answer
        columns = isinstance(answer, types.UniTuple) and is_real_array(answer.dtype, 1)
        if not (columns or is_real_array(answer, 2)):
            return None
        copy = take_each if columns else take_columns

        @portable
        def differentiate(x, out, n, m, context):
            copy(out, slopes(x, n, context), n, m)

    elif scheme == COMPLEX_STEP:
        take_slopes = make_take(functions.moved.answer, _slope, spread)
        if take_slopes is None:
            return None

        @portable
        def differentiate(x, out, n, m, context):
            for j in range(n):
                z = view(x, n) + 0j
                z[j] += complex(0.0, IMAGINARY_STEP)
                take_slopes(out[j * m : (j + 1) * m], moved(z, context))

    else:

        @portable
        def differentiate(x, out, n, m, context):
            pass

    return differentiate


# Adapters that contain the user's functions, for @njit code ----------------------------------------------


def make_residual_adapter(fun, jac, scheme, args_type, vector):
    """The compile result of ``fun(x, *args)`` and ``jac(x, *args)``; its context is (m, args).

    None if Numba cannot compile the functions or they return something that a solver cannot use.
    """
    try:
        functions = each(linked_in, fun, jac, scheme, *residual_types(args_type, vector))
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return None
    form = residual_form(functions, vector, is_cautious(fun, jac, args_type))
    return _linked(form, functions, scheme, args_type, vector, (fun, jac), "residuals")


def make_model_adapter(fun, jac, scheme, n, data_type, vector):
    """The same for ``f(xdata, *parameters)`` minus ydata; its context is (m, data)."""
    try:
        functions = each(linked_in, fun, jac, scheme, *model_types(n, data_type, vector))
    except Exception:
        return None
    form = model_form(functions, n, data_type, vector)
    return _linked(form, functions, scheme, data_type, vector, (fun, jac), "model", n)


def _linked(form, functions, scheme, data_type, vector, users, *words):
    load = loader(types.Tuple((types.int64, data_type)))
    adapter = make_adapter(form, functions, scheme, load, vector)
    if adapter is None:
        return None
    dispatcher = njit(**OBJECTIVE_FLAGS)(adapter)
    answers = tuple(function and function.answer for function in functions)
    name = f"residuals-{name_of(users[0])}"
    keep(dispatcher, name, users, *words, int(scheme), data_type, vector, answers)
    signature = objective_signature(vector.dtype)
    try:
        compile_quietly(dispatcher, signature)
    except Exception:
        return None
    return dispatcher.overloads[signature.args]


# Adapters that call the user's functions by address, for all functions of the same types -----------------


_ADDRESSES = types.UniTuple(types.int64, len(Functions._fields))


class Adapter(NamedTuple):
    """An adapter whose context is (m, data, addresses of the user's functions)."""

    address: int
    context_size: int  # in bytes; for one of many fits, of what is packed for all
    keep: Any  # what must stay alive as long as the address is used


@made_once
def residuals_by_address(signatures, scheme, args_type, vector, cautious, whole_type=None):
    """The `Adapter` of functions that return and take these types, or None if a solver cannot use them.

    `signatures` are the `Functions` with a pair (type of the result, argument types) for each.  With
    `whole_type`, the type of the args of many fits, the context is the words of one of them, and (args,
    addresses) are packed.
    """
    functions = _at_addresses(signatures)
    form = residual_form(functions, vector, cautious)
    words = ("residuals", signatures, scheme, args_type, vector, cautious, whole_type)
    if whole_type is None:
        kept = types.Tuple((types.int64, args_type, _ADDRESSES))
        load = loader(kept)
    else:
        kept = types.Tuple((whole_type, _ADDRESSES))
        load = _load_residuals(kept)
    return _addressed(form, functions, scheme, kept, load, vector, words)


@made_once
def model_by_address(signatures, scheme, n, data_type, vector, many=False):
    """The same for a model of n parameters; with `many`, (numbers, addresses) are packed."""
    functions = _at_addresses(signatures)
    form = model_form(functions, n, data_type, vector)
    words = ("model", signatures, scheme, n, data_type, vector, many)
    if many:
        kept = types.Tuple((types.Tuple(tuple(data_type)[3:]), _ADDRESSES))
        load = _load_model(kept, data_type[0].ndim, vector)
    else:
        kept = types.Tuple((types.int64, data_type, _ADDRESSES))
        load = loader(kept)
    return _addressed(form, functions, scheme, kept, load, vector, words)


def _at_addresses(signatures):
    return Functions(
        *(signature and by_address(*signature, place) for place, signature in enumerate(signatures))
    )


def _addressed(form, functions, scheme, kept, load, vector, words):
    adapter = make_adapter(form, functions, scheme, load, vector)
    if adapter is None:
        return None
    digest = digest_of_words(words)
    dispatcher = compiled(digest and f"adapter-of-{words[0]}-{digest}", OBJECTIVE_FLAGS)(adapter)
    signature = objective_signature(vector.dtype)
    compile_quietly(dispatcher, signature)
    address = function_address(dispatcher.overloads[signature.args])
    return Adapter(address, storage_size(kept), dispatcher)


# One of many fits ----------------------------------------------------------------------------------------


def _load_residuals(kept):
    """Portable function that loads the context of residuals."""
    load_words, load_kept = loader(types.UniTuple(types.int64, WORDS)), loader(kept)

    @portable
    def load(context):
        words = load_words(context)
        args, addresses = load_kept(words[PACKED])
        return words[SIZE], row_of_args(args, words[ROW]), addresses

    return load


def _load_model(kept, dimensions, vector):
    """Portable function that loads the context of a model, whose x has one or two axes."""
    load_words, load_kept = loader(types.UniTuple(types.int64, WORDS)), loader(kept)
    view = vector_view(vector.dtype)

    if dimensions == 1:

        @portable
        def x_of(words):
            return view(words[X_DATA], words[SIZE])

    else:

        @portable
        def x_of(words):
            return view(words[X_DATA], words[PARTS] * words[SIZE]).reshape((words[PARTS], words[SIZE]))

    @portable
    def load(context):
        words = load_words(context)
        numbers, addresses = load_kept(words[PACKED])
        m = words[SIZE]
        y, weights = view(words[Y_DATA], m), view(words[WEIGHTS], m if words[WEIGHTS] != 0 else 0)
        return m, (x_of(words), y, weights) + numbers, addresses

    return load
