"""Many small problems: `minimize_many`, and least-squares fits, on the device as on the host."""

import math

import numpy as np
import pytest
from on_device import DTYPES, SIMULATED, sizes

import numgd
from numgd import sums_of_squares
from numgd.foundations.records import records_of
from numgd.jit.portable import portable
from numgd.kernels.cuda import target
from numgd.kernels.cuda.solvers import least_squares_many, many_problems, objectives
from numgd.kernels.cuda.solvers.row_of_args import COLUMN, SHARED
from numgd.kernels.machines import on_device
from numgd.registry import METHODS
from numgd.solve._many_on_device import solve_on_device
from numgd.sums_of_squares.evaluator import FitOptions
from numgd.sums_of_squares.fit_method import FitMethod

FITS = records_of(sums_of_squares, FitMethod)


def rosenbrock(x, weight):
    return weight * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def misfit(x, y, t):
    total = 0.0
    for i in range(t.size):
        total += (x[0] + np.exp(x[1] * t[i]) - y[i]) ** 2
    return total


def slopes_of_rosenbrock(x, weight):
    t = x[1] - x[0] ** 2
    return -4.0 * weight * x[0] * t - 2.0 * (1.0 - x[0]), 2.0 * weight * t


def both_of_rosenbrock(x, weight):
    return rosenbrock(x, weight), slopes_of_rosenbrock(x, weight)


STARTS = np.array([[-1.2, 1.0], [0.0, 0.0], [2.0, 3.0]])
T = np.linspace(0.0, 1.0, 5)
Y = np.array([a + np.exp(b * T) for a, b in [(1.0, 2.0), (0.5, -1.0), (3.0, 0.1)]])


@pytest.fixture(autouse=True)
def few_threads(monkeypatch):
    """Two threads for three problems, so that one of them takes another."""
    monkeypatch.setattr(many_problems, "MOST_LANES", sizes(2, 32))
    monkeypatch.setattr(target, "THREADS", sizes(2, 32))


def same(found, expected, tolerance=1e-6, counts=True):
    """Whether results agree: values, and with `counts` every step of the way."""
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_array_equal(found.success, expected.success)
    np.testing.assert_allclose(found.x, expected.x, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.fun, expected.fun, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.jac, expected.jac, rtol=1e-4, atol=1e-4)
    if counts and SIMULATED:
        np.testing.assert_array_equal(found.nit, expected.nit)
        np.testing.assert_array_equal(found.nfev, expected.nfev)


@pytest.mark.parametrize("method", ["bfgs", "owl-qn", "fista"])
def test_data_that_vary_and_data_that_are_shared(method):
    arguments = (misfit, np.zeros((3, 2)), (Y, T), method)
    found = numgd.minimize_many(*arguments, shared=["t"], device="cuda")
    same(found, numgd.minimize_many(*arguments, shared=["t"]))
    assert isinstance(found.x, np.ndarray)


def test_results_stay_where_the_starts_are(device):
    starts = device.put(STARTS)
    weights = np.array([100.0, 10.0, 1.0])
    found = numgd.minimize_many(rosenbrock, starts, device.put(weights))
    expected = numgd.minimize_many(rosenbrock, STARTS, weights)
    for name, array in found._asdict().items():
        assert on_device(array), name
    assert "3 of 3 problems were solved" in repr(found)
    same(numgd.ManyResult(*(array.copy_to_host() for array in found)), expected)
    np.testing.assert_array_equal(starts.copy_to_host(), STARTS)  # not overwritten


@pytest.mark.parametrize(
    ("function", "jac"),
    [(rosenbrock, slopes_of_rosenbrock), (both_of_rosenbrock, True), (rosenbrock, "3-point")],
    ids=["jac", "both", "differences"],
)
def test_gradients_that_are_given(function, jac):
    found = numgd.minimize_many(function, STARTS[:2], (5.0,), jac=jac, device="cuda")
    assert found.success.all()
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    assert (found.njev == (0 if jac == "3-point" else found.nfev)).all()


def test_float32_stays_float32():
    found = numgd.minimize_many(rosenbrock, STARTS[1:].astype(np.float32), 4.0, device="cuda")
    assert found.x.dtype == found.fun.dtype == found.jac.dtype == np.float32
    np.testing.assert_allclose(found.x, 1.0, atol=2e-2)


