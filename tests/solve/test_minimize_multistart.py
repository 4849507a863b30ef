"""`minimize_multistart` against one `minimize` a start."""

import sys
import warnings

import numba
import numpy as np
import pytest
from conftest import distance
from numba import njit
from scipy import optimize
from scipy.stats import qmc

import numgd
from numgd import Status

CAMEL_BOX = [(-2.0, 2.0), (-1.0, 1.0)]


def six_hump_camel(x):
    a, b = x[0] ** 2, x[1] ** 2
    return (4.0 - 2.1 * a + a * a / 3.0) * a + x[0] * x[1] + (4.0 * b - 4.0) * b


def rastrigin(x):
    return 10.0 * x.size + np.sum(x**2 - 10.0 * np.cos(2.0 * np.pi * x))


@pytest.fixture(scope="module")
def starts():
    return np.random.default_rng(0).uniform((-2, -1), (2, 1), size=(100, 2))


def assert_equals_single_solves(result, fun, **arguments):
    """Every row has the bits of `minimize` from its start, and the result is that of the best."""
    singles = [numgd.minimize(fun, x, **arguments) for x in result.starts]
    for name in ("x", "fun", "jac", "nit", "nfev", "njev", "status", "success"):
        assert np.array_equal(getattr(result.all, name), [single[name] for single in singles]), name
    best = min((single for single in singles if single.success), key=lambda single: single.fun)
    assert np.array_equal(result.x, best.x) and result.fun == best.fun and result.success
    assert set(best) <= set(result)
    assert result.nfev == sum(single.nfev for single in singles)
    assert result.njev == sum(single.njev for single in singles)
    assert (result.nit, result.status, result.message) == (best.nit, best.status, best.message)


# The best of many -----------------------------------------------------------------------------------


def test_six_hump_camel(starts):
    result = numgd.minimize_multistart(six_hump_camel, bounds=CAMEL_BOX, n_starts=128)
    np.testing.assert_allclose(np.abs(result.x), [0.0898420131, 0.7126564030], atol=1e-5)
    assert result.fun == pytest.approx(-1.0316284535, abs=1e-9)
    assert result.distinct == 6
    assert_equals_single_solves(result, six_hump_camel, bounds=CAMEL_BOX)
    assert_equals_single_solves(numgd.minimize_multistart(six_hump_camel, starts), six_hump_camel)


def test_rastrigin_has_its_minimum_at_the_origin():
    result = numgd.minimize_multistart(rastrigin, bounds=[(-5.12, 5.12)] * 2, n_starts=256)
    np.testing.assert_allclose(result.x, 0.0, atol=1e-6)
    assert result.fun == pytest.approx(0.0, abs=1e-10)
    # All else that was found is a minimum near whole numbers, or on the border.
    inside = result.all.success & np.all(np.abs(result.all.x) < 5.1, axis=1)
    minima = result.all.x[inside]
    np.testing.assert_allclose(minima, np.round(minima), atol=0.03)
    assert result.distinct >= len(np.unique(np.round(minima), axis=0)) > 20


def test_float32(starts):
    result = numgd.minimize_multistart(six_hump_camel, starts.astype(np.float32))
    assert result.x.dtype == result.all.x.dtype == result.all.fun.dtype == result.starts.dtype == np.float32
    np.testing.assert_allclose(result.fun, -1.0316, atol=1e-3)


def test_a_hessian_and_options(starts):
    options = {"gtol": 1e-9, "history": True}
    result = numgd.minimize_multistart(six_hump_camel, starts, method="newton", options=options)
    assert_equals_single_solves(result, six_hump_camel, method="newton", options=options)
    assert result.nhev == result.all.nhev.sum() > 0
    assert len(result.history.fun) == result.nit + 1


