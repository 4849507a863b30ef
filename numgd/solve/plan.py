"""How a call of `minimize` or a variant is solved: method, settings, functions and derivatives."""

from typing import Any, NamedTuple

import numpy as np

from numgd.callables.objective import Functions, choose
from numgd.foundations.records import Method
from numgd.foundations.schemes import (
    EXACT,
    FULL_HESSIAN,
    JOINT,
    PAIR,
    THREE_POINT,
    TWO_POINT,
    WITH_ABSOLUTE_STEPS,
    two_sided,
)
from numgd.foundations.status import UNLIMITED
from numgd.solve.options import EVALUATIONS, UNBOUNDED_FORM, known_options, method_name, own_method
from numgd.system.warn import warn_user

THREADED_FROM = 100_000
"""Length of x from which the vector operations of matrix-free methods use all cores."""

_NO_STEPS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float64, np.float32)}


def has_constraints(constraints):
    """Whether there are any constraints, in either of SciPy's forms."""
    try:
        return len(constraints) > 0
    except TypeError:
        return constraints is not None


def resolve(functions, method, bounded, constrained, options):
    """Choose the method that solves a call, and the functions and options that it uses.

    Warns if another method is used instead and if a Hessian is not used.

    Parameters
    ----------
    functions : Functions
    method : str, callable or None
    bounded, constrained : bool
    options : dict or None

    Returns
    -------
    method : Method, str or callable
        A `Method` of numgd's, or the argument `method` for SciPy's `minimize`.
    own : bool
        Whether it is a method of numgd's.
    functions : Functions
    options : dict or None
    """
    if callable(method):
        return method, False, functions, options
    if method is None:
        name = "slsqp" if constrained else "l-bfgs-b" if bounded else "bfgs"
    else:
        name = method_name(method)
    own = own_method(name, bounded)
    if constrained or own is None:
        return name, False, functions, options
    if bounded and own.name != name:
        options = hand_over(name, own, options)
    if own.curvature is None and not (functions.hess is functions.hessp is None):
        warn_user(f"method {name!r} uses no Hessian")
        functions = functions._replace(hess=None, hessp=None)
    return own, True, functions, options


def hand_over(name, own, options):
    """The options kept by a method that replaces another one; warns of the change and of dropped options."""
    kept, lost = known_options(own, options, name)
    if lost or UNBOUNDED_FORM.get(own.name) != name:
        without = f", which has no option {', '.join(map(repr, lost))}" if lost else ""
        warn_user(f"method {name!r} takes no bounds; {own.name!r} is used instead{without}")
    return kept


def difference_steps(scheme, x, absolute, relative):
    """Steps of a difference scheme, one per variable, and the scheme for absolute or relative steps.

    If no steps are given, the array is empty and the scheme unchanged.
    """
    if scheme not in (TWO_POINT, THREE_POINT):
        return _NO_STEPS[x.dtype], scheme
    name, value = "eps", absolute
    if relative is not None:
        name, value = "finite_diff_rel_step", relative
    if value is None:
        return _NO_STEPS[x.dtype], scheme
    steps = np.asarray(value, x.dtype)
    if steps.shape not in ((), (1,), x.shape) or not np.all(np.isfinite(steps)) or np.any(steps == 0):
        raise ValueError(f"option {name!r} must be non-zero, finite, and one number or one per variable")
    steps = np.array(np.broadcast_to(steps, x.shape))
    return steps, scheme if relative is not None else WITH_ABSOLUTE_STEPS[scheme]


def prepare_differences(scheme, x, driver, limits):
    """Steps, scheme and limits of a solve that may compute its gradient by differences.

    The solver limits the number of points; the caller's ``maxfun`` limits calls.  With differences, a point
    takes several calls.
    """
    if scheme in (EXACT, JOINT, PAIR):
        return _NO_STEPS[x.dtype], scheme, limits
    driver = driver or {}
    steps, scheme = difference_steps(scheme, x, driver.get("eps"), driver.get("finite_diff_rel_step"))
    if getattr(limits, "maxfun", UNLIMITED) < UNLIMITED:
        calls = 1 + x.size * (2 if two_sided(scheme) else 1)
        limits = limits._replace(maxfun=max(1, limits.maxfun // calls))
    return steps, scheme, limits


class Plan(NamedTuple):
    """Everything a driver needs for one of numgd's own methods, apart from points and memory."""

    method: Method
    options: Any  # the solver's NamedTuple, in the dtype of x
    maxcor: int
    driver: dict | None  # options of the call from Python, None if all have their defaults
    functions: Functions  # those that are called
    args: tuple  # their arguments after x
    scheme: int  # how the gradient is obtained
    steps: Any  # of its differences, one per variable; empty for steps chosen by the rounding of values
    curvature: int  # how second derivatives are obtained
    order: int  # of the Hessian that a driver stores for a solver that uses products, 0 for none
    box: Any  # (2, n) bounds, (2, 0) for none
    used: dict  # how derivatives are obtained, in words

    @property
    def records(self):
        """Whether iterates are to be recorded."""
        return self.driver is not None and bool(self.driver["history"] or self.driver["return_all"])

    @property
    def records_evaluations(self):
        """Whether all evaluations are to be recorded."""
        return self.driver is not None and self.driver["history"] == EVALUATIONS


def make_plan(method, settings, given, args, x, box, rows=False):
    """The `Plan` of a call.

    Parameters
    ----------
    method : Method
    settings : numgd.solve.options.Settings
        The options, checked.
    given : Functions
        The user's `fun`, `jac`, `hess` and `hessp`.
    args : tuple
    x : numpy.ndarray
        The starting point, or the first of several.
    box : numpy.ndarray
        Of shape (2, n), or (2, 0) for no bounds.
    rows : bool
        Whether arrays in args vary along their first axis.
    """
    options, maxcor, driver = settings
    stepped = driver is not None and not (driver["eps"] is driver["finite_diff_rel_step"] is None)
    functions, args, scheme, curvature, used = choose(given, args, x, method.curvature, box, stepped, rows)
    order = x.size if curvature == FULL_HESSIAN and method.curvature == "product" else 0
    steps, scheme, options = prepare_differences(scheme, x, driver, options)
    return Plan(
        method, options, maxcor, driver, functions, args, scheme, steps, curvature, order, box, used
    )  # fmt: skip
