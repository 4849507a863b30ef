"""Methods that numgd does not have, bounds and constraints: SciPy's solvers with the compiled objective."""

import warnings

import numpy as np

from numgd.objective import Functions, compile_objective, scheme_of

_CONSTRAINED = frozenset(("cobyla", "cobyqa", "slsqp", "trust-constr"))
_COMMON_OPTIONS = frozenset(("maxiter", "disp"))


def minimize_by_scipy(
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
):  # fmt: skip
    """Run SciPy's `minimize`, with `fun` and `jac` compiled where Numba can.

    A method that takes no constraints gives way to ``'slsqp'``, with a warning that says so.
    """
    from scipy import optimize

    constrained = constraints is not None and len(np.atleast_1d(constraints)) > 0
    if constrained and not callable(method) and method not in _CONSTRAINED:
        warnings.warn(
            f"method {method!r} takes no constraints; SciPy's 'slsqp' is used instead",
            RuntimeWarning,
            stacklevel=4,
        )
        options = {name: value for name, value in (options or {}).items() if name in _COMMON_OPTIONS}
        method = "slsqp"
    fun, jac = _compiled(fun, x0, args, jac)
    return optimize.minimize(
        fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
    )


def _compiled(fun, x0, args, jac):
    """The functions as ``@njit`` functions where Numba can compile them, else as they are."""
    if jac is not None and not callable(jac) and jac is not True:
        return fun, jac
    functions = Functions(fun, jac if callable(jac) else None)
    try:
        x = np.atleast_1d(np.asarray(x0, dtype=np.float64)).ravel()
        found = compile_objective(functions, scheme_of(jac), args, x)
    except (TypeError, ValueError):
        return fun, jac
    if found is None:
        return fun, jac
    return found.functions.fun, found.functions.jac if callable(jac) else jac
