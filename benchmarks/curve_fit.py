"""Fitting a curve, numgd against SciPy: 100 points, 4 parameters, the same compiled or plain model.

The model is a decay on a line, a exp(−b x) + c x + d.  Both start at ones, with default tolerances, on one
thread and warm: Levenberg-Marquardt without bounds, trust region reflective with bounds, least_squares with a
robust loss.  Inside ``@njit`` numgd's `curve_fit` is called in a compiled loop and compared with SciPy's from
Python, which is the only way to call that.  The model itself, called from a compiled loop as often as numgd
calls it, is timed beside: no fit can take less.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import scipy.optimize
from numba import njit
from timing import Ratios, duration, heading, interleaved

import numgd

LOOP = 20  # fits in one call of the compiled loop
BOUNDS = ([0.0, 0.0, 0.0, 0.0], [5.0, 5.0, 5.0, 5.0])


def plain(x, a, b, c, d):
    """The model."""
    return a * np.exp(-b * x) + c * x + d


model = njit(plain)


@njit
def jacobian(x, a, b, c, d):
    """Its derivatives."""
    J = np.ones((x.size, 4))
    for i in range(x.size):
        J[i, 0] = np.exp(-b * x[i])
        J[i, 1] = -a * x[i] * J[i, 0]
        J[i, 2] = x[i]
    return J


@njit
def residuals(p, x, y):
    """The model less the data."""
    return p[0] * np.exp(-p[1] * x) + p[2] * x + p[3] - y


@njit
def fit_loop(x, y, count, solution):
    """Fit `count` times with numgd."""
    for _ in range(count):
        popt, _ = numgd.curve_fit(model, x, y)
        solution[:] = popt


@njit
def fit_loop_exact(x, y, count, solution):
    """The same with the exact Jacobian."""
    for _ in range(count):
        popt, _ = numgd.curve_fit(model, x, y, jac=jacobian)
        solution[:] = popt


@njit
def model_loop(x, count):
    """The model alone, `count` times."""
    total = 0.0
    for i in range(count):
        total += model(x, 2.5 + 1e-9 * i, 1.3, 0.5, 0.2)[0]
    return total


def data():
    """100 points with noise of 0.05."""
    x = np.linspace(0.0, 4.0, 100)
    noise = 0.05 * np.random.default_rng(0).normal(size=100)
    return x, plain(x, 2.5, 1.3, 0.5, 0.2) + noise


def compare(what, calls, ratios, target):
    """Time numgd and SciPy; note the ratio."""
    timings = interleaved(calls)
    print(what)
    for name, timing in timings.items():
        popt = np.asarray(getattr(calls[name](), "x", None) if "squares" in what else calls[name]()[0])
        print(f"  {name:8s}{timing}; parameters {np.array2string(popt, precision=6)}")
    ratios.add(f"numgd vs SciPy, {what}", timings["SciPy"].median / timings["numgd"].median, target)


def from_python(x, y, ratios):
    """Fits called from Python."""
    packages = {"numgd": numgd, "SciPy": scipy.optimize}

    def calls(f, **options):
        return {name: lambda fit=p.curve_fit: fit(f, x, y, **options) for name, p in packages.items()}

    compare("curve_fit, njit model", calls(model), ratios, 5)
    compare("curve_fit, njit model, exact Jacobian", calls(model, jac=jacobian), ratios, 5)
    compare("curve_fit, plain model", calls(plain), ratios, 5)
    compare("curve_fit, njit model, bounds (trf)", calls(model, bounds=BOUNDS), ratios, 5)
    robust = {
        name: lambda solve=p.least_squares: solve(residuals, np.ones(4), args=(x, y), loss="soft_l1")
        for name, p in packages.items()
    }
    compare("least_squares (trf), soft_l1", robust, ratios, None)


def from_compiled_code(x, y, ratios):
    """`curve_fit` inside ``@njit``."""
    for what, loop, options in (
        ("differences", fit_loop, {}),
        ("exact Jacobian", fit_loop_exact, {"jac": jacobian}),
    ):
        solution = np.empty(4)
        calls = {
            "numgd": lambda loop=loop, out=solution: loop(x, y, LOOP, out),
            "SciPy": lambda options=options: scipy.optimize.curve_fit(model, x, y, **options),
        }
        count = numgd.curve_fit(model, x, y, full_output=True, **options)[2]["nfev"]
        calls["model"] = lambda count=count: model_loop(x, LOOP * count)
        timings = interleaved(calls)
        inside = timings["numgd"].median / LOOP
        print(f"curve_fit inside @njit, {what}")
        print(f"  numgd   {duration(inside)} a fit; parameters {np.array2string(solution, precision=6)}")
        print(f"  SciPy   {timings['SciPy']} from Python")
        print(f"  model   {duration(timings['model'].median / LOOP)} for {count} calls alone")
        value = timings["SciPy"].median / inside
        ratios.add(f"numgd inside @njit vs SciPy from Python, curve_fit, {what}", value, 10)


def main():
    """Run all comparisons."""
    heading(
        "curve_fit: numgd vs SciPy, a exp(-b x) + c x + d at 100 points, the same model, one thread",
        "scipy",
    )
    x, y = data()
    ratios = Ratios()
    from_python(x, y, ratios)
    from_compiled_code(x, y, ratios)
    ratios.show()


if __name__ == "__main__":
    main()
