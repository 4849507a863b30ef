"""Derivatives that are not given: made of the source where it has them, checked, and reported."""

import warnings

import numpy as np
import pytest
from numba import njit
from numba.core.runtime import _nrt_python, rtsys
from scipy import optimize

import numgd
from numgd.autodiff import NotDifferentiable
from numgd.callables import source_derivative as trial
from numgd.callables.source_derivative import Trial, compare
from numgd.foundations.agreement import AGREES, DIFFERS, UNKNOWN, make_agreement
from numgd.solve import fits_in_njit, minimize_in_njit

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
    return np.sum((np.partition(x, np.arange(x.size)) - np.arange(x.size)) ** 2)


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

    class Loss(Trial):
        kinds = alike = fits = None

        def __init__(self):
            self.x = x

        def values(self, dispatcher, x):
            return dispatcher(x)

        def matrix(self, derivative):
            return derivative[None]

    gradient = (inputs.T @ ((inputs @ x.reshape(200, 32) > 0) * out)).ravel() / np.float32(64)
    for factor, outcome in (1.0, AGREES), (1.5, DIFFERS), (-1.0, DIFFERS):
        assert compare(Loss(), loss, np.float32(factor) * gradient) == outcome
    partly = gradient.copy()
    partly[:100] = np.nan
    assert compare(Loss(), loss, partly) == AGREES  # in the other variables
    assert compare(Loss(), loss, 1.5 * partly) == DIFFERS
    assert compare(Loss(), loss, np.nan * gradient) == UNKNOWN


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
    by_hessian = used(method="newton", hess=hessian)
    assert by_hessian.pop("called_back").startswith("rosen_hess refers to")
    assert by_hessian == {"jac": "autodiff", "hess": "given"}
    assert used(method="newton", jac=gradient) == {"jac": "given", "hess": "2-point"}
    assert used(method="newton", jac=gradient, hess="autodiff") == {"jac": "given", "hess": "autodiff"}
    assert used(method="newton", jac="2-point") == {"jac": "2-point", "hess": "2-point"}


def test_what_cannot_be_differentiated_is_minimised_by_differences():
    found = numgd.minimize(sorted_distance, [2.0, 0.5, 1.7])
    assert found.success
    assert found.derivatives["jac"] == "2-point"
    assert (
        "sorted_distance" in found.derivatives["refused"] and "np.partition" in found.derivatives["refused"]
    )
    with pytest.raises(NotDifferentiable, match="partition"):
        numgd.minimize(sorted_distance, [2.0, 0.5, 1.7], jac="autodiff")
    with pytest.raises(NotDifferentiable, match="partition"):
        numgd.minimize(sorted_distance, [2.0, 0.5, 1.7], method="newton", jac="2-point", hess="autodiff")


def test_a_function_that_is_called_back_says_so():
    data = [1.0, 2.0, 3.0]
    found = numgd.minimize(lambda x: float(sum((a - b) ** 2 for a, b in zip(x, data, strict=True))), X0)
    assert found.derivatives["jac"] == "2-point"
    assert "called back" in found.derivatives["refused"]


def test_a_gradient_that_differs_from_differences_is_not_used(monkeypatch):
    def paraboloid(x):
        return np.sum((x - 1.0) ** 2)

    first = paraboloid(np.array(X0))

    def another(x):  # whose gradient stands for that of a defective differentiation
        return 1.25 * np.sum((x - 1.0) ** 2) - 0.25 * first

    genuine = trial.derived
    monkeypatch.setattr(trial, "derived", lambda mode, f, argnum: genuine(mode, njit(another), argnum))
    with pytest.warns(RuntimeWarning, match="paraboloid"):
        found = numgd.minimize(paraboloid, X0)
    assert found.success
    assert found.derivatives["jac"] == "2-point"
    assert "differs" in found.derivatives["refused"]


def test_a_value_of_another_function_is_not_used(monkeypatch):
    def paraboloid(x):
        return np.sum((x - 1.0) ** 2)

    def higher(x):
        return np.sum((x - 1.0) ** 2) + 1.0

    genuine = trial.derived
    monkeypatch.setattr(trial, "derived", lambda mode, f, argnum: genuine(mode, njit(higher), argnum))
    with pytest.warns(RuntimeWarning, match="gives other values"):
        found = numgd.minimize(paraboloid, X0)
    assert found.fun == pytest.approx(0.0, abs=1e-8) and found.derivatives["jac"] == "2-point"


