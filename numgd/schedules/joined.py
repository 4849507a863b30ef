"""Schedules made of numbers, of functions and of other schedules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Annotated, Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import Count, Functions, NonNegative, UnitInterval, sequence_of
from numgd.schedules.decays import Constant
from numgd.schedules.schedule import Schedule, between


@dataclass(frozen=True)
class Function(Schedule):
    """A function of the step.

    Parameters
    ----------
    function : callable
        ``function(t)`` gives the learning rates of the steps t, an int64 array of shape (N,).

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Function(lambda t: 0.1 / t**0.5)([1, 4])
    array([0.1 , 0.05])
    """

    function: Annotated[Callable[[Any], Any], Functions()]

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array(np.broadcast_to(np.asarray(self.function(t), np.float64), t.shape))


def as_schedule(learning_rate: float | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A learning rate as a function of the step.

    Parameters
    ----------
    learning_rate : float or callable
        A number becomes `Constant`; a schedule, or any other function of t = 1, 2, …, is returned as it is.

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


def _part(schedule: float | Callable[[Any], Any]) -> Schedule:
    """A part of another schedule, as a `Schedule`."""
    found = as_schedule(schedule)
    return found if isinstance(found, Schedule) else Function(found)


class _Parts:
    """Parts of another schedule: schedules, numbers or callables."""

    def check(self, name: str, value: Any) -> Schedule:
        """The part as a `Schedule`; raises if it cannot be one."""
        return _part(value)


Part = Annotated[float | Callable[[Any], Any], _Parts()]
Boundaries = Annotated[Sequence[int], sequence_of(Count, empty=True)]


def _check_boundaries(boundaries: Sequence[int], count: int) -> None:
    """Raise unless there are `count` − 1 boundaries, and they increase."""
    if len(boundaries) != count - 1:
        raise ValueError(f"boundaries must be one fewer than the {count} pieces; they are {len(boundaries)}")
    if any(after <= before for before, after in pairwise(boundaries)):
        raise ValueError(f"boundaries must increase; they are {boundaries}")


@dataclass(frozen=True)
class Piecewise(Schedule):
    """``values[i]`` up to and including step ``boundaries[i]``; the last value from then on.

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

    boundaries: Boundaries
    values: Annotated[Sequence[float], sequence_of(NonNegative)]

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_boundaries(self.boundaries, len(self.values))

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array(self.values)[np.searchsorted(np.array(self.boundaries, np.int64), t)]


@dataclass(frozen=True)
class Joined(Schedule):
    """Schedules one after the other: ``schedules[i]`` up to and including step ``boundaries[i]``.

    Each schedule counts its steps from its own start.

    Parameters
    ----------
    schedules : sequence of Schedule, float or callable
        Functions of t alone: one that observes values would also observe them while another is in force.
    boundaries : sequence of int
        Increasing, one fewer than `schedules`.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Joined([0.1, schedules.InverseTime(0.04, 1.0)], [2])([1, 2, 3, 4])
    array([0.1 , 0.1 , 0.04, 0.02])
    """

    schedules: Annotated[Sequence[float | Callable[[Any], Any]], sequence_of(Part)]
    boundaries: Boundaries

    def __post_init__(self) -> None:
        super().__post_init__()
        for i, schedule in enumerate(map(_part, self.schedules)):
            if schedule.state_dict():
                raise TypeError(f"schedules[{i}] must depend on t alone; it is {schedule}")
        _check_boundaries(self.boundaries, len(self.schedules))

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        rates = np.empty(t.size)
        piece = np.searchsorted(np.array(self.boundaries, np.int64), t)
        for i, (part, start) in enumerate(zip(self.schedules, (0, *self.boundaries), strict=True)):
            rates[piece == i] = _part(part)(t[piece == i] - start)
        return rates


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A straight line to the first rate of another schedule in `steps` steps, followed by that schedule.

    Parameters
    ----------
    schedule : Schedule, float or callable
        It counts its steps from the end of the warm-up.
    steps : int
    fraction : float
        Where the line starts, as a fraction of the first rate of `schedule`.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.WarmUp(schedules.Cosine(0.1, 2), steps=4)([1, 2, 3, 4, 5, 6])
    array([0.   , 0.025, 0.05 , 0.075, 0.1  , 0.05 ])
    """

    schedule: Part
    steps: Count
    fraction: UnitInterval = 0.0

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        rates = _part(self.schedule)(np.maximum(t - self.steps, 1))
        return between(self.fraction * rates, rates, np.minimum((t - 1) / self.steps, 1.0))

    def observe(self, value: SupportsFloat) -> None:
        """Pass the value on to `schedule`."""
        _part(self.schedule).observe(value)

    def state_dict(self) -> dict[str, float]:
        """The state of `schedule`."""
        return _part(self.schedule).state_dict()

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue `schedule` from a state."""
        _part(self.schedule).load_state_dict(state)