def halving(x):
    """Takes as many turns of its loop as x is large."""
    y = x[0]
    while y > 1.0:
        y = 0.5 * y * math.cos(0.1 * y)
    return (x[0] - 1.0) ** 2 + 0.1 * y


def test_a_tape_that_is_too_short_for_some_problem_grows():
    starts = np.array([[0.3], [40.0]])
    objective = objectives.by_source(halving, starts[0], ())
    assert objectives.tape_at(objective, starts[0], ()) < objectives.tape_at(objective, starts[1], ())
    options = {"maxiter": 3}
    found = numgd.minimize_many(halving, starts, method="gd", options=options, device="cuda")
    same(found, numgd.minimize_many(halving, starts, method="gd", options=options))


def test_a_start_that_is_not_finite_spoils_its_own_row_alone():
    starts = np.array([[np.nan, 0.0], [0.0, 0.0]])
    found = numgd.minimize_many(rosenbrock, starts[::-1], 5.0, device="cuda")
    assert found.status[1] == numgd.Status.INVALID_INPUT
    assert np.isnan(found.fun[1])
    assert found.success.tolist() == [True, False]


def test_no_problems(device):
    found = numgd.minimize_many(rosenbrock, np.empty((0, 2)), 5.0, device="cuda")
    assert [array.shape for array in found] == [(0, 2), (0,), (0, 2), *[(0,)] * 7]


@pytest.mark.parametrize("method", ["l-bfgs-b", "owl-qn", "fista"])
def test_bounds(method):
    box = np.array([[-2.0, -2.0], [0.5, 3.0]])
    fields = solve_on_device(rosenbrock, None, STARTS[:2], (5.0,), METHODS[method], None, None, False, box)
    found = numgd.ManyResult(*fields)
    for row, start in enumerate(STARTS[:2]):
        expected = numgd.minimize(rosenbrock, start, (5.0,), method, bounds=list(zip(*box, strict=True)))
        assert found.status[row] == expected.status
        np.testing.assert_allclose(found.x[row], expected.x, rtol=1e-6, atol=1e-6)
        assert found.x[row, 0] == 0.5
        if SIMULATED:
            assert (found.nit[row], found.nfev[row]) == (expected.nit, expected.nfev)


def test_l1_gives_exact_zeros():
    options = {"l1": 3.0}
    for method in ("owl-qn", "fista"):
        found = numgd.minimize_many(rosenbrock, STARTS[:2], 0.1, method, options=options, device="cuda")
        same(found, numgd.minimize_many(rosenbrock, STARTS[:2], 0.1, method, options=options))
        assert (found.x[:, 1] == 0).all()


# What is refused --------------------------------------------------------------------------------------------


def whole_arrays(x):
    return np.sum(x**2)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"fun": whole_arrays}, TypeError, "whole_arrays cannot run on the device.*whole arrays"),
        ({"method": "trust-krylov"}, ValueError, "'trust-krylov' does not run on the device"),
        ({"hess": lambda x, a: x}, ValueError, "hess and hessp are not used on the device"),
        ({"time_limit": 1.0}, ValueError, "time_limit"),
        ({"progress": True}, ValueError, "progress"),
        ({"options": {"eps": 1e-3}}, ValueError, "option 'eps'"),
        ({"jac": "cs"}, ValueError, "jac='cs' does not run on the device"),
        ({"device": "gpu"}, ValueError, "device must be 'cuda' or None; it is 'gpu'"),
        ({"X0": np.zeros(3)}, ValueError, "X0 must have shape"),
        ({"args": ("word",)}, TypeError, r"args\[0\] must be a real number"),
        ({"args": (np.zeros(2),)}, ValueError, r"args\[0\] must have one entry for each of the 3 rows"),
    ],
    ids=str,
)
def test_refused(changed, error, message):
    given = {"fun": rosenbrock, "X0": STARTS, "args": (5.0,), "device": "cuda", **changed}
    if given["fun"] is whole_arrays:
        given["args"] = ()
    with pytest.raises(error, match=message):
        numgd.minimize_many(**given)


