"""First calls: CPU seconds beyond imports in a new process, with an empty and with a filled cache.

Each sample is a process that measures one call.  It is compared with the time that Numba takes to compile the
user's function and a hand-written gradient, in another process.  The imports of numgd and Numba are measured
apart; `scipy.optimize`, which has the type of the result, is imported by the first call, in its time.
"""

import argparse
import subprocess
import sys
import tempfile
from os import environ
from pathlib import Path

from timing import Ratios, heading, summary

FUNCTION = """
import numpy as np

def fun(x):
    first = x[0] - 1.0
    second = x[1] - x[0] ** 2
    return first * first + 10.0 * second * second

def gradient(x):
    second = x[1] - x[0] ** 2
    return np.array([2.0 * (x[0] - 1.0) - 40.0 * second * x[0], 20.0 * second])

def model(t, a, b):
    return a * np.exp(-b * t)

def loss(x, rows):
    return np.mean((rows @ x - 1.0) ** 2)

t = np.linspace(0.0, 3.0, 50)
y = model(t, 2.0, 1.3)
rows = np.random.default_rng(0).normal(size=(64, 2))
"""

CALLS = {
    "minimize, BFGS": "numgd.minimize(fun, [0.0, 0.5])",
    "minimize, L-BFGS-B with bounds": "numgd.minimize(fun, [0.0, 0.5], bounds=[(0.0, 0.75), (None, None)])",
    "minimize, trust-krylov": "numgd.minimize(fun, [0.0, 0.5], method='trust-krylov')",
    "curve_fit, lm": "numgd.curve_fit(model, t, y)",
    "curve_fit, trf with bounds": "numgd.curve_fit(model, t, y, bounds=(0.0, 5.0))",
    "minimize_stochastic, Adam": (
        "numgd.minimize_stochastic(loss, [0.0, 0.0], rows, method='adam', epochs=2, batch_size=16)"
    ),
}

SCRIPT = """
import time
{imports}
{function}
start = time.process_time()
{call}
print(time.process_time() - start)
"""

IMPORTS = "import numba, numgd\nnumgd.minimize, numgd.curve_fit, numgd.minimize_stochastic"
NUMBA = "from numba import njit\nx = np.array([0.0, 0.5])\nnjit(fun)(x)\nnjit(gradient)(x)"


def seconds(folder, imports, call):
    """CPU seconds of a call in a new process; user code lies in the file of a script, as a user's would."""
    script = folder / "script.py"
    script.write_text(SCRIPT.format(imports=imports, function=FUNCTION, call=call), encoding="utf-8")
    environment = environ | {"NUMGD_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-W", "ignore", str(script)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def import_seconds(package):
    """CPU seconds of an import in a new process."""
    text = f"import time; start = time.process_time(); import {package}; print(time.process_time() - start)"
    return float(
        subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True).stdout
    )


def main():
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="samples with a filled cache (default 5)")
    rounds = parser.parse_args().rounds
    heading("First use: numgd with an empty and with a filled cache, and Numba for the user's function alone")
    ratios = Ratios()
    with tempfile.TemporaryDirectory() as name:
        numba = summary([seconds(Path(name), "import numba", NUMBA) for _ in range(rounds)])
    print(f"Numba, the function and its gradient: {numba} of CPU time")
    for label, call in CALLS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first = seconds(folder, IMPORTS, call)
            again = summary([seconds(folder, IMPORTS, call) for _ in range(rounds)])
        print(f"{label}\n  empty cache   {first:.2f} s\n  filled cache  {again}")
        ratios.add(f"numgd to Numba, {label}, empty cache, time", first / numba.median)
        ratios.add(f"numgd to Numba, {label}, filled cache, time", again.median / numba.median)
    imports = {package: [] for package in ("numba", "numgd")}
    for _ in range(3 * rounds):
        for package, samples in imports.items():
            samples.append(import_seconds(package))
    for package, samples in imports.items():
        print(f"import {package:8s} {summary(samples)}")
    found = summary(imports["numgd"]).median / summary(imports["numba"]).median
    ratios.add("import numgd to import numba, time", found, "at most 1.15x")
    ratios.show()


if __name__ == "__main__":
    main()
