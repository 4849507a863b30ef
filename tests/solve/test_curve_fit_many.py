"""`curve_fit_many` and `least_squares_many` against single fits and SciPy."""

import threading
import time

import numba
import numpy as np
import pytest
from numba import njit
from scipy import optimize

import numgd
from numgd.sums_of_squares.evaluator import FitStatus

T = np.linspace(0.0, 3.0, 12)


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


def plane(xy, a, b, c):
    return a * xy[0] + b * xy[1] ** 2 + c


def problems(count, seed=0, noise=0.02):
    rng = np.random.default_rng(seed)
    parameters = np.column_stack([rng.uniform(low, high, count) for low, high in ((1, 3), (0.5, 2), (0, 1))])
    Y = np.array([decay(T, *row) for row in parameters])
    return parameters, Y + noise * rng.normal(size=Y.shape)


def assert_equals_single_fits(fits, f, X, Y, rows, **given):
    """Each row has the bits of `curve_fit` on the points that are finite."""
    for row in rows:
        own = {k: v[row] if np.ndim(v) == 2 else v for k, v in given.items() if k != "bounds"}
        x, y = X[row] if isinstance(X, list) else X, Y[row]
        bounds = given.get("bounds")
        if bounds is not None:
            own["bounds"] = tuple(side[row] if np.ndim(side) == 2 else side for side in bounds)
        popt, pcov = numgd.curve_fit(f, x, y, nan_policy="omit", **own)
        assert np.array_equal(popt, fits.popt[row]), row
        assert np.array_equal(pcov, fits.pcov[row]), row
        assert np.array_equal(np.sqrt(np.diag(pcov)), fits.perr[row])


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_rows_have_the_bits_of_single_fits(method):
    _, Y = problems(40)
    before = Y.copy()
    fits = numgd.curve_fit_many(decay, T, Y, [1.0, 1.0, 0.0], method=method)
    assert fits.success.all() and (fits.points == T.size).all()
    assert_equals_single_fits(fits, decay, T, Y, (0, 13, 39), p0=[1.0, 1.0, 0.0], method=method)
    assert np.array_equal(Y, before)
    for row in (0, 39):
        popt, pcov = optimize.curve_fit(decay, T, Y[row], [1.0, 1.0, 0.0])
        np.testing.assert_allclose(fits.popt[row], popt, rtol=1e-5)
        np.testing.assert_allclose(fits.pcov[row], pcov, rtol=1e-4)
    residuals = np.array([decay(T, *p) for p in fits.popt]) - Y
    np.testing.assert_allclose(fits.chi2, (residuals**2).sum(axis=1), rtol=1e-10)


def test_starts_bounds_and_deviations_of_each_fit():
    parameters, Y = problems(30)
    rng = np.random.default_rng(1)
    starts = parameters * rng.uniform(0.8, 1.2, parameters.shape)
    sigma = rng.uniform(0.5, 2.0, Y.shape)
    bounds = (0.5 * parameters, np.full(3, 4.0))
    fits = numgd.curve_fit_many(decay, T, Y, starts, sigma, True, bounds)
    assert fits.success.all()
    given = {"p0": starts, "sigma": sigma, "absolute_sigma": True, "bounds": bounds}
    assert_equals_single_fits(fits, decay, T, Y, (0, 7, 29), **given)
    residuals = (np.array([decay(T, *p) for p in fits.popt]) - Y) / sigma
    np.testing.assert_allclose(fits.chi2, (residuals**2).sum(axis=1), rtol=1e-10)
    shared = numgd.curve_fit_many(decay, T, Y, starts, sigma[0])
    assert_equals_single_fits(shared, decay, T, Y, (0, 29), p0=starts, sigma=sigma[0])


