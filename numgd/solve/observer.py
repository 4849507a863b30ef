"""Callbacks, history and progress: one object that the compiled loop calls."""

import inspect
import time
from typing import Any, NamedTuple

import numpy as np

from numgd.kernels.cpu.solvers.host_evaluator import NFEV, F
from numgd.system.html import of_history
from numgd.system.scipy_result import Result


class History(NamedTuple):
    """One row per iteration, the starting point first; if asked for, all evaluations too."""

    fun: Any  # (nit + 1,) values
    grad_norm: Any  # (nit + 1,) largest magnitude of the gradient
    step: Any  # (nit + 1,) Euclidean length of the step that led here, 0 for the first
    x: Any  # (nit + 1, n) iterates
    nfev: Any  # (nit + 1,) calls of the function so far
    seconds: Any  # (nit + 1,) since the starting point was evaluated
    evaluated: Any = None  # (k, n) every point at which the function was evaluated, in order
    evaluated_fun: Any = None  # (k,) the values there

    def _repr_html_(self):
        return of_history("History", "iteration", self._asdict())


class Hook:
    """The object that a compiled loop calls at the start (iteration 0) and after every iteration.

    A call returns 1.0 to stop the solver: when the callback raised StopIteration, or at the time limit (then
    `late` is True).  The callback receives ``intermediate()`` if it has SciPy's second form,
    ``callback(*, intermediate_result)``, else a copy of x.
    """

    def __init__(self, x, callback, progress):
        self.x, self.callback, self.progress = x, callback, progress
        self.late = False
        self.wants_result = callback is not None and _wants_result(callback)

    def tell(self, iteration, intermediate, **shown):
        """Show progress and call the callback; returns 1.0 if the solver is to stop, else 0.0."""
        if self.progress.watches:
            self.progress.reach(iteration, **shown)
            self.late = self.progress.is_over()
            if self.late:
                return 1.0
        if self.callback is None or iteration == 0:
            return 0.0
        try:
            if self.wants_result:
                result = Result(x=self.x.copy(), **intermediate())
                self.callback(intermediate_result=result)
            else:
                self.callback(self.x.copy())
        except StopIteration:
            return 1.0
        return 0.0


def _wants_result(callback):
    """Whether a callback has SciPy's second form."""
    try:
        return set(inspect.signature(callback).parameters) == {"intermediate_result"}
    except (TypeError, ValueError):
        return False


class Observer(Hook):
    """Callback, history and progress of a minimisation."""

    def __init__(self, x, gradient, report, callback, record, progress):
        super().__init__(x, callback, progress)
        self.gradient, self.report, self.record = gradient, report, record
        self.iterates, self.values, self.norms, self.calls, self.times = [], [], [], [], []

    def __call__(self, iteration):
        f = self.report[F]
        if self.record:
            self.iterates.append(self.x.copy())
            self.values.append(f)
            self.norms.append(np.abs(self.gradient).max())
            self.calls.append(int(self.report[NFEV]))
            self.times.append(time.perf_counter())
        return self.tell(iteration, lambda: {"fun": self.report[F]}, fun=f)

    def history(self, evaluations=None):
        """The recorded iterations, and the `Evaluations` if there are any, as a `History`."""
        points = np.array(self.iterates)
        steps = np.zeros(len(points), points.dtype)
        with np.errstate(over="ignore"):  # a run that diverges may end with steps of infinite length
            steps[1:] = np.linalg.norm(np.diff(points, axis=0), axis=1)
        values, norms = np.array(self.values, points.dtype), np.array(self.norms, points.dtype)
        seconds = np.array(self.times) - self.times[0] if self.times else np.empty(0)
        calls = np.array(self.calls, np.int64)
        return History(values, norms, steps, points, calls, seconds, *(evaluations or ()))
