"""A derivative generated from a user function's source, compiled and checked once against differences."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.autodiff.program import DoesNotFit
from numgd.autodiff.reading import NoSource
from numgd.foundations.agreement import (
    AGREES,
    DIFFERS,
    UNKNOWN,
    make_agreement,
    random_direction,
    random_weights,
)
from numgd.jit.arguments import type_of
from numgd.jit.compilable import (
    UNKNOWN_ARGS,
    LeastRecentlyUsed,
    dispatcher_of,
    error_line,
    name_of,
    reason_against,
    reason_for,
    result_type,
)
from numgd.system.warn import warn_user

_made = LeastRecentlyUsed(512)


class Made(NamedTuple):
    """A derivative generated from the source of a function, or why there is none."""

    function: Any
    refused: Any = None
    known: bool = True  # whether this is settled: a comparison at a non-finite point tells nothing


class Trial(ABC):
    """A user's function and a point at which its derivative is tried.

    Parameters
    ----------
    mode, argnum : str and int or tuple of int
        As for `numgd.autodiff.derivation.derived`.
    fun : callable
    x : numpy.ndarray
        The point.
    arguments : tuple
        Arguments of a call of the derivative there.
    """

    def __init__(self, mode, argnum, fun, x, arguments):
        self.mode, self.argnum, self.fun, self.x, self.arguments = mode, argnum, fun, x, arguments

    @abstractmethod
    def kinds(self):
        """What the compiled form depends on besides the function; raises for types that Numba lacks."""

    @abstractmethod
    def alike(self, dispatcher, key):
        """Whether the compiled function gives the same result as the user's."""

    @abstractmethod
    def fits(self, answer):
        """Whether a solver can use a derivative of this Numba type."""

    @abstractmethod
    def values(self, dispatcher, x):
        """The quantity that is differentiated, a number or an array, at a point."""

    @abstractmethod
    def matrix(self, derivative):
        """The derivative at the trial's point, of shape (k, n): a gradient is one row."""

    def gives(self, dispatcher, derivative):
        """Whether the value returned with the derivative is the function's: its file may have changed."""
        return True

    def usable(self, derivative):
        """Mask (n,) of the variables whose derivatives are finite."""
        return np.isfinite(self.matrix(derivative)).all(axis=0)

    def change(self, derivative, direction):
        """The derivative times a direction; it need not be finite where the direction is zero."""
        moved = direction != 0
        return self.matrix(derivative)[:, moved] @ direction[moved]


def make(trial, box=None):
    """The derivative of a user's function as `Made`; compiled and checked with differences the first time.

    The check evaluates no point outside the box (2, n).
    """
    fun = trial.fun
    name = name_of(fun)
    dispatcher, key = dispatcher_of(fun)
    if dispatcher is None:
        return Made(None, f"{name} is called back: it {reason_for(fun)}")
    try:
        key = (key, *trial.kinds())
    except Exception:
        return Made(None, UNKNOWN_ARGS)
    place = (trial.mode, trial.argnum, *key)
    found = _made.get(place)
    if found is None:
        found = _make_first(trial, box, name, dispatcher, key)
        if found.known:
            _made.remember(place, found)
    return found


def _make_first(trial, box, name, dispatcher, key):
    mode, said = trial.mode, trial.mode.removesuffix("_to")
    try:
        function = derived(mode, dispatcher, trial.argnum)
        kinds = tuple(type_of(trial.arguments))
        refused = reason_against(dispatcher, function.derivation.own_kinds(kinds), name)
        if refused is None and not trial.alike(dispatcher, key):
            refused = f"{name}, compiled, does not give what it gives in Python"
        if refused is not None:
            return Made(None, refused)
        answer = result_type(function, kinds)
    except (NoSource, DoesNotFit) as error:
        warn_user(f"{error}; differences are used")
        return Made(None, str(error))
    except NotDifferentiable as error:
        return Made(None, str(error))
    except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
        return Made(None, f"{name}: its {said} cannot be compiled: {error_line(error)}")
    if not trial.fits(answer):
        return Made(None, f"{name}: its {said} is {answer}, which a solver cannot use")
    try:
        with np.errstate(all="ignore"):
            if not trial.gives(dispatcher, function):
                message = f"code made from the source text of {name} gives other values than the function"
                warn_user(f"{message}; differences are used")
                return Made(None, message)
            outcome = compare(trial, dispatcher, function, box)
    except Exception:  # an error of the function will be raised again in the solve
        outcome = UNKNOWN
    if outcome != DIFFERS:
        return Made(function, known=outcome == AGREES)
    given = ", ".join(sorted(function.derivation.given))
    using = f", which uses the derivative given for {given}," if given else ""
    message = (
        f"the {said} of {name} by numgd.autodiff{using} differs from differences along a random direction"
    )
    warn_user(f"{message}; differences are used")
    return Made(None, message)


# The comparison ------------------------------------------------------------------------------------------


def compare(trial, dispatcher, derivative, box=None):
    """Whether the function changes along a random direction as its derivative predicts.

    See `numgd.foundations.agreement`.  Only variables whose derivatives are finite are moved.
    """
    x = trial.x
    trial.x, direction = np.empty_like(x), np.empty_like(x)
    random_direction(x, np.empty((2, 0), x.dtype) if box is None else box, trial.x, direction)
    direction[~trial.usable(derivative)] = 0
    if not direction.any():
        return UNKNOWN
    changed = np.ravel(trial.change(derivative, direction)).astype(np.float64)
    weights = np.empty_like(changed)
    random_weights(weights)

    def along(line, t):
        values = trial.values(dispatcher, trial.x + x.dtype.type(t) * direction)
        return float(np.dot(weights, np.ravel(values)))

    return make_agreement(along)(None, float(np.dot(weights, changed)), float(np.finfo(x.dtype).eps))