# Args -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [None, [(-9.0, 9.0)] * 3])
def test_args_are_the_same_for_all_starts(bounds):
    @njit
    def fun(x, centre, matrix, pair, scale):
        return scale * distance(x, centre) + (matrix @ x).sum() ** 2 + pair[0][0] + pair[1]

    rng = np.random.default_rng(1)
    centre, matrix = rng.normal(size=3), rng.normal(size=(5, 3))
    args = (centre, matrix, (np.ones(2), 3.0), 0.5)
    starts = rng.normal(size=(3, 3))  # as many as centre has entries
    result = numgd.minimize_multistart(fun, starts, args, bounds=bounds)
    assert_equals_single_solves(result, fun, args=args, bounds=bounds)
    total = matrix.sum(axis=0)
    expected = np.linalg.solve(np.eye(3) + 2.0 * np.outer(total, total), centre)
    np.testing.assert_allclose(result.all.x, np.tile(expected, (3, 1)), atol=1e-4)
    assert result.distinct == 1
    single = numgd.minimize_multistart(lambda x, a: (x[0] - a) ** 2, np.zeros((2, 1)), 3.0)
    np.testing.assert_allclose(single.x, [3.0], atol=1e-5)


def test_args_of_other_lengths_than_there_are_starts():
    result = numgd.minimize_multistart(distance, np.zeros((7, 3)), np.arange(3.0))
    np.testing.assert_allclose(result.all.x, np.tile(np.arange(3.0), (7, 1)), atol=1e-5)


# The starts -----------------------------------------------------------------------------------------


def test_sobol_starts_are_scipys():
    box = np.array([(-2.0, 2.0), (5.0, 6.0)])
    result = numgd.minimize_multistart(six_hump_camel, bounds=box, n_starts=48, seed=7)
    expected = qmc.scale(qmc.Sobol(2, seed=np.random.default_rng(7)).random_base2(6), *box.T)[:48]
    np.testing.assert_allclose(result.starts, expected, rtol=1e-14)
    assert len(result.all.x) == 48


