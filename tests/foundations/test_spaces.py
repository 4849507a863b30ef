"""Vector spaces and small dense algebra: interpreted, compiled and threaded, against NumPy."""

import numba
import numpy as np
import pytest
from numba import njit, prange

from numgd.foundations import linalg
from numgd.foundations.spaces import BLOCK, SERIAL, THREADED, make_norm
from numgd.jit.portable import SOLVER_FLAGS

DTYPES = [np.float64, np.float32]
SPACES = {
    "interpreted": (SERIAL, None),
    "njit": (SERIAL, SOLVER_FLAGS),
    "threads": (THREADED, SOLVER_FLAGS),
}


def prepared(space_name, operation):
    """An operation of a space in the form that the name says."""
    space, flags = SPACES[space_name]
    function = getattr(space, operation)
    if flags is None:
        return function

    if operation == "dot":
        return njit(**flags)(lambda x, y: function(x, y))
    if operation == "max_abs":
        return njit(**flags)(lambda x: function(x))
    if operation in ("power_sum", "scale", "copy"):
        return njit(**flags)(lambda x, y: function(x, y))
    if operation == "axpy":
        return njit(**flags)(lambda y, a, x: function(y, a, x))
    return njit(**flags)(lambda a, b, c, d: function(a, b, c, d))


