"""Bound-constrained L-BFGS: its parts against dense algebra, its solutions against SciPy and closed forms."""

import math

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit
from problems import problem
from scipy import optimize
from spoiling import spoiled

import numgd
from numgd.foundations.spaces import SERIAL
from numgd.foundations.status import Status
from numgd.second_order import compact, whole
from numgd.second_order.cauchy_point import make_cauchy_point, straight_until
from numgd.second_order.subspace import projected_direction

FEW, MANY = 5, 60  # variables: the matrix is held whole, and as pairs


@njit
def quadratic(x, H, c):
    return 0.5 * ((x - c) @ (H @ (x - c)))


@njit
def quadratic_gradient(x, H, c):
    return H @ (x - c)


def random_quadratic(n, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    return A @ A.T / n + 0.1 * np.eye(n), 2.0 * rng.standard_normal(n)


def projected(x, g, low, high):
    """Largest component of P(x − g) − x, zero where the Karush-Kuhn-Tucker conditions hold."""
    return np.abs(np.clip(x - g, low, high) - x).max()


def minimize(fun, x0, args=(), jac=None, bounds=None, **options):
    return numgd.minimize(fun, x0, args, "l-bfgs-b", jac, bounds=bounds, options=options)


# The parts, interpreted -----------------------------------------------------------------------------


def bfgs_matrix(pairs, theta):
    """The matrix of BFGS from its recursion (Nocedal & Wright, eq. 6.19)."""
    B = theta * np.eye(len(pairs[0][0]))
    for s, y in pairs:
        B = B - np.outer(B @ s, B @ s) / (s @ B @ s) + np.outer(y, y) / (s @ y)
    return B


class Models:
    """Both ways to hold a matrix, fed with the same pairs, beside the dense matrix."""

    def __init__(self, n, maxcor, seed):
        self.rng = np.random.default_rng(seed)
        self.n, self.maxcor, self.age, self.theta = n, maxcor, 0, np.nan
        self.memory = np.full((compact.compact_rows(n, maxcor), n), np.nan)
        self.free = np.ones(n)
        self.pairs = []
        A = self.rng.standard_normal((n, n))
        self.H = A @ A.T / n + np.eye(n)

    def add_pair(self):
        s = self.rng.standard_normal(self.n)
        y = self.H @ s
        model = compact.compact(self.memory, self.free, self.theta, self.age + 1)
        scratch = np.empty((2, self.n))
        remember = compact.make_remember(SERIAL)
        self.theta = remember(model, self.age % self.maxcor, s, y, y @ s, scratch[0], scratch[1])
        self.age += 1
        self.pairs = [*self.pairs, (s, y)][-self.maxcor :]

    def compact(self):
        model = compact.compact(self.memory, self.free, self.theta, self.age)
        assert compact.factorize(model.N, model.factors, self.theta, True)
        return model

    def dense(self):
        s, y = self.pairs[-1]
        return bfgs_matrix(self.pairs, y @ y / (s @ y))

    def whole(self):
        model = whole.whole(np.full((whole.whole_rows(self.n), self.n), np.nan))
        model.B[:] = self.dense()
        return model


PARTS = {
    "compact": (Models.compact, compact.make_quadratic(SERIAL), compact.make_subspace(SERIAL)),
    "whole": (Models.whole, whole.make_quadratic(SERIAL), whole.make_subspace(SERIAL)),
}


@pytest.mark.parametrize("part", PARTS)
def test_cauchy_point_and_subspace_step_are_those_of_the_dense_matrix(part):
    make, quadratic, subspace = PARTS[part]
    cauchy_point = make_cauchy_point(quadratic)
    n = 12
    models = Models(n, 3, seed=1)
    for _ in range(9):  # so that the ring of pairs turns, and variables come and go
        models.add_pair()
        B, model = models.dense(), make(models)
        x, g = models.rng.standard_normal(n), 3.0 * models.rng.standard_normal(n)
        low, high = x - models.rng.exponential(1.0, n), x + models.rng.exponential(1.0, n)
        low[:2], high[:2] = x[:2], x[:2]  # fixed
        low[2], high[3] = -np.inf, np.inf
        x[4:6] = low[4], high[5]
        z, scratch = np.empty(n), np.empty((3, n))
        change = cauchy_point(model, x, g, low, high, z, *scratch)
        bound = scratch[0] < 0

        # The first minimiser of the quadratic on the path P(x − t g): it falls until there, not beyond.
        assert np.all(x + z >= low - 1e-12)
        assert np.all(x + z <= high + 1e-12)
        inside = ~bound
        t = np.median(-z[inside] / g[inside])
        np.testing.assert_allclose(np.clip(x - t * g, low, high) - x, z, atol=1e-9)
        steps = np.linspace(0.0, 1.001 * t, 4000)
        paths = np.clip(x - np.outer(steps, g), low, high) - x
        values = paths @ g + 0.5 * np.einsum("ij,jk,ik->i", paths, B, paths)
        assert np.all(np.diff(values[steps < 0.999 * t]) < 0)
        assert values.min() >= change - 1e-9
        assert change == pytest.approx(z @ g + 0.5 * z @ B @ z)

        d = scratch[2]
        assert subspace(model, g, z, scratch[0], d)
        assert inside.any()
        expected = np.zeros(n)
        expected[inside] = np.linalg.solve(B[np.ix_(inside, inside)], -(g + B @ z)[inside])
        np.testing.assert_allclose(d, expected, rtol=1e-7, atol=1e-9)

        reached = z.copy()
        slope = projected_direction(x, g, reached, d, change, low, high)
        assert slope == pytest.approx(g @ reached)
        assert slope <= change + 1e-12
        assert np.all((x + reached >= low - 1e-12) & (x + reached <= high + 1e-12))


@pytest.mark.parametrize("part", PARTS)
def test_where_no_bound_is_felt_the_step_is_newtons(part):
    newton = {"compact": compact, "whole": whole}[part].make_newton(SERIAL)
    models = Models(12, 3, seed=2)
    for _ in range(5):
        models.add_pair()
    g, p = models.rng.standard_normal(12), np.empty(12)
    assert newton(PARTS[part][0](models), g, p)
    np.testing.assert_allclose(p, -np.linalg.solve(models.dense(), g), rtol=1e-8)


def test_the_path_is_straight_until_the_first_bound():
    x, g = np.zeros(3), np.array([2.0, -1.0, 0.0])
    low, high, free = np.array([-4.0, -np.inf, -1.0]), np.array([9.0, 1.5, 1.0]), np.ones(3)
    assert straight_until(x, g, low, high, free) == 1.5
    for i, bound in ((0, low), (1, high), (2, high)):  # at the bound already
        kept, bound[i] = bound[i], 0.0
        assert straight_until(x, g, low, high, free) == 0.0
        bound[i] = kept
    assert straight_until(x, g, low, high, np.array([1.0, 0.0, 1.0])) == 0.0


def test_scratch_memory_says_how_it_is_used():
    for n in (1, 2, 7, 20, 21, 64, 1000):
        for maxcor in (1, 2, 3, 10, 400):
            assert compact.pairs_in(n, compact.compact_rows(n, maxcor)) == maxcor


# Closed forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, FEW, MANY])
@pytest.mark.parametrize("maxcor", [1, 10])
def test_separable_quadratic(n, maxcor):
    rng = np.random.default_rng(n)
    H, c = np.diag(np.exp(rng.uniform(-3, 3, n))), 3.0 * rng.standard_normal(n)
    low, high = -rng.exponential(1.0, n), rng.exponential(1.0, n)
    low[::3], high[1::4] = -np.inf, np.inf
    result = minimize(
        quadratic, np.zeros(n), (H, c), quadratic_gradient, list(zip(low, high, strict=True)),
        maxcor=maxcor, gtol=1e-6, ftol=0.0,
    )  # fmt: skip
    expected = np.clip(c, low, high)
    assert result.status == Status.CONVERGED_GRADIENT
    np.testing.assert_allclose(result.x, expected, atol=5e-5)
    active = expected != c
    assert np.array_equal(result.x[active], expected[active])  # on the bound, not near it
    np.testing.assert_allclose(result.jac, H @ (result.x - c), rtol=1e-12)


@pytest.mark.parametrize("n", [FEW, MANY])
def test_fixed_variables_stay_and_the_others_minimise(n):
    H, c = random_quadratic(n, 2)
    x0 = np.linspace(-1.0, 1.0, n)
    fixed = np.arange(n) % 3 == 0
    bounds = [(v, v) if f else (None, None) for v, f in zip(x0, fixed, strict=True)]
    free = ~fixed
    expected = np.linalg.solve(H[np.ix_(free, free)], (H @ c)[free] - H[np.ix_(free, fixed)] @ x0[fixed])
    rng = np.random.default_rng(n)
    for _ in range(12):  # the last digits, on which the path at the level of rounding depends, drawn anew
        drawn = c * (1.0 + 1e-15 * rng.standard_normal(n))
        result = minimize(quadratic, x0, (H, drawn), quadratic_gradient, bounds, gtol=1e-8, ftol=0.0)
        assert result.success
        assert np.array_equal(result.x[fixed], x0[fixed])
        np.testing.assert_allclose(result.x[free], expected, atol=1e-6)


def test_all_variables_fixed():
    result = minimize(rosenbrock, [0.5, 2.0], (), rosenbrock_gradient, [(0.5, 0.5), (2.0, 2.0)])
    assert result.success
    assert (result.nit, result.nfev, result.njev) == (0, 1, 1)
    assert np.array_equal(result.x, [0.5, 2.0])


def test_start_outside_the_box_is_moved_into_it():
    result = minimize(rosenbrock, [-5.0, 9.0], (), rosenbrock_gradient, [(-2.0, 0.5), (-1.0, 3.0)])
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-5)