@pytest.mark.parametrize(
    ("along", "slope", "outcome"),
    [
        (lambda t: 3.0 * t, 3.0, AGREES),
        (lambda t: 3.0 * t, 3.0001, DIFFERS),
        (lambda t: 1e6 + 1e-9 * t, 0.0, AGREES),  # within rounding
        (abs, 0.0, AGREES),
        (abs, 1.0, AGREES),  # a subgradient
        (abs, 1.5, DIFFERS),
        (lambda t: max(t, 0.0), 0.0, AGREES),
        (lambda t: max(t, 0.0), -0.5, DIFFERS),
        (lambda t: np.exp(1e-3 * t), 1e-3, AGREES),
        (lambda t: np.exp(1e-3 * t), 1.1e-3, DIFFERS),
        (lambda t: np.nan if t < 0 else t, 7.0, UNKNOWN),
        (lambda t: t, np.nan, UNKNOWN),
        (lambda t: np.inf if abs(t) == 1.0 else t, 2.0, DIFFERS),  # nearer by something can be said
    ],
)
def test_slopes(along, slope, outcome):
    assert make_agreement(lambda line, t: along(t))(None, slope, 2.0**-52) == outcome


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
        # The first execution compares the derivatives with differences, and counts what that takes.
        assert inside.nfev > outside.nfev and inside.njev > outside.njev
    for inside, method in zip(solve(X0), ("bfgs", "trust-exact"), strict=True):
        outside = numgd.minimize(rosenbrock, X0, method=method)
        assert (inside.nfev, inside.njev, inside.nhev) == (outside.nfev, outside.njev, outside.get("nhev", 0))

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
    sorting = numgd.least_squares(lambda x: np.partition(x, np.arange(2)) - 1.0, [2.0, 3.0])
    assert sorting.derivatives["jac"] == "2-point" and "partition" in sorting.derivatives["refused"]
    stepped = numgd.least_squares(residuals, [1.0, 1.0], args=(T, y), diff_step=1e-7)
    assert stepped.derivatives == {"jac": "2-point"}
    with pytest.raises(NotDifferentiable, match="partition"):
        numgd.least_squares(lambda x: np.partition(x, np.arange(2)) - 1.0, [2.0, 3.0], jac="autodiff")


def test_fits_inside_compiled_code():
    y = decay(T, 2.5, 1.3) + 0.01 * np.cos(9.0 * T)
    model, difference = njit(decay), njit(residuals)

    @njit
    def fit(t, y):
        popt, _ = numgd.curve_fit(model, t, y)
        return popt, numgd.least_squares(difference, np.ones(2), args=(t, y)).x

    for found in fit(T, y):
        np.testing.assert_allclose(found, optimize.curve_fit(decay, T, y)[0], rtol=1e-6)


# What is compared where compiled code first uses it ---------------------------------------------------------


def of_another(genuine, function):
    """A differentiation that gives the derivatives of another function."""
    return lambda mode, f, argnum: genuine(mode, function, argnum)


def test_a_wrong_gradient_is_found_inside_compiled_code(monkeypatch):
    @njit
    def paraboloid(x, centre):
        return np.sum((x - centre) ** 2)

    @njit
    def flat(x, centre):  # as if the adjoint had been written to a copy
        return 0.0 * np.sum(x - centre)

    monkeypatch.setattr(minimize_in_njit, "derived", of_another(minimize_in_njit.derived, flat))

    @njit
    def solve(x0, centre):
        return numgd.minimize(paraboloid, x0, args=(centre,), method="gd")

    centre = np.array([1.0, -2.0, 0.5])
    unknown = solve(np.zeros(3), np.full(3, np.nan))  # a point that tells nothing
    assert not unknown.success
    for _ in range(2):
        found = solve(np.zeros(3), centre)
        np.testing.assert_allclose(found.x, centre, atol=1e-4)
        assert found.nfev >= 4 * found.njev > 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["newton", "newton-cg"])
def test_wrong_second_derivatives_are_found_inside_compiled_code(monkeypatch, method):
    @njit
    def another(x):
        return np.sum(x**4)

    genuine = minimize_in_njit.derived

    def derived(mode, function, argnum):
        return genuine(mode, function if mode == "value_and_grad_to" else another, argnum)

    monkeypatch.setattr(minimize_in_njit, "derived", derived)

    @njit
    def solve(x0):
        return numgd.minimize(rosenbrock, x0, method=method)

    for _ in range(2):
        found = solve(X0)
        np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
        assert found.njev > 2 * found.nit  # differences of the gradient


