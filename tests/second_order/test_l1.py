"""OWL-QN and FISTA: soft thresholds, optimality conditions, and SciPy on the problem with split variables."""

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit
from scipy import optimize
from spoiling import spoiled

import numgd
from numgd.foundations.status import Status

METHODS = ("owl-qn", "fista")
both = pytest.mark.parametrize("method", METHODS)


@njit
def least_squares(x, A, b):
    r = A @ x - b
    return 0.5 * (r @ r) / b.size


@njit
def least_squares_gradient(x, A, b):
    return A.T @ (A @ x - b) / b.size


@njit
def logistic(x, A, b):
    total = 0.0
    for margin in b * (A @ x):
        total += np.log1p(np.exp(-margin)) if margin > 0 else np.log1p(np.exp(margin)) - margin
    return total / b.size


@njit
def logistic_gradient(x, A, b):
    margin = b * (A @ x)
    return A.T @ (-b / (1.0 + np.exp(margin))) / b.size


FUNCTIONS = {
    "least squares": (least_squares, least_squares_gradient),
    "logistic": (logistic, logistic_gradient),
}


def data(n, samples, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((samples, n)) * np.exp(rng.uniform(-1.0, 1.0, n))
    weights = np.where(np.arange(n) % 5 == 0, rng.standard_normal(n), 0.0)
    b = A @ weights + 0.3 * rng.standard_normal(samples)
    return A, b


def solve(method, kind, A, b, l1, l2=0.0, x0=None, bounds=None, **options):
    x0 = np.zeros(A.shape[1]) if x0 is None else x0
    fun, jac = FUNCTIONS[kind]
    options = {"l1": l1, "l2": l2, "gtol": 1e-7, "ftol": 0.0, **options}
    return numgd.minimize(fun, x0, (A, b), method, jac, bounds=bounds, options=options)


def composite(kind, x, A, b, l1, l2):
    return FUNCTIONS[kind][0](x, A, b) + l1 * np.abs(x).sum() + 0.5 * l2 * x @ x


def split_by_scipy(kind, A, b, l1, l2, low=-np.inf, high=np.inf):
    """The minimum with x = u − v, u and v not negative, where the function is smooth; u or v is 0 there."""
    fun, jac = FUNCTIONS[kind]
    n = A.shape[1]

    def value(w):
        x = w[:n] - w[n:]
        g = jac(x, A, b) + l2 * x
        return fun(x, A, b) + l1 * w.sum() + 0.5 * l2 * x @ x, np.concatenate([g + l1, l1 - g])

    low, high = np.broadcast_to(low, n), np.broadcast_to(high, n)
    u_box = np.transpose([np.maximum(low, 0.0), np.maximum(high, 0.0)])
    v_box = np.transpose([np.maximum(-high, 0.0), np.maximum(-low, 0.0)])
    found = optimize.minimize(
        value, np.zeros(2 * n), (), "L-BFGS-B", True, bounds=np.concatenate((u_box, v_box)),
        options={"ftol": 1e-16, "gtol": 1e-9, "maxiter": 10_000, "maxfun": 100_000},
    )  # fmt: skip
    return found.x[:n] - found.x[n:]


@both
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.5), (0.8, 0.0), (0.8, 0.5)])
def test_soft_threshold(method, l1, l2):
    """½‖x − c‖² + l1 ‖x‖₁ + ½ l2 ‖x‖² has its minimum where c is shrunk by l1 and divided by 1 + l2."""
    n = 9
    c = np.linspace(-2.0, 2.0, n)
    A, b = np.sqrt(n) * np.eye(n), np.sqrt(n) * c
    result = solve(method, "least squares", A, b, l1, l2, x0=np.ones(n))
    expected = np.sign(c) * np.maximum(np.abs(c) - l1, 0.0) / (1.0 + l2)
    assert result.status == Status.CONVERGED_GRADIENT
    np.testing.assert_allclose(result.x, expected, atol=2e-7)
    assert np.array_equal(result.x[np.abs(c) < l1], np.zeros(np.sum(np.abs(c) < l1)))


@both
@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize(("n", "samples", "l2"), [(10, 40, 0.0), (40, 25, 0.0), (40, 25, 0.1)])
def test_minimum_of_the_split_problem(method, kind, n, samples, l2):
    A, b = data(n, samples, seed=n)
    if kind == "logistic":
        b = np.sign(b)
    jac = FUNCTIONS[kind][1]
    l1 = 0.1 * np.abs(jac(np.zeros(n), A, b)).max()
    result = solve(method, kind, A, b, l1, l2)
    x = result.x
    assert result.status == Status.CONVERGED_GRADIENT

    # The optimality conditions, from the data.
    g = jac(x, A, b) + l2 * x
    zero = x == 0
    assert 0 < zero.sum() < n
    np.testing.assert_allclose(g[~zero], -l1 * np.sign(x[~zero]), atol=1e-7)
    assert np.abs(g[zero]).max() <= l1 + 1e-7
    # What the result says of itself.
    assert result.fun == pytest.approx(composite(kind, x, A, b, l1, l2), rel=1e-13)
    assert np.abs(result.jac).max() <= 1e-7
    np.testing.assert_allclose(result.jac[~zero], (g + l1 * np.sign(x))[~zero], atol=1e-13)

    expected = split_by_scipy(kind, A, b, l1, l2)
    assert result.fun <= composite(kind, expected, A, b, l1, l2) + 1e-11
    np.testing.assert_allclose(x, expected, atol=1e-4)