def test_vertex_that_is_the_minimum_takes_one_evaluation():
    H = np.eye(3)
    result = minimize(quadratic, np.ones(3), (H, np.full(3, 5.0)), quadratic_gradient, [(-1.0, 1.0)] * 3)
    assert result.success
    assert result.nfev == 1


@pytest.mark.slow
def test_float32():
    H, c = random_quadratic(FEW, 6)
    H, c = H.astype(np.float32), c.astype(np.float32)
    bounds = [(-0.5, 0.7)] * FEW
    result = minimize(quadratic, np.zeros(FEW, np.float32), (H, c), quadratic_gradient, bounds)
    assert result.x.dtype == result.jac.dtype == np.float32
    assert result.success
    expected = minimize(
        quadratic, np.zeros(FEW), (H.astype(float), c.astype(float)), quadratic_gradient, bounds
    )
    np.testing.assert_allclose(result.x, expected.x, atol=2e-3)


# Differences ----------------------------------------------------------------------------------------


@njit
def normal_cdf(z):
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit
def call_price(volatility, strike, maturity):
    """Black and Scholes' price of a call where the stock is at 100 and the rate 0.02."""
    spread = volatility * math.sqrt(maturity)
    d = (math.log(100.0 / strike) + 0.02 * maturity) / spread + 0.5 * spread
    return 100.0 * normal_cdf(d) - strike * math.exp(-0.02 * maturity) * normal_cdf(d - spread)


