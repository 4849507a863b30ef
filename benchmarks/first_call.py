"""The first solve of a new process, numgd against SciPy and scijit; and the import, against Numba's.

Each sample is a whole process, from its start to its end: imports, then one BFGS solve of an ``@njit``
function with gradient that has never been seen before (a constant in its source is random), with the disk
caches of the packages warm.  scijit takes about 20 s each time.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Ratios, heading, interleaved

ROUNDS = 9
SCRIPT = """\
import numpy as np
from numba import njit
from {package} import minimize

@njit
def objective(x):
    return {constant!r} * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

@njit
def gradient(x):
    bend = x[1] - x[0] ** 2
    return np.array([-4.0 * {constant!r} * bend * x[0] - 2.0 * (1.0 - x[0]), 2.0 * {constant!r} * bend])

result = minimize(objective, np.array([-1.2, 1.3]), method="BFGS", jac=gradient, options={{"gtol": 1e-5}})
print(result.fun, abs(gradient(result.x)).max())
"""
PACKAGES = {"numgd": "numgd", "SciPy": "scipy.optimize", "scijit": "scijit.optimize"}


class FirstSolve:
    """Runs a fresh script in a new process at every call, and remembers what it printed last."""

    def __init__(self, package, folder):
        self.package, self.folder = package, folder
        self.count = 0
        self.answer = ""

    def __call__(self):
        self.count += 1
        name = self.package.replace(".", "_")
        script = self.folder / f"{name}_{self.count}.py"
        constant = random.uniform(90.0, 110.0)
        script.write_text(SCRIPT.format(package=self.package, constant=constant), encoding="utf-8")
        self.answer = run(str(script))


def run(*arguments):
    """Standard output of a Python process."""
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    """Run all comparisons."""
    heading(
        "First solve and import in a new process, disk caches warm: numgd vs SciPy, scijit and import numba",
        "scipy",
        "scijit",
    )
    ratios = Ratios()
    with tempfile.TemporaryDirectory() as name:
        solves = {label: FirstSolve(package, Path(name)) for label, package in PACKAGES.items()}
        for solve in solves.values():  # fills the disk caches
            solve()
        short = {label: solves[label] for label in ("numgd", "SciPy")}
        timings = interleaved(short, 2 * ROUNDS, warm=False)
        beside = interleaved({label: solves[label] for label in ("numgd", "scijit")}, ROUNDS, warm=False)
    print("BFGS solve of a new objective, n=2, whole process")
    for label, timing in (*timings.items(), ("numgd again", beside["numgd"]), ("scijit", beside["scijit"])):
        answer = solves[label.split()[0]].answer.split()
        print(f"  {label:14s}{timing}; f {float(answer[0]):.1e}, |g| {float(answer[1]):.1e}")
    ratios.add(
        "numgd to SciPy, first solve in a new process, time",
        timings["numgd"].median / timings["SciPy"].median,
        "at most 1.3x",
    )
    ratios.add(
        "numgd vs scijit, first solve in a new process", beside["scijit"].median / beside["numgd"].median, 5
    )

    calls = {f"import {package}": _importer(package) for package in ("numgd", "numba")}
    for call in calls.values():
        call()
    timings = interleaved(calls, 3 * ROUNDS, warm=False)
    print("Import, whole process")
    for label, timing in timings.items():
        print(f"  {label:14s}{timing}")
    ratios.add(
        "import numgd to import numba, whole process, time",
        timings["import numgd"].median / timings["import numba"].median,
        "at most 1.3x",
    )
    ratios.show()


def _importer(package):
    return lambda: run("-c", f"import {package}")


if __name__ == "__main__":
    main()