@pytest.mark.parametrize("sampling", ["sobol", "uniform"])
def test_seeds(sampling):
    def solve(seed, n_starts=16):
        return numgd.minimize_multistart(
            six_hump_camel, bounds=CAMEL_BOX, n_starts=n_starts, seed=seed, sampling=sampling
        )

    first, again, other = solve(3), solve(3), solve(4)
    for ours, theirs in zip(first.all, again.all, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(first.starts, solve(np.random.default_rng(3)).starts)
    assert not np.isin(first.starts, other.starts).any()
    low, high = np.array(CAMEL_BOX).T
    assert np.all((first.starts >= low) & (first.starts <= high))
    assert np.all(np.ptp(first.starts, axis=0) > 0.7 * (high - low))
    assert solve(3, 1).starts.shape == (1, 2)


def test_same_bits_at_any_number_of_threads():
    threads = numba.get_num_threads()
    full = numgd.minimize_multistart(six_hump_camel, bounds=CAMEL_BOX)
    try:
        numba.set_num_threads(1)
        single = numgd.minimize_multistart(six_hump_camel, bounds=CAMEL_BOX)
    finally:
        numba.set_num_threads(threads)
    for ours, theirs in zip(full.all, single.all, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(full.x, single.x)


def test_starts_that_are_given_are_clipped_and_never_written(starts):
    given = 2.0 * starts
    before = given.copy()
    box = optimize.Bounds([-2.0, 0.5], [np.inf, 0.5])  # the second variable is fixed
    result = numgd.minimize_multistart(six_hump_camel, given, bounds=box)
    assert np.array_equal(given, before)
    assert np.array_equal(result.starts[:, 0], np.maximum(given[:, 0], -2.0))
    assert np.all(result.starts[:, 1] == 0.5) and np.all(result.all.x[:, 1] == 0.5)
    assert np.all(result.all.x[:, 0] >= -2.0)
    assert_equals_single_solves(result, six_hump_camel, bounds=box)


# One after the other --------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [None, CAMEL_BOX])
def test_a_function_that_is_called_back(starts, bounds):
    seen = []

    def fun(x):
        seen.append(x)
        return six_hump_camel(x)

    result = numgd.minimize_multistart(fun, starts[:5], bounds=bounds)
    assert len(seen) == result.nfev
    assert_equals_single_solves(result, fun, bounds=bounds)


@pytest.mark.parametrize("method", ["Nelder-Mead", "SLSQP", "trust-constr", "COBYLA"])
def test_scipys_methods(starts, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = numgd.minimize_multistart(six_hump_camel, starts[:8], method=method, bounds=CAMEL_BOX)
    assert result.fun == result.all.fun[result.all.success].min()
    assert result.fun == pytest.approx(-1.0316, abs=1e-3)
    assert result.all.x.shape == result.all.jac.shape == (8, 2)
    assert result.nfev == result.all.nfev.sum()
    with_gradient = method in ("SLSQP", "trust-constr")
    assert np.isfinite(result.all.jac).all() == with_gradient


def test_a_method_that_is_a_callable(starts):
    def stay(fun, x0, args=(), **options):
        return optimize.OptimizeResult(x=x0, fun=fun(x0, *args), success=True)

    result = numgd.minimize_multistart(six_hump_camel, starts, method=stay)
    assert np.array_equal(result.all.x, starts)
    assert result.fun == min(map(six_hump_camel, starts))


def test_long_vectors_are_solved_one_after_the_other(monkeypatch, starts):
    side_by_side = numgd.minimize_multistart(six_hump_camel, starts)
    module = sys.modules["numgd.solve._minimize_multistart"]
    monkeypatch.setattr(module, "THREADED_FROM", 2)
    monkeypatch.delattr(module, "solve_rows")
    in_turn = numgd.minimize_multistart(six_hump_camel, starts)
    for ours, theirs in zip(side_by_side.all, in_turn.all, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("many", [numgd.minimize_multistart, numgd.minimize_many])
def test_an_inverse_hessian_to_start_from(starts, many):
    options = {"hess_inv0": np.array([[0.3, 0.1], [0.1, 0.2]]), "maxiter": 3}
    result = many(six_hump_camel, starts[:4], method="bfgs", options=options)
    points = result.all.x if many is numgd.minimize_multistart else result.x
    for x0, x in zip(starts, points, strict=False):
        assert np.array_equal(x, numgd.minimize(six_hump_camel, x0, method="bfgs", options=options).x)


# Failures -------------------------------------------------------------------------------------------


def test_nan_never_wins():
    @njit
    def fun(x):
        return np.nan if x[0] < 0.0 else (x[0] - 1.0) ** 2 + 2.0

    result = numgd.minimize_multistart(fun, np.array([[-1.0], [-3.0], [4.0], [-2.0]]))
    assert result.success and result.fun == 2.0
    assert result.all.success.tolist() == [False, False, True, False]
    assert np.all(result.all.status[[0, 1, 3]] == Status.NOT_FINITE)
    assert result.distinct == 1
    nothing = numgd.minimize_multistart(fun, np.array([[-1.0], [-3.0]]))
    assert not nothing.success and np.isnan(nothing.fun)
    assert nothing.status == Status.NOT_FINITE and nothing.distinct == 0
    by_scipy = numgd.minimize_multistart(fun, np.array([[-1.0], [4.0]]), method="nelder-mead")
    assert by_scipy.fun == pytest.approx(2.0) and by_scipy.all.success.tolist() == [False, True]
    assert not numgd.minimize_multistart(fun, np.array([[-1.0]]), method="nelder-mead").success


def test_the_best_point_seen_where_all_fail(starts):
    result = numgd.minimize_multistart(six_hump_camel, starts, options={"maxiter": 1})
    assert not result.success and result.status == Status.MAXITER
    assert not result.all.success.any() and result.distinct == 0
    assert result.fun == result.all.fun.min()
    assert np.array_equal(result.x, result.all.x[result.all.fun.argmin()])


def test_a_minimum_is_better_than_a_lower_point_that_is_none():
    result = numgd.minimize_multistart(lambda x: x[0] ** 3 - 3.0 * x[0], np.array([[-9.0], [0.0], [5.0]]))
    assert result.all.success.tolist() == [False, True, True]
    assert result.all.fun[0] < result.fun == pytest.approx(-2.0)
    np.testing.assert_allclose(result.x, [1.0], atol=1e-5)


@pytest.mark.parametrize("bounds", [None, [(-9.0, 9.0)]])
def test_an_exception_reaches_the_caller(bounds):
    @njit
    def fun(x, limit):
        if x[0] > limit[0]:
            raise ValueError("too large")
        return (x[0] + 1.0) ** 2

    with pytest.raises(ValueError, match="too large"):
        numgd.minimize_multistart(fun, np.array([[1.0], [5.0], [2.0]]), (np.array([3.0]),), bounds=bounds)


@pytest.mark.parametrize("holder", [None, [1]])  # compiled, called back
def test_warnings_come_once(starts, holder):
    def fun(x):
        return six_hump_camel(x) if holder is None else holder[0] * six_hump_camel(x)

    hess = lambda x: np.eye(2)  # noqa: E731
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        numgd.minimize_multistart(
            fun, starts[:4], method="cg", hess=hess, bounds=CAMEL_BOX, options={"maxls": 30, "eta": 0.1}
        )
    assert sorted(str(warning.message) for warning in caught) == [
        "Unknown solver options: eta",
        "method 'cg' takes no bounds; 'l-bfgs-b' is used instead",
        "method 'cg' uses no Hessian",
    ]
    with pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: nonsense") as caught:
        numgd.minimize_multistart(fun, starts[:4], options={"nonsense": 1})
    assert len(caught) == 1


# Bad input ------------------------------------------------------------------------------------------


def unreachable(x):
    raise AssertionError("evaluated")


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"fun": 3, "X0": [[1.0]]}, TypeError, "fun must be callable"),
        ({"X0": [1.0, 2.0]}, ValueError, r"X0 must have shape \(N, n\)"),
        ({"X0": np.empty((0, 2))}, ValueError, "X0 must hold at least one starting point"),
        ({"X0": [["a"]]}, TypeError, "X0 must be an array of real numbers"),
        ({"X0": [[1.0, 2.0], [np.nan, 0.0]]}, ValueError, "X0 must be finite; row 1 holds NaN or inf"),
        ({}, ValueError, "bounds must be given, and finite, where X0 is not"),
        ({"bounds": [(None, None)]}, ValueError, "bounds must be given, and finite, where X0 is not"),
        ({"bounds": [(0, 1), (0, None)]}, ValueError, r"for x\[1\] they are 0 and inf"),
        ({"bounds": [(0, 1), (2, 1)]}, ValueError, r"upper bound is less .* For x\[1\] they are 1 and 2"),
        ({"bounds": [0, 1]}, ValueError, "bounds must be a scipy.optimize.Bounds or a sequence"),
        ({"bounds": [(0, np.nan)]}, ValueError, "bounds must not be NaN"),
        ({"X0": [[1.0, 2.0]], "bounds": [(0, 1)] * 3}, ValueError, "3 bounds for 2 variables"),
        ({"bounds": [(0, 1)], "n_starts": 0}, ValueError, "n_starts must be at least 1; it is 0"),
        ({"bounds": [(0, 1)], "n_starts": 2.0}, TypeError, "n_starts must be an integer; it is 2.0"),
        ({"bounds": [(0, 1)], "seed": -1}, ValueError, "seed must be a non-negative integer.*it is -1"),
        ({"bounds": [(0, 1)], "seed": "a"}, TypeError, "seed must be a non-negative integer.*it is 'a'"),
        ({"bounds": [(0, 1)], "sampling": "halton"}, ValueError, "sampling must be 'sobol' or 'uniform'"),
        ({"bounds": [(0, 1)], "sampling": ["sobol"]}, ValueError, "sampling must be"),
        ({"bounds": [(0, 1)] * 30_000}, ValueError, "sampling 'sobol' has 21201 dimensions at most"),
        ({"bounds": [(0, 1)], "method": "bgfs"}, ValueError, "unknown method 'bgfs'"),
        ({"bounds": [(0, 1)], "jac": "4-point"}, ValueError, "jac must be a callable"),
        ({"bounds": [(0, 1)], "tol": -1.0}, ValueError, "tol must be at least 0"),
        ({"bounds": [(0, 1)], "options": {"gtol": "x"}}, TypeError, "gtol"),
        ({"bounds": [(0, 1)], "options": "gtol"}, TypeError, "options must be a dictionary"),
    ],
)
def test_bad_input(arguments, error, match):
    with pytest.raises(error, match=match):
        numgd.minimize_multistart(**{"fun": unreachable, **arguments})
