"""Plain Python objectives, numgd against SciPy: one that Numba can compile and one that it cannot.

BFGS on Rosenbrock's function of 2, 10 and 100 variables, written with NumPy, with a gradient and without
(2-point differences), from the same starting point, gtol = 1e-5, one thread, warm.  The second form reads
its constants from a dictionary of the module and from an object of a plain class; numgd calls it back.
"""

import os
import time
import warnings

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import scipy.optimize
from problems import reached, start
from timing import Ratios, duration, heading, interleaved

import numgd

OPTIONS = {"gtol": 1e-5}
ROUNDS = {2: 15, 10: 15, 100: 7}


class Shape:
    """Where the valley lies."""

    def __init__(self, centre):
        self.centre = centre


SHAPE = Shape(1.0)
SETTINGS = {"curvature": 100.0}


def compilable(x):
    """Rosenbrock's function."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def compilable_gradient(x):
    """Its gradient."""
    bend = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * bend * x[:-1] - 2.0 * (1.0 - x[:-1])
    gradient[1:] += 200.0 * bend
    return gradient


def called_back(x):
    """The same, in terms that Numba cannot compile."""
    return np.sum(
        SETTINGS["curvature"] * (x[1:] - x[:-1] ** 2) ** 2 + (SHAPE.centre - x[:-1]) ** 2
    )  # fmt: skip


def called_back_gradient(x):
    """Its gradient."""
    curvature = SETTINGS["curvature"]
    bend = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -4.0 * curvature * bend * x[:-1] - 2.0 * (SHAPE.centre - x[:-1])
    gradient[1:] += 2.0 * curvature * bend
    return gradient


FORMS = {
    "compilable": (compilable, compilable_gradient),
    "not compilable": (called_back, called_back_gradient),
}


def solver(minimize, fun, jac, x0):
    """A call of one solver."""
    return lambda: minimize(fun, x0, method="BFGS", jac=jac, options=OPTIONS)


def compare(form, with_gradient, n, ratios):
    """One objective, one size."""
    fun, gradient = FORMS[form]
    jac = gradient if with_gradient else None
    label = f"{form}, n={n}, {'with gradient' if with_gradient else '2-point'}"
    calls = {
        "numgd": solver(numgd.minimize, fun, jac, start(n)),
        "SciPy": solver(scipy.optimize.minimize, fun, jac, start(n)),
    }
    before = time.perf_counter()
    calls["numgd"]()
    first = time.perf_counter() - before
    timings = interleaved(calls, ROUNDS[n])
    print(f"{label}; numgd's first call took {duration(first)}")
    for name, timing in timings.items():
        result = calls[name]()
        print(f"  {name:14s}{timing}; {reached(result)}, status {int(result.status)}")
    value = timings["SciPy"].median / timings["numgd"].median
    ratios.add(f"numgd vs SciPy, BFGS, Python objective, {label}", value, "at least 1x")


def main():
    """Run all comparisons."""
    heading(
        "Plain Python objectives that Numba can and cannot compile: numgd vs SciPy, BFGS, Rosenbrock "
        "n = 2, 10, 100, one thread",
        "scipy",
    )
    warnings.simplefilter("ignore", RuntimeWarning)  # overflow in NumPy's trial points
    ratios = Ratios()
    for form in FORMS:
        for with_gradient in (True, False):
            for n in ROUNDS:
                compare(form, with_gradient, n, ratios)
    ratios.show()


if __name__ == "__main__":
    main()
