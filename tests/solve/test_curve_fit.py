"""`curve_fit` against SciPy's and certified regressions."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit, prange
from residual_problems import REGRESSIONS
from scipy import optimize

import numgd

X = np.linspace(0.0, 4.0, 50)
NOISE = 0.1 * np.random.default_rng(7).normal(size=50)
METHODS = ["lm", "trf", "dogbox", "gn"]


@njit(cache=True)
def decay(x, a, b, c):
    return a * np.exp(-b * x) + c


@njit(cache=True)
def decay_jacobian(x, a, b, c):
    J = np.ones((x.size, 3))
    J[:, 0] = np.exp(-b * x)
    J[:, 1] = -a * x * J[:, 0]
    return J


Y = decay(X, 2.5, 1.3, 0.5) + NOISE
SIGMA = np.linspace(0.05, 0.2, 50)
COVARIANCE = 0.01 * np.exp(-np.abs(X[:, None] - X) / 0.1)


def same(ours, theirs, covariance=1e-4):
    """Whether parameters and covariance agree as far as the tolerances of both let them."""
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=covariance)


# Against SciPy and certified values ------------------------------------------------------------------------


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda regression: regression.name)
@pytest.mark.parametrize(("method", "options"), [("lm", {"maxfev": 5000}), ("trf", {"x_scale": "jac"})])
def test_certified_regressions(regression, method, options):
    popt, pcov, details, _, ier = numgd.curve_fit(
        regression.model, regression.x, regression.y, regression.starts[1], method=method, ftol=1e-14,
        xtol=1e-14, full_output=True, **options,
    )  # fmt: skip
    assert ier in (1, 2, 3, 4)
    # Certified to eleven digits; the differences of 'trf' have absolute steps for small parameters.
    np.testing.assert_allclose(popt, regression.parameters, rtol=5e-7 if method == "lm" else 2e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(pcov)), regression.deviations, rtol=1e-4)
    assert np.isclose((details["fvec"] ** 2).sum(), regression.sum_of_squares, rtol=1e-9)


@pytest.mark.parametrize("regression", [r for r in REGRESSIONS if r.name != "BoxBOD"], ids=lambda r: r.name)
def test_certified_regressions_from_afar(regression):
    data = regression.model, regression.x, regression.y
    popt, pcov = numgd.curve_fit(*data, regression.starts[0], maxfev=9999)
    np.testing.assert_allclose(popt, regression.parameters, rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(pcov)), regression.deviations, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"p0": [2.0, 1.0, 1.0]},
        {"sigma": SIGMA},
        {"sigma": SIGMA, "absolute_sigma": True},
        {"sigma": COVARIANCE, "absolute_sigma": True},
        {"sigma": COVARIANCE, "jac": decay_jacobian},
        {"sigma": 0.1, "absolute_sigma": True},
        {"sigma": SIGMA, "jac": decay_jacobian},
        {"jac": decay_jacobian, "absolute_sigma": True},
    ],
    ids=lambda options: " ".join(options),
)
def test_like_scipy(method, options):
    ours = numgd.curve_fit(decay, X, Y, method=method, **options)
    same(ours, optimize.curve_fit(decay, X, Y, method="lm" if method == "gn" else method, **options))


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs"])
@pytest.mark.parametrize("sigma", [None, SIGMA, COVARIANCE])
def test_differences(jac, sigma):
    exact = numgd.curve_fit(decay, X, Y, sigma=sigma, jac=decay_jacobian)
    same(numgd.curve_fit(decay, X, Y, sigma=sigma, jac=jac), exact, 1e-6)


@pytest.mark.parametrize("method", [None, "trf", "dogbox"])
@pytest.mark.parametrize(
    "bounds",
    [
        ([0.0, 0.0, 0.0], [3.0, 2.0, 1.0]),
        (0.0, [2.0, np.inf, np.inf]),
        ([-np.inf, 1.5, -np.inf], np.inf),
        optimize.Bounds([0.0, 0.0, 0.6], [5.0, 5.0, 5.0]),
    ],
)
def test_bounds(method, bounds):
    ours = numgd.curve_fit(decay, X, Y, bounds=bounds, method=method)
    theirs = optimize.curve_fit(decay, X, Y, bounds=bounds, method=method)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-8)


def test_starting_values_inside_the_bounds_are_scipys():
    seen = []

    def record(x, a, b, c):
        seen.append((a, b, c))
        return a * x**2 + b * x + c

    for lower, upper in (([1.0, -np.inf, 0.0], [3.0, -2.0, np.inf]), ([-1.0] * 3, [np.inf] * 3)):
        firsts = []
        for fit in (numgd.curve_fit, optimize.curve_fit):
            seen.clear()
            fit(record, X, Y, bounds=(lower, upper))
            firsts.append(seen[0])
        assert firsts[0] == firsts[1]


def test_full_output_like_scipy():
    ours = numgd.curve_fit(decay, X, Y, full_output=True, jac="2-point")
    theirs = optimize.curve_fit(decay, X, Y, full_output=True)
    assert ours[2].pop("derivatives") == {"jac": "2-point"}
    same(ours[:2], theirs[:2])
    assert set(ours[2]) == set(theirs[2]) and isinstance(ours[3], str) and ours[4] == theirs[4] == 1
    details, peer = ours[2], theirs[2]
    assert abs(details["nfev"] - peer["nfev"]) <= 4
    np.testing.assert_allclose(details["fvec"], peer["fvec"], atol=1e-6)
    counted_from_one = peer["ipvt"].min() == 1  # before SciPy 1.17
    assert np.array_equal(details["ipvt"], peer["ipvt"] - counted_from_one)
    assert details["fjac"].shape == peer["fjac"].shape == (3, 50)
    np.testing.assert_allclose(np.tril(details["fjac"][:, :3]), np.tril(peer["fjac"][:, :3]), atol=1e-3)
    assert details["qtf"].shape == (3,)
    R = np.tril(details["fjac"][:, :3]).T
    J = decay_jacobian(X, *ours[0])[:, details["ipvt"]]
    np.testing.assert_allclose(R.T @ R, J.T @ J, atol=1e-4)
    _, _, details, message, ier = numgd.curve_fit(decay, X, Y, full_output=True, method="trf", jac="2-point")
    details.pop("derivatives")
    peer = optimize.curve_fit(decay, X, Y, full_output=True, method="trf")
    assert (set(details), details["nfev"], message, ier) == (set(peer[2]), peer[2]["nfev"], peer[3], peer[4])


def test_every_call_is_counted():
    calls = [0]

    def counted(x, a, b, c):
        calls[0] += 1
        return a * np.exp(-b * x) + c

    _, _, details, _, _ = numgd.curve_fit(counted, X, Y, full_output=True)
    assert details["nfev"] == calls[0]


# Models of every kind -----------------------------------------------------------------------------------


def test_models_of_every_kind():
    offset = [0.0]  # mutable: called back
    expected = numgd.curve_fit(decay, X, Y)
    for model in (
        lambda x, a, b, c: a * np.exp(-b * x) + c,
        lambda x, a, b, c: a * np.exp(-b * x) + c + offset[0],
        lambda x, a, b, c=1.0: (a * np.exp(-b * x) + c).astype(np.float32) * 1.0 + 0.0 * x,
    ):
        popt, pcov = numgd.curve_fit(model, X, Y, epsfcn=1e-6)
        np.testing.assert_allclose(popt, expected[0], rtol=1e-3)
        np.testing.assert_allclose(pcov, expected[1], rtol=0.05)

    class Model:
        def __call__(self, x, a, b, c):
            return a * np.exp(-b * x) + c

        def method(self, x, a, b, c):
            return self(x, a, b, c)

    for model in (Model(), Model().method):
        same(numgd.curve_fit(model, X, Y), expected)
        same(numgd.curve_fit(model, X, Y, sigma=COVARIANCE), numgd.curve_fit(decay, X, Y, sigma=COVARIANCE))
    slopes = lambda x, *p: decay_jacobian(x, *p) + offset[0]  # noqa: E731
    for sigma in (None, SIGMA, COVARIANCE):
        called_back = numgd.curve_fit(Model(), X, Y, sigma=sigma, jac=slopes)
        same(called_back, numgd.curve_fit(decay, X, Y, sigma=sigma, jac=decay_jacobian))


def test_a_constant_and_a_variable_number_of_parameters():
    popt, pcov = numgd.curve_fit(lambda x, a: a, X, Y)
    assert np.isclose(popt[0], Y.mean()) and np.isclose(pcov[0, 0], Y.var(ddof=1) / 50)

    def polynomial(x, *p):
        return p[0] + p[1] * x

    popt, _ = numgd.curve_fit(polynomial, X, Y, [1.0, 1.0])
    np.testing.assert_allclose(popt, np.polyfit(X, Y, 1)[::-1])
    with pytest.raises(ValueError, match="p0 must be given"):
        numgd.curve_fit(polynomial, X, Y)


def test_data_of_every_kind():
    plane = njit(lambda x, a, b: a * x[0] + b * x[1])
    grid = np.array([X, X**2])
    y = 2.0 * X - 3.0 * X**2
    for xdata in (grid, list(grid), tuple(grid), np.asfortranarray(grid), grid.astype(np.float32)):
        popt, _ = numgd.curve_fit(plane, xdata, list(y))
        np.testing.assert_allclose(popt, [2.0, -3.0], rtol=1e-5)
    whole = numgd.curve_fit(lambda x, a, b: a * x + b, np.arange(5), np.arange(5) * 2 + 1)
    np.testing.assert_allclose(whole[0], [2.0, 1.0])

    table = SimpleNamespace(grid=grid)
    popt, _ = numgd.curve_fit(lambda table, a, b: a * table.grid[0] + b * table.grid[1], table, y)
    np.testing.assert_allclose(popt, [2.0, -3.0])
    frozen = X.copy()
    frozen.setflags(write=False)
    same(numgd.curve_fit(decay, frozen, Y), numgd.curve_fit(decay, X, Y))


def test_robust_fit_like_scipy():
    y = Y.copy()
    y[::7] += 3.0
    options = {"method": "trf", "loss": "soft_l1", "f_scale": 0.1, "x_scale": [1.0, 2.0, 0.5]}
    ours, theirs = numgd.curve_fit(decay, X, y, **options), optimize.curve_fit(decay, X, y, **options)
    same(ours, theirs, 1e-3)


def test_options_of_lm():
    for options in (
        {"epsfcn": 1e-10},
        {"factor": 1.0},
        {"diag": [1.0, 2.0, 0.5]},
        {"ftol": 1e-4, "xtol": 1e-4},
    ):
        ours = numgd.curve_fit(decay, X, Y, full_output=True, jac="2-point", **options)
        theirs = optimize.curve_fit(decay, X, Y, full_output=True, **options)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4)
        assert abs(ours[2]["nfev"] - theirs[2]["nfev"]) <= 8


def test_what_numgd_leaves_to_scipy():
    for options in (
        {"method": "trf", "tr_solver": "lsmr"},
        {"method": "trf", "loss": lambda z: np.array([z, np.ones_like(z), np.zeros_like(z)])},
        {"jac": lambda x, a, b, c: decay_jacobian(x, a, b, c).T, "col_deriv": 1},
    ):
        ours, theirs = numgd.curve_fit(decay, X, Y, **options), optimize.curve_fit(decay, X, Y, **options)
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


# What goes wrong ----------------------------------------------------------------------------------------


def test_a_covariance_that_cannot_be_estimated():
    exact = X[:45:20], decay(X[:45:20], 2.4, 1.2, 0.6)
    for method in METHODS:
        with pytest.warns(
            optimize.OptimizeWarning, match="Covariance of the parameters could not be estimated"
        ):
            _, pcov = numgd.curve_fit(decay, *exact, [2.5, 1.3, 0.5], method=method)
        assert np.all(np.isinf(pcov))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numgd.curve_fit(decay, *exact, [2.5, 1.3, 0.5], sigma=SIGMA[:3], absolute_sigma=True)
    idle = njit(lambda x, a, b: a * x)
    with pytest.warns(optimize.OptimizeWarning):
        popt, pcov = numgd.curve_fit(idle, X, Y)
    assert np.all(np.isinf(pcov)) and popt[1] == 1.0
    _, pcov = numgd.curve_fit(idle, X, Y, method="trf")  # the pseudo-inverse
    np.testing.assert_allclose(pcov, optimize.curve_fit(idle, X, Y, method="trf")[1], rtol=1e-5)
    few = numgd.curve_fit(decay, X[:2], Y[:2], method="trf", absolute_sigma=True, sigma=SIGMA[:2])
    assert np.isfinite(few[1]).all()


@njit
def saturation(x, a, b):
    return a * (1.0 - np.exp(-b * x))


@njit
def bell(x, a, m, s, c):
    return a * np.exp(-((x - m) ** 2) / (2.0 * s * s)) + c


@njit
def fit_inside(model, x, y, p0):
    return numgd.curve_fit(model, x, y, p0)


AWAY = np.linspace(0.1, 5.0, 30)
LEVEL = 100.0 + 0.05 * np.cos(9.0 * AWAY)


@pytest.mark.parametrize("model, p0", [(saturation, [90.0, 300.0]), (bell, [1.0, 40.0, 2.0, 90.0])])
def test_a_parameter_of_which_the_data_say_nothing(model, p0):
    """Its exact column of the Jacobian is not zero but 1e-14 and less, its variance 1e21 and more."""
    message = "Covariance of the parameters could not be estimated"
    for fit in (optimize.curve_fit, numgd.curve_fit):
        with pytest.warns(optimize.OptimizeWarning, match=message):
            _, pcov = fit(model, AWAY, LEVEL, p0)
        assert np.all(np.isinf(pcov))
    assert np.all(np.isinf(fit_inside(model, AWAY, LEVEL, np.array(p0))[1]))
    if model is bell:  # of dependent columns the other methods take the pseudo-inverse, as SciPy's
        return
    high = np.full(len(p0), 1e3)
    for options in ({"method": "trf"}, {"method": "dogbox"}, {"method": "trf", "bounds": (-high, high)}):
        with pytest.warns(optimize.OptimizeWarning, match=message):
            _, pcov = numgd.curve_fit(
                model, AWAY, LEVEL, p0, np.full(30, 0.05), absolute_sigma=True, **options
            )
        assert np.all(np.isinf(pcov))


def test_a_badly_scaled_covariance_is_no_reason_to_warn():
    def cubic(t, a, b, c, d):
        return a + t * (b + t * (c + t * d))

    years = np.arange(1950.0, 2020.0)
    level = 3e5 + 1e-7 * (years - 1985.0) ** 3 + 0.01 * np.cos(7.0 * years)
    units = {"sigma": np.full(70, 0.01), "absolute_sigma": True}
    exact = np.linalg.lstsq(np.vander((years - 1985.0) / 35.0, 4, True), level)[0][3] / 35.0**3
    for options in ({}, units):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            popt, pcov = numgd.curve_fit(cubic, years, level, **options)
        assert np.isfinite(pcov).all() and np.isclose(popt[3], exact, rtol=1e-3)


def test_a_fit_that_fails():
    for options in ({"maxfev": 5}, {"method": "trf", "max_nfev": 2}, {"method": "dogbox", "maxfev": 2}):
        with pytest.raises(RuntimeError, match="Optimal parameters not found"):
            numgd.curve_fit(decay, X, Y, **options)
    with pytest.raises(RuntimeError, match="reached maxfev = 5"):
        numgd.curve_fit(decay, X, Y, maxfev=5)
    with pytest.raises(RuntimeError, match="below what rounding allows"):
        numgd.curve_fit(decay, X, Y, ftol=0.0, xtol=0.0)


def test_nan_policy():
    y = Y.copy()
    y[[3, 30]] = np.nan
    x = X.copy()
    x[10] = np.nan
    for sigma in (None, SIGMA, COVARIANCE):
        ours = numgd.curve_fit(decay, x, y, sigma=sigma, nan_policy="omit")
        same(ours, optimize.curve_fit(decay, x, y, sigma=sigma, nan_policy="omit"))
    plane = njit(lambda x, a, b: a * x[0] + b * x[1])
    ours = numgd.curve_fit(plane, np.array([x, X]), y, nan_policy="omit")
    np.testing.assert_allclose(
        ours[0], numgd.curve_fit(plane, np.array([x, X])[:, ~np.isnan(x + y)], y[~np.isnan(x + y)])[0]
    )
    for policy, match in (("raise", "holds NaN"), (None, "ydata must be finite")):
        with pytest.raises(ValueError, match=match):
            numgd.curve_fit(decay, X, y, nan_policy=policy)
    with pytest.raises(ValueError, match="xdata must be finite"):
        numgd.curve_fit(decay, x, Y)
    with pytest.raises(ValueError, match="residuals are not finite"):
        numgd.curve_fit(decay, X, y, check_finite=False)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"p0": []}, ValueError, "p0 must not be empty"),
        ({"p0": "abc"}, TypeError, "p0 must be real numbers"),
        ({"p0": [1.0, np.inf, 1.0]}, ValueError, "p0 must be finite"),
        ({"p0": [9.0, 9.0, 9.0], "bounds": (0.0, 3.0)}, ValueError, "p0 is infeasible"),
        ({"bounds": (0.0, -1.0)}, ValueError, "each lower bound"),
        ({"bounds": (0.0, 3.0), "method": "lm"}, ValueError, "method 'lm' takes no bounds"),
        ({"method": "newton"}, ValueError, "unknown method 'newton'"),
        ({"jac": "4-point"}, ValueError, "jac must be"),
        ({"sigma": [1.0, 2.0]}, ValueError, r"sigma must have shape \(50,\) or \(50, 50\)"),
        ({"sigma": np.zeros(50)}, ValueError, "sigma must hold neither zeros"),
        ({"sigma": -np.eye(50)}, ValueError, "sigma must be positive definite"),
        ({"sigma": "ones"}, TypeError, "sigma must be real numbers"),
        ({"nan_policy": "propagate"}, ValueError, "nan_policy must be"),
        ({"args": (1,)}, ValueError, "'args' is not an option"),
        ({"x_scale": 1.0}, TypeError, "option 'x_scale' that method 'lm' does not know"),
        ({"diag": 1.0, "method": "trf"}, TypeError, "option 'diag' that method 'trf' does not know"),
        ({"ftol": -1.0}, ValueError, "ftol must be at least 0"),
        ({"factor": 0.0}, ValueError, "factor must be finite and positive"),
        ({"maxfev": -1}, ValueError, "maxfev must be"),
    ],
)
def test_bad_options(options, error, match):
    def unreachable(x, a, b, c):
        raise AssertionError("evaluated")

    with pytest.raises(error, match=match):
        numgd.curve_fit(unreachable, X, Y, **options)


def test_bad_data():
    for xdata, ydata, error, match in (
        ([], [], ValueError, "ydata must not be empty"),
        (X, "abc", TypeError, "ydata must be real numbers"),
        (["a"], [1.0], TypeError, "xdata must be real numbers"),
        (X, np.ones((5, 10)), ValueError, "ydata must be one-dimensional"),
        (X[:2], Y[:2], TypeError, "number of parameters, 3, must not exceed the number of data points, 2"),
        (X, Y[:5], ValueError, "as many residuals|broadcast"),
    ):
        with pytest.raises(error, match=match):
            numgd.curve_fit(decay, xdata, ydata)
    with pytest.raises(TypeError, match="f must be callable"):
        numgd.curve_fit(3, X, Y)
    with pytest.raises(ValueError, match="jac must return a matrix"):
        numgd.curve_fit(decay, X, Y, jac=njit(lambda x, a, b, c: np.ones((3, 50))))


# Inside compiled code --------------------------------------------------------------------------------------


@njit
def inside(x, y):
    return numgd.curve_fit(decay, x, y)


@njit
def inside_all(x, y, p0, sigma, absolute, tolerance):
    return numgd.curve_fit(
        decay, x, y, p0, sigma, absolute, bounds=(np.zeros(3), 2.0), method="dogbox", jac=decay_jacobian,
        ftol=tolerance,
    )  # fmt: skip


@njit
def inside_correlated(x, y, p0, covariance, most):
    return numgd.curve_fit(decay, x, y, p0, covariance, jac="3-point", maxfev=most)


@njit(parallel=True)
def many(x, Y):
    found = np.empty((Y.shape[0], 3))
    for i in prange(Y.shape[0]):
        popt, _ = numgd.curve_fit(decay, x, Y[i])
        found[i] = popt
    return found


def test_inside_njit():
    p0 = np.array([1.0, 1.0, 1.0])
    same(inside(X, Y), numgd.curve_fit(decay, X, Y), 1e-9)
    expected = numgd.curve_fit(
        decay,
        X,
        Y,
        p0,
        SIGMA,
        True,
        bounds=(np.zeros(3), 2.0),
        method="dogbox",
        jac=decay_jacobian,
        ftol=1e-12,
    )
    same(inside_all(X, Y, p0, SIGMA, True, 1e-12), expected, 1e-9)
    expected = numgd.curve_fit(decay, X, Y, p0, COVARIANCE, jac="3-point")
    same(inside_correlated(X, Y, p0, COVARIANCE, 1000), expected, 1e-6)
    with pytest.raises(RuntimeError, match="optimal parameters not found"):
        inside_correlated(X, Y, p0, COVARIANCE, 4)
    with pytest.raises(ValueError, match="p0 must have as many values"):
        inside_correlated(X, Y, p0[:2], COVARIANCE, 1000)
    with pytest.raises(ValueError, match="must be finite"):
        inside(X, Y * np.nan)
    with pytest.raises(ValueError, match="as many data"):
        inside(X[:2], Y[:2])
    few = np.array([0.0, 1.0, 2.0])
    assert np.all(np.isinf(inside(few, decay(few, 2.4, 1.2, 0.6))[1]))


@pytest.mark.slow
def test_under_prange():
    rng = np.random.default_rng(0)
    rows = decay(X, 2.5, 1.3, 0.5) + 0.05 * rng.normal(size=(20, 50))
    expected = [numgd.curve_fit(decay, X, row)[0] for row in rows]
    np.testing.assert_allclose(many(X, rows), expected, rtol=1e-9)
