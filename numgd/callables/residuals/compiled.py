"""A user's residuals or model as machine code, compiled once per combination of functions and types."""

import numpy as np
from numba import types

from numgd.callables.compilable import (
    UNKNOWN_ARGS,
    LeastRecentlyUsed,
    dispatcher_of,
    name_of,
    reason_against,
    reason_for,
)
from numgd.callables.objective.adapter import Functions
from numgd.callables.objective.compiled import Compiled, agree_at
from numgd.callables.residuals.adapter import make_model_adapter, make_residual_adapter
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, TWO_POINT
from numgd.jit.arguments import fingerprint, native, storage_size, type_of
from numgd.jit.pointers import function_address

_residuals = LeastRecentlyUsed(512)

VECTOR = types.Array(types.float64, 1, "C")
"""Type of x: sums of squares are computed in float64, as in SciPy."""


def compile_residuals(fun, jac, scheme, args, x):
    """The `Compiled` form of ``fun(x, *args)`` and its Jacobian, or a `str` that says why there is none.

    x is a point at which a plain function is compared with its compiled form.
    """
    args = native(args)
    return _compile(fun, jac, scheme, args, None, make_residual_adapter, (x,), args)


def compile_model(fun, jac, scheme, data, parameters):
    """The same for a model of (xdata, *parameters, *numbers); `data` is (xdata, ydata, weights, *numbers)."""
    if type(data[0]) is not np.ndarray:
        return "xdata is not an array"
    size = len(parameters)

    def make(fun, jac, form, data_type, vector):
        return make_model_adapter(fun, jac, form, size, data_type, vector)

    return _compile(fun, jac, scheme, data, size, make, data[:1], (*parameters, *data[3:]))


def _compile(fun, jac, scheme, data, size, make, arguments, rest):
    """Look up or make the form; `arguments` and `rest` are those of the call used for the comparison."""
    fun_dispatcher, fun_key = dispatcher_of(fun)
    jac_dispatcher, jac_key = dispatcher_of(jac) if jac is not None else (None, None)
    for given, dispatcher in ((fun, fun_dispatcher), (jac, jac_dispatcher)):
        if given is not None and dispatcher is None:
            return f"{name_of(given)} {reason_for(given)}"
    form = EXACT if jac is not None else scheme if scheme == COMPLEX_STEP else TWO_POINT
    try:
        key = (fun_key, jac_key, form, *kinds_of(data, size))
    except Exception:
        return UNKNOWN_ARGS
    found = _residuals.get(key)
    if found is not None:
        return found
    try:
        data_type = type_of(data)
    except Exception:
        return UNKNOWN_ARGS
    result = make(fun_dispatcher, jac_dispatcher, form, data_type, VECTOR)
    pairs = ((fun, fun_dispatcher, fun_key), (jac, jac_dispatcher, jac_key))
    kinds = kinds_of(data, size)
    if result is None:
        found = _reason(fun, fun_dispatcher, (*arguments, *rest))
    elif not all(same(*pair[:2], (pair[2], *kinds), arguments, rest) for pair in pairs):
        found = f"{name_of(fun)}, compiled, does not give what it gives in Python"
    else:
        context = storage_size(types.Tuple((types.int64, data_type)))
        dispatchers = Functions(fun_dispatcher, jac_dispatcher)
        found = Compiled(function_address(result), context, (result, dispatchers), dispatchers)
    return _residuals.remember(key, found)


def _reason(fun, dispatcher, call):
    """Why there is no compiled form for a call of these types."""
    found = reason_against(dispatcher, tuple(type_of(value) for value in call), name_of(fun))
    return found or f"{name_of(fun)}, or its Jacobian, returns what a solver cannot take"


def kinds_of(data, size):
    """What a form depends on besides the function: the number of parameters of a model, and the types."""
    return size, fingerprint(data)


def same(plain, compiled, key, arguments, rest):
    """Whether a function and its compiled form give the same result; checked once per `key`."""
    try:
        return agree_at(plain, compiled, key, arguments, rest)
    except (TypeError, ValueError):  # results that cannot be compared
        return False