def test_gaps_and_masks():
    _, Y = problems(30)
    rng = np.random.default_rng(2)
    missing = rng.random(Y.shape) < 0.2
    missing[0], missing[3], missing[4, 2:] = False, True, True
    gaps = np.where(missing, np.nan, Y)
    sigma = rng.uniform(0.5, 2.0, Y.shape)
    fits = numgd.curve_fit_many(decay, T, gaps, [1.0, 1.0, 0.0], np.where(missing, np.nan, sigma))
    assert np.array_equal(fits.points, (~missing).sum(axis=1))
    assert fits.status[3] == fits.status[4] == FitStatus.TOO_FEW
    assert not fits.success[[3, 4]].any() and np.isinf(fits.pcov[[3, 4]]).all()
    rows = [0, 1, 2, 5, 29]
    assert fits.success[rows].all()
    for row in rows:
        own = numgd.curve_fit(decay, T[~missing[row]], Y[row][~missing[row]], [1.0, 1.0, 0.0],
                              sigma[row][~missing[row]])  # fmt: skip
        assert np.array_equal(own[0], fits.popt[row]) and np.array_equal(own[1], fits.pcov[row])
    masked = numgd.curve_fit_many(decay, T, Y, [1.0, 1.0, 0.0], sigma, mask=~missing)
    for ours, theirs in zip(fits, masked, strict=True):
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_an_x_for_each_fit_and_x_of_several_parts():
    parameters, _ = problems(20)
    rng = np.random.default_rng(3)
    X = rng.uniform(0, 3, (20, 9))
    X[5, 4] = np.nan
    Y = np.array([decay(x, *p) for x, p in zip(X, parameters, strict=True)])
    fits = numgd.curve_fit_many(decay, X, Y, x_per_fit=True)
    assert fits.success.all() and fits.points[5] == 8
    np.testing.assert_allclose(fits.popt, parameters, atol=1e-6)
    grid = rng.normal(size=(2, 15))
    Z = np.array([plane(grid, *p) for p in parameters]) + 0.1 * rng.normal(size=(20, 15))
    Z[2, 3] = np.nan
    shared = numgd.curve_fit_many(plane, grid, Z)
    each = numgd.curve_fit_many(plane, np.tile(grid, (20, 1, 1)), Z, x_per_fit=True)
    assert np.array_equal(shared.popt, each.popt) and np.array_equal(shared.pcov, each.pcov)
    assert_equals_single_fits(shared, plane, grid, Z, (0, 2, 19))


def test_same_bits_for_any_threads_chunks_and_kinds_of_data(tmp_path):
    _, Y = problems(50)
    Y = np.round(Y, 3).astype(np.float32)
    threads = numba.get_num_threads()
    whole = numgd.curve_fit_many(decay, T, Y.astype(float))
    try:
        numba.set_num_threads(1)
        single = numgd.curve_fit_many(decay, T, Y.astype(float))
    finally:
        numba.set_num_threads(threads)
    np.save(tmp_path / "y.npy", Y)
    mapped = np.load(tmp_path / "y.npy", mmap_mode="r")
    popt = np.lib.format.open_memmap(tmp_path / "popt.npy", "w+", np.float64, (50, 3))
    chi2 = np.empty(50)
    chunked = numgd.curve_fit_many(decay, T, mapped, chunk_size=7, out={"popt": popt, "chi2": chi2})
    assert chunked.popt is popt and chunked.chi2 is chi2
    reversed_rows = numgd.curve_fit_many(decay, T, np.asfortranarray(Y))
    for other in (single, chunked, reversed_rows):
        for ours, theirs in zip(whole, other, strict=True):
            assert np.array_equal(ours, theirs)
    popt.flush()
    assert np.array_equal(np.load(tmp_path / "popt.npy"), whole.popt)


def test_a_model_that_is_called_back():
    def model(t, a, b, c):
        return np.array([float(str(a)) * np.exp(-b * s) + c for s in t])

    _, Y = problems(6)
    Y[1, 2] = np.nan
    Y[4, 1:] = np.nan
    with pytest.warns(RuntimeWarning, match="one after another"):
        fits = numgd.curve_fit_many(model, T, Y, bounds=([0, 0, 0], [9, 9, 9]), jac="2-point")
    compiled = numgd.curve_fit_many(decay, T, Y, bounds=([0, 0, 0], [9, 9, 9]), jac="2-point")
    assert np.array_equal(fits.status > 0, compiled.status > 0) and np.array_equal(
        fits.points, compiled.points
    )
    np.testing.assert_allclose(fits.popt[fits.success], compiled.popt[fits.success], rtol=1e-6)
    np.testing.assert_allclose(fits.perr[fits.success], compiled.perr[fits.success], rtol=1e-4)


