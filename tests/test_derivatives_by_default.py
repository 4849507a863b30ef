"""Derivatives that are not given: made of the source where it has them, checked, and reported."""

import warnings

import numpy as np
import pytest
from numba import njit
from scipy import optimize

import numgd
from numgd.autodiff import NotDifferentiable
from numgd.objective import trial
from numgd.objective.trial import agrees

X0 = np.array([-1.2, 1.0, 0.8])
T = np.linspace(0.0, 3.0, 40)


@njit
def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@njit
def sorted_distance(x):
    return np.sum((np.sort(x) - np.arange(x.size)) ** 2)


def weighted(x, c, w):
    return np.sum(w * (x - c) ** 2)


def decay(t, a, b):
    return a * np.exp(-b * t)


def residuals(x, t, y):
    return x[0] * np.exp(-x[1] * t) - y


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg-hz", "owl-qn"])
def test_gradients(method):
    found = numgd.minimize(rosenbrock, X0, method=method)
    assert found.derivatives == {"jac": "autodiff"}
    expected = numgd.minimize(rosenbrock, X0, method=method, jac=numgd.grad(rosenbrock))
    assert (found.nit, found.njev) == (expected.nit, expected.njev)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-12)
    np.testing.assert_allclose(found.jac, optimize.rosen_der(found.x), atol=1e-10)


@pytest.mark.parametrize("method", ["newton", "trust-krylov"])
def test_second_derivatives(method):
    found = numgd.minimize(rosenbrock, X0, method=method)
    assert found.derivatives == {"jac": "autodiff", "hess": "autodiff"}
    given = {"hess": optimize.rosen_hess} if method == "newton" else {"hessp": optimize.rosen_hess_prod}
    expected = numgd.minimize(rosenbrock, X0, method=method, jac=optimize.rosen_der, **given)
    assert (found.nit, found.nhev) == (expected.nit, expected.nhev)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-8)


def test_the_comparison_bears_many_kinks_and_sees_errors():
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(64, 200)).astype(np.float32)
    x = (0.05 * rng.normal(size=200 * 32)).astype(np.float32)
    out = rng.normal(size=32).astype(np.float32)

    def loss(x):
        return np.float32(np.mean(np.maximum(inputs @ x.reshape(200, 32), 0.0) @ out))

    gradient = (inputs.T @ ((inputs @ x.reshape(200, 32) > 0) * out)).ravel() / np.float32(64)
    for factor, right in (1.0, True), (1.5, False), (-1.0, False):
        assert agrees(loss, lambda d, factor=factor: factor * np.dot(gradient, d), x) == right


def test_what_is_used_is_said():
    def used(options=None, **given):
        options = {"maxiter": 2, **(options or {})}
        return numgd.minimize(rosenbrock, X0, options=options, **given).derivatives

    gradient, hessian = numgd.grad(rosenbrock), optimize.rosen_hess
    assert used(jac=gradient) == {"jac": "given"}
    assert used(jac="3-point") == {"jac": "3-point"}
    assert used(jac="autodiff") == {"jac": "autodiff"}
    assert used(options={"eps": 1e-7}) == {"jac": "2-point"}
    assert used(options={"eps": 1e-7}, jac="autodiff") == {"jac": "autodiff"}
    assert used(method="newton", hess=hessian) == {"jac": "autodiff", "hess": "given"}
    assert used(method="newton", jac=gradient) == {"jac": "given", "hess": "2-point"}
    assert used(method="newton", jac=gradient, hess="autodiff") == {"jac": "given", "hess": "autodiff"}
    assert used(method="newton", jac="2-point") == {"jac": "2-point", "hess": "2-point"}


def test_what_cannot_be_differentiated_is_minimised_by_differences():
    found = numgd.minimize(sorted_distance, [2.0, 0.5, 1.7])
    assert found.success
    assert found.derivatives["jac"] == "2-point"
    assert "sorted_distance" in found.derivatives["refused"] and "np.sort" in found.derivatives["refused"]
    with pytest.raises(NotDifferentiable, match="sort"):
        numgd.minimize(sorted_distance, [2.0, 0.5, 1.7], jac="autodiff")
    with pytest.raises(NotDifferentiable, match="sort"):
        numgd.minimize(sorted_distance, [2.0, 0.5, 1.7], method="newton", jac="2-point", hess="autodiff")


def test_a_function_that_is_called_back_says_so():
    data = [1.0, 2.0, 3.0]
    found = numgd.minimize(lambda x: float(sum((a - b) ** 2 for a, b in zip(x, data, strict=True))), X0)
    assert found.derivatives["jac"] == "2-point"
    assert "called back" in found.derivatives["refused"]


def test_a_gradient_that_differs_from_differences_is_not_used(monkeypatch):
    def paraboloid(x):
        return np.sum((x - 1.0) ** 2)

    def another(x):  # whose gradient stands for that of a defective differentiation
        return 1.25 * np.sum((x - 1.0) ** 2)

    genuine = trial.derived
    monkeypatch.setattr(trial, "derived", lambda mode, f, argnum: genuine(mode, njit(another), argnum))
    with pytest.warns(RuntimeWarning, match="paraboloid"):
        found = numgd.minimize(paraboloid, X0)
    assert found.success
    assert found.derivatives["jac"] == "2-point"
    assert "differs" in found.derivatives["refused"]


