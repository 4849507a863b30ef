"""Cosine annealing and its warm restarts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import Count, NonNegative, UnitInterval
from numgd.schedules.schedule import Schedule, between, cosine


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from η to a fraction of it: fη + (1 − f)η (1 + cos πk/steps) / 2.

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1.
    steps : int
        Number of steps until the end is reached.
    end_fraction : float
        f, in [0, 1]: the rate at the end is f η.

    References
    ----------
    I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, eq. 5.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.Cosine(0.1, steps=2)([1, 2, 3, 4])
    array([0.1 , 0.05, 0.  , 0.  ])
    """

    learning_rate: NonNegative
    steps: Count
    end_fraction: UnitInterval = 0.0

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        progress = np.minimum((t - 1) / self.steps, 1.0)
        return between(self.learning_rate, self.end_fraction * self.learning_rate, cosine(progress))


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """`Cosine` that restarts after `period` steps, then after `period_multiplier` times as many, …

    Parameters
    ----------
    learning_rate : float
        η, the rate of step 1 and after every restart.
    period : int
        Number of steps until the first restart.
    period_multiplier : int
        Factor by which each period is longer than the one before.
    end_fraction : float
        As for `Cosine`.

    References
    ----------
    I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, sec. 3.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.WarmRestarts(0.1, period=2, period_multiplier=2)([1, 2, 3, 4, 5, 6, 7])
    array([0.1       , 0.05      , 0.1       , 0.08535534, 0.05      ,
           0.01464466, 0.1       ])
    """

    learning_rate: NonNegative
    period: Count
    period_multiplier: Count = 1
    end_fraction: UnitInterval = 0.0

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        done, length, m = t - 1, self.period, self.period_multiplier
        if m == 1:
            start = done // length * length
        else:
            # Restart i is at period (mⁱ − 1) / (m − 1); half a step keeps the logarithm away from integers.
            restarts = np.floor(np.log1p((done + 0.5) * (m - 1) / length) / np.log(m))
            start = length * (m**restarts - 1) / (m - 1)
            length = length * m**restarts
        return between(
            self.learning_rate, self.end_fraction * self.learning_rate, cosine((done - start) / length)
        )
