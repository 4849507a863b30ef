"""What a caller can watch of a solve: callback, history and the list of iterates, in one hook."""

import inspect
from typing import Any, NamedTuple

import numpy as np

from numgd.kernels.cpu.solvers.host_evaluator import F


class History(NamedTuple):
    """One row an iteration, the starting point first."""

    fun: Any  # (nit + 1,) values
    grad_norm: Any  # (nit + 1,) largest magnitude of the gradient
    step: Any  # (nit + 1,) Euclidean length of the step that led here, 0 for the first
    x: Any  # (nit + 1, n) iterates


def _wants_result(callback):
    """Whether a callback has SciPy's second form, ``callback(*, intermediate_result)``."""
    try:
        return set(inspect.signature(callback).parameters) == {"intermediate_result"}
    except (TypeError, ValueError):
        return False


class Observer:
    """Called by the compiled loop at the start (iteration 0) and after every iteration.

    Returns 1.0 to stop the solver, which a callback asks for by raising StopIteration, and the end of the
    time, for which `late` is True.
    """

    def __init__(self, x, gradient, report, callback, record, progress):
        self.x, self.gradient, self.report = x, gradient, report
        self.callback, self.record, self.progress = callback, record, progress
        self.late = False
        self.wants_result = callback is not None and _wants_result(callback)
        self.iterates, self.values, self.norms = [], [], []

    def __call__(self, iteration):
        if self.record:
            self.iterates.append(self.x.copy())
            self.values.append(self.report[F])
            self.norms.append(np.abs(self.gradient).max())
        if self.progress.watches:
            self.progress.reach(iteration, fun=self.report[F])
            self.late = self.progress.is_over()
            if self.late:
                return 1.0
        if self.callback is None or iteration == 0:
            return 0.0
        try:
            if self.wants_result:
                from scipy.optimize import OptimizeResult

                self.callback(intermediate_result=OptimizeResult(x=self.x.copy(), fun=self.report[F]))
            else:
                self.callback(self.x.copy())
        except StopIteration:
            return 1.0
        return 0.0

    def history(self):
        """What was recorded."""
        points = np.array(self.iterates)
        steps = np.zeros(len(points), points.dtype)
        steps[1:] = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return History(np.array(self.values, points.dtype), np.array(self.norms, points.dtype), steps, points)