@pytest.mark.parametrize(
    ("along", "slope", "agree"),
    [
        (lambda t: 3.0 * t, 3.0, True),
        (lambda t: 3.0 * t, 3.0001, False),
        (lambda t: 1e6 + 1e-9 * t, 0.0, True),  # within rounding
        (abs, 0.0, True),
        (abs, 1.0, True),  # a subgradient
        (abs, 1.5, False),
        (lambda t: max(t, 0.0), 0.0, True),
        (lambda t: max(t, 0.0), -0.5, False),
        (lambda t: np.exp(1e-3 * t), 1e-3, True),
        (lambda t: np.exp(1e-3 * t), 1.1e-3, False),
        (lambda t: np.nan if t < 0 else t, 7.0, True),  # nothing can be said
    ],
)
def test_slopes(along, slope, agree):
    assert trial.slopes_agree(along, slope, 2.0**-52) == agree


def test_kinks_at_the_starting_point_are_no_mismatch():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = numgd.minimize(lambda x: np.sum(np.maximum(x, 0.0) + np.abs(x)), np.zeros(2))
    assert found.derivatives == {"jac": "autodiff"}


def test_nothing_is_evaluated_outside_the_bounds():
    @njit
    def logarithms(x):
        if x[0] < 0.5 or x[1] > 2.0:
            raise ValueError("outside")
        return np.sum(x - np.log(x))

    found = numgd.minimize(logarithms, [0.5, 2.0], bounds=[(0.5, None), (None, 2.0)])
    assert found.success and found.derivatives == {"jac": "autodiff"}
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-5)


def test_float32_stays_float32():
    found = numgd.minimize(rosenbrock, X0.astype(np.float32), method="l-bfgs")
    assert found.derivatives == {"jac": "autodiff"}
    assert found.x.dtype == found.jac.dtype == np.float32


def test_args_and_many():
    centres, weights = np.arange(6.0).reshape(3, 2), np.array([1.0, 4.0])
    found = numgd.minimize(weighted, np.zeros(2), (centres[2], weights))
    assert found.derivatives == {"jac": "autodiff"}
    np.testing.assert_allclose(found.x, centres[2], atol=1e-5)
    many = numgd.minimize_many(njit(lambda x, c: np.sum((x - c) ** 2)), np.zeros((3, 2)), (centres,))
    np.testing.assert_allclose(many.x, centres, atol=1e-5)
    assert np.array_equal(many.nfev, many.njev)


@pytest.mark.parametrize("method", ["SLSQP", "TNC", "trust-constr"])
def test_scipys_methods_get_the_gradient(method):
    def bowl(x):
        return np.sum(np.exp(x) - 2.0 * x) + x[0] * x[1] ** 2

    def slopes(x):
        return np.exp(x) - 2.0 + np.array([x[1] ** 2, 2.0 * x[0] * x[1], 0.0])

    box = [(0.0, 2.0)] * 3
    found = numgd.minimize(bowl, np.ones(3), method=method, bounds=box)
    expected = optimize.minimize(bowl, np.ones(3), method=method, jac=slopes, bounds=box)
    assert found.success and found.nfev < 2 * expected.nfev  # differences take four times as many
    np.testing.assert_allclose(found.x, expected.x, atol=1e-3)


def test_inside_compiled_code():
    @njit
    def solve(x0):
        return numgd.minimize(rosenbrock, x0), numgd.minimize(rosenbrock, x0, method="trust-exact")

    for inside, method in zip(solve(X0), ("bfgs", "trust-exact"), strict=True):
        outside = numgd.minimize(rosenbrock, X0, method=method)
        assert np.array_equal(inside.x, outside.x)
        assert (inside.nfev, inside.njev) == (outside.nfev, outside.njev)

    @njit
    def by_differences(x0):
        return numgd.minimize(sorted_distance, x0)

    found = by_differences(np.array([2.0, 0.5, 1.7]))
    assert found.success and found.nfev > 3 * found.njev


def test_fits():
    y = decay(T, 2.5, 1.3) + 0.01 * np.cos(9.0 * T)
    found = numgd.least_squares(residuals, [1.0, 1.0], args=(T, y))
    assert found.derivatives == {"jac": "autodiff"}
    expected = optimize.least_squares(residuals, [1.0, 1.0], args=(T, y))
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)
    np.testing.assert_allclose(found.jac[:, 0], np.exp(-found.x[1] * T), rtol=1e-12)
    popt, pcov, info, _, _ = numgd.curve_fit(decay, T, y, full_output=True)
    assert info["derivatives"] == {"jac": "autodiff"}
    theirs = optimize.curve_fit(decay, T, y)
    np.testing.assert_allclose(popt, theirs[0], rtol=1e-6)
    np.testing.assert_allclose(pcov, theirs[1], rtol=1e-4)
    sorting = numgd.least_squares(lambda x: np.sort(x) - 1.0, [2.0, 3.0])
    assert sorting.derivatives["jac"] == "2-point" and "sort" in sorting.derivatives["refused"]
    stepped = numgd.least_squares(residuals, [1.0, 1.0], args=(T, y), diff_step=1e-7)
    assert stepped.derivatives == {"jac": "2-point"}
    with pytest.raises(NotDifferentiable, match="sort"):
        numgd.least_squares(lambda x: np.sort(x) - 1.0, [2.0, 3.0], jac="autodiff")


def test_fits_inside_compiled_code():
    y = decay(T, 2.5, 1.3) + 0.01 * np.cos(9.0 * T)
    model, difference = njit(decay), njit(residuals)

    @njit
    def fit(t, y):
        popt, _ = numgd.curve_fit(model, t, y)
        return popt, numgd.least_squares(difference, np.ones(2), args=(t, y)).x

    for found in fit(T, y):
        np.testing.assert_allclose(found, optimize.curve_fit(decay, T, y)[0], rtol=1e-6)
