"""The parts of the solvers of sums of squares, interpreted, against NumPy and closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest

from numgd.sums_of_squares.box import least_room, lowest, mark_active, move_inside, to_sphere
from numgd.sums_of_squares.covariance import covariance
from numgd.sums_of_squares.damping import WORK_VECTORS, damped_step, eliminate
from numgd.sums_of_squares.dogbox import dogleg
from numgd.sums_of_squares.full_step import full_step
from numgd.sums_of_squares.losses import LOSSES, cost_of, loss, weigh
from numgd.sums_of_squares.model import scaled_norm
from numgd.sums_of_squares.qr import copy_triangle, factorize, independent, reflect_back

SHAPES = [(7, 3), (4, 4), (3, 5), (1, 2), (6, 1)]


def factors(J, b):
    """R, order, Qᵀb and the rest of `factorize` for a matrix (m, n)."""
    n = J.shape[1]
    A, projected = J.T.copy(), b.copy()
    diagonal, order, R = np.full(n, np.nan, J.dtype), np.full(n, -9), np.full((n, n), np.nan, J.dtype)
    factorize(A, diagonal, order, np.empty(n, J.dtype), projected)
    copy_triangle(R, A, diagonal)
    return np.triu(R), order, projected, A, diagonal


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_qr(m, n, dtype):
    rng = np.random.default_rng(m * 10 + n)
    J, b = rng.normal(size=(m, n)).astype(dtype), rng.normal(size=m).astype(dtype)
    R, order, projected, A, diagonal = factors(J, b)
    close = {"rtol": 0, "atol": 50 * np.finfo(dtype).eps}
    assert R.dtype == A.dtype == dtype
    assert sorted(order) == list(range(n))
    np.testing.assert_allclose(R.T @ R, (J.T @ J)[np.ix_(order, order)], **close)
    assert np.all(np.diff(np.abs(np.diag(R))) <= 1e-5)
    k = min(m, n)
    np.testing.assert_allclose(R[:k].T @ projected[:k], (J.T @ b)[order], **close)
    np.testing.assert_allclose(np.linalg.norm(projected), np.linalg.norm(b), rtol=1e-5)
    reflect_back(A, diagonal, projected)
    np.testing.assert_allclose(projected, b, **close)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_qr_where_squares_over_and_underflow(scale):
    J = np.random.default_rng(0).normal(size=(5, 3))
    expected = factors(J, np.zeros(5))
    found = factors(scale * J, np.zeros(5))
    assert np.array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0] / scale, expected[0], rtol=1e-13, atol=1e-15)
    assert np.isclose(
        scaled_norm(np.full(3, scale), np.array([3.0, 4.0, 0.0])), 5 * scale, rtol=1e-14, atol=0
    )


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_rank_whatever_the_columns_scales(rank):
    rng = np.random.default_rng(rank)
    J = rng.normal(size=(6, rank)) @ rng.normal(size=(rank, 4)) * np.array([1.0, 1e-12, 1e9, 1e-3])
    R, order, *_ = factors(J, np.zeros(6))
    assert independent(R, np.linalg.norm(J, axis=0), order, 6) == rank


def test_elimination_of_a_diagonal():
    rng = np.random.default_rng(1)
    J, b, D = rng.normal(size=(6, 4)), rng.normal(size=6), rng.uniform(0.5, 2.0, 4)
    R, order, projected, *_ = factors(J, b)
    S, c = np.empty((4, 4)), np.empty(4)
    eliminate(R, S, order, np.float64(0.7), D, projected[:4], c, np.empty(4))
    S = np.triu(S)
    damped = J.T @ J + 0.49 * np.diag(D**2)
    np.testing.assert_allclose(S.T @ S, damped[np.ix_(order, order)], atol=1e-13)
    np.testing.assert_allclose(S.T @ c, (J.T @ b)[order], atol=1e-13)


@pytest.mark.parametrize("singular", [False, True])
@pytest.mark.parametrize("radius", [1e-6, 0.1, 1.0, 1e3])
@pytest.mark.parametrize("guess", [0.0, 1e6])
def test_damped_step(radius, guess, singular):
    rng = np.random.default_rng(2)
    J, b, D = rng.normal(size=(6, 3)), rng.normal(size=6), np.array([1.0, 3.0, 0.2])
    if singular:
        J[:, 2] = 0.0
    R, order, projected, *_ = factors(J, b)
    p, vectors = np.empty(3), np.empty((WORK_VECTORS, 3))
    damping = damped_step(
        R, np.empty((3, 3)), order, D, projected[:3], np.float64(radius), np.float64(guess), 1e-3, p, vectors
    )
    np.testing.assert_allclose((J.T @ J + damping * np.diag(D**2)) @ p, -J.T @ b, atol=1e-10)
    length = np.linalg.norm(D * p)
    if damping == 0:
        assert length <= 1.001 * radius
    else:
        assert abs(length - radius) <= 1e-3 * radius


def test_full_step_of_dependent_columns():
    J = np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0], [0.0, 0.0, 3.0], [1.0, 2.0, 1.0]])
    b = np.array([1.0, -2.0, 0.5, 3.0])
    p = np.empty(3)
    norms = np.linalg.norm(J, axis=0)
    rank = full_step(
        J.T.copy(),
        b.copy(),
        norms,
        np.empty((3, 3)),
        np.empty(3, int),
        np.empty(3),
        np.empty(3),
        p,
    )
    assert rank == 2 and np.count_nonzero(p) == 2
    best = np.linalg.lstsq(J, -b, rcond=None)[0]
    np.testing.assert_allclose(J @ p, J @ best, atol=1e-13)


@pytest.mark.parametrize(
    ("m", "n", "rank"), [(9, 4, 4), (9, 4, 3), (9, 4, 1), (9, 4, 0), (3, 5, 3), (1, 1, 1)]
)
def test_covariance_is_the_pseudo_inverse(m, n, rank):
    rng = np.random.default_rng(m + n + rank)
    J = rng.normal(size=(m, rank)) @ rng.normal(size=(rank, n))
    out = np.empty((n, n))
    squares, integers, rows = np.empty((3, n, n)), np.empty((2, n), int), np.empty((3, n))
    found = covariance(J.T.copy(), np.empty(m), *squares, *integers, *rows, out)
    expected = np.linalg.pinv(J.T @ J, rcond=1e-10)
    assert found == rank
    np.testing.assert_allclose(out, expected, atol=1e-10 * max(1.0, np.abs(expected).max()))


CLOSED_FORMS = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(z) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    rho, h = CLOSED_FORMS[name], 1e-4
    for z in (0.3, 0.9, 1.7, 40.0):
        value, first, second = loss(LOSSES[name], np.float64(z), np.float64(1.0))
        assert np.isclose(value, rho(z), rtol=1e-14)
        assert np.isclose(first, (rho(z + h) - rho(z - h)) / (2 * h), rtol=1e-6)
        assert np.isclose(second, (rho(z + h) - 2 * rho(z) + rho(z - h)) / h**2, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_give_the_gradient(name):
    rng = np.random.default_rng(3)
    J, r = rng.normal(size=(6, 2)), rng.normal(size=6) * 2.0
    options = SimpleNamespace(loss=LOSSES[name], f_scale=np.float64(0.7))

    def cost(x):
        return 0.5 * 0.49 * CLOSED_FORMS[name](((r + J @ x) / 0.7) ** 2).sum()

    assert np.isclose(cost_of(r, options), cost(np.zeros(2)))
    columns, weighted = J.T.copy(), np.empty(6)
    weigh(r, weighted, columns, options)
    slopes = [(cost(h) - cost(-h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(columns @ weighted, slopes, rtol=1e-6)


def test_steps_in_a_box():
    lower, upper = np.array([0.0, -np.inf, 2.0]), np.array([1.0, 4.0, np.inf])
    x = np.array([0.0, 5.0, 3.0])
    move_inside(x, lower, upper, 1e-10)
    assert np.all(x > lower) and np.all(x < upper) and abs(x[0]) <= 1e-10 and x[2] == 3.0
    edge = lower.copy()
    edge[1] = 4.0
    move_inside(edge, lower, upper, 0.0)
    assert np.all(edge > lower) and np.all(edge < upper)
    np.testing.assert_allclose(edge, [0.0, 4.0, 2.0], rtol=1e-15, atol=1e-300)
    one = np.ones(3)
    assert least_room(np.array([0.5, 0.0, 3.0]), one, np.array([1.0, 2.0, -4.0]), lower, upper) == 0.25
    assert least_room(np.array([0.5, 0.0, 3.0]), one, np.array([0.0, -1.0, 1.0]), lower, upper) == np.inf
    active = np.empty(3)
    mark_active(np.array([1e-9, 4.0 - 1e-9, 7.0]), lower, upper, 1e-8, active)
    assert np.array_equal(active, [-1, 1, 0])


def test_lines_in_a_sphere_and_on_a_parabola():
    p, r = np.array([0.5, 0.5]), np.array([1.0, -2.0])
    for direction in (r, -r):
        t = to_sphere(p, direction, np.float64(2.0))
        assert t > 0 and np.isclose(np.linalg.norm(p + t * direction), 2.0)
    assert to_sphere(2 * p, r, np.float64(0.5)) == 0.0
    assert lowest(1.0, -2.0, 0.0, 3.0) == 1.0
    assert lowest(1.0, -2.0, 0.0, 0.5) == 0.5
    assert lowest(1.0, 2.0, 0.1, 0.5) == 0.1
    assert lowest(0.0, -1.0, 0.1, 0.5) == 0.5


def test_dogleg():
    steepest, full, step = np.array([1.0, 1.0]), np.array([4.0, 0.5]), np.empty(2)
    wide = np.full(2, 10.0)
    dogleg(full, steepest, 0.5, -wide, wide, step)
    assert np.array_equal(step, full)
    dogleg(full, steepest, 0.5, -wide, np.array([1.0, 10.0]), step)
    np.testing.assert_allclose(step, [1.0, 0.5])
    dogleg(full, steepest, 0.5, -wide, np.array([10.0, 0.25]), step)
    np.testing.assert_allclose(step, [0.25, 0.25])
