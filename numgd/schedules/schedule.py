"""What every schedule is: a function of the number of the step, that may also watch what happens."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from numgd.foundations.ranges import NonNegative, check_fields, checked, parameter_of
from numgd.foundations.status import UNLIMITED


class Schedule(ABC):
    """The learning rate of every step: ``schedule(t)`` for t = 1, 2, …

    A schedule is a frozen dataclass; its parameters are checked when it is made.  Beyond its last step it
    holds the last value.
    """

    def __post_init__(self):
        check_fields(self)

    def __call__(self, t):
        """The learning rate of step t.

        Parameters
        ----------
        t : int or array_like of int
            Numbers of steps, counted from 1.

        Returns
        -------
        float or numpy.ndarray of float64
            Of the shape of t.

        Raises
        ------
        TypeError, ValueError
            If t is not integers, or below 1.
        """
        steps = np.asarray(t)
        if steps.dtype.kind not in "iu":
            raise TypeError(f"t must be an integer or an array of integers; it is {t!r:.80}")
        if steps.size and steps.min() < 1:
            raise ValueError(f"t counts the steps from 1; it is {steps.min()}")
        if steps.size and steps.max() > UNLIMITED:
            raise ValueError(f"t must be at most {UNLIMITED}; it is {steps.max()}")
        # Numbers are arrays too: NumPy's powers of the two differ in the last bit.
        rates = self._rates(steps.astype(np.int64).ravel())
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    @abstractmethod
    def _rates(self, t):
        """Learning rates of the steps t, an array of int64 of shape (N,), as float64 of that shape."""

    def observe(self, value):  # noqa: B027
        """Take notice of what a step or an epoch gave, such as a loss; a schedule of t alone takes none."""

    def state_dict(self):
        """What a run that goes on later needs beside the parameters: plain numbers by name."""
        return {}

    def load_state_dict(self, state):
        """Go on from what `state_dict` gave."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be a dictionary; it is {state!r:.80}")
        expected = self.state_dict().keys()
        if state.keys() != expected:
            raise ValueError(f"state must have the keys {sorted(expected)}; it has {sorted(state)}")


def between(first, last, progress):
    """The value that is `first` at progress 0 and `last` at 1, to the bit, and linear between."""
    return first * (1.0 - progress) + last * progress


def cosine(progress):
    """(1 − cos πp) / 2: from 0 to 1 along half a cosine."""
    return np.sin(0.5 * np.pi * progress) ** 2


def rate_of_step(schedule, t):
    """The learning rate that a schedule, or any callable, gives for step t; raises for what is no rate."""
    return _checked_rate(schedule, t, schedule(t))


def rates_of_steps(schedule, first, count):
    """The learning rates that a schedule gives for the steps from number `first` on, as float64 (count,)."""
    steps = np.arange(first, first + count)
    try:
        rates = np.asarray(schedule(steps))
    except (TypeError, ValueError):  # a function of one number
        rates = None
    if rates is None or rates.dtype.kind not in "fiu" or rates.shape not in ((), steps.shape):
        return np.array([rate_of_step(schedule, int(t)) for t in steps], np.float64)
    rates = np.array(np.broadcast_to(rates, steps.shape), np.float64)
    for k in parameter_of(NonNegative).kind.outside(rates):
        _checked_rate(schedule, steps[k], rates[k])
    return rates


def _checked_rate(schedule, t, rate):
    number = rate.item() if getattr(rate, "ndim", None) == 0 else rate
    return checked(f"the learning rate of step {t} by {schedule!r:.100}", number, NonNegative)