@njit
def squared_error(x, strike, maturity, price):
    return (call_price(x[0], strike, maturity) - price) ** 2


def test_implied_volatilities_by_differences_are_found():
    evaluations = scipys = 0
    for strike in (70.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0, 120.0, 130.0):
        for maturity in (0.25, 0.5, 1.0, 2.0):
            for volatility in (0.25, 0.4):
                args = (strike, maturity, call_price(volatility, strike, maturity))
                result = minimize(squared_error, [0.2], args, "2-point", [(1e-4, 5.0)])
                assert result.success, result.message
                assert call_price(result.x[0], strike, maturity) == pytest.approx(args[2], abs=1e-4)
                theirs = optimize.minimize(
                    squared_error, [0.2], args, method="L-BFGS-B", bounds=[(1e-4, 5.0)]
                )
                evaluations += result.nfev
                scipys += theirs.nfev
                assert result.nfev <= 4 * min(16, theirs.nfev)
    assert evaluations <= scipys


# Beside SciPy ---------------------------------------------------------------------------------------

SUBJECTS = (
    "quartic", "booth", "quadratic_tridiag", "rosenbrock", "extended_rosenbrock_100", "beale",
    "helical_valley", "wood", "box_3d", "brown_dennis", "watson", "trigonometric", "chebyquad", "cube",
    "himmelblau", "branin", "zakharov", "raydan_1", "log_sum_exp", "pseudo_huber", "logistic_ridge",
    "monkey_saddle", "quadratic_rotated",
)  # fmt: skip