@pytest.mark.parametrize("form", SPACES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operations(form, dtype):
    rng = np.random.default_rng(0)
    real = dtype
    tolerance = {"rtol": 1e-12 if dtype == np.float64 else 1e-5}
    dot, largest = prepared(form, "dot"), prepared(form, "max_abs")
    power_sum, copy = prepared(form, "power_sum"), prepared(form, "copy")
    scale, axpy = prepared(form, "scale"), prepared(form, "axpy")
    step, combine = prepared(form, "step"), prepared(form, "combine")
    for n in (1, 7, 100) if form != "threads" else (1, 100, BLOCK, 2 * BLOCK + 3):
        x, y = rng.normal(size=n).astype(dtype), rng.normal(size=n).astype(dtype)
        exact = x.astype(float) @ y.astype(float)
        size = np.abs(x.astype(float)) @ np.abs(y.astype(float))
        assert abs(dot(x, y) - exact) <= tolerance["rtol"] * size
        assert largest(x) == np.abs(x).max()
        np.testing.assert_allclose(power_sum(x, real(3)), (np.abs(x.astype(float)) ** 3).sum(), **tolerance)
        out = np.full(n, np.nan, dtype)
        copy(out, x)
        assert np.array_equal(out, x)
        scale(out, real(3))
        np.testing.assert_allclose(out, 3 * x, **tolerance)
        axpy(out, real(-2), x)
        np.testing.assert_allclose(out, x, rtol=1e-5)
        out[:] = np.nan
        step(out, x, real(0.5), y)
        np.testing.assert_allclose(out, x + 0.5 * y, rtol=1e-5, atol=1e-6)
        out = y.copy()
        combine(out, real(2), real(-1), x)
        np.testing.assert_allclose(out, 2 * y - x, rtol=1e-5, atol=1e-6)
        assert out.dtype == dtype
        x[n // 2] = np.nan
        assert np.isnan(largest(x))


def test_threaded_sums_have_the_same_bits_at_any_number_of_threads():
    dot = prepared("threads", "dot")
    x = np.random.default_rng(0).normal(size=10 * BLOCK + 5)
    threads = numba.get_num_threads()
    full = dot(x, x)
    try:
        numba.set_num_threads(1)
        assert dot(x, x) == full
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_norms(order, dtype):
    norm = make_norm(SERIAL)
    compiled = njit(**SOLVER_FLAGS)(lambda x, p: norm(x, p))
    x = np.random.default_rng(1).normal(size=20).astype(dtype)
    expected = np.linalg.norm(x.astype(float), order)
    for form in (norm, compiled):
        np.testing.assert_allclose(form(x, dtype(order)), expected, rtol=1e-6)


# Dense algebra ---------------------------------------------------------------------------------------


def forms(function, arguments):
    """A function of linalg interpreted, compiled, and under prange."""
    names = ", ".join(f"a{k}" for k in range(arguments))
    scope = {"function": function, "njit": njit, "prange": prange}
    exec(f"def call({names}):\n    return function({names})", scope)
    exec(f"def loop({names}):\n    for i in prange(1):\n        function({names})\n    return True", scope)
    return [function, njit(**SOLVER_FLAGS)(scope["call"]), njit(**SOLVER_FLAGS, parallel=True)(scope["loop"])]


def symmetric(n, dtype, definite=True):
    A = np.random.default_rng(n).normal(size=(n, n))
    A = A @ A.T + n * np.eye(n) if definite else A + A.T
    return A.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_and_updates(dtype):
    tolerance = {"rtol": 1e-12 if dtype == np.float64 else 1e-4, "atol": 1e-5 if dtype == np.float32 else 0}
    n = 7
    x, y = np.random.default_rng(0).normal(size=(2, n)).astype(dtype)
    for identity in forms(linalg.set_identity, 2):
        A = np.full((n, n), np.nan, dtype)
        identity(A, dtype(2))
        assert np.array_equal(A, 2 * np.eye(n))
    for multiply in forms(linalg.multiply, 3):
        A, out = symmetric(n, dtype), np.full(n, np.nan, dtype)
        multiply(out, A, x)
        np.testing.assert_allclose(out, A @ x, **tolerance)
    for update in forms(linalg.rank_one_update, 3):
        A = symmetric(n, dtype)
        update(A, dtype(0.5), x)
        np.testing.assert_allclose(A, symmetric(n, dtype) + 0.5 * np.outer(x, x), **tolerance)
    for update in forms(linalg.rank_two_update, 5):
        A = symmetric(n, dtype)
        update(A, dtype(0.5), x, dtype(-2), y)
        expected = symmetric(n, dtype) + 0.5 * np.outer(x, x) - 2 * (np.outer(x, y) + np.outer(y, x))
        np.testing.assert_allclose(A, expected, **tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_factorisations_solve(dtype):
    tolerance = {
        "rtol": 1e-10 if dtype == np.float64 else 1e-3,
        "atol": 1e-10 if dtype == np.float64 else 1e-4,
    }
    sizes = (1, 2, 9)
    for factorise, solve in zip(forms(linalg.cholesky, 1), forms(linalg.cholesky_solve, 2), strict=True):
        for n in sizes:
            b = np.random.default_rng(0).normal(size=n).astype(dtype)
            A, x = symmetric(n, dtype), b.copy()
            assert factorise(A)
            np.testing.assert_allclose(np.tril(A), np.linalg.cholesky(symmetric(n, np.float64)), rtol=1e-4)
            solve(A, x)
            np.testing.assert_allclose(x, np.linalg.solve(symmetric(n, dtype), b), **tolerance)
    for factorise, solve in zip(forms(linalg.ldl, 1), forms(linalg.ldl_solve, 2), strict=True):
        for n in sizes:
            b = np.random.default_rng(0).normal(size=n).astype(dtype)
            A, x = symmetric(n, dtype, definite=False), b.copy()
            assert factorise(A)
            solve(A, x)
            residual = symmetric(n, dtype, definite=False) @ x - b
            assert np.abs(residual).max() < (1e-10 if dtype == np.float64 else 1e-2)


def test_factorisations_refuse():
    for bad in (
        -np.eye(3),
        np.zeros((3, 3)),
        np.diag([1.0, np.nan, 1.0]),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
    ):
        assert not linalg.cholesky(bad.copy())
        assert not njit(**SOLVER_FLAGS)(lambda A: linalg.cholesky(A))(bad.copy())
    for bad in (np.zeros((2, 2)), np.diag([1.0, np.nan]), np.diag([np.inf, 1.0])):
        assert not linalg.ldl(bad.copy())
