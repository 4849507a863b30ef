"""Fits: data, curves, and bands against formulas and random draws."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import numgd
from numgd import plots
from numgd.plots.fits import deviations

RNG = np.random.default_rng(5)
X = np.sort(RNG.uniform(0, 3, 30))


def decay(t, a, b):
    return a * np.exp(-b * t)


def line(t, a, b):
    return a + b * t


Y = decay(X, 2.5, 1.3) + 0.05 * RNG.normal(size=30)


@pytest.fixture(scope="module")
def fitted():
    return numgd.curve_fit(decay, X, Y)


def band_of(axes, k=0):
    """The lower and the upper end of a band, and where."""
    vertices = axes.collections[k].get_paths()[0].vertices
    places = np.unique(vertices[:, 0])
    heights = [vertices[vertices[:, 0] == place, 1] for place in places]
    return places, np.array([(h.min(), h.max()) for h in heights]).T


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_band_of_a_line_is_the_textbook_one(confidence):
    y = 1 + 2 * X + 0.1 * RNG.normal(size=30)
    found = stats.linregress(X, y)
    popt, pcov = numgd.curve_fit(line, X, y)
    axes = plots.fit(line, X, y, popt, pcov, confidence=confidence)
    places, ends = band_of(axes)
    residuals = y - found.intercept - found.slope * X
    variance = residuals @ residuals / 28
    spread = 1 / 30 + (places - X.mean()) ** 2 / ((X - X.mean()) ** 2).sum()
    width = stats.t.ppf(0.5 + confidence / 2, 28) * np.sqrt(variance * spread)
    middle = found.intercept + found.slope * places
    np.testing.assert_allclose(ends, [middle - width, middle + width], rtol=1e-5, atol=1e-6)
    assert texts(axes) == ["data", "fit", f"{100 * confidence:.3g} % band"]


def test_deviations_are_those_of_random_parameters(fitted):
    popt, pcov = fitted
    draws = np.random.default_rng(1).multivariate_normal(popt, pcov, 20_000)
    places = np.linspace(0, 3, 7)
    spread = np.std([decay(places, *draw) for draw in draws], axis=0)
    np.testing.assert_allclose(deviations(decay, places, popt, pcov), spread, rtol=0.03)


def test_exact_derivatives_and_differences_agree(fitted):
    popt, pcov = fitted

    def opaque(t, a, b):
        return np.asarray([float(str(value)) for value in decay(t, a, b)])

    np.testing.assert_allclose(deviations(opaque, X, popt, pcov), deviations(decay, X, popt, pcov), rtol=1e-6)
    offset = 0.5

    def shifted(t, a, b):
        return a * np.exp(-b * t) + offset

    np.testing.assert_allclose(
        deviations(shifted, X, popt, pcov), deviations(decay, X, popt, pcov), rtol=1e-12
    )


def test_data_and_curve(fitted):
    axes = plots.fit(decay, X, Y, fitted[0])
    data, curve = axes.lines
    np.testing.assert_array_equal(data.get_data(), [X, Y])
    grid, values = curve.get_data()
    np.testing.assert_allclose(values, decay(grid, *fitted[0]))
    assert grid[0] < X[0] and X[-1] < grid[-1] and np.isin(X, grid).all()
    assert not axes.collections and texts(axes) == ["data", "fit"]


@pytest.mark.parametrize("sigma", [0.1, np.full(30, 0.1), np.diag(np.full(30, 0.01))])
def test_error_bars(fitted, sigma):
    axes = plots.fit(decay, X, Y, *fitted, sigma=sigma)
    (bars,) = axes.containers
    ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, np.column_stack([Y - 0.1, Y + 0.1]))
    assert texts(axes)[0] == "data"


def test_several_models(fitted):
    other = numgd.curve_fit(line, X, Y)
    models = {"decay": decay, "line": line}
    axes = plots.fit(
        models, X, Y, {"line": other[0], "decay": fitted[0]}, {"decay": fitted[1], "line": other[1]}
    )
    assert texts(axes) == ["data", "decay", "decay, 95 % band", "line", "line, 95 % band"]
    _, first, second = axes.lines
    np.testing.assert_allclose(second.get_ydata(), line(second.get_xdata(), *other[0]))
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()
    axes = plots.fit(models, X, Y, {"line": other[0], "decay": fitted[0]}, {"line": other[1]})
    assert len(axes.collections) == 1


def test_without_a_covariance_there_is_no_band(fitted):
    for covariance in (None, np.full((2, 2), np.inf)):
        axes = plots.fit(decay, X, Y, fitted[0], covariance)
        assert not axes.collections and texts(axes) == ["data", "fit"]


def test_constants_and_perfect_fits():
    axes = plots.fit(lambda t, a: a, [1.0], [2.0], [2.0], [[0.25]])
    assert set(axes.lines[1].get_ydata()) == {2.0}
    _, ends = band_of(axes)  # without degrees of freedom, the quantile is that of the normal distribution
    np.testing.assert_allclose(ends[1], 2 + stats.norm.ppf(0.975) * 0.5)


def test_bad_input(fitted):
    popt, pcov = fitted
    cases = [
        ((None, X, Y, popt), {}, TypeError, "model must be callable"),
        (({}, X, Y, {}), {}, ValueError, "model must not be empty"),
        (({"a": 3}, X, Y, {"a": popt}), {}, TypeError, r"model\['a'\] must be callable"),
        (({"a": decay}, X, Y, popt), {}, ValueError, r"popt must have the labels of model, \['a'\]"),
        (({"a": decay}, X, Y, {"b": popt}), {}, ValueError, "popt must have the labels of model"),
        (({"a": decay}, X, Y, {"a": popt}, pcov), {}, ValueError, "pcov must have labels of model"),
        ((decay, X[:-1], Y, popt), {}, ValueError, "xdata and ydata must have the same length"),
        ((decay, np.ones((30, 2)), Y, popt), {}, ValueError, "xdata must be a vector"),
        ((decay, X, np.where(Y > 2, np.nan, Y), popt), {}, ValueError, "ydata must be finite"),
        ((decay, [], [], popt), {}, ValueError, "xdata must be a vector that is not empty"),
        ((decay, X, Y, ["a"]), {}, TypeError, "popt must be an array of numbers"),
        ((decay, X, Y, [1.0]), {}, TypeError, "missing 1 required positional argument"),
        ((decay, X, Y, popt, pcov[0]), {}, ValueError, r"pcov must have the shape \(2, 2\); it is \(2,\)"),
        ((decay, X, Y, popt, "none"), {}, TypeError, "pcov must be a matrix"),
        ((decay, X, Y, popt), {"sigma": [1, 2]}, ValueError, r"sigma must have the shape \(30,\)"),
        ((decay, X, Y, popt), {"sigma": -1}, ValueError, "sigma must be finite and positive"),
        ((decay, X, Y, popt, pcov), {"confidence": 95}, ValueError, r"confidence must lie in \(0, 1\)"),
        ((lambda t, a, b: t[:2], X, Y, popt), {}, ValueError, "model must return one number for each"),
        ((lambda t, a, b: t * np.nan, X, Y, popt), {}, ValueError, "model is finite nowhere"),
    ]
    for args, given, error, message in cases:
        with pytest.raises(error, match=message):
            plots.fit(*args, **given)
    assert not plt.get_fignums()
    with pytest.raises(ValueError, match="ax must be flat axes"):
        plots.fit(decay, X, Y, popt, ax=plt.figure().add_subplot(projection="3d"))