def test_an_interrupt_of_what_is_called_back_keeps_what_is_done():
    calls = []  # mutable: what refers to it is not compiled

    def residuals_until(x, y):
        calls.append(1)
        if len(calls) > 40:
            raise KeyboardInterrupt
        return x - y

    def model_until(t, a, b):
        calls.append(1)
        if len(calls) > 40:
            raise KeyboardInterrupt
        return a + b * t

    Y = np.outer(np.arange(30.0), np.ones(3)) + T[:3]
    with pytest.warns(RuntimeWarning, match="interrupted"):
        fits = numgd.curve_fit_many(model_until, T[:3], Y, jac="2-point")
    calls.clear()
    with pytest.warns(RuntimeWarning, match="interrupted"):
        sums = numgd.least_squares_many(residuals_until, np.zeros((30, 3)), "2-point", args=(Y,))
    for found in (fits, sums):
        done = np.count_nonzero(found.success)
        assert 0 < done < 30 and found.success[:done].all()
        assert (found.status[done:] == FitStatus.INTERRUPTED).all()
    np.testing.assert_allclose(sums.x[sums.success], Y[sums.success], atol=1e-6)


def test_one_failing_fit_does_not_stop_the_others():
    _, Y = problems(8)
    Y[2, 0] = np.inf
    fits = numgd.curve_fit_many(decay, T, Y, maxfev=400)
    assert fits.status[2] == FitStatus.NOT_FINITE_AT_START and np.isnan(fits.chi2[2])
    assert np.isinf(fits.perr[2]).all() and np.delete(fits.success, 2).all()
    short = numgd.curve_fit_many(decay, T, Y[:2], maxfev=2)
    assert (short.status == FitStatus.MAX_NFEV).all() and np.isinf(short.pcov).all()
    text = repr(fits)
    assert "7 of 8 fits were solved" in text and "NOT_FINITE_AT_START: 1" in text
    none = numgd.curve_fit_many(decay, T, np.empty((0, T.size)))
    assert none.popt.shape == (0, 3) and none.pcov.shape == (0, 3, 3)
    assert numgd.curve_fit_many(decay, T, Y[:1], covariance=False).pcov.shape == (0, 3, 3)


def test_an_exception_reaches_the_caller():
    @njit
    def model(t, a, b, c):
        if t[0] > 5.0:
            raise ValueError("t must not exceed 5")
        return a * np.exp(-b * t) + c

    _, Y = problems(4)
    X = np.tile(T, (4, 1))
    X[2] += 6.0
    with pytest.raises(ValueError, match="t must not exceed 5"):
        numgd.curve_fit_many(model, X, Y, x_per_fit=True)


def slow(t, a, b, c):
    total = 0.0
    for i in range(200_000):
        total += np.sin(a * i)
    return a * np.exp(-b * t) + c + 1e-30 * total