def boxes(given):
    """Names and boxes about the path from the start to the minimum, some of which cut it."""
    start = np.array(given.x0, float)
    n = start.size
    end = start + 1.0 if given.minimizer is None else np.array(given.minimizer, float)
    span = np.maximum(np.abs(end - start), 0.5)
    low, high = np.minimum(start, end), np.maximum(start, end)
    odd = np.arange(n) % 2 == 1
    beyond = start + 0.6 * (end - start)
    yield "inactive", low - 3 * span, high + 3 * span
    yield (
        "active",
        np.where(odd & (end < start), beyond, low - span),
        np.where(odd & (end >= start), beyond, high + span),
    )
    yield "fixed", np.where(odd, start, low - span), np.where(odd, start, high + span)
    yield "one-sided", np.where(odd, -np.inf, low + 0.1 * span), np.where(odd, high - 0.1 * span, np.inf)
    yield "vertex", np.where(end >= start, start, low - span), np.where(end < start, start, high + span)


def beside_scipy(name):
    """For each box: our result, SciPy's, and the projected gradients of both."""
    given = problem(name)
    for kind, low, high in boxes(given):
        x0 = np.clip(np.array(given.x0, float), low, high)
        bounds = optimize.Bounds(low, high)
        ours = minimize(given.fun, x0, (), given.jac, bounds)
        theirs = optimize.minimize(
            lambda x: given.fun(np.array(x)),
            x0,
            (),
            "L-BFGS-B",
            lambda x: given.jac(np.array(x)),
            bounds=bounds,
        )
        assert np.all((ours.x >= low) & (ours.x <= high))
        assert ours.fun == given.fun(ours.x)
        kkt = [projected(x, given.jac(np.array(x)), low, high) for x in (ours.x, theirs.x)]
        yield kind, ours, theirs, kkt


def test_boxes_beside_scipy():
    solved, solved_by_scipy, same, ratios = 0, 0, 0, []
    for name in SUBJECTS:
        for _, ours, theirs, kkt in beside_scipy(name):
            if ours.status == Status.CONVERGED_GRADIENT:
                assert kkt[0] <= 1e-5
            ends_together = abs(ours.fun - theirs.fun) <= 1e-4 * max(abs(theirs.fun), 1e-2)
            solved += ours.success
            solved_by_scipy += theirs.success
            same += ends_together
            if ends_together:
                ratios.append(ours.nfev / theirs.nfev)
    assert solved >= solved_by_scipy
    assert same >= 0.95 * 5 * len(SUBJECTS)
    assert np.exp(np.mean(np.log(ratios))) <= 1.1


