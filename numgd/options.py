"""Options of the methods: SciPy's names and defaults, checked at the call."""

import math
import warnings
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from numgd.first_order import METHOD_OPTIONS, RULES
from numgd.second_order import SOLVERS, trait
from numgd.status import UNLIMITED

ALIASES = {
    "l-bfgs-b": "l-bfgs",
    "lbfgs": "l-bfgs",
    "gradient-descent": "steepest-descent",
    "conjugate-gradient": "cg",
    "sgd": "gd",
    "nag": "nesterov",
}
"""Other names of numgd's methods."""

_SCIPY_BOUNDED = ("nelder-mead", "powell", "tnc", "cobyla", "cobyqa", "slsqp", "trust-constr")
"""Methods that SciPy has and numgd hands over; all take bounds."""

METHODS = (*SOLVERS, *RULES)
"""Methods that numgd has."""

_DRIVER_DEFAULTS = {
    "disp": False,
    "return_all": False,
    "history": False,
    "eps": None,
    "finite_diff_rel_step": None,
    "hess_inv0": None,
}
DRIVER_OPTIONS = frozenset(_DRIVER_DEFAULTS)
"""Options that concern the call from Python, not the solver."""

_IGNORED = frozenset(("workers", "iprint"))  # SciPy's, without meaning for a compiled objective


class Settings(NamedTuple):
    """The options of one call, checked."""

    options: Any  # the solver's NamedTuple, in the dtype of x
    maxcor: Any
    driver: Any  # dict of what concerns the driver alone, None for all defaults


def method_name(method):
    """numgd's or SciPy's name of a method; raises ValueError for an unknown one."""
    if not isinstance(method, str):
        raise TypeError(f"method must be a string; it is {method!r}")
    name = method.lower()
    if name in METHODS or name in ALIASES or name in _SCIPY_BOUNDED:
        return name
    known = sorted({*METHODS, *ALIASES, *_SCIPY_BOUNDED})
    raise ValueError(f"unknown method {method!r}; known are {', '.join(known)}")


def rule_name(method):
    """The name of an update rule; raises for what is none."""
    if not isinstance(method, str):
        raise TypeError(f"method must be a string; it is {method!r}")
    name = method.lower()
    name = ALIASES.get(name, name)
    if name not in RULES:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(RULES)}")
    return name


def own_method(name, bounded):
    """The method of numgd that solves a problem called for by name; None where it is SciPy's to solve."""
    if name is None or name in _SCIPY_BOUNDED:
        return None
    if not bounded:
        return ALIASES.get(name, name)
    return name if trait(name, "BOUNDED") else "l-bfgs-b"


def _defaults(method):
    """Default of every option of a method, as a flat dictionary."""
    if method in RULES:
        return METHOD_OPTIONS[method]()._asdict()
    module = SOLVERS[method]
    found = module.OPTIONS._asdict()
    if hasattr(module, "MAXCOR"):
        found["maxcor"] = module.MAXCOR
    return found


def _names(method):
    """The names of a method's options."""
    without = () if takes_hess_inv(method) else ("hess_inv0",)
    return {*_defaults(method), *_DRIVER_DEFAULTS}.difference(without)


def takes_hess_inv(method):
    """Whether a method can start from an inverse Hessian."""
    return trait(method, "take_hess_inv") is not None


def known_options(method, options, other=None):
    """The options without those that only another method has, and the names of these.

    Without another method, those that the method itself has.
    """
    if not isinstance(options, dict):
        return options, []  # None, or `settings` will say what is wrong
    known = _names(method)
    others = set(options) if other is None else _names(ALIASES.get(other, other))
    lost = [name for name in options if name in others and name not in known]
    return {name: value for name, value in options.items() if name not in lost}, lost


# What a value must satisfy, and how it is said.
_INTEGERS = {"maxiter": 0, "maxfun": 1, "maxls": 1, "maxcor": 1}
_INTEGERS |= {"accumulate": 1, "average_from": 0, "noise_seed": 0}
_AT_LEAST_0 = (0.0, math.inf, "be at least 0")
_ABOVE_0 = (np.nextafter(0.0, 1.0), math.inf, "be above 0")
_BELOW_1 = (0.0, np.nextafter(1.0, 0.0), "lie in [0, 1)")
_RANGES = {
    "gtol": _AT_LEAST_0,
    "ftol": _AT_LEAST_0,
    "xrtol": _AT_LEAST_0,
    "norm": (1.0, math.inf, "be at least 1 (inf: largest magnitude)"),
    "learning_rate": _AT_LEAST_0,
    "learning_rate_decay": _AT_LEAST_0,
    "momentum": (0.0, 1.0, "lie in [0, 1]"),
    "momentum_decay": _AT_LEAST_0,
    "weight_decay": _AT_LEAST_0,
    "decay": _BELOW_1,
    "beta1": _BELOW_1,
    "beta2": _BELOW_1,
    "eps": _AT_LEAST_0,
    "initial_accumulator": _AT_LEAST_0,
    "decrease_factor": (0.0, 1.0, "lie in [0, 1]"),
    "increase_factor": (1.0, math.inf, "be at least 1"),
    "min_step_size": _AT_LEAST_0,
    "max_step_size": _AT_LEAST_0,
    "power": _AT_LEAST_0,
    "averaging_start": _AT_LEAST_0,
    "clip_value": _ABOVE_0,
    "clip_norm": _ABOVE_0,
    "clip_global_norm": _ABOVE_0,
    "ema": _BELOW_1,
    "noise": _AT_LEAST_0,
    "noise_decay": _AT_LEAST_0,
}


