"""The same plain function around another number in every call, numgd against SciPy.

`curve_fit` of an exponential decay to 100 points, in a loop that makes the model anew around each of 100
temperatures, and `minimize` (BFGS) of a function of two variables around as many targets.  The first three
calls of numgd compile and are printed; the ratios are of the calls after these.  Memory and files are what
they leave.  One thread.
"""

import os
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import scipy.optimize
from timing import Ratios, duration, heading, summary

import numgd
from numgd.system.cache_folder import cache_folder

FIRST, CALLS = 3, 100
T = np.linspace(0.0, 3.0, 100)


def resident():
    """Bytes of memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def files():
    """How many files numgd keeps."""
    return sum(len(names) for _, _, names in os.walk(cache_folder()))


def fit(package, number):
    """Fit a model around a temperature."""
    y = 2.0 * np.exp(-1.3 * T / number)
    return package.curve_fit(lambda t, a, b: a * np.exp(-b * t / number), T, y)[0]


def solve(package, number):
    """Minimise a function around a target."""
    return package.minimize(lambda x: (x[0] - number) ** 2 + (x[1] - 2.0 * number) ** 2, [0.0, 0.0]).x


def compare(label, call, expected, ratios):
    """One kind of call in a loop, the packages in turns."""
    samples = {"numgd": [], "SciPy": []}
    packages = {"numgd": numgd, "SciPy": scipy.optimize}
    for count, number in enumerate(np.linspace(1.0, 3.0, FIRST + CALLS)):
        if count == FIRST:
            before = resident(), files()
        for name, package in packages.items():
            started = time.perf_counter()
            found = call(package, number)
            samples[name].append(time.perf_counter() - started)
            np.testing.assert_allclose(found, expected(number), rtol=1e-4)
    memory, kept = resident() - before[0], files() - before[1]
    print(f"{label}; numgd's first calls took {', '.join(map(duration, samples['numgd'][:FIRST]))}")
    timings = {name: summary(own[FIRST:]) for name, own in samples.items()}
    for name, timing in timings.items():
        print(f"  {name:14s}{timing}; longest {duration(max(samples[name][FIRST:]))}")
    print(f"  both together left {memory / CALLS / 1e3:.1f} kB a call and {kept} files")
    ratios.add(f"numgd vs SciPy, {label}", timings["SciPy"].median / timings["numgd"].median, "at least 1x")


def main():
    """Run both comparisons."""
    heading("A plain function around another number in every call: numgd vs SciPy, one thread", "scipy")
    ratios = Ratios()
    compare("curve_fit of a closure", fit, lambda number: [2.0, 1.3], ratios)
    compare("minimize of a closure", solve, lambda number: [number, 2.0 * number], ratios)
    ratios.show()


if __name__ == "__main__":
    main()