def test_args_on_the_device_with_starts_in_the_hosts_memory(device):
    with pytest.raises(ValueError, match=r"args\[0\] lives on a GPU, and X0 does not"):
        numgd.minimize_many(rosenbrock, STARTS, device.put(np.ones(3)))


def test_starts_of_another_dtype(device):
    with pytest.raises(TypeError, match="X0 must be float32 or float64 on the device; its dtype is int64"):
        numgd.minimize_many(rosenbrock, device.put(np.ones((2, 2), np.int64)), 5.0)


# Fits -------------------------------------------------------------------------------------------------------


@portable
def decay(x, g, i, t, y):
    """Residual i of a x₀ exp(−x₁ t) + x₂."""
    real = x.dtype.type
    e = math.exp(-x[1] * t[i])
    g[0], g[1], g[2] = e, -x[0] * t[i] * e, real(1)
    return x[0] * e + x[2] - y[i]


TIMES = np.linspace(0.0, 3.0, 7)
TRUE = np.array([[2.0, 1.5, 0.3], [1.0, 0.7, -0.2], [3.0, 2.5, 0.0]])
NOISE = 0.01 * np.random.default_rng(5).normal(size=(3, TIMES.size))
DATA = TRUE[:, :1] * np.exp(-TRUE[:, 1:2] * TIMES) + TRUE[:, 2:] + NOISE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FITS)
def test_fits(device, name, dtype):
    method = FITS[name]
    bounded = method.bounded
    limits = np.array([[0.0, 0.0, -0.1], [9.0, 9.0, 1.0]]) if bounded else np.array([[-np.inf]] * 2)
    box = np.broadcast_to(limits, (2, 3)).astype(dtype)
    count, n, m = 3, 3, TIMES.size
    starts = np.ones((count, n), dtype)
    X, G = device.put(starts), device.empty((count, n), dtype)
    cost, counts = device.empty((count,), dtype), device.empty((count, 4), np.int64)
    tolerance = 1e-8 if dtype == np.float64 else 1e-4
    options = FitOptions(ftol=tolerance, xtol=tolerance, gtol=tolerance, adaptive=method.minpack)
    many = least_squares_many
    many.fit_many(method, decay)(
        X, G, device.put(np.ones(n, dtype)), many.scratch_fits(count, n, m, dtype),
        many.options_in(options, dtype), (device.put(TIMES.astype(dtype)), device.put(DATA.T.astype(dtype))),
        device.put(box), cost, counts, (SHARED, COLUMN),
    )  # fmt: skip
    for row in range(count):
        y = DATA[row]
        expected = numgd.least_squares(
            lambda x, y=y: x[0] * np.exp(-x[1] * TIMES) + x[2] - y, np.ones(n), method=name,
            **({"bounds": tuple(limits)} if bounded else {}),
        )  # fmt: skip
        status, nit, nfev, njev = counts.copy_to_host()[row]
        assert status > 0
        assert 0 < nit <= njev <= nfev < 30
        close = 1e-5 if dtype == np.float64 else 1e-2
        np.testing.assert_allclose(X.copy_to_host()[row], expected.x, rtol=close, atol=close)
        np.testing.assert_allclose(cost.copy_to_host()[row], expected.cost, rtol=10 * close, atol=close**2)


def test_a_fit_whose_residuals_are_not_finite_says_so(device):
    data = DATA.copy()
    data[0, 2] = np.nan
    X, G = device.put(np.ones((2, 3))), device.empty((2, 3), np.float64)
    cost, counts = device.empty((2,), np.float64), device.empty((2, 4), np.int64)
    box = np.array([[-np.inf] * 3, [np.inf] * 3])
    many = least_squares_many
    many.fit_many(FITS["lm"], decay)(
        X, G, device.put(np.ones(3)), many.scratch_fits(2, 3, TIMES.size, np.float64), FitOptions(),
        (device.put(TIMES), device.put(data.T[:, :2])), device.put(box), cost, counts, (SHARED, COLUMN),
    )  # fmt: skip
    status = counts.copy_to_host()[:, 0]
    assert status[0] == -1
    assert status[1] > 0
    np.testing.assert_array_equal(X.copy_to_host()[0], 1.0)
