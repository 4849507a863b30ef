"""Residuals bound to their data for the duration of one solve."""

import numpy as np

from numgd.callables.objective.binding import Bound
from numgd.callables.residuals.called_back import PythonResiduals, bridge, residual_vector
from numgd.callables.residuals.compiled import compile_model, compile_residuals
from numgd.jit.arguments import Shared, native
from numgd.jit.compilable import UNKNOWN_ARGS


def bind_residuals(fun, jac, scheme, args, x, argument):
    """Residuals ``fun(x, *args)``, compiled if possible, and their values at x.

    Parameters
    ----------
    fun, jac : callable
        `jac` is None unless the scheme is EXACT or SOURCE.
    scheme : int
    args : tuple
    x : numpy.ndarray
        The starting point, finite.
    argument : numpy.ndarray
        Where the solver writes x for functions that are called back.

    Returns
    -------
    Bound
    numpy.ndarray
        The residuals at x.
    """
    found = compile_residuals(fun, jac, scheme, args, x)
    if not isinstance(found, str):
        own = native(args)
        try:
            first = residual_vector(found.functions.fun(x.copy(), *own))
        except ZeroDivisionError:  # NaN, as in a solver
            first = np.array([np.nan])
        bound = _bound(found, first.size, own)
        if bound is not None:
            return bound, first
        found = UNKNOWN_ARGS
    first = residual_vector(fun(x.copy(), *args))
    slopes = None if jac is None else lambda x: jac(x, *args)
    return _called_back(lambda x: fun(x, *args), slopes, scheme, argument, first.size, found), first


def bind_model(f, jac, scheme, data, parameters, argument):
    """The residuals of a model ``f(xdata, *parameters, *numbers)``.

    `data` is (xdata, ydata, weights, *numbers), where the numbers are those that the model captured.

    Weights are (m,) factors of the residuals, or the lower Cholesky factor (m, m) of their covariance, or
    empty for none.  `parameters` is the starting point, a tuple of n floats; the rest is as for
    `bind_residuals`.
    """
    found = compile_model(f, jac, scheme, data, parameters)
    if not isinstance(found, str):
        bound = _bound(found, data[1].size, data)
        if bound is not None:
            return bound
        found = UNKNOWN_ARGS
    xdata, ydata, weights, *numbers = data

    def weighted(values):
        if weights.ndim == 2:
            from scipy.linalg import solve_triangular

            return solve_triangular(weights, values, lower=True)
        return (values.T * weights).T if weights.size else values

    def residuals(x):
        return weighted(residual_vector(np.asarray(f(xdata, *x, *numbers)) - ydata, "f"))

    def slopes(x):
        return weighted(np.atleast_2d(np.asarray(jac(xdata, *x, *numbers))))

    return _called_back(residuals, slopes, scheme, argument, ydata.size, found, "f")


def bind_many_residuals(fun, jac, scheme, args, x, varies):
    """Residuals of many fits, each of which uses a row of the arrays in args, or a `str`, why not."""
    if not varies:  # each array is the same for all
        args = tuple(Shared(value) if isinstance(value, np.ndarray) else value for value in args)
    found = compile_residuals(fun, jac, scheme, args, x, many=True)
    return found if isinstance(found, str) else _bound_for_many(found, native(args))


def bind_many_models(f, jac, scheme, data, parameters):
    """A model of many fits, or a `str` that says why it cannot be compiled; `data` is that of one of them."""
    found = compile_model(f, jac, scheme, data, parameters, many=True)
    return found if isinstance(found, str) else _bound_for_many(found, data[3:])


def _bound_for_many(found, data):
    adapter = found.adapter
    try:
        return Bound(adapter.address, adapter.context_size, (data, found.addresses), found)
    except Exception:
        return UNKNOWN_ARGS


def _bound(found, m, data):
    adapter = found.adapter
    try:
        return Bound(adapter.address, adapter.context_size, (m, data, found.addresses), found)
    except Exception:  # a value that does not fit the type that Numba inferred for it
        return None


def _called_back(fun, jac, scheme, argument, m, reason, name="fun"):
    target = PythonResiduals(fun, jac, scheme, argument, m, name)
    address, size = bridge()
    return Bound(address, size, (target.residuals, target.columns.reshape(-1), id(target)), target, reason)