def test_a_wrong_jacobian_is_found_inside_compiled_code(monkeypatch):
    @njit
    def model(t, a, b):
        return a * np.exp(-b * t)

    @njit
    def flat(t, a, b):
        return 0.0 * (a * t + b)

    monkeypatch.setattr(fits_in_njit, "derived", of_another(fits_in_njit.derived, flat))

    @njit
    def fit(t, y, p0):
        return numgd.curve_fit(model, t, y, p0)[0]

    y = decay(T, 2.5, 1.3)
    for _ in range(2):
        np.testing.assert_allclose(fit(T, y, np.ones(2)), [2.5, 1.3], rtol=1e-6)


# Where a derivative is not finite and the function is -------------------------------------------------------


@njit
def root_and_root(x):
    """Its gradient by x[0] is ∞ − ∞ at 0, where that of the function is −2."""
    return np.sum((x - 1.0) ** 2) + np.sqrt(x[0]) - np.sqrt(2.0 * x[0]) / np.sqrt(2.0)


CORNER = np.array([0.0, 3.0])


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "gd", "trust-exact", "newton-cg", "SLSQP"])
def test_differences_stand_in_for_what_is_not_finite(method):
    found = numgd.minimize(root_and_root, CORNER, method=method)
    assert found.success
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    if method != "SLSQP":
        assert found.derivatives["replaced"]["jac"] >= 1
        assert found.nfev > found.nit
    again = numgd.minimize(root_and_root, [0.5, 3.0], method=method)
    assert "replaced" not in again.derivatives if method != "SLSQP" else again.success


def test_replaced_entries_within_bounds_and_on_the_way():
    def watched(x):
        if x[0] < 0.0:
            raise ValueError("outside")
        return root_and_root(x) + 4.0 * x[0]

    found = numgd.minimize(watched, CORNER, bounds=[(0.0, None), (None, None)])
    assert found.success, found.message
    np.testing.assert_allclose(found.x, [0.0, 1.0], atol=1e-5)
    assert found.derivatives["replaced"]["jac"] == found.njev  # it never leaves the wall
    np.testing.assert_allclose(found.jac, [2.0, 0.0], atol=1e-4)


def test_replaced_entries_of_many_and_inside_compiled_code():
    starts = np.array([CORNER, [0.5, 3.0]])
    many = numgd.minimize_many(root_and_root, starts, method="bfgs")
    assert many.success.all() and many.replaced[0] >= 1 and many.replaced[1] == 0

    @njit
    def solve(x0):
        return numgd.minimize(root_and_root, x0, method="gd")

    found = solve(CORNER)
    assert found.success and found.replaced >= 1
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_replaced_entries_of_jacobians(method):
    def line(t, a, b):
        return a * t + b + np.sqrt(b) - np.sqrt(2.0 * b) / np.sqrt(2.0)

    y = 3.0 * T + 0.5
    popt, _, info, _, _ = numgd.curve_fit(line, T, y, [1.0, 0.0], method=method, full_output=True)
    np.testing.assert_allclose(popt, [3.0, 0.5], rtol=1e-6)
    assert info["derivatives"]["jac"] == "autodiff" and info["derivatives"]["replaced"]["jac"] >= T.size


def test_residuals_far_from_the_centre_of_a_logistic_curve():
    def logistic(t, top, rate, middle):
        return top / (1.0 + np.exp(-rate * (t - middle)))

    t = np.linspace(-40.0, 2000.0, 60)
    y = logistic(t, 3.0, 0.9, 20.0)
    popt, _ = numgd.curve_fit(logistic, t, y, [2.0, 1.0, 25.0])
    with np.errstate(over="ignore"):
        expected, _ = optimize.curve_fit(logistic, t, y, [2.0, 1.0, 25.0])
    np.testing.assert_allclose(popt, expected, rtol=1e-6)


@njit
def raises_beside(x, centre):
    """A function that raises where its derivatives are compared with differences, but not at x0."""
    if abs(x[0] - 6.0) < 0.5 and x[0] != 6.0:
        raise ValueError("beside the first point")
    return np.sum((x - centre) ** 2)


@njit
def solved_again_and_again(x0, centre, count):
    for _ in range(count):
        numgd.minimize(raises_beside, x0, (centre,), method="newton-cg", options={"maxiter": 0})


def test_an_error_during_the_comparison_leaks_no_memory():
    def left(count):
        before = rtsys.get_allocation_stats()
        solved_again_and_again(np.full(2, 6.0), np.full(2, 6.0), count)
        after = rtsys.get_allocation_stats()
        return after.alloc - before.alloc - (after.free - before.free)

    was_counted = _nrt_python.memsys_stats_enabled()
    _nrt_python.memsys_enable_stats()
    try:
        left(1)
        assert left(30) == left(10)
    finally:
        if not was_counted:
            _nrt_python.memsys_disable_stats()
