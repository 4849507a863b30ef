"""Every method where something is wrong with the functions: walls, noise, flat places, false derivatives."""

import warnings

import numpy as np
import pytest
from numba import njit

import numgd
from numgd import Status
from numgd.second_order import METHODS

methods = pytest.mark.parametrize("method", METHODS)
with_hessians = pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].curvature])

X0 = np.array([5.0, 0.01, 3.0])


@njit
def logarithms(x, noise):
    """Σ xᵢ − log xᵢ, at least 3, not a number beyond 0; with a ripple of height `noise`."""
    total = 0.0
    for i in range(x.size):
        if x[i] <= 0.0:
            return np.nan
        total += x[i] - np.log(x[i])
    return total + noise * np.sin(1e9 * total)


@njit
def logarithms_gradient(x, noise):
    return 1.0 - 1.0 / x


@njit
def logarithms_hessian(x, noise):
    return np.diag(1.0 / x**2)


@njit
def bowl(x, turn, tilt):
    """½ ‖x‖², and a Hessian and a gradient that may be false."""
    return 0.5 * np.sum(x * x)


@njit
def bowl_gradient(x, turn, tilt):
    return turn * x


@njit
def bowl_hessian(x, turn, tilt):
    H = np.eye(x.size)
    H[0, 1] += tilt
    H[1, 0] -= tilt
    return H


@njit
def valley(x, offset):
    """Σ (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², and a large value that hides small changes."""
    return offset + np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@njit
def valley_gradient(x, offset):
    out = np.zeros_like(x)
    height = x[1:] - x[:-1] ** 2
    out[:-1] = -4.0 * x[:-1] * height - 2.0 * (1.0 - x[:-1])
    out[1:] += 2.0 * height
    return out


@njit
def valley_hessian(x, offset):
    out = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        out[i, i] += 12.0 * x[i] ** 2 - 4.0 * x[i + 1] + 2.0
        out[i + 1, i + 1] += 2.0
        out[i, i + 1] = out[i + 1, i] = -4.0 * x[i]
    return out


@njit
def flat(x, slope):
    return 7.0


@njit
def flat_gradient(x, slope):
    return np.full_like(x, slope)


@njit
def flat_hessian(x, slope):
    return np.zeros((x.size, x.size))


def solve(method, fun, args, jac, hess, x0=X0, **options):
    second = {"hess": hess} if METHODS[method].curvature else {}
    return numgd.minimize(fun, x0, args, method, jac, options={"maxiter": 2000, **options}, **second)


def logs(method, noise, **options):
    return solve(method, logarithms, (noise,), logarithms_gradient, logarithms_hessian, **options)


@methods
def test_a_wall_is_searched_before(method):
    result = logs(method, 0.0)
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


@methods
def test_noise_below_the_tolerance_does_not_matter(method):
    result = logs(method, 1e-12, gtol=1e-5)
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)


@methods
def test_noise_above_the_tolerance_ends_near_the_minimum(method):
    result = logs(method, 1e-12, gtol=1e-11, **({"xtol": 0.0} if method == "newton-cg" else {}))
    assert result.status != Status.MAXITER
    if result.status == Status.CONVERGED_GRADIENT:
        assert np.linalg.norm(result.jac, np.inf) <= 1e-11
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)


@methods
@pytest.mark.parametrize("offset", [1.0, 1e3])
def test_where_rounding_hides_what_is_left_the_minimum_is_reached(method, offset):
    stops = {"gtol": 1e-12, "ftol": 0.0, "xtol": 0.0}
    stops = {name: value for name, value in stops.items() if hasattr(METHODS[method].options, name)}
    x0 = [-1.2, 1.0, -1.2, 1.0]
    result = solve(method, valley, (offset,), valley_gradient, valley_hessian, x0, **stops)
    assert result.success
    assert result.fun - offset <= 1e-14 * offset
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)


@methods
@pytest.mark.parametrize("turn", [(1.0, 1.0, -1.0), (1.0, -1e-3, 1.0), (1e-6, 1.0, -1e-6)])
def test_a_gradient_that_is_false_in_one_variable_is_no_minimum(method, turn):
    result = solve(method, bowl, (np.array(turn), 0.0), bowl_gradient, bowl_hessian, gtol=1e-9)
    assert result.status not in (Status.CONVERGED_FUNCTION, Status.CONVERGED_GRADIENT)
    assert result.fun <= bowl.py_func(X0, 0.0, 0.0)


@methods
def test_a_false_gradient_is_told_of(method):
    result = solve(method, bowl, (-1.0, 0.0), bowl_gradient, bowl_hessian)
    assert (result.status, result.success) == (Status.LINE_SEARCH_FAILED, False)
    assert "check_grad" in result.message
    assert result.fun == bowl(result.x, -1.0, 0.0) <= bowl(X0, -1.0, 0.0)


@methods
def test_a_function_that_is_flat(method):
    result = solve(method, flat, (0.0,), flat_gradient, flat_hessian)
    assert (result.status, result.nit, result.nfev) == (Status.CONVERGED_GRADIENT, 0, 1)
    assert np.array_equal(result.x, X0)
    sloping = solve(method, flat, (1.0,), flat_gradient, flat_hessian)  # or so its gradient says
    assert not sloping.success
    if method != "fista":  # where the values do not tell, it goes on by the gradients
        assert sloping.status == Status.LINE_SEARCH_FAILED
        assert np.array_equal(sloping.x, X0)


@with_hessians
def test_of_a_hessian_the_symmetric_part_is_used(method):
    with pytest.warns(RuntimeWarning, match="hess is not symmetric; its symmetric part was used"):
        result = solve(method, bowl, (1.0, 0.5), bowl_gradient, bowl_hessian)
    assert "not symmetric" in result.message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = solve(method, bowl, (1.0, 0.0), bowl_gradient, bowl_hessian)
    assert result.success
    assert np.array_equal(result.x, expected.x)
    assert (result.nit, result.nfev, result.nhev) == (expected.nit, expected.nfev, expected.nhev)


@with_hessians
def test_a_hessian_of_the_wrong_shape(method):
    for hess in (
        lambda x, *args: np.eye(2),
        lambda x, *args: np.ones(3),
        lambda x, *args: 1.0,
        njit(lambda x, *args: np.eye(2)),
    ):
        with pytest.raises(ValueError, match="hess must return a matrix"):
            solve(method, bowl, (1.0, 0.0), bowl_gradient, hess)


@with_hessians
def test_a_product_of_the_wrong_length(method):
    for hessp in (lambda x, p, *args: np.ones(2), njit(lambda x, p, *args: np.ones(2))):
        with pytest.raises(ValueError, match="hessp must return a"):
            numgd.minimize(bowl, X0, (1.0, 0.0), method, bowl_gradient, hessp=hessp)