def checked(name, value, said=None):
    """The value of an option as int or float; raises TypeError or ValueError naming it, as `said`."""
    said = said or f"option {name!r}"
    if name in _INTEGERS:
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"{said} must be an integer; it is {value!r}")
        if value == math.inf:
            return UNLIMITED
        if value != int(value):
            raise TypeError(f"{said} must be an integer; it is {value!r}")
        if value < _INTEGERS[name]:
            raise ValueError(f"{said} must be at least {_INTEGERS[name]}; it is {value!r}")
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{said} must be a number; it is {value!r}")
    low, high, rule = _RANGES.get(name, (-math.inf, math.inf, "be a number"))
    if not low <= value <= high:
        raise ValueError(f"{said} must {rule}; it is {value!r}")
    return float(value)


def _in_dtype(options, dtype):
    """The NamedTuple with its numbers in the dtype of x, so that a float32 solver stays float32."""
    return type(options)(
        *(
            value if isinstance(value, int) else dtype.type(value) if isinstance(value, float) else value
            for value in options
        )
    )


def _assemble(method, values, dtype):
    """The solver's NamedTuple, in the dtype of x, and ``maxcor`` from the dictionary."""
    values = dict(values)
    maxcor = values.pop("maxcor", 0)
    options = METHOD_OPTIONS[method] if method in RULES else type(SOLVERS[method].OPTIONS)
    return _in_dtype(options(**_floats(values)), dtype), maxcor


def _floats(values):
    return {name: value if name in _INTEGERS else float(value) for name, value in values.items()}


def _suited(method, dtype):
    """The defaults of a method with tolerances that suit the dtype."""
    values = _defaults(method)
    if dtype == np.float32:
        values["gtol"] = 1e-3  # about the cube root of its epsilon, as 1e-5 is of float64's
        if values.get("ftol"):
            values["ftol"] = 1e-6
    return values


@cache
def default_settings(method, dtype):
    """Settings of a call without options."""
    options, maxcor = _assemble(method, _suited(method, dtype), dtype)
    return Settings(options, maxcor, None)


def settings(method, dtype, tol, options):
    """Check `tol` and the dictionary `options` of a call.

    Raises TypeError or ValueError naming the option; an unknown one warns with `OptimizeWarning`.
    """
    if tol is None and not options:
        return default_settings(method, dtype)
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"options must be a dictionary; it is {options!r}")
    items = tuple((options or {}).items())
    kinds = tuple(type(value) for _, value in items)
    if _PLAIN.issuperset(kinds):
        found, unknown = _remembered(method, dtype, tol, items, (type(tol), *kinds))
    else:
        found, unknown = _check(method, dtype, tol, items)
    if unknown:
        from scipy.optimize import OptimizeWarning

        warnings.warn(f"Unknown solver options: {', '.join(unknown)}", OptimizeWarning, stacklevel=3)
    return found


_PLAIN = frozenset((int, float, bool, str, type(None)))


@lru_cache(256)
def _remembered(method, dtype, tol, items, kinds):
    """`_check` of plain values; their types tell 1 from True."""
    return _check(method, dtype, tol, items)


def _check(method, dtype, tol, items):
    """`Settings` from `tol` and the options' items, and the names that no option has."""
    values = _suited(method, dtype)
    driver = dict(_DRIVER_DEFAULTS)
    if tol is not None:
        tol = checked("tol", tol)
        if not tol >= 0:
            raise ValueError(f"tol must be at least 0; it is {tol!r}")
        values.update(dict.fromkeys(trait(method, "TOLERANCES", ("gtol",)), tol))
    unknown = []
    for name, value in items:
        if name in values:
            if value is not None:
                values[name] = checked(name, value)
        elif name in driver:
            driver[name] = value
        elif name not in _IGNORED:
            unknown.append(str(name))
    if driver["hess_inv0"] is not None and not takes_hess_inv(method):
        driver["hess_inv0"] = None
        unknown.append("hess_inv0")
    if "c1" in values and not 0 < values["c1"] < values["c2"] < 1:
        raise ValueError(
            f"options 'c1' and 'c2' must satisfy 0 < c1 < c2 < 1; they are {values['c1']} and {values['c2']}"
        )
    if "min_step_size" in values and not values["min_step_size"] <= values["max_step_size"]:
        raise ValueError(
            "options 'min_step_size' and 'max_step_size' must satisfy min_step_size <= max_step_size; "
            f"they are {values['min_step_size']} and {values['max_step_size']}"
        )
    assembled, maxcor = _assemble(method, values, dtype)
    return Settings(assembled, maxcor, driver), tuple(unknown)
