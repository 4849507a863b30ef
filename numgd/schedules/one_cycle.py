"""The 1cycle policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from numgd.foundations.ranges import Count, Flag, Names, NonNegative, Positive, UnitInterval
from numgd.schedules.schedule import Schedule, between, cosine

SHAPES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "cosine": cosine,
    "linear": lambda progress: progress,
}

Shape = Annotated[Literal["cosine", "linear"], Names(tuple(SHAPES))]


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises to η, then falls to almost nothing at the last of `steps` steps.

    The first phase goes from η / initial_divisor to η in a fraction `rising` of the steps, the second to
    η / (initial_divisor final_divisor).  With `three_phases` the second goes back to η / initial_divisor in
    as many steps as the first, and the third to the end.  These are the phases of PyTorch's `OneCycleLR`.

    Parameters
    ----------
    learning_rate : float
        η, the largest rate.
    steps : int
        Total number of steps; the last rate is held from then on.
    rising : float
        In [0, 1].  Phases end after ``rising * steps - 1``, with `three_phases` ``2 * rising * steps - 2``,
        and ``steps - 1`` steps; a phase without steps is a ValueError.
    annealing : {'cosine', 'linear'}
    initial_divisor, final_divisor : float
        Positive.
    three_phases : bool

    References
    ----------
    L. N. Smith and N. Topin, Super-convergence: very fast training of neural networks using large learning
    rates, 2018, sec. 3.

    Examples
    --------
    >>> from numgd import schedules
    >>> schedules.OneCycle(0.1, steps=8, rising=0.5, annealing="linear", final_divisor=4)([1, 4, 8])
    array([0.004, 0.1  , 0.001])
    """

    learning_rate: NonNegative
    steps: Count
    rising: UnitInterval = 0.3
    annealing: Shape = "cosine"
    initial_divisor: Positive = 25.0
    final_divisor: Positive = 1e4
    three_phases: Flag = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.any(np.diff(self._corners()[0]) <= 0):
            raise ValueError(
                f"rising = {self.rising:g} of steps = {self.steps} leaves a phase without steps; "
                f"phases would end after {self._corners()[0][1:].tolist()} steps"
            )

    def _corners(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Numbers of completed steps at which phases begin or end, and the rates there."""
        initial = self.learning_rate / self.initial_divisor
        up, last = self.rising * self.steps - 1.0, self.steps - 1.0
        done = [0.0, up, 2.0 * up, last] if self.three_phases else [0.0, up, last]
        rates = [initial, self.learning_rate, initial, initial / self.final_divisor]
        if not self.three_phases:
            del rates[2]
        return np.array(done), np.array(rates)

    def _rates(self, t: NDArray[np.int64]) -> NDArray[np.float64]:
        done, rates = self._corners()
        k = np.minimum(t - 1, done[-1])
        phase = np.maximum(np.searchsorted(done, k) - 1, 0)
        progress = (k - done[phase]) / (done[phase + 1] - done[phase])
        return between(rates[phase], rates[phase + 1], SHAPES[self.annealing](progress))
