"""What a call of `minimize` and its relatives comes to: method, settings, functions and derivatives."""

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
from numgd.solve.options import UNBOUNDED_FORM, known_options, method_name, own_method
from numgd.system.warn import warn_user

THREADED_FROM = 100_000
"""Length of x from which the vector operations of methods without a matrix use all cores."""

_NO_STEPS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float64, np.float32)}


def has_constraints(constraints):
    """Whether there is any, in either of SciPy's forms."""
    try:
        return len(constraints) > 0
    except TypeError:
        return constraints is not None


def resolve(functions, method, bounded, constrained, options):
    """Which method solves a call, and what it takes of the functions and the options.

    Warns where another method takes over and where a Hessian is not used.

    Parameters
    ----------
    functions : Functions
    method : str, callable or None
    bounded, constrained : bool
    options : dict or None

    Returns
    -------
    method : Method, str or callable
        A `Method` of numgd's, or what SciPy's `minimize` takes.
    own : bool
        Which of the two.
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
    """What a method that takes over from another one takes of its options; warns of it and of the others."""
    kept, lost = known_options(own, options, name)
    if lost or UNBOUNDED_FORM.get(own.name) != name:
        without = f", which has no option {', '.join(map(repr, lost))}" if lost else ""
        warn_user(f"method {name!r} takes no bounds; {own.name!r} is used instead{without}")
    return kept


def difference_steps(scheme, x, absolute, relative):
    """Steps of a difference scheme, one a variable, and the scheme with them absolute or relative.

    Where none are given, they are empty, and the scheme is as it was.
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
        raise ValueError(f"option {name!r} must be non-zero, finite, and one number or one a variable")
    steps = np.array(np.broadcast_to(steps, x.shape))
    return steps, scheme if relative is not None else WITH_ABSOLUTE_STEPS[scheme]


def prepare_differences(scheme, x, driver, limits):
    """Steps, scheme and limits of a solve that may take its gradient by differences.

    The solver limits points; the caller's ``maxfun`` limits calls, of which a point then takes several.
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
    """What a call by one of numgd's own methods comes to: all that drivers need beside points and memory."""

    method: Method
    options: Any  # the solver's NamedTuple, in the dtype of x
    maxcor: int
    driver: dict | None  # options that concern the call from Python alone, None for all defaults
    functions: Functions  # those that are called
    args: tuple  # what they take behind x
    scheme: int  # how the gradient is obtained
    steps: Any  # of its differences, one per variable; empty for those that suit the rounding of values
    curvature: int  # how second derivatives are obtained
    order: int  # of the matrix that a driver keeps for a solver that takes products, 0 for none
    box: Any  # (2, n) bounds, (2, 0) for none
    used: dict  # how derivatives are obtained, in words

    @property
    def records(self):
        """Whether iterates are to be recorded."""
        return self.driver is not None and bool(self.driver["history"] or self.driver["return_all"])


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
