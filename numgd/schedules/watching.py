"""Schedules that watch what happens: one rate for all t, until `observe` changes it."""

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from numbers import Real
from typing import Annotated

import numpy as np

from numgd.foundations.ranges import AtMost, Flag, NonNegative, OpenFraction, Whole, checked
from numgd.schedules.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Watching(Schedule):
    """The rate is η, and `factor` times as large, but at least `minimum`, after every shrinkage."""

    learning_rate: NonNegative
    state: dict = field(init=False, repr=False, default_factory=dict)  # numbers by name

    def __post_init__(self):
        super().__post_init__()
        self.state["rate"] = self.learning_rate

    def _rates(self, t):
        return np.full(t.size, self.state["rate"])

    def observe(self, value):
        """Take notice of a value, such as the loss of a step or an epoch; NaN is no improvement."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"value must be a real number; it is {value!r:.80}") from None
        self._take(number)

    @abstractmethod
    def _take(self, value):
        """Change the state for a float that was observed."""

    def _shrink(self):
        self.state["rate"] = max(self.state["rate"] * self.factor, self.minimum)

    def state_dict(self):
        """What a run that goes on later needs beside the parameters: plain numbers by name."""
        return dict(self.state)

    def load_state_dict(self, state):
        """Go on from what `state_dict` gave."""
        super().load_state_dict(state)
        for name, value in state.items():
            if not isinstance(value, Real):
                raise TypeError(f"state[{name!r}] must be a number; it is {value!r}")
        checked("state['rate']", state["rate"], NonNegative)
        self.state.update(state)


@dataclass(frozen=True, eq=False)
class ReduceOnPlateau(Watching):
    """Shrinks when the least value observed has not fallen for more than `patience` observations.

    As PyTorch's `ReduceLROnPlateau` where values are not negative.  Of a negative least value the relative
    threshold is a fraction of its magnitude, so that only what is lower counts.

    Parameters
    ----------
    learning_rate : float
        η, that of the start.
    factor : float
        In (0, 1).
    patience : int
    threshold : float
        How much lower than the least value so far a value must be to count: a fraction of that value, or
        with ``relative=False`` a difference.
    relative : bool
    cooldown : int
        Observations after a shrinkage that are not counted as bad.
    minimum : float
        Below which the rate does not fall.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedule = schedules.ReduceOnPlateau(0.1, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.observe(loss)
    >>> schedule(5)
    0.05
    """

    factor: OpenFraction = 0.1
    patience: Whole = 10
    threshold: NonNegative = 1e-4
    relative: Flag = True
    cooldown: Whole = 0
    minimum: Annotated[NonNegative, AtMost("learning_rate")] = 0.0

    def __post_init__(self):
        super().__post_init__()
        self.state.update(least=math.inf, bad=0, cooling=0)

    def _take(self, value):
        state = self.state
        if value < state["least"] - self._margin(state["least"]):
            state.update(least=value, bad=0)
        else:
            state["bad"] += 1
        if state["cooling"] > 0:
            state.update(cooling=state["cooling"] - 1, bad=0)
        if state["bad"] > self.patience:
            self._shrink()
            state.update(cooling=self.cooldown, bad=0)

    def _margin(self, least):
        if self.relative and math.isfinite(least):
            return self.threshold * abs(least)
        return self.threshold


@dataclass(frozen=True, eq=False)
class ThresholdPolicy(Watching):
    """Starts large, and shrinks whenever two values in a row differ by less than a threshold.

    Parameters
    ----------
    learning_rate : float
        η, that of the start.
    threshold : float
        At least 0.
    factor : float
        In (0, 1).
    minimum : float
        Below which the rate does not fall.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedule = schedules.ThresholdPolicy(0.4, threshold=1e-2)
    >>> for value in (3.0, 2.0, 1.999):
    ...     schedule.observe(value)
    >>> schedule(4)
    0.2
    """

    threshold: NonNegative
    factor: OpenFraction = 0.5
    minimum: Annotated[NonNegative, AtMost("learning_rate")] = 0.0

    def __post_init__(self):
        super().__post_init__()
        self.state["last"] = math.inf

    def _take(self, value):
        if abs(value - self.state["last"]) < self.threshold:
            self._shrink()
        self.state["last"] = value
