"""Long vectors, numgd's L-BFGS against SciPy's L-BFGS-B: 10⁶ variables, 50 iterations, all cores.

Rosenbrock's function with all neighbours coupled, value and gradient from one ``@njit(parallel=True)``
function (jac=True), the same for both, with the same maxcor, starting point and number of iterations
(gtol = ftol = 0).  The peak memory of each is measured in a process of its own.
"""

import resource
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import scipy.optimize
from numba import njit, prange
from problems import start
from timing import Ratios, heading, interleaved

import numgd

N_VARIABLES = 1_000_000
MAXCOR = 10
OPTIONS = {"maxiter": 50, "maxcor": MAXCOR, "gtol": 0.0, "ftol": 0.0, "maxfun": 1_000_000}


@njit(parallel=True)
def value_and_gradient(x):
    """Rosenbrock's function and its gradient, each entry of the gradient by itself."""
    n = x.size
    gradient = np.empty(n)
    total = 0.0
    for i in prange(n):
        slope = 0.0
        if i < n - 1:
            bend = x[i + 1] - x[i] * x[i]
            rest = 1.0 - x[i]
            total += 100.0 * bend * bend + rest * rest
            slope = -400.0 * bend * x[i] - 2.0 * rest
        if i > 0:
            slope += 200.0 * (x[i] - x[i - 1] * x[i - 1])
        gradient[i] = slope
    return total, gradient


def numgd_solve(x0, options=OPTIONS):
    """One solve with numgd."""
    return numgd.minimize(value_and_gradient, x0, method="L-BFGS", jac=True, options=options)


def scipy_solve(x0, options=OPTIONS):
    """The same with SciPy."""
    return scipy.optimize.minimize(value_and_gradient, x0, method="L-BFGS-B", jac=True, options=options)


SOLVERS = {"numgd": numgd_solve, "SciPy": scipy_solve}


def peak_memory():
    """Largest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux ru_maxrss starts from the peak of the parent process
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return float(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def print_own_memory(name):
    """Print the growth of the peak memory in one long solve, after a short one has compiled everything."""
    solve = SOLVERS[name]
    solve(start(200_000), dict(OPTIONS, maxiter=2))
    x0 = start(N_VARIABLES)
    before = peak_memory()
    solve(x0)
    print(peak_memory() - before)


def memory_of(name):
    """That growth, from a new process, in MB."""
    command = [sys.executable, __file__, name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    """Run the comparison."""
    heading(
        f"Long vectors: numgd's L-BFGS vs SciPy's L-BFGS-B, Rosenbrock n = {N_VARIABLES}, "
        f"{OPTIONS['maxiter']} iterations, maxcor {MAXCOR}, the same threaded @njit objective, all cores",
        "scipy",
    )
    x0 = start(N_VARIABLES)
    calls = {name: lambda solve=solve: solve(x0) for name, solve in SOLVERS.items()}
    calls["objective"] = lambda: value_and_gradient(x0)
    timings = interleaved(calls, 7)
    vector = 8e-6 * N_VARIABLES
    print(f"{numba.get_num_threads()} threads; one vector takes {vector:g} MB")
    for name in SOLVERS:
        result = calls[name]()
        memory = memory_of(name)
        size = np.abs(value_and_gradient(result.x)[1]).max()
        print(
            f"  {name:14s}{timings[name]}; f {result.fun:.6e}, |g| {size:.1e}, {result.nit} iterations, "
            f"{result.nfev} calls; peak memory {memory:.0f} MB more, {memory / vector:.1f} vectors"
        )
    print(f"  {'one call':14s}{timings['objective']} of the objective")
    ratios = Ratios()
    value = timings["SciPy"].median / timings["numgd"].median
    ratios.add(f"numgd vs SciPy, L-BFGS against L-BFGS-B, n={N_VARIABLES}, all cores", value)
    ratios.show()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_own_memory(sys.argv[1])
    else:
        main()
