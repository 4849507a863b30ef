"""The base of all schedules: functions of the step number, some of which also observe values."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat, overload

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import NonNegative, check_fields, checked, parameter_of
from numgd.foundations.status import UNLIMITED


class Schedule(ABC):
    """The learning rate of each step: ``schedule(t)`` for t = 1, 2, …

    A schedule is a frozen dataclass; its parameters are checked when it is created.  After its last step
    it holds the last value.
    """

    def __post_init__(self) -> None:
        check_fields(self)

    @overload
    def __call__(self, t: int | np.integer[Any]) -> float: ...

    @overload
    def __call__(self, t: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float64]: ...

    def __call__(
        self, t: int | np.integer[Any] | Sequence[int] | NDArray[np.integer[Any]]
    ) -> float | NDArray[np.float64]:
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
            If t does not consist of integers, or one is below 1.
        """
        steps = np.asarray(t)
        if steps.dtype.kind not in "iu":
            raise TypeError(f"t must be an integer or an array of integers; it is {t!r:.80}")
        if steps.size and steps.min() < 1:
            raise ValueError(f"t counts the steps from 1; it is {steps.min()}")
        if steps.size and steps.max() > UNLIMITED:
            raise ValueError(f"t must be at most {UNLIMITED}; it is {steps.max()}")
        # A number becomes an array too: NumPy's powers of numbers and arrays differ in the last bit.
        rates = self._rates(steps.astype(np.int64).ravel())
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    @abstractmethod
    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        """Learning rates of the steps t, an int64 array of shape (N,), as a float64 array of that shape."""

    def observe(self, value: SupportsFloat) -> None:  # noqa: B027
        """Take a value of a step or an epoch, such as its loss; schedules of t alone ignore it."""

    def state_dict(self) -> dict[str, float]:
        """What a resumed run needs besides the parameters: plain numbers by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue from what `state_dict` returned."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be a dictionary; it is {state!r:.80}")
        expected = self.state_dict().keys()
        if state.keys() != expected:
            raise ValueError(f"state must have the keys {sorted(expected)}; it has {sorted(state)}")


def between(first: Any, last: Any, progress: Any) -> Any:
    """Linear interpolation: exactly `first` at progress 0 and exactly `last` at 1."""
    return first * (1.0 - progress) + last * progress


def cosine(progress: NDArray[Any]) -> NDArray[Any]:
    """(1 − cos πp) / 2: from 0 to 1 along half a cosine."""
    return np.sin(0.5 * np.pi * progress) ** 2


def rate_of_step(schedule: Callable[[Any], Any], t: int) -> float:
    """The learning rate of step t by a schedule or any callable; raises if it is not a valid rate."""
    return _checked_rate(schedule, t, schedule(t))


def rates_of_steps(schedule: Callable[[Any], Any], first: int, count: int) -> NDArray[np.float64]:
    """The learning rates of `count` steps from step `first` on, as a float64 array (count,)."""
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


def _checked_rate(schedule: Callable[[Any], Any], t: int, rate: Any) -> float:
    number = rate.item() if getattr(rate, "ndim", None) == 0 else rate
    return checked(f"the learning rate of step {t} by {schedule!r:.100}", number, NonNegative)