def test_limits_and_interrupts():
    _, Y = problems(400)
    numgd.curve_fit_many(slow, T, Y[:1], jac="2-point", maxfev=8)
    fits = numgd.curve_fit_many(slow, T, Y, jac="2-point", time_limit=0.3)
    late = fits.status == FitStatus.TIME_LIMIT
    assert 0 < late.sum() < 400 and np.isnan(fits.chi2[-1]) and (fits.popt[-1] == 1.0).all()

    import _thread

    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    with pytest.warns(RuntimeWarning, match="interrupted"):
        fits = numgd.curve_fit_many(slow, T, Y, jac="2-point")
    assert time.perf_counter() - start < 3.0
    assert 0 < (fits.status == FitStatus.INTERRUPTED).sum() < 400 and fits.success.any()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"f": 3}, TypeError, "f must be callable"),
        ({"ydata": np.ones(12)}, ValueError, r"ydata must have shape \(N, m\)"),
        ({"ydata": np.ones((3, 12), complex)}, TypeError, "ydata must be real numbers"),
        ({"xdata": np.ones(11)}, ValueError, r"xdata must have shape \(12\) or \(k, 12\)"),
        ({"xdata": np.ones((3, 2, 12))}, ValueError, "x_per_fit=True"),
        ({"xdata": np.ones((4, 12)), "x_per_fit": True}, ValueError, r"xdata must have shape \(3, 12\)"),
        ({"p0": np.ones((4, 3))}, ValueError, r"p0 must have shape \(n,\) or \(3, n\)"),
        ({"p0": [[1.0, 1, 1], [1, np.nan, 1], [1, 1, 1]]}, ValueError, r"p0\[1\] must be finite"),
        ({"sigma": np.ones(3)}, ValueError, "sigma must have shape"),
        ({"sigma": np.zeros(12)}, ValueError, r"sigma\[0\] is 0"),
        ({"mask": np.ones((3, 12))}, ValueError, "mask must be booleans"),
        ({"bounds": (np.zeros((3, 3)), [[1.0] * 3, [1, -1, 1], [1] * 3])}, ValueError, "for fit 1 they are"),
        ({"bounds": ([2.0] * 3, [3.0] * 3), "p0": [1.0] * 3}, ValueError, r"p0\[0\] is infeasible"),
        ({"bounds": (0, 1), "method": "lm"}, ValueError, "takes no bounds"),
        ({"out": {"x": np.ones(3)}}, ValueError, "there is no result 'x'"),
        ({"out": {"popt": np.ones((3, 2))}}, ValueError, r"out\['popt'\] must have shape \(3, 3\)"),
        ({"out": {"popt": np.ones((3, 3), int)}}, TypeError, "must be a float64 array"),
        ({"chunk_size": 0}, ValueError, "chunk_size"),
        ({"callback": print}, TypeError, "callback"),
        ({"method": "trf", "loss": abs}, ValueError, "loss must be a string"),
        ({"xdata": T[:2], "ydata": np.ones((3, 2))}, TypeError, "must not exceed the number of data points"),
    ],
)
def test_bad_input(change, error, match):
    given = {"f": decay, "xdata": T, "ydata": np.ones((3, 12))} | change
    with pytest.raises(error, match=match):
        numgd.curve_fit_many(**given)


def residuals(x, t, y):
    return x[0] * np.exp(-x[1] * t) + x[2] - y


@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_sums_of_squares_have_the_bits_of_single_ones(loss):
    parameters, Y = problems(30)
    given = {"loss": loss, "f_scale": 0.1}
    box = (np.zeros((30, 3)), 2.0 * parameters + 2.0)
    many = numgd.least_squares_many(residuals, np.ones((30, 3)), bounds=box, args=(T, Y), shared="t", **given)
    for row in (0, 11, 29):
        own_box = (box[0][row], box[1][row])
        one = numgd.least_squares(residuals, np.ones(3), bounds=own_box, args=(T, Y[row]), **given)
        assert np.array_equal(many.x[row], one.x) and many.cost[row] == one.cost
        assert np.array_equal(many.grad[row], one.grad) and many.optimality[row] == one.optimality
        counts = (many.nfev[row], many.njev[row], many.status[row], many.success[row])
        assert counts == (one.nfev, one.njev, one.status, one.success)
        theirs = optimize.least_squares(residuals, np.ones(3), bounds=own_box, args=(T, Y[row]), **given)
        np.testing.assert_allclose(one.x, theirs.x, rtol=1e-4)
    chunked = numgd.least_squares_many(
        residuals, np.ones((30, 3)), bounds=box, args=(T, Y), shared="t", chunk_size=4, **given
    )
    assert np.array_equal(chunked.x, many.x)


def test_sums_of_squares_without_args_that_vary():
    result = numgd.least_squares_many(
        lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), np.zeros((3, 2))
    )
    np.testing.assert_allclose(result.x, 1.0)
    scale = np.array([2.0, 3.0])
    starts = np.arange(6.0).reshape(3, 2)
    shared = numgd.least_squares_many(lambda x, s: s * (x - 1), starts, args=(scale,), shared=[0])
    np.testing.assert_allclose(shared.x, 1.0)
    with pytest.raises(ValueError, match=r"X0\[2\] must be finite"):
        numgd.least_squares_many(
            residuals, [[1, 1, 1], [1, 1, 1], [1, np.nan, 1]], args=(T, np.ones((3, 12))), shared="t"
        )
