"""Schedules that observe values: one rate for all t, until `observe` changes it."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Annotated, Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import AtMost, Flag, NonNegative, OpenFraction, Whole, checked
from numgd.schedules.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Watching(Schedule):
    """The rate is η at first; every reduction multiplies it by `factor`, down to `minimum`."""

    learning_rate: NonNegative
    state: dict[str, Any] = field(init=False, repr=False, default_factory=dict)  # numbers by name

    def __post_init__(self) -> None:
        super().__post_init__()
        self.state["rate"] = self.learning_rate

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.full(t.size, self.state["rate"])

    def observe(self, value: SupportsFloat) -> None:
        """Take a value, such as the loss of a step or an epoch; NaN is not an improvement."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"value must be a real number; it is {value!r:.80}") from None
        self._take(number)

    @abstractmethod
    def _take(self, value: float) -> None:
        """Update the state with an observed float."""

    def _shrink(self, factor: float, minimum: float) -> None:
        self.state["rate"] = max(self.state["rate"] * factor, minimum)

    def state_dict(self) -> dict[str, float]:
        """What a resumed run needs besides the parameters: plain numbers by name."""
        return dict(self.state)

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict(state)
        for name, value in state.items():
            if not isinstance(value, Real):
                raise TypeError(f"state[{name!r}] must be a number; it is {value!r}")
        checked("state['rate']", state["rate"], NonNegative)
        self.state.update(state)


@dataclass(frozen=True, eq=False)
class ReduceOnPlateau(Watching):
    """Reduces the rate when the lowest observed value has not fallen for more than `patience` observations.

    Like PyTorch's `ReduceLROnPlateau` for values that are not negative.  For a negative lowest value the
    relative threshold is a fraction of its magnitude, so that only a lower value counts.

    Parameters
    ----------
    learning_rate : float
        η, the initial rate.
    factor : float
        In (0, 1).
    patience : int
    threshold : float
        How much lower than the lowest value so far a value must be to count: a fraction of that value, or
        with ``relative=False`` a difference.
    relative : bool
    cooldown : int
        Number of observations after a reduction that are not counted as bad.
    minimum : float
        The rate never falls below this.

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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.state.update(least=math.inf, bad=0, cooling=0)

    def _take(self, value: float) -> None:
        state = self.state
        if value < state["least"] - self._margin(state["least"]):
            state.update(least=value, bad=0)
        else:
            state["bad"] += 1
        if state["cooling"] > 0:
            state.update(cooling=state["cooling"] - 1, bad=0)
        if state["bad"] > self.patience:
            self._shrink(self.factor, self.minimum)
            state.update(cooling=self.cooldown, bad=0)

    def _margin(self, least: float) -> float:
        if self.relative and math.isfinite(least):
            return self.threshold * abs(least)
        return self.threshold


@dataclass(frozen=True, eq=False)
class ThresholdPolicy(Watching):
    """Starts large; reduces the rate whenever two successive values differ by less than a threshold.

    Parameters
    ----------
    learning_rate : float
        η, the initial rate.
    threshold : float
        At least 0.
    factor : float
        In (0, 1).
    minimum : float
        The rate never falls below this.

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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.state["last"] = math.inf

    def _take(self, value: float) -> None:
        if abs(value - self.state["last"]) < self.threshold:
            self._shrink(self.factor, self.minimum)
        self.state["last"] = value
