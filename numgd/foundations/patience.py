"""When a run stops early, and which of its points is the best one."""

import math


class Patience:
    """The lowest value seen so far, and for how many values in a row it has not fallen.

    Parameters
    ----------
    patience : int or None
        Number of values without an improvement after which it is exhausted; None for no limit.
    min_delta : float
        Smallest decrease that counts as an improvement.

    Attributes
    ----------
    best : float
        Lowest value; NaN is never one.
    waited : int
        Number of values since the last improvement.
    """

    def __init__(self, patience, min_delta):
        self._patience, self._min_delta = patience, min_delta
        self.best, self.waited = math.inf, 0

    def wait(self, value):
        """Count a value as an improvement or as none."""
        self.waited = 0 if value < self.best - self._min_delta else self.waited + 1

    def see(self, value):
        """Take a value; whether it is the lowest so far."""
        lower = value < self.best
        if lower:
            self.best = value
        return lower

    @property
    def exhausted(self):
        """Whether the run should stop."""
        return self._patience is not None and self.waited >= self._patience
