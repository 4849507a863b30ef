"""Options of the methods, with SciPy's names and defaults, checked at the call."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from numgd.first_order.other_names import known_as, variant_of
from numgd.foundations.ranges import (
    Count,
    DifferenceSteps,
    Switch,
    Tolerance,
    Unchecked,
    check_relations,
    checked,
    parameter_of,
    parameters_of,
    rounded,
)
from numgd.registry import ALIASES, METHODS, RULES
from numgd.system.warn import warn_user

UNBOUNDED_FORM = {"l-bfgs-b": "l-bfgs"}
"""The method used instead of a bounded method if there are no bounds."""

_SCIPY_BOUNDED = ("nelder-mead", "powell", "tnc", "cobyla", "cobyqa", "slsqp", "trust-constr")
"""Methods that are left to SciPy; all support bounds."""


EVALUATIONS = "evaluations"
"""Value of the option ``history`` that asks for every evaluation."""


@dataclass(frozen=True)
class Histories:
    """What a history records: True for iterations, 'evaluations' for these too, False for nothing."""

    type: ClassVar[Any] = int

    def check(self, name, value):
        """The value unchanged; raises TypeError or ValueError for anything else."""
        if isinstance(value, str) and value == EVALUATIONS:
            return value
        try:
            return Switch.__metadata__[0].check(name, value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must be True, False or {EVALUATIONS!r}; it is {value!r}") from None


class DriverOptions(NamedTuple):
    """Options that concern the call from Python, not the solver."""

    disp: Switch = False
    return_all: Switch = False
    history: Annotated[int, Histories()] = False
    eps: DifferenceSteps = None  # absolute steps of differences
    finite_diff_rel_step: DifferenceSteps = None
    hess_inv0: Unchecked = None  # a matrix, checked by the method that starts from it


_DRIVER_DEFAULTS = DriverOptions()._asdict()
DRIVER_OPTIONS = frozenset(_DRIVER_DEFAULTS)

_IGNORED = frozenset(("workers", "iprint"))  # SciPy's options that have no meaning for a compiled objective


class Settings(NamedTuple):
    """The options of one call, checked."""

    options: Any  # the solver's NamedTuple, in the dtype of x
    maxcor: Any
    driver: Any  # dict of the options of the driver, None if all have their defaults


def method_name(method):
    """numgd's or SciPy's name of a method; raises ValueError for an unknown name."""
    if not isinstance(method, str):
        raise TypeError(f"method must be a string; it is {method!r}")
    name = method.lower()
    if name in METHODS or name in ALIASES or name in _SCIPY_BOUNDED:
        return name
    known = sorted({*METHODS, *ALIASES, *_SCIPY_BOUNDED})
    raise ValueError(f"unknown method {method!r}; known are {', '.join(known)}")


def find_method(method):
    """The method of numgd that solves an unbounded problem; raises if the name is not one of numgd's."""
    name = _found(method, METHODS)
    return METHODS[UNBOUNDED_FORM.get(name, name)]


def find_rule(method):
    """The update rule of a name; raises for an unknown name."""
    return RULES[_found(method, RULES)]


def _found(method, table):
    if not isinstance(method, str):
        raise TypeError(f"method must be a string; it is {method!r}")
    name = method.lower()
    name = ALIASES.get(name, name)
    if name not in table:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(table)}")
    return name


def own_method(name, bounded):
    """The method of numgd that a name refers to; None if SciPy solves the problem."""
    if name is None or name in _SCIPY_BOUNDED:
        return None
    if not bounded:
        return find_method(name)
    method = METHODS.get(name)
    return method if method is not None and method.bounded else METHODS["l-bfgs-b"]


@cache
def option_ranges(method):
    """The `numgd.foundations.ranges.Parameter` of every option of a method, by name, without the driver's."""
    found = dict(parameters_of(method.options_type))
    if method.maxcor is not None:
        found["maxcor"] = parameter_of(Count)
    return found


def _defaults(method):
    """Default of every option of a method, as a flat dictionary."""
    found = method.options._asdict()
    if method.maxcor is not None:
        found["maxcor"] = method.maxcor
    return found


def _names(method):
    """The names of a method's options."""
    without = () if method.take_hess_inv else ("hess_inv0",)
    return {*_defaults(method), *_DRIVER_DEFAULTS}.difference(without)


def known_options(method, options, other=None):
    """The options without those that only another method has, and the names of the removed ones.

    `other` is the name of that method.  Without it, only the options of the method itself are kept.
    """
    if not isinstance(options, dict):
        return options, []  # None, or `settings` raises the error
    known = _names(method)
    others = set(options) if other is None else _names(METHODS[ALIASES.get(other, other)])
    lost = [name for name in options if name in others and name not in known]
    return {name: value for name, value in options.items() if name not in lost}, lost


def _said(name):
    return f"option {name!r}"


def _assemble(method, values, dtype):
    """The solver's NamedTuple, in the dtype of x, and ``maxcor``, from a dictionary of checked values."""
    ranges = option_ranges(method)
    found = rounded(ranges, values, dtype, _said)
    check_relations(ranges, found, _said)
    maxcor = found.pop("maxcor", 0)
    return method.options_type(**found), maxcor


def _suited(method, dtype):
    """The defaults of a method with tolerances that suit the dtype."""
    values = _defaults(method)
    if dtype == np.float32:
        if "gtol" in values:
            values["gtol"] = 1e-3  # about the cube root of float32's epsilon, as 1e-5 is for float64
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
    kinds = type(tol), *(type(value) for _, value in items)
    if _PLAIN.issuperset(kinds):
        found, unknown = _remembered(method, dtype, tol, items, kinds)
    else:
        found, unknown = _check(method, dtype, tol, items)
    if unknown:
        from scipy.optimize import OptimizeWarning

        warn_user(f"Unknown solver options: {', '.join(unknown)}", OptimizeWarning)
    return found


_PLAIN = frozenset((int, float, bool, str, type(None)))


@lru_cache(256)
def _remembered(method, dtype, tol, items, kinds):
    """`_check` of plain values, cached; `kinds` holds their types, to distinguish 1 from True."""
    return _check(method, dtype, tol, items)


def _hint(method, name, known):
    """A hint that gives numgd's name of an option known by another library's name; often empty."""
    own, other = known_as(name, known), variant_of(method.name, name)
    if own:
        return f" (here {' and '.join(map(repr, own))})"
    return "" if other is None else f" (see method {other!r})"


def _check(method, dtype, tol, items):
    """`Settings` from `tol` and the items of the options, and the names of unknown options."""
    values, ranges = _suited(method, dtype), option_ranges(method)
    driver, driver_ranges = dict(_DRIVER_DEFAULTS), parameters_of(DriverOptions)
    if tol is not None:
        tol = checked("tol", tol, Tolerance)
        values.update(dict.fromkeys(method.tolerances, tol))
    unknown = []
    for name, value in items:
        for known, own in ((values, ranges), (driver, driver_ranges)):
            if name in known:
                if value is not None:
                    known[name] = own[name].kind.check(_said(name), value)
                break
        else:
            if name not in _IGNORED:
                unknown.append(f"{name}{_hint(method, name, values)}")
    if driver["hess_inv0"] is not None and method.take_hess_inv is None:
        driver["hess_inv0"] = None
        unknown.append("hess_inv0")
    assembled, maxcor = _assemble(method, values, dtype)
    return Settings(assembled, maxcor, driver), tuple(unknown)
