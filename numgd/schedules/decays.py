"""Learning rates that fall by a closed formula in k = t − 1, the number of completed steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import Count, Flag, NonNegative, Positive
from numgd.schedules.schedule import Schedule, between


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate for all steps.

    Parameters
    ----------
    learning_rate : float
        At least 0, as in all schedules.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Constant(0.1)([1, 2])
    array([0.1, 0.1])
    """

    learning_rate: NonNegative

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.full(t.size, self.learning_rate)


@dataclass(frozen=True)
class Step(Schedule):
    """η factor^⌊k / every⌋: it changes by a factor every `every` steps.

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1.
    every : int
        Number of steps between changes.
    factor : float
        Positive.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Step(0.1, every=2)([1, 2, 3])
    array([0.1 , 0.1 , 0.01])
    """

    learning_rate: NonNegative
    every: Count
    factor: Positive = 0.1

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.learning_rate * self.factor ** _periods(t, self.every, whole=True)


@dataclass(frozen=True)
class Exponential(Schedule):
    """η decay_rate^(k / decay_steps).

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1.
    decay_rate : float
        Positive.
    decay_steps : int
        Number of steps over which the rate changes by the factor `decay_rate`.
    staircase : bool
        Round the exponent down: the rate changes only every `decay_steps` steps.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Exponential(0.1, 0.25, decay_steps=2)([1, 2, 3])
    array([0.1  , 0.05 , 0.025])
    """

    learning_rate: NonNegative
    decay_rate: Positive
    decay_steps: Count = 1
    staircase: Flag = False

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.learning_rate * self.decay_rate ** _periods(t, self.decay_steps, self.staircase)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """η / (1 + decay_rate k / decay_steps).

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1.
    decay_rate : float
        At least 0.
    decay_steps : int
        Number of steps after which `decay_rate` counts once.
    staircase : bool
        Round k / decay_steps down.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.InverseTime(0.1, 1.0)([1, 2, 5])
    array([0.1 , 0.05, 0.02])
    """

    learning_rate: NonNegative
    decay_rate: NonNegative
    decay_steps: Count = 1
    staircase: Flag = False

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.learning_rate / (1.0 + self.decay_rate * _periods(t, self.decay_steps, self.staircase))


@dataclass(frozen=True)
class Polynomial(Schedule):
    """end + (η − end) (1 − k / steps)^power.

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1.
    steps : int
        Number of steps until `end` is reached.
    end : float
        The rate from then on.
    power : float
        Positive; 1 is a straight line.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Polynomial(0.1, steps=4)([1, 2, 3, 4, 5, 6])
    array([0.1  , 0.075, 0.05 , 0.025, 0.   , 0.   ])
    """

    learning_rate: NonNegative
    steps: Count
    end: NonNegative = 0.0
    power: Positive = 1.0

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        left = 1.0 - np.minimum((t - 1) / self.steps, 1.0)
        return between(self.end, self.learning_rate, left**self.power)


def _periods(t: NDArray[np.int64], length: int, whole: bool) -> NDArray[Any]:
    """How many periods of the given length have passed before step t."""
    return (t - 1) // length if whole else (t - 1) / length