RNG = np.random.default_rng(11)
BOXES = {  # for 40 variables
    "not negative": (np.zeros(40), np.full(40, np.inf)),
    "one side": (np.full(40, -np.inf), np.full(40, 0.05)),
    "around zero": (np.full(40, -0.1), np.full(40, 0.2)),
    "anywhere": (RNG.uniform(-0.3, 0.1, 40), RNG.uniform(0.1, 0.3, 40)),
    "some fixed": (np.where(np.arange(40) % 3, -1.0, 0.25), np.where(np.arange(40) % 3, 1.0, 0.25)),
}


@both
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_minimum_within_bounds(method, kind, box):
    """The conditions of Karush, Kuhn and Tucker, and SciPy's minimum of the split problem."""
    n, l2 = 40, 0.1
    A, b = data(n, 25, seed=n)
    if kind == "logistic":
        b = np.sign(b)
    jac = FUNCTIONS[kind][1]
    l1 = 0.1 * np.abs(jac(np.zeros(n), A, b)).max()
    low, high = BOXES[box]
    result = solve(method, kind, A, b, l1, l2, bounds=list(zip(low, high, strict=True)))
    x = result.x
    assert result.status == Status.CONVERGED_GRADIENT
    assert ((low <= x) & (x <= high)).all()
    at_bound = (x == low) | (x == high)
    assert 0 < at_bound.sum() < n
    # To the left and to the right F rises by at least −gtol a unit, where there is room.
    g = jac(x, A, b) + l2 * x
    right, left = g + np.where(x >= 0, l1, -l1), g + np.where(x > 0, l1, -l1)
    assert (right[x < high] >= -1.01e-7).all()
    assert (left[x > low] <= 1.01e-7).all()
    assert result.fun == pytest.approx(composite(kind, x, A, b, l1, l2), rel=1e-13)
    assert np.abs(result.jac).max() <= 1e-7

    expected = split_by_scipy(kind, A, b, l1, l2, low, high)
    assert result.fun <= composite(kind, expected, A, b, l1, l2) + 1e-11
    np.testing.assert_allclose(x, expected, atol=1e-4)


@both
def test_nothing_outside_the_bounds_is_evaluated(method):
    seen = []

    def fun(x):
        seen.append(x.copy())
        return rosenbrock(x)

    low, high = np.array([-1.5, 0.2, -1.0, -0.5]), np.array([0.8, 2.0, 0.9, 0.6])
    result = numgd.minimize(
        fun, np.array([-3.0, 1.0, 0.0, 5.0]), (), method, rosenbrock_gradient,
        bounds=optimize.Bounds(low, high), options={"l1": 0.01},
    )  # fmt: skip
    assert result.success and len(seen) > 10
    assert all(((low <= x) & (x <= high)).all() for x in seen)


def test_bounds_from_elsewhere():
    """Many starts and @njit code give what `minimize` gives; penalties are kept."""
    A, b = data(6, 30, seed=2)
    box, start = np.array([[-0.2, 0.3]] * 6), np.zeros(6)
    options = {"l1": 0.02, "l2": 0.1}
    for method in METHODS:
        expected = solve(method, "least squares", A, b, 0.02, 0.1, bounds=box)
        many = numgd.minimize_multistart(
            least_squares, None, (A, b), method, least_squares_gradient, bounds=box, n_starts=8,
            options={**options, "gtol": 1e-7, "ftol": 0.0},
        )  # fmt: skip
        assert many.all.success.all() and many.distinct == 1
        np.testing.assert_allclose(many.x, expected.x, atol=1e-5)
        assert many.fun == pytest.approx(composite("least squares", many.x, A, b, 0.02, 0.1), rel=1e-12)

    @njit
    def inside(x0, A, b, box):
        options = {"l1": 0.02, "l2": 0.1}
        return numgd.minimize(
            least_squares, x0, (A, b), "owl-qn", least_squares_gradient, bounds=box, options=options
        )

    from_python = numgd.minimize(
        least_squares, start, (A, b), "owl-qn", least_squares_gradient, bounds=box, options=options
    )
    assert np.array_equal(inside(start, A, b, box).x, from_python.x)


