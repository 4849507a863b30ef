"""Nonlinear conjugate gradients: every formula for β, restarts, and warm starts."""

import sys

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from spoiling import spoiled

import numgd

# β from the last direction d, the change y of the gradient, and the gradients, after the papers.
BETAS = {
    "cg": lambda d, y, g, g_old: max(0.0, g @ y / (g_old @ g_old)),
    "cg-fr": lambda d, y, g, g_old: g @ g / (g_old @ g_old),
    "cg-hs": lambda d, y, g, g_old: max(0.0, g @ y / (d @ y)),
    "cg-dy": lambda d, y, g, g_old: g @ g / (d @ y),
    "cg-hz": lambda d, y, g, g_old: max(
        (y - 2.0 * d * (y @ y) / (d @ y)) @ g / (d @ y), 0.4 * (d @ g_old) / (d @ d)
    ),
}
OVERLAP = {"cg": np.inf, "cg-hz": np.inf}

methods = pytest.mark.parametrize("method", BETAS)


def solve(method, x0, **options):
    return numgd.minimize(
        rosenbrock, x0, (), method, rosenbrock_gradient, options={"history": True, **options}
    )


@methods
def test_directions_are_those_of_the_formula(method):
    result = solve(method, standard_start(6), maxiter=25)
    x = result.history.x
    g = [rosenbrock_gradient(point) for point in x]
    d = -g[0]
    conjugate = 0
    for k in range(len(x) - 1):
        step = x[k + 1] - x[k]
        cosine = step @ d / np.linalg.norm(step) / np.linalg.norm(d)
        assert cosine > 1.0 - 1e-9, k
        y = g[k + 1] - g[k]
        beta = 0.0
        if abs(g[k + 1] @ g[k]) < OVERLAP.get(method, 0.5) * (g[k + 1] @ g[k + 1]):
            beta = BETAS[method](d, y, g[k + 1], g[k])
        d = -g[k + 1] + beta * d
        if d @ g[k + 1] > -0.01 * (g[k + 1] @ g[k + 1]):
            d = -g[k + 1]
        conjugate += beta != 0.0
    assert conjugate >= 10


@methods
@pytest.mark.parametrize("n", [2, 10])
def test_converges_and_says_so(method, n):
    result = solve(method, standard_start(n))
    assert result.success
    assert abs(rosenbrock_gradient(result.x)).max() <= 1e-5
    assert np.array_equal(result.jac, rosenbrock_gradient(result.x))
    assert result.fun == rosenbrock(result.x)


@methods
def test_a_run_goes_on_bit_for_bit(method):
    whole, part = solve(method, standard_start(5), maxiter=15), solve(method, standard_start(5), maxiter=6)
    rest = solve(method, spoiled(part), maxiter=9)
    assert np.array_equal(whole.x, rest.x)
    assert np.array_equal(whole.jac, rest.jac)
    assert (whole.fun, whole.nit) == (rest.fun, rest.nit + 6)


@pytest.mark.parametrize("method", [pytest.param("cg-hz", marks=pytest.mark.slow), "newton-cg"])
def test_all_cores_take_the_same_path(method, monkeypatch):
    one = solve(method, standard_start(50), maxiter=12)
    monkeypatch.setattr(sys.modules["numgd.solve._minimize"], "THREADED_FROM", 1)
    many = solve(method, standard_start(50), maxiter=12)
    assert one.nfev == many.nfev
    np.testing.assert_allclose(one.history.x, many.history.x, atol=1e-6)