# What it promises -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [FEW, MANY])
def test_no_evaluation_leaves_the_box(n):
    rng = np.random.default_rng(n)
    x0 = standard_start(n)
    low, high = x0 - rng.uniform(0.0, 1.0, n) / 3, x0 + rng.uniform(0.0, 7.0, n) / 3
    seen = []

    def watched(x):
        seen.append(x.copy())
        return rosenbrock(x)

    result = minimize(watched, x0, (), lambda x: rosenbrock_gradient(x), list(zip(low, high, strict=True)))
    seen = np.array(seen)
    assert result.success
    assert len(seen) == result.nfev
    assert np.all((seen >= low) & (seen <= high))
    assert np.any((result.x == low) | (result.x == high))
    assert len(np.unique(seen, axis=0)) == len(seen)  # no point twice
    assert projected(result.x, rosenbrock_gradient(result.x), low, high) <= 1e-3


@pytest.mark.parametrize(("n", "maxcor"), [(FEW, 10), (MANY, 3)])
def test_a_run_goes_on_bit_for_bit(n, maxcor):
    bounds = [(-2.0, 0.8)] * n
    options = {"maxcor": maxcor, "gtol": 1e-7, "ftol": 0.0}
    whole_run = minimize(rosenbrock, standard_start(n), (), rosenbrock_gradient, bounds, **options)
    first = minimize(rosenbrock, standard_start(n), (), rosenbrock_gradient, bounds, maxiter=11, **options)
    second = minimize(rosenbrock, spoiled(first), (), rosenbrock_gradient, bounds, **options)
    assert first.status == Status.MAXITER
    assert np.array_equal(second.x, whole_run.x)
    assert first.nit + second.nit == whole_run.nit


def test_limits_are_exact():
    bounds = [(-2.0, 0.8)] * FEW
    for limit in (1, 2, 7):
        result = minimize(rosenbrock, standard_start(FEW), (), rosenbrock_gradient, bounds, maxfun=limit)
        assert (result.status, result.nfev) == (Status.MAXFUN, limit)
        result = minimize(rosenbrock, standard_start(FEW), (), rosenbrock_gradient, bounds, maxiter=limit)
        assert (result.status, result.nit) == (Status.MAXITER, limit)


@pytest.mark.parametrize("n", [FEW, MANY])
def test_inverse_hessian_of_the_result(n):
    result = numgd.minimize(
        rosenbrock, standard_start(n), (), "l-bfgs-b", rosenbrock_gradient, bounds=[(-5.0, 5.0)] * n,
        options={"history": True, "maxiter": 14},
    )  # fmt: skip
    before, after = result.history.x[-2:]
    y = rosenbrock_gradient(after) - rosenbrock_gradient(before)
    assert result.hess_inv.shape == (n, n)
    np.testing.assert_allclose(result.hess_inv @ y, after - before, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(result.hess_inv.todense() @ y, after - before, rtol=1e-6, atol=1e-12)


@njit
def walled(x, wall):
    return np.sum((x - 3.0) ** 2) if x[0] < wall else np.nan


@njit
def walled_gradient(x, wall):
    return 2.0 * (x - 3.0)


def test_a_wall_inside_the_box():
    result = minimize(walled, [1.0, 2.0], (2.5,), walled_gradient, [(0.0, 4.0)] * 2)
    assert not np.isnan(result.fun)
    assert result.x[0] == pytest.approx(2.5)
    assert result.x[1] == pytest.approx(3.0, abs=0.3)
    assert not result.success or result.fun < 0.3


@njit
def falling(x, scale):
    return -scale * np.sum(x)


@njit
def falling_gradient(x, scale):
    return np.full_like(x, -scale)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e150, 1e300])
def test_a_slope_ends_at_the_bound_or_never(scale):
    bounded = minimize(
        falling, [0.0, 1.0], (scale,), falling_gradient, [(None, 7.0), (0.0, 2.0)], gtol=0.0, ftol=0.0
    )
    assert bounded.success
    assert np.array_equal(bounded.x, [7.0, 2.0])
    unbounded = minimize(
        falling, [0.0, 1.0], (scale,), falling_gradient, [(0.0, None), (0.0, 2.0)], gtol=0.0, ftol=0.0
    )
    assert unbounded.status == Status.UNBOUNDED
