"""Callbacks and progress of fits: one object that the compiled loop calls."""

import numpy as np

from numgd.kernels.cpu.solvers.least_squares import FIT_COST, FIT_NFEV, FIT_OPTIMALITY
from numgd.solve.observer import Hook
from numgd.sums_of_squares.evaluator import RESIDUALS

_HEADINGS = ("Iteration", "Total nfev", "Cost", "Cost reduction", "Step norm", "Optimality")


class FitObserver(Hook):
    """Callback and progress report of a fit."""

    def __init__(self, x, long, report, callback, verbose, progress):
        super().__init__(x, callback, progress)
        self.residuals, self.report, self.verbose = long[RESIDUALS], report, verbose
        self.first_cost = self.last = None

    def __call__(self, iteration):
        cost = float(self.report[FIT_COST])
        if iteration == 0:
            self.first_cost = cost
        if self.verbose == 2:
            self._print(iteration, cost)

        def intermediate():
            calls = int(self.report[FIT_NFEV])
            return {"fun": self.residuals.copy(), "nit": iteration, "nfev": calls, "cost": cost}

        return self.tell(iteration, intermediate, cost=cost)

    def _print(self, iteration, cost):
        reduction = step = ""
        if iteration == 0:
            print("".join(f"{heading:^15}" for heading in _HEADINGS))
        else:
            reduction = f"{self.last[0] - cost:.2e}"
            step = f"{np.linalg.norm(self.x - self.last[1]):.2e}"
        self.last = cost, self.x.copy()
        values = (iteration, int(self.report[FIT_NFEV]), f"{cost:.4e}", reduction, step)
        print("".join(f"{value:^15}" for value in (*values, f"{self.report[FIT_OPTIMALITY]:.2e}")))
