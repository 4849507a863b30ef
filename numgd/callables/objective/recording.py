"""An objective that records where it was evaluated, between the compiled solver and compiled functions."""

import math
from typing import Any, NamedTuple

import numpy as np

from numgd.callables.objective.called_back import PythonObjective
from numgd.jit.pointers import WANT_VALUE


class Evaluations(NamedTuple):
    """All evaluations of a function, in order."""

    points: Any  # (k, n)
    values: Any  # (k,)


class RecordingObjective(PythonObjective):
    """User functions, compiled or not, whose evaluations are recorded.

    Points at which only a derivative was asked for do not count, nor do complex ones.
    """

    def __init__(self, functions, scheme, args, rows, compiled):
        super().__init__(functions, scheme, args, rows)
        self._compiled = compiled
        self._points, self._values = [], []

    def __call__(self, wanted):
        point = self.argument.copy()
        try:
            value = super().__call__(wanted)
        except ZeroDivisionError:
            if not self._compiled:
                raise
            value = math.nan  # as in a solver that calls the compiled functions itself
        if wanted & WANT_VALUE:
            self._points.append(point)
            self._values.append(value)
        return value

    def evaluations(self):
        """What was recorded, in the dtype of x."""
        dtype = self.argument.dtype
        points = np.array(self._points, dtype).reshape(-1, self.argument.size)
        return Evaluations(points, np.array(self._values, dtype))
