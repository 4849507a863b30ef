"""A derivative made of the source of a user's function, compiled and compared with differences once."""

import warnings
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.functions import LeastRecentlyUsed, dispatcher_of
from numgd.jit.arguments import type_of
from numgd.objective.adapter import result_type

_made = LeastRecentlyUsed(512)


class Made(NamedTuple):
    """A derivative made of the source of a function, or why there is none."""

    function: Any
    refused: Any = None


class Trial(ABC):
    """A user's function and a point, at which a derivative of it is tried.

    Parameters
    ----------
    mode, argnum : str and int or tuple of int
        As for `numgd.autodiff.derivation.derived`.
    fun : callable
    x : numpy.ndarray
        The point.
    arguments : tuple
        Of a call of the derivative there.
    """

    def __init__(self, mode, argnum, fun, x, arguments):
        self.mode, self.argnum, self.fun, self.x, self.arguments = mode, argnum, fun, x, arguments

    @abstractmethod
    def kinds(self):
        """What beside the function the compiled form depends on; raises for what Numba does not know."""

    @abstractmethod
    def alike(self, dispatcher, key):
        """Whether the compiled function gives what the user's gives."""

    @abstractmethod
    def fits(self, answer):
        """Whether a solver can take a derivative of that Numba type."""

    @abstractmethod
    def values(self, dispatcher, x):
        """What the derivative is one of, a number or an array, at a point."""

    @abstractmethod
    def change(self, derivative, direction):
        """The derivative's product with a direction."""


def make(trial, box=None):
    """A derivative of a user's function as `Made`; compiled and compared with differences the first time.

    No point that it is compared at leaves the box (2, n).
    """
    fun = trial.fun
    name = getattr(fun, "__name__", type(fun).__name__)
    dispatcher, key = dispatcher_of(fun)
    try:
        key = (key, *trial.kinds())
    except Exception:  # args of a type that Numba does not know
        dispatcher = None
    if dispatcher is None:
        return Made(None, f"{name} is called back: Numba cannot compile it")
    place = (trial.mode, trial.argnum, *key)
    found = _made.get(place)
    if found is None:
        found = _made.remember(place, _make_first(trial, box, name, dispatcher, key))
    return found


def _make_first(trial, box, name, dispatcher, key):
    mode, said = trial.mode, trial.mode.removesuffix("_to")
    if not trial.alike(dispatcher, key):
        return Made(None, f"{name} is called back: Numba cannot compile it, or not to the same results")
    try:
        function = derived(mode, dispatcher, trial.argnum)
        kinds = tuple(type_of(trial.arguments))
        result_type(dispatcher, function.derivation.own_kinds(kinds))
        answer = result_type(function, kinds)
    except NotDifferentiable as error:
        return Made(None, str(error))
    except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
        return Made(None, f"{name}: its {said} cannot be compiled: {str(error).strip().splitlines()[0]}")
    if not trial.fits(answer):
        return Made(None, f"{name}: its {said} is {answer}, which a solver cannot take")
    try:
        right = agrees(
            lambda x: trial.values(dispatcher, x),
            lambda direction: trial.change(function, direction),
            trial.x,
            box,
        )
    except Exception:  # what the function raises, it raises in the solve too
        right = True
    if right:
        return Made(function)
    message = f"the {said} of {name} by numgd.autodiff differs from differences along a random direction"
    warnings.warn(f"{message}; differences are used", RuntimeWarning, stacklevel=6)
    return Made(None, message)


SHARES = (1.0, 1.0 / 8, 1.0 / 64)
"""Of the step of differences: functions of many kinks agree with their slopes only nearby."""

# The comparison ------------------------------------------------------------------------------------------


def agrees(values, change, x, box=None):
    """Whether a function changes along a random direction as its derivative says, as far as differences tell.

    Parameters
    ----------
    values : callable
        ``values(x)``, a number or an array, of which a random sum is taken.
    change : callable
        ``change(direction)``: the derivative's product with a direction, of the same shape.
    x : numpy.ndarray
    box : numpy.ndarray, optional
    """
    direction = _random_direction(x, box)
    changed = np.ravel(change(direction))
    weights = np.random.default_rng(changed.size).normal(size=changed.size)
    real = x.dtype.type

    def along(t):
        return float(np.dot(weights, np.ravel(values(x + real(t) * direction))))

    slope, eps = float(np.dot(weights, changed)), np.finfo(x.dtype).eps
    return any(
        slopes_agree(lambda t, share=share: along(share * t), share * slope, eps, share == 1.0)
        for share in SHARES
    )


def _random_direction(x, box):
    """A step in a random direction, as long as suits differences; none in variables that lack the room."""
    real = x.dtype.type
    sizes = np.maximum(1, np.abs(x))
    direction = np.random.default_rng(x.size).normal(size=x.size).astype(x.dtype)
    direction *= real(np.finfo(x.dtype).eps ** 0.25) / np.abs(direction).max() * sizes
    if box is not None and box.size:
        room = np.abs(direction)
        direction[(x - room < box[0]) | (x + room > box[1])] = 0
    return direction


def slopes_agree(along, slope, eps, lenient=True):
    """Whether the slope of a function of t at 0 is `slope`, as far as differences can tell.

    Where one-sided slopes differ, as at a kink, any slope between them will do.  A slope that rounding hides
    agrees if `lenient`.
    """
    behind, near_behind, here, near_ahead, ahead = (along(t) for t in (-1.0, -0.5, 0.0, 0.5, 1.0))
    values = np.array([behind, near_behind, here, near_ahead, ahead])
    if not (np.isfinite(values).all() and np.isfinite(slope)):
        return True
    wide, narrow = (ahead - behind) / 2.0, near_ahead - near_behind
    kink = abs((near_ahead - here) - (here - near_behind))
    rounding = 64.0 * eps * np.abs(values).max()
    if not lenient and abs(slope) < 10.0 * rounding:
        return False
    curved = 8.0 * abs(wide - narrow)  # of many small kinks the error falls with the root of the step
    return abs(slope - narrow) <= curved + kink + rounding + np.sqrt(eps) * abs(narrow)
