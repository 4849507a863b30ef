"""Methods that numgd does not have, bounds and constraints: SciPy's solvers with the compiled objective."""

import warnings

import numpy as np

from numgd.objective import compile_objective, scheme_of

_BOUNDED = frozenset(
    ("nelder-mead", "powell", "l-bfgs-b", "tnc", "cobyla", "cobyqa", "slsqp", "trust-constr")
)
_CONSTRAINED = frozenset(("cobyla", "cobyqa", "slsqp", "trust-constr"))
_COMMON_OPTIONS = frozenset(("maxiter", "disp"))
_OPTIONS = {
    "l-bfgs-b": frozenset(
        ("maxcor", "ftol", "gtol", "eps", "maxfun", "maxiter", "maxls", "finite_diff_rel_step", "workers")
    ),
}


def minimize_by_scipy(
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
):  # fmt: skip
    """Run SciPy's `minimize`, with `fun` and `jac` compiled where Numba can.

    A method that takes no bounds (or no constraints) gives way to ``'l-bfgs-b'`` (``'slsqp'``), with a
    warning that says so.
    """
    from scipy import optimize

    if not callable(method):
        constrained = constraints is not None and len(np.atleast_1d(constraints)) > 0
        replacement = method
        if constrained and method not in _CONSTRAINED:
            replacement = "slsqp"
        elif bounds is not None and method not in _BOUNDED:
            replacement = "l-bfgs-b"
        if replacement != method and method != "l-bfgs":
            what = "constraints" if constrained else "bounds"
            warnings.warn(
                f"method {method!r} takes no {what}; SciPy's {replacement!r} is used instead",
                RuntimeWarning,
                stacklevel=4,
            )
        if replacement != method and options:
            kept = _OPTIONS.get(replacement, _COMMON_OPTIONS)
            options = {name: value for name, value in options.items() if name in kept}
        method = replacement
    fun, jac = _compiled(fun, x0, args, jac)
    return optimize.minimize(
        fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
    )


def _compiled(fun, x0, args, jac):
    """The functions as ``@njit`` functions where Numba can compile them, else as they are."""
    if jac is not None and not callable(jac) and jac is not True:
        return fun, jac
    try:
        x = np.atleast_1d(np.asarray(x0, dtype=np.float64)).ravel()
        found = compile_objective(fun, jac if callable(jac) else None, scheme_of(jac), args, x)
    except (TypeError, ValueError):
        return fun, jac
    if found is None:
        return fun, jac
    return found.fun, found.jac if callable(jac) else jac
