"""The Broyden family: its formulas, its rates, and what its members have in common on quadratics."""

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient
from numba import njit
from spoiling import spoiled

import numgd

FAMILY = ("bfgs", "dfp", "broyden")


@njit
def quadratic(x, H, b):
    return 0.5 * x @ H @ x - b @ x


@njit
def quadratic_gradient(x, H, b):
    return H @ x - b


def random_quadratic(n, seed):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    H = Q @ np.diag(np.linspace(1.0, 20.0, n)) @ Q.T
    return 0.5 * (H + H.T), rng.standard_normal(n)


def solve_rosenbrock(method, x0=(-1.2, 1.0, 0.5), **options):
    x0 = x0 if hasattr(x0, "x") else np.array(x0)
    return numgd.minimize(
        rosenbrock, x0, (), method, rosenbrock_gradient, options={"history": True, **options}
    )


def updated(B, s, y, phi):
    """Nocedal & Wright, eq. 6.32: the Hessian approximation of the Broyden class."""
    Bs = B @ s
    v = y / (y @ s) - Bs / (s @ Bs)
    return B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (y @ s) + phi * (s @ Bs) * np.outer(v, v)


@pytest.mark.parametrize("phi", [0.0, 0.3, 1.0])
def test_broyden_is_the_formula_of_the_book(phi):
    result = solve_rosenbrock("broyden", phi=phi, maxiter=8)
    B = np.eye(3)
    for x, x_next in zip(result.history.x, result.history.x[1:], strict=False):
        B = updated(B, x_next - x, rosenbrock_gradient(x_next) - rosenbrock_gradient(x), phi)
    assert result.nit == 8
    np.testing.assert_allclose(result.hess_inv, np.linalg.inv(B), rtol=1e-6)


@pytest.mark.parametrize(("phi", "method"), [(0.0, "bfgs"), (1.0, "dfp")])
def test_broyden_has_bfgs_and_dfp_at_its_ends(phi, method):
    ends = (
        solve_rosenbrock("broyden", phi=phi, c2=0.3, maxiter=10),
        solve_rosenbrock(method, c2=0.3, maxiter=10),
    )
    assert ends[0].nfev == ends[1].nfev
    np.testing.assert_allclose(ends[0].history.x, ends[1].history.x, rtol=1e-7)


@pytest.mark.parametrize("method", FAMILY)
def test_secant_equation_and_symmetry(method):
    result = solve_rosenbrock(method, maxiter=7)
    before, after = result.history.x[-2:]
    y = rosenbrock_gradient(after) - rosenbrock_gradient(before)
    np.testing.assert_allclose(result.hess_inv @ y, after - before, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(result.hess_inv, result.hess_inv.T, rtol=1e-9, atol=1e-14)
    assert np.linalg.eigvalsh(result.hess_inv).min() > 0


@pytest.mark.parametrize("method", FAMILY)
def test_converges_superlinearly(method):
    result = solve_rosenbrock(method, x0=(0.8, 0.7), gtol=1e-11)
    errors = np.linalg.norm(result.history.x - 1.0, axis=1)
    errors = errors[errors > 1e-12]
    ratios = errors[1:] / errors[:-1]
    assert len(ratios) >= 5
    assert ratios[-2:].max() < 0.15  # and they go to 0: the last is far below the first
    assert ratios[-2:].max() < 0.3 * np.median(ratios[:-2])


@pytest.mark.parametrize("method", FAMILY)
def test_a_known_inverse_hessian_makes_it_newtons_method(method):
    H, b = random_quadratic(6, 3)
    result = numgd.minimize(
        quadratic, np.zeros(6), (H, b), method, quadratic_gradient,
        options={"hess_inv0": np.linalg.inv(H), "gtol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, np.linalg.solve(H, b), rtol=1e-8)
    # The first trial step is SciPy's guess, not one: a second direction may be needed.
    assert result.nit <= 2


@pytest.mark.parametrize("method", [*FAMILY, "cg", "cg-fr", "cg-hs", "cg-dy", "cg-hz"])
def test_exact_steps_on_a_quadratic_take_the_path_of_conjugate_gradients(method):
    n = 8
    H, b = random_quadratic(n, 4)
    # Hestenes & Stiefel's own algorithm.
    x, r = np.zeros(n), b.copy()
    path, p = [x], b.copy()
    for _ in range(n):
        alpha = (r @ r) / (p @ H @ p)
        x, r_new = x + alpha * p, r - alpha * H @ p
        p = r_new + (r_new @ r_new) / (r @ r) * p
        r = r_new
        path.append(x)
    options = {"c1": 1e-12, "c2": 1e-10, "gtol": 1e-8, "history": True}
    result = numgd.minimize(quadratic, np.zeros(n), (H, b), method, quadratic_gradient, options=options)
    assert result.success
    assert result.nit <= n
    np.testing.assert_allclose(result.history.x, path[: result.nit + 1], atol=1e-5)


def test_lbfgs_with_full_memory_takes_bfgss_path_on_a_quadratic():
    H, b = random_quadratic(8, 5)
    exact = {"c1": 1e-12, "c2": 1e-10, "gtol": 1e-8, "history": True}
    paths = [
        numgd.minimize(quadratic, np.zeros(8), (H, b), method, quadratic_gradient, options=options).history.x
        for method, options in (("bfgs", exact), ("l-bfgs", {**exact, "maxcor": 8, "ftol": 0.0}))
    ]
    assert len(paths[0]) == len(paths[1])
    np.testing.assert_allclose(paths[0], paths[1], atol=1e-5)


@pytest.mark.parametrize("method", FAMILY)
def test_a_run_goes_on_bit_for_bit(method):
    whole, part = solve_rosenbrock(method, maxiter=12), solve_rosenbrock(method, maxiter=5)
    rest = solve_rosenbrock(method, spoiled(part), maxiter=7)
    assert np.array_equal(whole.x, rest.x)
    assert np.array_equal(whole.jac, rest.jac)
    assert np.array_equal(whole.hess_inv, rest.hess_inv)
    assert (whole.fun, whole.nit) == (rest.fun, rest.nit + 5)
