"""One small solve, numgd against SciPy and scijit: Rosenbrock's function of 2, 10 and 50 variables.

All get the same ``@njit`` function and gradient, the same starting point, float64, gtol = 1e-5 (L-BFGS
also the same ftol and maxcor), one thread, and are warm.  BFGS and L-BFGS are called from Python; BFGS
of numgd and of scijit also from a compiled loop.  scijit compiles for minutes before it is timed.
"""

import os
import warnings

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import scijit.optimize
import scipy.optimize
from numba import njit
from numba.core.errors import NumbaExperimentalFeatureWarning
from problems import reached, rosenbrock, rosenbrock_gradient, start
from timing import Ratios, duration, heading, interleaved

import numgd

GTOL = 1e-5
FTOL = 2.220446049250313e-09
TARGETS = {2: 20, 10: 20, 50: 10}
LOOP = 20  # solves in one call of the compiled loop

warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)  # scijit's, at its first call


@njit
def numgd_loop(x0, count, solution):
    """Solve `count` times with numgd; the sum of the iterations."""
    iterations = 0
    for _ in range(count):
        result = numgd.minimize(rosenbrock, x0, method="BFGS", jac=rosenbrock_gradient, tol=GTOL)
        iterations += result.nit
    solution[:] = result.x
    return iterations


@njit
def scijit_loop(x0, count, solution):
    """The same with scijit."""
    iterations = 0
    for _ in range(count):
        result = scijit.optimize.minimize(rosenbrock, x0, method="BFGS", jac=rosenbrock_gradient, tol=GTOL)
        iterations += result.nit
    solution[:] = result.x
    return iterations


def solver(minimize, method, x0, options):
    """A call of one solver from Python."""
    return lambda: minimize(rosenbrock, x0, method=method, jac=rosenbrock_gradient, options=options)


def looped(loop, x0, solution):
    """A call of one compiled loop."""
    return lambda: loop(x0, LOOP, solution)


def from_python(n, ratios):
    """BFGS and L-BFGS called from Python."""
    x0 = start(n)
    bfgs = {"gtol": GTOL}
    calls = {
        "numgd": solver(numgd.minimize, "BFGS", x0, bfgs),
        "SciPy": solver(scipy.optimize.minimize, "BFGS", x0, bfgs),
        "scijit": solver(scijit.optimize.minimize, "BFGS", x0, bfgs),
    }
    timings = interleaved(calls)
    print(f"BFGS, n={n}, from Python")
    for name, timing in timings.items():
        print(f"  {name:14s}{timing}; {reached(calls[name]())}")
    ours = timings["numgd"].median
    ratios.add(f"numgd vs SciPy, BFGS, n={n}, from Python", timings["SciPy"].median / ours, TARGETS[n])
    ratios.add(f"numgd vs scijit, BFGS, n={n}, from Python", timings["scijit"].median / ours, 4)

    lbfgs = {"gtol": GTOL, "ftol": FTOL, "maxcor": 10}
    calls = {
        "numgd": solver(numgd.minimize, "L-BFGS", x0, lbfgs),
        "SciPy": solver(scipy.optimize.minimize, "L-BFGS-B", x0, lbfgs),
    }
    timings = interleaved(calls)
    print(f"L-BFGS (SciPy: L-BFGS-B), n={n}, from Python")
    for name, timing in timings.items():
        print(f"  {name:14s}{timing}; {reached(calls[name]())}")
    value = timings["SciPy"].median / timings["numgd"].median
    ratios.add(f"numgd vs SciPy, L-BFGS against L-BFGS-B, n={n}, from Python", value, 10 if n <= 10 else None)


def from_compiled_code(n, ratios):
    """BFGS called inside ``@njit``."""
    x0 = start(n)
    loops = {"numgd": numgd_loop, "scijit": scijit_loop}
    solutions = {name: np.empty(n) for name in loops}
    timings = interleaved({name: looped(loop, x0, solutions[name]) for name, loop in loops.items()})
    print(f"BFGS, n={n}, inside @njit")
    for name, timing in timings.items():
        x = solutions[name]
        iterations = loops[name](x0, 1, x)
        size = np.abs(rosenbrock_gradient(x)).max()
        print(
            f"  {name:14s}{duration(timing.median / LOOP)} a solve "
            f"(quartiles {duration(timing.low / LOOP)} to {duration(timing.high / LOOP)}); "
            f"f {rosenbrock(x):.1e}, |g| {size:.1e}, {iterations} iterations"
        )
    value = timings["scijit"].median / timings["numgd"].median
    ratios.add(f"numgd vs scijit, BFGS, n={n}, inside @njit", value, 10)


def main():
    """Run all comparisons."""
    heading(
        "One small solve: numgd vs SciPy and scijit, Rosenbrock n = 2, 10, 50, the same @njit objective and "
        "gradient, one thread, float64",
        "scipy",
        "scijit",
    )
    ratios = Ratios()
    for n in TARGETS:
        from_python(n, ratios)
        from_compiled_code(n, ratios)
    ratios.show()


if __name__ == "__main__":
    main()
