"""A user's residuals or model as machine code, made once for functions and types."""

import numpy as np
from numba import types

from numgd.functions import LeastRecentlyUsed, dispatcher_of
from numgd.jit.arguments import fingerprint, native, storage_size, type_of
from numgd.jit.pointers import function_address
from numgd.kernels.cpu.solve import COMPLEX_STEP, EXACT, TWO_POINT
from numgd.objective.adapter import Functions
from numgd.objective.compiled import Compiled, _agree_at
from numgd.residuals.adapter import make_model_adapter, make_residual_adapter

_residuals = LeastRecentlyUsed(512)

VECTOR = types.Array(types.float64, 1, "C")
"""Type of x: sums of squares are computed in float64, as in SciPy."""


def compile_residuals(fun, jac, scheme, args, x):
    """The `Compiled` form of ``fun(x, *args)`` and its Jacobian, once for functions and types; None if none.

    x is a point at which a plain function's compiled form is compared with itself.
    """
    args = native(args)
    return _compile(fun, jac, scheme, args, None, make_residual_adapter, (x,), args)


def compile_model(fun, jac, scheme, data, parameters):
    """The same for a model ``fun(xdata, *parameters)`` and `data` (xdata, ydata, weights)."""
    if type(data[0]) is not np.ndarray:
        return None
    size = len(parameters)

    def make(fun, jac, form, data_type, vector):
        return make_model_adapter(fun, jac, form, size, data_type, vector)

    return _compile(fun, jac, scheme, data, size, make, data[:1], parameters)


def _compile(fun, jac, scheme, data, size, make, arguments, rest):
    """Look up or make the form; `arguments` and `rest` are those of a call by which to compare."""
    fun_dispatcher, fun_key = dispatcher_of(fun)
    jac_dispatcher, jac_key = dispatcher_of(jac) if jac is not None else (None, None)
    if fun_dispatcher is None or (jac is not None and jac_dispatcher is None):
        return None
    form = EXACT if jac is not None else scheme if scheme == COMPLEX_STEP else TWO_POINT
    try:
        key = (fun_key, jac_key, form, *kinds_of(data, size))
    except Exception:  # data of a type that Numba does not know
        return None
    found = _residuals.get(key, _residuals)
    if found is not _residuals:
        return found
    try:
        data_type = type_of(data)
    except Exception:
        return None
    found = None
    result = make(fun_dispatcher, jac_dispatcher, form, data_type, VECTOR)
    pairs = ((fun, fun_dispatcher, fun_key), (jac, jac_dispatcher, jac_key))
    kinds = kinds_of(data, size)
    if result is not None and all(same(*pair[:2], (pair[2], *kinds), arguments, rest) for pair in pairs):
        context = storage_size(types.Tuple((types.int64, data_type)))
        dispatchers = Functions(fun_dispatcher, jac_dispatcher)
        found = Compiled(function_address(result), context, (result, dispatchers), dispatchers)
    return _residuals.remember(key, found)


def kinds_of(data, size):
    """What beside the function a form depends on: how many parameters a model takes, and types."""
    return size, fingerprint(data)


def same(plain, compiled, key, arguments, rest):
    """Whether the compiled form of a function gives what the function gives; asked once by `key`."""
    try:
        return _agree_at(plain, compiled, key, arguments, rest)
    except (TypeError, ValueError):  # results that cannot be compared
        return False
