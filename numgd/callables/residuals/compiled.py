"""A user's residuals or model as machine code, compiled once per combination of functions and types."""

from typing import Any, NamedTuple

import numpy as np
from numba import types

from numgd.callables.objective.adapter import Functions as Dispatchers
from numgd.callables.objective.compiled import agree_at
from numgd.callables.residuals.adapter import (
    Adapter,
    Functions,
    each,
    is_cautious,
    model_by_address,
    model_types,
    residual_types,
    residuals_by_address,
)
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, TWO_POINT
from numgd.jit.arguments import fingerprint, native, row_of_args, type_of
from numgd.jit.compilable import (
    UNKNOWN_ARGS,
    LeastRecentlyUsed,
    compile_result_of,
    dispatcher_of,
    name_of,
    reason_against,
    reason_for,
)
from numgd.jit.pointers import function_address

_residuals = LeastRecentlyUsed(512)

VECTOR = types.Array(types.float64, 1, "C")
"""Type of x: sums of squares are computed in float64, as in SciPy."""


class CompiledResiduals(NamedTuple):
    """A user's residuals or model as machine code."""

    adapter: Adapter
    addresses: tuple[int, ...]  # of the user's functions
    keep: Any  # objects that must stay alive as long as the addresses are used
    functions: Any  # the functions as dispatchers, for callers in Python


def compile_residuals(fun, jac, scheme, args, x, many=False):
    """The `CompiledResiduals` of ``fun(x, *args)`` and its Jacobian, or a `str`: why there are none.

    x is a point at which a plain function is compared with its compiled form.  With `many`, arrays in args
    vary along their first axis, and each fit uses one row of them.
    """
    whole = native(args)
    args = row_of_args(whole, 0) if many else whole
    many = (type_of(whole),) if many else ()

    def make(signatures, scheme, args_type, fun, jac):
        cautious = is_cautious(fun, jac, args_type)
        return residuals_by_address(signatures, scheme, args_type, VECTOR, cautious, *many)

    def types_of(args_type):
        return residual_types(args_type, VECTOR)

    return _compile(fun, jac, scheme, args, None, many, types_of, make, (x,), args)


def compile_model(fun, jac, scheme, data, parameters, many=False):
    """The same for a model of (xdata, *parameters, *numbers); `data` is (xdata, ydata, weights, *numbers).

    With `many`, `data` is that of one of many fits.
    """
    if type(data[0]) is not np.ndarray:
        return "xdata is not an array"
    n = len(parameters)

    def make(signatures, scheme, data_type, fun, jac):
        return model_by_address(signatures, scheme, n, data_type, VECTOR, many)

    def types_of(data_type):
        return model_types(n, data_type, VECTOR)

    return _compile(fun, jac, scheme, data, n, many, types_of, make, data[:1], (*parameters, *data[3:]))


def _compile(fun, jac, scheme, data, size, many, types_of, make, arguments, rest):
    """Look up or make the form; `arguments` and `rest` are those of the call used for the comparison.

    `many` is what a form for many fits depends on besides the types of one.
    """
    fun_dispatcher, fun_key = dispatcher_of(fun)
    jac_dispatcher, jac_key = dispatcher_of(jac) if jac is not None else (None, None)
    for given, dispatcher in ((fun, fun_dispatcher), (jac, jac_dispatcher)):
        if given is not None and dispatcher is None:
            return f"{name_of(given)} {reason_for(given)}"
    form = EXACT if jac is not None else scheme if scheme == COMPLEX_STEP else TWO_POINT
    try:
        kinds = kinds_of(data, size)
        key = (fun_key, jac_key, form, many, *kinds)
    except Exception:
        return UNKNOWN_ARGS
    found = _residuals.get(key)
    if found is not None:
        return found
    try:
        data_type = type_of(data)
    except Exception:
        return UNKNOWN_ARGS
    adapter = results = None
    try:
        results = each(compile_result_of, fun_dispatcher, jac_dispatcher, form, *types_of(data_type))
        signatures = Functions(*(one and _signature(one) for one in results))
        adapter = make(signatures, int(form), data_type, fun_dispatcher, jac_dispatcher)
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        pass
    pairs = ((fun, fun_dispatcher, fun_key), (jac, jac_dispatcher, jac_key))
    if adapter is None:
        found = _reason(fun, fun_dispatcher, (*arguments, *rest))
    elif not all(same(*pair[:2], (pair[2], *kinds), arguments, rest) for pair in pairs):
        found = f"{name_of(fun)}, compiled, does not give what it gives in Python"
    else:
        addresses = tuple(0 if one is None else function_address(one) for one in results)
        dispatchers = (fun_dispatcher, jac_dispatcher)
        found = CompiledResiduals(adapter, addresses, (results, dispatchers), Dispatchers(*dispatchers))
    return _residuals.remember(key, found)


def _signature(result):
    """A pair (type of the result, argument types)."""
    return result.signature.return_type, result.signature.args


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