@both
def test_strength_from_which_all_is_zero(method):
    A, b = data(8, 30, seed=1)
    most = np.abs(least_squares_gradient(np.zeros(8), A, b)).max()
    at_once = solve(method, "least squares", A, b, 1.001 * most)
    assert (at_once.nit, at_once.nfev, at_once.njev) == (0, 1, 1)
    from_afar = solve(method, "least squares", A, b, 1.001 * most, x0=np.linspace(-1.0, 2.0, 8))
    assert np.array_equal(from_afar.x, np.zeros(8))
    assert np.any(solve(method, "least squares", A, b, 0.98 * most).x)


def test_owlqn_without_penalty_is_as_good_as_lbfgs():
    n = 10
    options = {"gtol": 1e-7, "ftol": 0.0}
    result = numgd.minimize(rosenbrock, standard_start(n), (), "owl-qn", rosenbrock_gradient, options=options)
    rival = numgd.minimize(rosenbrock, standard_start(n), (), "l-bfgs", rosenbrock_gradient, options=options)
    assert result.success
    np.testing.assert_allclose(result.x, rival.x, atol=1e-5)
    assert result.nfev <= 1.5 * rival.nfev


def test_fista_is_accelerated():
    """Plain descent of condition number κ needs about κ ln(1/ε) / 2 steps, accelerated about its root."""
    n, condition = 30, 1e4
    A = np.diag(np.sqrt(n * np.geomspace(1.0, condition, n)))
    b = np.ones(n)
    result = solve("fista", "least squares", A, b, 0.0, gtol=1e-6)
    assert result.success
    np.testing.assert_allclose(result.x, b / np.diag(A), atol=1e-5)
    assert result.nit < 25 * np.sqrt(condition)
    assert result.nfev <= 2.6 * result.nit


@both
def test_the_value_never_rises(method):
    A, b = data(40, 25, seed=3)
    result = solve(method, "least squares", A, b, 0.01, history=True)
    assert result.success
    assert result.nit > 10
    assert np.all(np.diff(result.history.fun) <= 1e-13)
    expected = [composite("least squares", x, A, b, 0.01, 0.0) for x in result.history.x]
    np.testing.assert_allclose(result.history.fun, expected, rtol=1e-12)


@both
@pytest.mark.parametrize("bounds", [None, [(-0.3, 0.5)] * 20])
def test_a_run_goes_on_bit_for_bit(method, bounds):
    A, b = data(20, 30, seed=4)
    x0 = np.linspace(-1.0, 1.0, 20)
    whole_run = solve(method, "least squares", A, b, 0.02, x0=x0, bounds=bounds)
    first = solve(method, "least squares", A, b, 0.02, x0=x0, maxiter=7, bounds=bounds)
    second = solve(method, "least squares", A, b, 0.02, x0=spoiled(first), bounds=bounds)
    assert first.status == Status.MAXITER
    assert first.nit + second.nit == whole_run.nit
    assert np.array_equal(second.x, whole_run.x)


@both
def test_limits_are_exact(method):
    A, b = data(20, 30, seed=5)
    for limit in (1, 2, 3, 8):
        result = solve(method, "least squares", A, b, 0.02, maxfun=limit)
        assert (result.status, result.nfev) == (Status.MAXFUN, limit)
        assert result.fun <= composite("least squares", np.zeros(20), A, b, 0.02, 0.0)
        result = solve(method, "least squares", A, b, 0.02, maxiter=limit)
        assert (result.status, result.nit) == (Status.MAXITER, limit)


@njit
def walled(x, wall):
    return np.sum((x - 3.0) ** 2) if x[0] < wall else np.nan


@njit
def walled_gradient(x, wall):
    return 2.0 * (x - 3.0)


@both
def test_a_wall(method):
    result = numgd.minimize(walled, [1.0, 2.0], (2.5,), method, walled_gradient, options={"l1": 0.1})
    assert not np.isnan(result.fun)
    assert result.x[0] == pytest.approx(2.5, abs=1e-3)
    assert result.fun < walled(np.array([2.0, 2.5]), 2.5)


@njit
def falling(x, scale):
    return -scale * np.sum(x)


@njit
def falling_gradient(x, scale):
    return np.full_like(x, -scale)


@both
@pytest.mark.parametrize("scale", [1.0, 1e150, 1e300])
def test_a_slope_without_end(method, scale):
    options = {"l1": 0.5}
    result = numgd.minimize(falling, [0.0, 1.0], (scale,), method, falling_gradient, options=options)
    assert result.status == Status.UNBOUNDED


@both
def test_wrong_sign_of_the_gradient(method):
    x0 = np.array([1.0, 2.0])
    result = numgd.minimize(
        lambda x: np.sum(x**2), x0, (), method, lambda x: -2.0 * x, options={"l1": 0.1}
    )  # fmt: skip
    assert not result.success
    assert result.fun <= np.sum(x0**2) + 0.1 * np.abs(x0).sum()
