"""What a caller can watch of a sum of squares: callback and progress report, in one hook."""

import numpy as np

from numgd.kernels.cpu.solvers.least_squares import COST, NFEV, OPTIMALITY
from numgd.solve.observer import _wants_result
from numgd.sums_of_squares.evaluator import RESIDUALS

_HEADINGS = ("Iteration", "Total nfev", "Cost", "Cost reduction", "Step norm", "Optimality")


class FitObserver:
    """Called by the compiled loop at the start (iteration 0) and after every accepted step.

    Returns 1.0 to stop the solver, which a callback asks for by raising StopIteration, and the end of the
    time, for which `late` is True.
    """

    def __init__(self, x, long, report, callback, verbose, progress):
        self.x, self.residuals, self.report = x, long[RESIDUALS], report
        self.callback, self.verbose, self.progress = callback, verbose, progress
        self.late = False
        self.wants_result = callback is not None and _wants_result(callback)
        self.first_cost = self.last = None

    def __call__(self, iteration):
        cost = float(self.report[COST])
        if iteration == 0:
            self.first_cost = cost
        if self.verbose == 2:
            self._print(iteration, cost)
        if self.progress.watches:
            self.progress.reach(iteration, cost=cost)
            self.late = self.progress.is_over()
            if self.late:
                return 1.0
        if self.callback is None or iteration == 0:
            return 0.0
        try:
            if self.wants_result:
                from scipy.optimize import OptimizeResult

                self.callback(
                    intermediate_result=OptimizeResult(
                        x=self.x.copy(),
                        fun=self.residuals.copy(),
                        nit=iteration,
                        nfev=int(self.report[NFEV]),
                        cost=cost,
                    )
                )
            else:
                self.callback(self.x.copy())
        except StopIteration:
            return 1.0
        return 0.0

    def _print(self, iteration, cost):
        reduction = step = ""
        if iteration == 0:
            print("".join(f"{heading:^15}" for heading in _HEADINGS))
        else:
            reduction = f"{self.last[0] - cost:.2e}"
            step = f"{np.linalg.norm(self.x - self.last[1]):.2e}"
        self.last = cost, self.x.copy()
        values = (iteration, int(self.report[NFEV]), f"{cost:.4e}", reduction, step)
        print("".join(f"{value:^15}" for value in (*values, f"{self.report[OPTIMALITY]:.2e}")))
