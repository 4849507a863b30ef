"""The standard problems' Hessians against differences of their gradients, and what their tags say of them."""

import numpy as np
import pytest
from problems import PROBLEMS, UNBOUNDED

EVERY = PROBLEMS + UNBOUNDED
SMALL = [given for given in EVERY if given.x0.size <= 60]
ROUNDING = np.finfo(np.float64).eps


def named(problems):
    return pytest.mark.parametrize("given", problems, ids=lambda given: given.name)


def nearby(given, size=0.05):
    """A point that is not special, near the start."""
    spread = np.random.default_rng(given.x0.size).standard_normal(given.x0.size)
    return given.x0 + size * spread * np.maximum(np.abs(given.x0), 1e-3)


def difference(gradient, x, direction):
    """Derivative of a gradient along a direction, and how far rounding may have moved it."""
    ahead, behind = x + direction, x - direction
    above, below = gradient(ahead), gradient(behind)
    return 0.5 * (above - below), 8.0 * ROUNDING * np.maximum(np.abs(above), np.abs(below)).max()


@named(EVERY)
def test_hessian_is_the_gradients_derivative(given):
    n = given.x0.size
    x = nearby(given)
    small = n <= 60
    # interpreted where that takes no time: the comparisons with SciPy run the compiled functions
    gradient = given.jac.py_func if small else given.jac
    hessian = given.hess.py_func(x) if small else given.hess(x)
    assert hessian.shape == (n, n)
    assert hessian.dtype == np.float64
    assert np.array_equal(hessian, hessian.T)
    step = 1e-5 * np.maximum(np.abs(x), 1e-3)
    if small:
        directions = np.diag(step)
    else:  # a wrong entry shows in two random directions as well
        directions = step * np.random.default_rng(0).choice([-1.0, 1.0], (2, n))
    for direction in directions:
        expected, noise = difference(gradient, x, direction)
        error = np.abs(hessian @ direction - expected)
        assert error.max() <= 1e-6 * np.abs(expected).max() + noise


@named(SMALL)
def test_interpreted_float32_hessian_is_that_of_float64(given):
    x = nearby(given).astype(np.float32)
    with np.errstate(all="ignore"):
        hessian = given.hess.py_func(x)
    assert hessian.dtype == np.float32
    exact = given.hess.py_func(x.astype(np.float64))
    assert np.abs(hessian - exact).max() <= 1e-4 * np.abs(exact).max()


@named(SMALL)
def test_tags_about_the_start_are_true(given):
    eigenvalues = np.linalg.eigvalsh(given.hess.py_func(given.x0))
    none = 1e-14 * np.abs(eigenvalues).max()
    assert ("indefinite_start" in given.tags) == (eigenvalues[0] < -none)
    assert ("singular_start" in given.tags) == (np.abs(eigenvalues).min() <= none)
    assert ("optimal_start" in given.tags) == (np.abs(given.jac.py_func(given.x0)).max() < 1e-12)


@named([given for given in EVERY if "convex" in given.tags])
def test_convex_problems_have_no_negative_curvature(given):
    eigenvalues = np.linalg.eigvalsh(given.hess.py_func(nearby(given, 0.5)))
    assert eigenvalues[0] >= -1e-12 * eigenvalues[-1]


@named([given for given in PROBLEMS if given.minimizer is not None])
def test_minimizers_are_minimizers(given):
    eigenvalues = np.linalg.eigvalsh(given.hess.py_func(given.minimizer))
    assert eigenvalues[0] >= -1e-12 * eigenvalues[-1]
    # a minimiser that was rounded leaves a gradient of its rounding times the curvature
    rounded = ROUNDING * (1.0 + np.abs(given.minimizer).max()) * max(1.0, eigenvalues[-1])
    assert np.abs(given.jac.py_func(given.minimizer)).max() <= 100.0 * rounded
    assert abs(given.fun.py_func(given.minimizer) - given.minimum) <= 1e-10 * max(1.0, abs(given.minimum))
    if "singular" in given.tags:
        assert eigenvalues[0] <= 1e-8 * max(1.0, eigenvalues[-1])


def test_every_class_of_problem_is_there():
    tags = {tag for given in EVERY for tag in given.tags}
    assert tags >= {
        "convex", "ravine", "saddle", "singular", "singular_start", "indefinite_start", "badly_scaled",
        "optimal_start", "unbounded", "local_minima", "plateau",
    }  # fmt: skip
    assert {1, 2, 10, 100, 1000} <= {given.x0.size for given in PROBLEMS}
    assert len({given.name for given in EVERY}) == len(EVERY)
