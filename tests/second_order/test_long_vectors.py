"""The methods that hold no matrix, with a million variables: they run, in the memory that they say."""

import sys
import tracemalloc

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit
from scipy import optimize

import numgd
from numgd.second_order import METHODS

N = 1_000_000
MAXCOR = 10

VECTORS = {
    "steepest-descent": 5,
    "cg": 6,
    "cg-fr": 6,
    "cg-hs": 6,
    "cg-dy": 6,
    "cg-hz": 6,
    "l-bfgs": 2 * MAXCOR + 6,
    "l-bfgs-b": 2 * MAXCOR + 7,
    "owl-qn": 2 * MAXCOR + 6,
    "fista": 7,
    "newton-cg": 8,
    "trust-ncg": 7,
    "trust-krylov": 30,
}
"""Scratch memory for N variables, as the modules' docstrings have it."""


@njit
def rosenbrock_product(x, p):
    out = np.zeros_like(x)
    for i in range(x.size - 1):
        beside = -400.0 * x[i]
        out[i] += (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * p[i] + beside * p[i + 1]
        out[i + 1] += beside * p[i] + 200.0 * p[i + 1]
    return out


def test_every_method_without_a_matrix_is_here():
    assert VECTORS.keys() == {name for name in METHODS if METHODS[name].matrix_free}
    for name, count in VECTORS.items():
        assert METHODS[name].rows(N, MAXCOR) == count
        assert "Memory: " in sys.modules[METHODS[name].make_solver.__module__].__doc__


@pytest.mark.slow
@pytest.mark.parametrize("method", VECTORS)
def test_a_million_variables(method):
    options = {"maxiter": 12, "gtol": 0.0, **({"xtol": 0.0} if method == "newton-cg" else {})}
    second = {"hessp": rosenbrock_product} if METHODS[method].curvature else {}

    def solve(n, **changed):
        bounds = optimize.Bounds(np.full(n, -1.1), np.inf) if method == "l-bfgs-b" else None
        return numgd.minimize(
            rosenbrock, standard_start(n), (), method, rosenbrock_gradient, bounds=bounds,
            options={**options, **changed}, **second,
        )  # fmt: skip

    solve(N // 4, maxiter=1)  # compiled
    tracemalloc.start()
    result = solve(N)
    peak = tracemalloc.get_traced_memory()[1] / (8 * N)
    tracemalloc.stop()
    assert (result.nit, result.status) == (12, numgd.Status.MAXITER)
    assert result.fun < 0.1 * rosenbrock(standard_start(N))
    np.testing.assert_allclose(result.fun, rosenbrock(result.x), rtol=1e-9)
    assert np.array_equal(result.jac, rosenbrock_gradient(result.x))
    further = {"l-bfgs": 2 * MAXCOR, "l-bfgs-b": 2 * MAXCOR + 2}  # the result's hess_inv, the bounds
    assert peak <= VECTORS[method] + further.get(method, 0) + 7 + 3  # x0 and the bounds are the test's own
