"""Schedules made of numbers, of functions and of other schedules."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Annotated

import numpy as np

from numgd.foundations.ranges import Called, Count, NonNegative, UnitInterval, sequence_of
from numgd.schedules.decays import Constant
from numgd.schedules.schedule import Schedule, between


@dataclass(frozen=True)
class Function(Schedule):
    """A function of the step.

    Parameters
    ----------
    function : callable
        ``function(t)`` gives the learning rates of the steps t, an array of int64 of shape (N,).

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Function(lambda t: 0.1 / t**0.5)([1, 4])
    array([0.1 , 0.05])
    """

    function: Called

    def _rates(self, t):
        return np.array(np.broadcast_to(np.asarray(self.function(t), np.float64), t.shape))


def as_schedule(learning_rate):
    """A learning rate as a function of the step.

    Parameters
    ----------
    learning_rate : float or callable
        A number becomes `Constant`; a schedule, or any other function of t = 1, 2, …, is what it is.

    Returns
    -------
    callable

    Examples
    --------
    >>> from numgd.schedules import as_schedule
    >>> as_schedule(0.1)
    Constant(learning_rate=0.1)
    """
    if callable(learning_rate):
        return learning_rate
    if isinstance(learning_rate, Real) and not isinstance(learning_rate, bool):
        return Constant(learning_rate)
    raise TypeError(f"learning_rate must be a number, a schedule or a callable; it is {learning_rate!r}")


def _part(schedule):
    """A part of another schedule as one itself."""
    found = as_schedule(schedule)
    return found if isinstance(found, Schedule) else Function(found)


class _Parts:
    """Parts of another schedule: schedules, numbers or callables."""

    def check(self, name, value):
        """The part as a `Schedule`; raises for what is none."""
        return _part(value)


Part = Annotated[Schedule, _Parts()]


def _check_boundaries(boundaries, count):
    """Raise unless the boundaries between `count` pieces are one fewer, and increase."""
    if len(boundaries) != count - 1:
        raise ValueError(f"boundaries must be one fewer than the {count} pieces; they are {len(boundaries)}")
    if any(after <= before for before, after in pairwise(boundaries)):
        raise ValueError(f"boundaries must increase; they are {boundaries}")


@dataclass(frozen=True)
class Piecewise(Schedule):
    """``values[i]`` up to and with step ``boundaries[i]``; the last of the values from then on.

    Parameters
    ----------
    boundaries : sequence of int
        Increasing, one fewer than `values`.
    values : sequence of float

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Piecewise([2, 4], [0.1, 0.01, 0.001])([1, 2, 3, 4, 5])
    array([0.1  , 0.1  , 0.01 , 0.01 , 0.001])
    """

    boundaries: sequence_of(Count, empty=True)
    values: sequence_of(NonNegative)

    def __post_init__(self):
        super().__post_init__()
        _check_boundaries(self.boundaries, len(self.values))

    def _rates(self, t):
        return np.array(self.values)[np.searchsorted(np.array(self.boundaries, np.int64), t)]


@dataclass(frozen=True)
class Joined(Schedule):
    """Schedules one after the other: ``schedules[i]`` up to and with step ``boundaries[i]``.

    Each counts the steps from its own start.

    Parameters
    ----------
    schedules : sequence of Schedule, float or callable
        None that watches what happens: it would watch while another one is in force.
    boundaries : sequence of int
        Increasing, one fewer than `schedules`.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Joined([0.1, schedules.InverseTime(0.04, 1.0)], [2])([1, 2, 3, 4])
    array([0.1 , 0.1 , 0.04, 0.02])
    """

    schedules: sequence_of(Part)
    boundaries: sequence_of(Count, empty=True)

    def __post_init__(self):
        super().__post_init__()
        for i, schedule in enumerate(self.schedules):
            if schedule.state_dict():
                raise TypeError(f"schedules[{i}] must depend on t alone; it is {schedule}")
        _check_boundaries(self.boundaries, len(self.schedules))

    def _rates(self, t):
        rates = np.empty(t.size)
        piece = np.searchsorted(np.array(self.boundaries, np.int64), t)
        for i, (schedule, start) in enumerate(zip(self.schedules, (0, *self.boundaries), strict=True)):
            rates[piece == i] = schedule(t[piece == i] - start)
        return rates


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A straight line to the first rate of another schedule in `steps` steps, and then that schedule.

    Parameters
    ----------
    schedule : Schedule, float or callable
        It counts its steps from the end of the warm-up.
    steps : int
    fraction : float
        Of the first rate of `schedule`: where the line begins.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.WarmUp(schedules.Cosine(0.1, 2), steps=4)([1, 2, 3, 4, 5, 6])
    array([0.   , 0.025, 0.05 , 0.075, 0.1  , 0.05 ])
    """

    schedule: Part
    steps: Count
    fraction: UnitInterval = 0.0

    def _rates(self, t):
        rates = self.schedule(np.maximum(t - self.steps, 1))
        return between(self.fraction * rates, rates, np.minimum((t - 1) / self.steps, 1.0))

    def observe(self, value):
        """Pass on to `schedule`."""
        self.schedule.observe(value)

    def state_dict(self):
        """That of `schedule`."""
        return self.schedule.state_dict()

    def load_state_dict(self, state):
        """That of `schedule`."""
        self.schedule.load_state_dict(state)
