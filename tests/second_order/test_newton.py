"""Newton's method and truncated Newton: rates, saddles, faults, and the modified factorisation."""

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient
from numba import njit
from problems import problem
from scipy import optimize
from spoiling import spoiled

import numgd
from numgd.jit.portable import SOLVER_FLAGS
from numgd.second_order.modified_cholesky import modified_cholesky, modified_solve, negative_curvature

METHODS = ("newton", "newton-cg")

factorise = njit(**SOLVER_FLAGS)(modified_cholesky)
solve_with = njit(**SOLVER_FLAGS)(modified_solve)
curve_down = njit(**SOLVER_FLAGS)(negative_curvature)


@njit
def rosenbrock_hessian(x):
    H = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        H[i, i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        H[i, i + 1] -= 400.0 * x[i]
        H[i + 1, i] -= 400.0 * x[i]
        H[i + 1, i + 1] += 200.0
    return H


@njit
def soft(x, a):
    """Strictly convex, not quadratic; its minimum is where a meets the slope of Σ cosh."""
    return np.sum(np.cosh(x)) + 0.5 * np.sum(x) ** 2 - np.sum(a * x)


@njit
def soft_gradient(x, a):
    return np.sinh(x) + np.sum(x) - a


@njit
def soft_hessian(x, a):
    return np.diag(np.cosh(x)) + np.ones((x.size, x.size))


@njit
def soft_product(x, p, a):
    return np.cosh(x) * p + np.sum(p)


@njit
def saddle(x):
    """A saddle at the origin, minima of -1/4 at (0, ±1)."""
    return 0.5 * x[0] ** 2 - 0.5 * x[1] ** 2 + 0.25 * x[1] ** 4


@njit
def saddle_gradient(x):
    return np.array([x[0], x[1] ** 3 - x[1]])


@njit
def saddle_hessian(x):
    return np.array([[1.0, 0.0], [0.0, 3.0 * x[1] ** 2 - 1.0]])


A = np.array([1.0, -2.0, 3.0, 0.5])


def solve_soft(method, **options):
    second = {"hess": soft_hessian} if method == "newton" else {"hessp": soft_product}
    return numgd.minimize(
        soft, np.zeros(4), (A,), method, soft_gradient, options={"history": True, **options}, **second
    )


def solve_saddle(x0, method="newton", **options):
    return numgd.minimize(saddle, x0, (), method, saddle_gradient, hess=saddle_hessian, options=options)


# Rates ------------------------------------------------------------------------------------------------


def test_one_step_solves_a_quadratic():
    @njit
    def quadratic(x, H, b):
        return 0.5 * x @ H @ x - b @ x

    rng = np.random.default_rng(1)
    root = rng.standard_normal((7, 7))
    H, b = root @ root.T + np.eye(7), rng.standard_normal(7)
    result = numgd.minimize(
        quadratic,
        np.zeros(7),
        (H, b),
        "newton",
        njit(lambda x, H, b: H @ x - b),
        hess=njit(lambda x, H, b: H),
    )
    assert (result.nit, result.nfev, result.njev, result.nhev) == (1, 2, 2, 1)
    np.testing.assert_allclose(result.x, np.linalg.solve(H, b), rtol=1e-12)


def test_newton_converges_quadratically():
    errors = errors_of(solve_soft("newton", gtol=1e-12))
    ratios = errors[1:] / errors[:-1] ** 2
    assert len(ratios) >= 3
    # The constant of the theorem at the minimum is about 1/4 here; far from it the steps may do worse.
    assert np.all(ratios[-3:] < 1.0)


def test_truncated_newton_converges_superlinearly():
    errors = errors_of(solve_soft("newton-cg", xtol=1e-12))
    # The forcing term √‖g‖ promises order 3/2.
    assert np.all(errors[1:] <= 10.0 * errors[:-1] ** 1.5)
    assert errors[-1] < 1e-9


def errors_of(result):
    """Distances of the iterates to the minimiser, as far as rounding leaves them a meaning."""
    minimiser = optimize.root(soft_gradient.py_func, np.zeros(4), (A,), jac=soft_hessian.py_func, tol=1e-14).x
    errors = np.linalg.norm(result.history.x - minimiser, axis=1)
    return errors[errors > 1e-11]


# What stops truncated Newton -----------------------------------------------------------------------------


def test_xtol_is_scipys_test_of_the_mean_step():
    result = solve_soft("newton-cg")
    steps = np.abs(np.diff(result.history.x, axis=0)).mean(axis=1)
    assert result.status == numgd.Status.CONVERGED_STEP
    assert steps[-1] <= 1e-5 < steps[-2]


def test_gtol_can_be_asked_for():
    result = solve_soft("newton-cg", xtol=0.0, gtol=1e-3)
    assert result.status == numgd.Status.CONVERGED_GRADIENT
    assert abs(result.jac).max() <= 1e-3
    assert result.nit < solve_soft("newton-cg").nit


def test_products_are_counted():
    calls = [0]

    def product(x, p):
        calls[0] += 1
        return soft_product.py_func(x, p, A)

    result = numgd.minimize(
        lambda x: soft.py_func(x, A), np.zeros(4), (), "newton-cg", lambda x: soft_gradient.py_func(x, A),
        hessp=product,
    )  # fmt: skip
    assert result.success
    assert result.nhev == calls[0] > 0


# Saddles ------------------------------------------------------------------------------------------------


def test_a_saddle_is_no_minimum():
    result = solve_saddle([0.0, 0.0])
    assert result.success
    np.testing.assert_allclose(abs(result.x), [0.0, 1.0], atol=1e-5)
    assert result.fun < -0.24


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("offset", [1e-12, -1e-6, 1e-3])
def test_near_a_saddle_negative_curvature_leads_away(method, offset):
    result = solve_saddle([0.5, offset], method, **({"gtol": 0.0} if method == "newton" else {}), maxiter=12)
    assert result.fun < -0.24
    assert np.sign(result.x[1]) == np.sign(offset)


def test_a_minimum_costs_no_further_hessian_where_the_last_was_definite():
    result = solve_soft("newton")
    assert result.nhev == result.nit
    assert solve_saddle([0.0, 1.0]).nhev == 1  # nothing is known at the start


def test_a_flat_minimum_stays():
    flat = njit(lambda x: x[0] ** 4 + 0.0 * x[1])
    result = numgd.minimize(
        flat, [0.0, 3.0], (), "newton", njit(lambda x: np.array([4.0 * x[0] ** 3, 0.0])),
        hess=njit(lambda x: np.array([[12.0 * x[0] ** 2, 0.0], [0.0, 0.0]])),
    )  # fmt: skip
    assert (result.status, result.nit, result.nfev) == (numgd.Status.CONVERGED_GRADIENT, 0, 1)


# Faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_a_hessian_that_is_not_finite_is_no_success(method, value):
    result = numgd.minimize(
        rosenbrock, [-1.2, 1.0], (), method, rosenbrock_gradient, hess=lambda x: np.full((2, 2), value)
    )
    assert result.status == numgd.Status.NOT_FINITE
    assert result.fun == rosenbrock(np.array([-1.2, 1.0]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [lambda H: -H, lambda H: 0.0 * H, lambda H: np.diag(np.diag(H))])
def test_a_wrong_hessian_still_leads_down(method, wrong):
    result = numgd.minimize(
        rosenbrock, [-1.2, 1.0], (), method, rosenbrock_gradient, hess=lambda x: wrong(rosenbrock_hessian(x)),
        options={"gtol": 1e-5, "maxiter": 100, **({"xtol": 0.0} if method == "newton-cg" else {})},
    )  # fmt: skip
    assert result.fun < 4.0  # 4.1 is the floor of the valley beside the start
    assert result.success == (abs(result.jac).max() <= 1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales_end(method, scale):
    result = numgd.minimize(
        lambda x: scale * rosenbrock(x), [-1.2, 1.0], (), method, lambda x: scale * rosenbrock_gradient(x),
        hess=lambda x: scale * rosenbrock_hessian(x), options={"maxiter": 200},
    )  # fmt: skip
    assert result.fun <= scale * 24.2
    if scale > 1.0:
        np.testing.assert_allclose(result.x, 1.0, atol=1e-2)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_on_bit_for_bit(method):
    def run(x0, maxiter):
        return numgd.minimize(
            rosenbrock, x0, (), method, rosenbrock_gradient, hess=rosenbrock_hessian,
            options={"maxiter": maxiter},
        )  # fmt: skip

    whole = run([-1.2, 1.0, 0.7], 9)
    rest = run(spoiled(run([-1.2, 1.0, 0.7], 4)), 5)
    assert np.array_equal(whole.x, rest.x)
    assert np.array_equal(whole.jac, rest.jac)
    assert (whole.fun, whole.nit) == (rest.fun, rest.nit + 4)


# The factorisation ----------------------------------------------------------------------------------------


def matrices(n, rng):
    """Symmetric matrices with known eigenvalues, indefinite ones and others."""
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    for values in (
        rng.uniform(1.0, 10.0, n),
        rng.uniform(-5.0, 5.0, n),
        -rng.uniform(1.0, 10.0, n),
        np.where(np.arange(n) == 0, -1e-3, rng.uniform(1.0, 1e4, n)),
        np.where(np.arange(n) < n // 2, 0.0, 1.0),
    ):
        A = Q @ np.diag(values) @ Q.T
        yield 0.5 * (A + A.T), values
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([-1.0, 1.0])


def factors(A, dtype=np.float64):
    """L, D and the order, and the most negative pivot, of a copy of A."""
    F, order = np.array(A, dtype), np.empty(len(A), dtype)
    worst, lowest = factorise(F, order)
    return np.tril(F, -1) + np.eye(len(A)), np.diag(F), order, worst, lowest, F


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_factors_are_of_a_definite_neighbour(n):
    rng = np.random.default_rng(n)
    for A, values in matrices(n, rng):
        L, D, order, worst, _, F = factors(A)
        n = len(A)
        P = np.eye(n)[order.astype(int)]
        E = P.T @ (L * D) @ L.T @ P - A
        size = abs(A).max()
        assert D.min() > 0
        assert abs(E - np.diag(np.diag(E))).max() <= 1e-13 * size * n  # E is diagonal
        assert np.diag(E).min() >= -1e-13 * size * n  # and only adds
        if values.min() >= 0.1 * size:
            assert abs(E).max() <= 1e-13 * size * n  # a definite matrix is left alone
            assert worst == -1
        # Gill, Murray & Wright bound the elements of L √D by β.
        beta = np.sqrt(max(abs(np.diag(A)).max(), abs(np.tril(A, -1)).max() / np.sqrt(max(n * n - 1, 1))))
        assert abs(np.tril(L * np.sqrt(D), -1)).max(initial=0.0) <= beta * (1 + 1e-12)
        b = rng.standard_normal(n)
        x = b.copy()
        solve_with(F, order, x, np.empty(n))
        np.testing.assert_allclose(
            (A + E) @ x, b, rtol=1e-6, atol=1e-9 * abs(b).max() * max(1, size / D.min())
        )


def test_a_step_cut_short_by_its_tolerance_is_no_small_step():
    # Watson's function of nine variables: the eigenvalues of its Hessian go from 3e-7 to 500.
    watson, x0 = problem("watson"), np.full(9, 10.0)
    result = numgd.minimize(watson.fun, x0, method="newton-cg", jac=watson.jac, hess=watson.hess)
    theirs = optimize.minimize(watson.fun, x0, method="Newton-CG", jac=watson.jac, hess=watson.hess)
    assert result.success
    assert result.fun <= 1.39976e-6 * (1.0 + 1e-4)  # Moré, Garbow & Hillstrom, problem 20
    assert result.nfev <= 3 * theirs.nfev


def test_negative_curvature_is_found():
    rng = np.random.default_rng(5)
    found = 0
    for A, values in matrices(9, rng):
        *_, order, worst, lowest, F = factors(A)
        if values.min() < -1e-6:
            p = np.empty(len(A))
            curve_down(F, order, worst, p, np.empty(len(A)))
            assert p @ A @ p <= lowest * (1 - 1e-10) < 0
            found += 1
    assert found == 4


def test_factorisation_keeps_float32_and_runs_interpreted():
    A = next(matrices(6, np.random.default_rng(2)))[0] - 4.0 * np.eye(6)
    F = factors(A, np.float32)[-1]
    assert F.dtype == np.float32
    interpreted, order = A.copy(), np.empty(6)
    modified_cholesky(interpreted, order)
    np.testing.assert_allclose(np.tril(F), np.tril(interpreted), rtol=1e-4, atol=1e-4)


def test_factorisation_says_what_is_not_finite():
    for value in (np.nan, np.inf, -np.inf):
        A = np.eye(3)
        A[2, 1] = A[1, 2] = value
        assert np.isnan(factors(A)[4])
