"""SciPy's solvers with the compiled objective: for methods that numgd lacks, and for constraints."""

import numpy as np

from numgd.autodiff import value_and_grad
from numgd.callables.objective import Functions, choose, compile_objective, scheme_of
from numgd.foundations.differences import make_replacement
from numgd.foundations.schemes import EXACT, JOINT, PAIR
from numgd.foundations.spaces import copy
from numgd.foundations.status import MESSAGES, TIME_LIMIT
from numgd.jit.arguments import native
from numgd.system.scipy_result import Result
from numgd.system.warn import warn_user

_CONSTRAINED = frozenset(("cobyla", "cobyqa", "slsqp", "trust-constr"))
_BY_GRADIENT = frozenset(("slsqp", "tnc", "trust-constr"))
_COMMON_OPTIONS = frozenset(("maxiter", "disp"))


def minimize_by_scipy(
    fun, x0, args, method, jac, hess, hessp, bounds, box, constraints, tol, callback, options, progress
):  # fmt: skip
    """Run SciPy's `minimize`, with `fun` and `jac` compiled if possible; `box` is `bounds` as an array.

    A method without support for constraints is replaced by ``'slsqp'``, with a warning.
    """
    from scipy import optimize

    constrained = constraints is not None and len(np.atleast_1d(constraints)) > 0
    if constrained and not callable(method) and method not in _CONSTRAINED:
        warn_user(f"method {method!r} takes no constraints; SciPy's 'slsqp' is used instead")
        options = {name: value for name, value in (options or {}).items() if name in _COMMON_OPTIONS}
        method = "slsqp"
    by_gradient = method in _BY_GRADIENT and not (options or {}).get("eps")
    fun, jac, args = _compiled(fun, x0, args, jac, box, by_gradient)
    watched = _Watched(fun, progress) if progress.watches else fun
    try:
        result = optimize.minimize(
            watched, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
        )
    except _TimeIsOver:
        result = watched.best()
    if not callable(method):
        # Some of SciPy's methods return NumPy's bool, and report success for a solve that saw only NaN.
        result.success = bool(result.success and not np.isnan(result.fun))
        return Result(result)
    return result


class _TimeIsOver(Exception):
    """Raised at the time limit to leave SciPy's solver."""


class _Watched:
    """A function that shows how often it was called, and keeps the best point for the time limit."""

    def __init__(self, fun, progress):
        self._fun, self._progress = fun, progress
        self._calls, self._least, self._x = 0, np.inf, None

    def __call__(self, x, *args):
        if self._progress.is_over() and self._x is not None:
            raise _TimeIsOver
        answer = self._fun(x, *args)
        value = np.ravel(answer[0] if isinstance(answer, tuple) else answer)
        f = float(value[0]) if value.size == 1 else np.nan
        self._calls += 1
        if self._x is None or (f == f and not self._least <= f):
            self._least, self._x = f, np.array(x, float)
        self._progress.reach(self._calls, fun=self._least)
        return answer

    def best(self):
        return Result(
            x=self._x, fun=self._least, nfev=self._calls, status=TIME_LIMIT, success=False,
            message=MESSAGES[TIME_LIMIT],
        )  # fmt: skip


def _compiled(fun, x0, args, jac, box, by_gradient):
    """The functions as ``@njit`` functions if Numba can compile them, else unchanged, and their args.

    If a method needs a gradient that is not given, it is derived from the source.  Differences stay within
    the box, (2, n), if there is one.
    """
    try:
        x = np.atleast_1d(np.asarray(x0, dtype=np.float64)).ravel()
        scheme = scheme_of(jac)
    except (TypeError, ValueError):
        return fun, jac, args  # SciPy raises the error
    box = np.empty((2, 0)) if box is None else box
    if scheme not in (EXACT, JOINT, PAIR):
        return fun, jac, args
    chosen = choose(Functions(fun, jac if by_gradient or scheme != PAIR else "2-point"), args, x, box=box)
    if chosen.scheme == PAIR:
        return _replacing(chosen.functions.pair.derivation.function, box), True, native(chosen.args)
    found = compile_objective(chosen.functions, chosen.scheme, chosen.args, x)
    if isinstance(found, str):
        return fun, jac, args
    return found.functions.fun, jac if scheme == JOINT else found.functions.jac, native(chosen.args)


def _replacing(function, box):
    """Value and gradient of a function; gradient entries that are not finite are replaced by differences."""
    both = value_and_grad(function)
    replace = make_replacement(copy, lambda args, x: np.float64(function(x, *args)))

    def value_and_gradient(x, *args):
        f, g = both(x, *args)
        if np.isfinite(f) and not np.isfinite(g).all():
            replace(args, x, f, g, box, np.empty_like(x))
        return f, g

    return value_and_gradient
