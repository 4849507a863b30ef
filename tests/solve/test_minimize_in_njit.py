"""`minimize` inside the caller's own compiled code."""

import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock, rosenbrock_gradient, standard_start
from numba import njit, prange
from numba.core.errors import TypingError

import numgd

CENTRE = np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "adam"])
def test_same_bits_as_from_python(method):
    @njit
    def solve(x0):
        return numgd.minimize(rosenbrock, x0, method=method, jac=rosenbrock_gradient)

    x0 = standard_start(4)
    inside = solve(x0)
    outside = numgd.minimize(rosenbrock, x0, method=method, jac=rosenbrock_gradient)
    assert isinstance(inside, numgd.MinimizeResult)
    assert np.array_equal(inside.x, outside.x) and np.array_equal(inside.jac, outside.jac)
    assert (inside.fun, inside.nit, inside.nfev, inside.njev, inside.status, inside.success) == (
        outside.fun,
        outside.nit,
        outside.nfev,
        outside.njev,
        outside.status,
        outside.success,
    )
    assert np.array_equal(x0, standard_start(4))


def test_args_tolerance_and_options():
    @njit
    def solve(x0, centre, tol):
        return numgd.minimize(distance, x0, args=(centre,), tol=tol, options={"maxiter": 30, "c2": 0.5})

    result = solve(np.zeros(3), CENTRE, 1e-7)
    assert result.success and np.abs(result.jac).max() <= 1e-7
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-6)
    single = solve(np.zeros(3, np.float32), CENTRE, 1e-3)
    assert single.x.dtype == np.float32
    np.testing.assert_allclose(single.x, CENTRE, atol=1e-2)


@pytest.mark.slow
def test_options_of_every_kind_of_dictionary():
    @njit
    def floats(x0):
        return numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, options={"gtol": 1e-2, "maxiter": 9.0})

    @njit
    def integers(x0):
        return numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, options={"maxiter": 9, "norm": 2})

    @njit
    def mixed(x0, gtol):
        return numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, options={"gtol": gtol, "maxiter": 200})

    x0 = standard_start(2)
    assert floats(x0).nit == integers(x0).nit == 9
    loose = mixed(x0, 1e-2)
    expected = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, options={"gtol": 1e-2})
    assert np.array_equal(loose.x, expected.x)

    @njit
    def unknown(x0):
        return numgd.minimize(rosenbrock, x0, options={"gtool": 1e-2}).fun

    with pytest.raises(ValueError, match="does not know"):
        unknown(x0)


def test_under_prange():
    @njit(parallel=True)
    def solve_all(X, centres):
        out = np.empty_like(X)
        for i in prange(X.shape[0]):
            out[i] = numgd.minimize(distance, X[i], (centres[i],), "BFGS", distance_gradient).x
        return out

    centres = np.random.default_rng(0).normal(size=(64, 3))
    np.testing.assert_allclose(solve_all(np.zeros((64, 3)), centres), centres, atol=1e-6)


def test_nested_in_an_objective():
    @njit
    def inner(y, x):
        return (y[0] - x) ** 2 + 1.0

    @njit
    def outer(x):
        return numgd.minimize(inner, np.zeros(1), (x[0],)).fun + (x[0] - 3.0) ** 2

    result = numgd.minimize(outer, [0.0])
    np.testing.assert_allclose(result.x, [3.0], atol=1e-4)


def test_failure_is_a_result():
    @njit
    def solve(x0):
        return numgd.minimize(rosenbrock, x0, options={"maxiter": 2})

    result = solve(standard_start(2))
    assert (result.status, result.success) == (numgd.Status.MAXITER, False)
    assert solve(np.array([np.nan, 0.0])).status == numgd.Status.INVALID_INPUT


def test_what_cannot_run_inside_is_refused_when_compiling():
    @njit
    def unknown(x0):
        return numgd.minimize(rosenbrock, x0, method="slsqp").fun

    @njit
    def bounded(x0):
        return numgd.minimize(rosenbrock, x0, bounds=((0.0, 1.0), (0.0, 1.0))).fun

    @njit
    def complex_valued(x):
        return x[0] * 1j

    @njit
    def no_number(x0):
        return numgd.minimize(complex_valued, x0).fun

    @njit
    def bad_option(x0):
        return numgd.minimize(rosenbrock, x0, options={"maxiter": -4}).fun

    for function, match in (
        (unknown, "cannot run inside @njit"),
        (bounded, r"bounds must be an array of shape \(n, 2\)"),
        (no_number, "must compile and return a real number"),
        (bad_option, "maxiter"),
    ):
        with pytest.raises((TypingError, ValueError), match=match):
            function(np.zeros(2))


def test_bad_input_at_run_time():
    @njit(fastmath=True)  # for which NaN may be any number
    def solve(x0, tol, c1, maxiter):
        return numgd.minimize(rosenbrock, x0, tol=tol, options={"c1": c1, "maxiter": maxiter})

    x0 = standard_start(2)
    with pytest.raises(ValueError, match="must not be empty"):
        solve(np.zeros(0), 1e-5, 1e-4, 100.0)
    for tol, c1, maxiter, match in (
        (-1.0, 1e-4, 100.0, "tol must be at least 0"),
        (np.nan, 1e-4, 100.0, "tol must be at least 0"),
        (1e-5, 0.0, 100.0, r"option 'c1' must lie in \(0, 1\)"),
        (1e-5, np.nan, 100.0, r"option 'c1' must lie in \(0, 1\)"),
        (1e-5, 0.95, 100.0, "option 'c1' must be below option 'c2'"),
        (1e-5, 1e-4, -1.0, "option 'maxiter' must be at least 0"),
        (1e-5, 1e-4, np.nan, "option 'maxiter' must be at least 0"),
    ):
        with pytest.raises(ValueError, match=match):
            solve(x0, tol, c1, maxiter)
    assert solve(x0, 1e-5, 1e-4, 3.5).nit == 4
    assert solve(x0, 1e-5, 1e-4, np.inf).success and solve(x0, np.inf, 1e-4, 0.0).success

    @njit
    def recorded(x0):
        return numgd.minimize(rosenbrock, x0, options={"disp": 1, "maxiter": 3}).fun

    with pytest.raises((TypingError, ValueError), match=r"disp|does not know"):
        recorded(np.zeros(2))
