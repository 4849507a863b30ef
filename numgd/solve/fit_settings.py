"""Arguments of `least_squares` and `curve_fit`, with SciPy's names and defaults, checked at the call."""

import math
from functools import lru_cache

import numpy as np

from numgd.foundations.schemes import COMPLEX_STEP, EXACT, SOURCE, THREE_POINT
from numgd.registry import FIT_ALIASES, FIT_METHODS
from numgd.sums_of_squares.evaluator import FitOptions
from numgd.sums_of_squares.losses import LOSSES
from numgd.system.warn import warn_user

FREE = (-math.inf, math.inf)
"""No bounds."""

EPSILON = float(np.finfo(np.float64).eps)


def fit_method(method):
    """The least-squares method of a name; raises for an unknown name."""
    if not isinstance(method, str):
        raise TypeError(f"method must be a string; it is {method!r}")
    name = FIT_ALIASES.get(method.lower(), method.lower())
    if name not in FIT_METHODS:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(FIT_METHODS)}")
    return FIT_METHODS[name]


def tolerances(method, ftol, xtol, gtol):
    """The three tolerances as floats, 0 for a disabled one."""
    if ftol == xtol == gtol == 1e-8:
        return ftol, xtol, gtol
    found = []
    for name, value in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        value = 0.0 if value is None else value
        if value < EPSILON:
            if method.minpack:
                message = f"{name} must be above the machine epsilon ({EPSILON:.2e})"
                raise ValueError(f"{message} for method {method.name!r}")
            if value > 0.0:
                message = f"{name} is below the machine epsilon ({EPSILON:.2e}): the test is disabled"
                warn_user(message, UserWarning)
            value = 0.0
        found.append(value)
    if not any(found):
        raise ValueError(f"one of ftol, xtol, gtol must be above the machine epsilon ({EPSILON:.2e})")
    return tuple(found)


def fit_options(method, n, ftol, xtol, gtol, max_nfev, loss, f_scale, adaptive):
    """The solver's options from the arguments of a call, whose ranges are already checked."""
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"loss must be a callable or one of {', '.join(LOSSES)}; it is {loss!r}")
    if loss != "linear" and not method.robust:
        raise ValueError(f"method {method.name!r} supports only the 'linear' loss; use 'trf'")
    return FitOptions(
        *tolerances(method, ftol, xtol, gtol),
        100 * n if max_nfev is None else max_nfev,
        LOSSES[loss],
        f_scale,
        100.0,
        adaptive,
    )


@lru_cache(64)
def _free_box(n):
    return np.array([[-math.inf] * n, [math.inf] * n])


def fit_box(bounds, n):
    """Bounds in either of SciPy's forms as a (2, n) array; raises for invalid bounds."""
    if bounds is FREE or (type(bounds) is tuple and set(map(type, bounds)) == {float} and bounds == FREE):
        return _free_box(n)
    try:
        low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    except (TypeError, ValueError):
        raise ValueError(f"bounds must be a pair (lower, upper) or a Bounds; they are {bounds!r}") from None
    box = np.empty((2, n))
    for row, name, side in ((0, "lower", low), (1, "upper", high)):
        try:
            values = np.asarray(side, float)
        except (TypeError, ValueError):
            raise TypeError(f"bounds: the {name} ones must be numbers; they are {side!r}") from None
        if values.shape not in ((), (1,), (n,)):
            raise ValueError(f"bounds: the {name} ones must be one or {n}; their shape is {values.shape}")
        box[row] = values
    if not np.all(box[0] < box[1]):
        raise ValueError("bounds: each lower bound must be less than its upper bound")
    return box


def scale_of(x_scale, method, n):
    """The characteristic scale of each variable, and whether the scales are updated from the Jacobian."""
    if x_scale is None:
        return np.ones(n), method.minpack
    if isinstance(x_scale, str):
        if x_scale == "jac":
            return np.ones(n), True
        raise ValueError(f"x_scale must be None, 'jac' or positive numbers; it is {x_scale!r}")
    try:
        values = np.asarray(x_scale, float)
    except (TypeError, ValueError):
        raise TypeError(f"x_scale must be None, 'jac' or positive numbers; it is {x_scale!r}") from None
    if values.shape not in ((), (1,), (n,)):
        raise ValueError(f"x_scale must be one number or {n}; its shape is {values.shape}")
    if not np.all((values > 0) & np.isfinite(values)):
        raise ValueError(f"x_scale must be positive and finite; it is {x_scale!r}")
    return np.array(np.broadcast_to(values, n)), False


def steps_of(scheme, diff_step, n):
    """Relative difference steps, and the smallest magnitude that a variable is taken to have."""
    if scheme in (EXACT, SOURCE, COMPLEX_STEP):
        return np.empty(0), 1.0
    if diff_step is None:
        return np.full(n, EPSILON ** (1 / 3 if scheme == THREE_POINT else 1 / 2)), 1.0
    try:
        steps = np.asarray(diff_step, float)
    except (TypeError, ValueError):
        raise TypeError(f"diff_step must be numbers; it is {diff_step!r}") from None
    if steps.shape not in ((), (1,), (n,)):
        raise ValueError(f"diff_step must be one number or {n}; its shape is {steps.shape}")
    if not np.all(np.isfinite(steps)) or np.any(steps == 0):
        raise ValueError(f"diff_step must be non-zero and finite; it is {diff_step!r}")
    return np.array(np.broadcast_to(steps, n)), 0.0
