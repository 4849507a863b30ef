"""First calls: CPU seconds beyond imports in a new process, with an empty and with a filled cache.

With a wheel that contains machine code, an empty cache means that nothing of the user's is there yet.
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

from numgd.jit.shipped import shipped

FUNCTION = """
import numpy as np
from numba import njit

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

def lenet_step(images, labels):
    F, real = numgd.nn.functional, np.float32
    rng = np.random.default_rng(0)
    shapes = (6, 5, 5, 1), (16, 5, 5, 6), (120, 400), (84, 120), (10, 84)
    weights = [rng.normal(scale=0.1, size=shape).astype(real) for shape in shapes]
    biases = [np.zeros(shape[0], real) for shape in shapes]
    x1 = F.conv2d(images, weights[0], biases[0], padding=2, activation="relu")
    y1 = F.max_pool2d(x1, 2)
    x2 = F.conv2d(y1, weights[1], biases[1], activation="relu")
    y2 = F.max_pool2d(x2, 2)
    flat = F.flatten(y2)
    a = F.dense(flat, weights[2], biases[2], activation="relu")
    b = F.dense(a, weights[3], biases[3], activation="relu")
    logits = F.dense(b, weights[4], biases[4])
    F.cross_entropy(logits, labels)
    grad = F.cross_entropy_backward(1.0, logits, labels)
    grad, *last = F.dense_backward(grad, b, weights[4])
    grad, *third = F.dense_backward(grad, a, weights[3], activation="relu", y=b)
    grad, *second = F.dense_backward(grad, flat, weights[2], activation="relu", y=a)
    grad = F.relu_backward(F.max_pool2d_backward(F.flatten_backward(grad, y2), x2, 2), x2)
    grad, *first = F.conv2d_backward(grad, y1, weights[1])
    grad = F.relu_backward(F.max_pool2d_backward(grad, x1, 2), x1)
    _, *zeroth = F.conv2d_backward(grad, images, weights[0], padding=2)
    gradients = zeroth + first + second + third + last
    parameters = [array for pair in zip(weights, biases, strict=True) for array in pair]
    numgd.Adam().step(parameters, gradients)

@njit
def inside(x):
    return numgd.minimize(compiled_fun, x).fun

images, labels = np.ones((8, 28, 28, 1), np.float32), np.arange(8)
compiled_fun = njit(fun)
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
    "minimize inside @njit": "inside(np.array([0.0, 0.5]))",
    "first training step of a LeNet": "lenet_step(images, labels)",
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

IMPORTS = (
    "import numba, numgd\nnumgd.minimize, numgd.curve_fit, numgd.minimize_stochastic, numgd.nn, numgd.Adam"
)
NUMBA = "x = np.array([0.0, 0.5])\nnjit(fun)(x)\nnjit(gradient)(x)"


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
    print(f"Machine code in the package: {shipped().reason or shipped().folder.name}")
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
