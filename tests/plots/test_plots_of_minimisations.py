"""Plots of results and histories, by what is in their axes."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import stdtrit

import numgd
from numgd import plots
from numgd.plots.style import COLOURS

mpl.use("Agg")

BOUNDS = [(-2.0, 2.0), (-1.0, 3.0)]


def valley(x):
    return 20.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def solved(method, **options):
    return numgd.minimize(valley, [-1.2, 1.0], method=method, options={"history": True, **options})


@pytest.fixture(scope="module")
def runs():
    return {"BFGS": solved("BFGS"), "descent": solved("steepest-descent", maxiter=60)}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_history_counts_evaluations_and_time(runs):
    for run in runs.values():
        history = run.history
        assert history.nfev[0] == 1 and history.nfev[-1] == run.nfev
        assert (np.diff(history.nfev) > 0).all() and (np.diff(history.seconds) >= 0).all()
        assert history.seconds[0] == 0 and len(history.nfev) == run.nit + 1


def test_convergence(runs):
    ax = plots.convergence(runs)
    assert ax.get_yscale() == "log" and [line.get_label() for line in ax.lines] == ["BFGS", "descent"]
    lowest = min(run.history.fun.min() for run in runs.values())
    gaps = runs["descent"].history.fun - lowest
    np.testing.assert_array_equal(ax.lines[1].get_ydata()[gaps > 0], gaps[gaps > 0])
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    own = plt.figure().subplots()
    assert plots.convergence(runs["BFGS"], value="gradient", against="evaluation", ax=own) is own
    np.testing.assert_array_equal(own.lines[0].get_xdata(), runs["BFGS"].history.nfev)
    np.testing.assert_array_equal(own.lines[0].get_ydata(), runs["BFGS"].history.grad_norm)
    assert own.get_legend() is None and "evaluations" in own.get_xlabel()
    timed = plots.convergence(runs, value="step", against="time", minimum=0.0)
    np.testing.assert_array_equal(timed.lines[0].get_xdata(), runs["BFGS"].history.seconds)


def test_convergence_by_epochs():
    rows = np.random.default_rng(0).normal(size=(40, 2))
    run = numgd.minimize_stochastic(lambda x, rows: np.mean((rows - x) ** 2), np.zeros(2), rows, epochs=3)
    ax = plots.convergence({"adam": run}, minimum=0.0)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), run.history.loss)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    for given, asked in (({"value": "gradient"}, "gradient"), ({"against": "evaluation"}, "evaluation")):
        with pytest.raises(ValueError, match=f"does not hold '{asked}'"):
            plots.convergence({"adam": run}, **given)


def test_landscape(runs):
    ax = plots.landscape(valley, BOUNDS, runs, resolution=30, log=True)
    assert [line.get_label() for line in ax.lines] == ["BFGS", "descent"]
    np.testing.assert_array_equal(np.transpose(ax.lines[0].get_data()), runs["BFGS"].history.x)
    assert ax.get_xlim() == (-2, 2) and ax.get_ylim() == (-1, 3)
    surface = plots.landscape(valley, BOUNDS, runs["BFGS"], kind="surface", resolution=20)
    x, y, z = surface.lines[0].get_data_3d()
    np.testing.assert_allclose(z, [valley(point) for point in zip(x, y, strict=True)])
    assert len(plots.landscape(valley, BOUNDS, resolution=20).lines) == 0


def test_what_is_not_finite_is_masked(runs):
    def cut(x):
        return np.log(x[0]) if x[0] != 0 else 1 / 0

    grid = plots.landscapes.grid(cut, [(-1, 1), (-1, 1)], (), 21)
    assert grid[2].mask[:, :11].all() and not grid[2].mask[:, 11:].any()
    plots.landscape(cut, [(-1, 1), (-1, 1)], resolution=21)
    with pytest.raises(ValueError, match="not finite anywhere"):
        plots.landscape(lambda x: np.nan, BOUNDS, resolution=5)


def test_race(runs, tmp_path):
    animation = plots.race(valley, BOUNDS, runs, seconds=0.5)
    most = max(run.nfev for run in runs.values())
    frames = list(animation.new_frame_seq())
    assert frames[0] == 1 and frames[-1] == most
    animation._func(frames[0])
    assert [len(line.get_xdata()) for line in animation.ax.lines] == [1, 1]
    animation._func(frames[-1])
    for line, run in zip(animation.ax.lines, runs.values(), strict=True):
        assert len(line.get_xdata()) == run.nit + 1
    animation.save(tmp_path / "race.gif", writer="pillow", dpi=40)
    assert (tmp_path / "race.gif").read_bytes()[:6] == b"GIF89a"
    assert "<script" in animation._repr_html_()


def test_performance_profile():
    costs = [[10, 20, np.inf], [30, 15, np.inf], [40, np.inf, 80], [np.inf] * 3]
    ax = plots.performance_profile(costs, ["a", "b", "c"])
    shares = {line.get_label(): dict(zip(*line.get_data(), strict=True)) for line in ax.lines}
    assert shares["a"][1.0] == 0.5 and shares["a"][2.0] == 0.75  # of four problems, one is never solved
    assert shares["b"][2.0] == 0.5 and shares["c"][2.0] == 0.25
    for wrong, match in (
        ([[1, 2]], "labels must name the 2"), ([[1, -2, 3]], "positive"), ([1, 2, 3], "must have shape"),
        ([[np.nan, 1, 1]], "positive"), ([[np.inf] * 3], "no method"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            plots.performance_profile(wrong, ["a", "b", "c"])


def decay(t, a, b):
    return a * np.exp(-b * t)


def test_fit_has_the_band_of_the_delta_method():
    t = np.linspace(0, 3, 15)
    y = decay(t, 2.0, 0.8) + 0.05 * np.random.default_rng(0).normal(size=15)
    popt, pcov = numgd.curve_fit(decay, t, y)
    ax = plots.fit(decay, t, y, popt, pcov, confidence=0.9)
    dense = ax.lines[0].get_xdata()
    a, b = popt
    slopes = np.column_stack([np.exp(-b * dense), -a * dense * np.exp(-b * dense)])
    half = stdtrit(13, 0.95) * np.sqrt(np.einsum("mi,ij,mj->m", slopes, pcov, slopes))
    band = ax.collections[0].get_paths()[0].vertices
    top = band[band[:, 1] > np.interp(band[:, 0], dense, decay(dense, *popt))]
    np.testing.assert_allclose(top[:, 1], np.interp(top[:, 0], dense, decay(dense, *popt) + half), rtol=1e-6)
    bars = plots.fit(decay, t, y, popt, np.full((2, 2), np.inf), sigma=0.05)
    assert len(bars.collections) == 1 and len(bars.containers) == 1  # the error bars, no band
    undifferentiable = plots.fit(
        lambda t, a, b: a * np.array([float(str(s)) for s in t]) + b, t, y, popt, pcov
    )
    assert len(undifferentiable.collections) == 1
    for given, match in (
        ({"confidence": 1.0}, "confidence must lie"), ({"pcov": np.eye(3)}, r"pcov must have shape \(2, 2\)"),
        ({"sigma": [1.0]}, "sigma must be"), ({"xdata": t[:3]}, "vectors of one length"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            plots.fit(**{"model": decay, "xdata": t, "ydata": y, "popt": popt} | given)


def test_schedule():
    cosine = numgd.schedules.Cosine(0.1, 10)
    ax = plots.schedule({"cosine": cosine, "constant": lambda t: 0.05}, 10, log=True)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), cosine(np.arange(1, 11)))
    assert (ax.lines[1].get_ydata() == 0.05).all() and ax.get_yscale() == "log"
    for wrong, steps in ((cosine, 0), (cosine, 2.5), (0.1, 5)):
        with pytest.raises((TypeError, ValueError), match=r"steps must be|must be callable"):
            plots.schedule(wrong, steps)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda run: plots.convergence(run, ax=3), TypeError, "ax must be matplotlib axes"),
        (lambda run: plots.convergence(run, value="x"), ValueError, "value must be one of fun"),
        (lambda run: plots.convergence({}), ValueError, "results must not be empty"),
        (lambda run: plots.convergence(numgd.minimize(valley, [1.0, 2.0])), ValueError, "'history': True"),
        (lambda run: plots.landscape(valley, [(0, 1)], run), ValueError, "bounds must be two pairs"),
        (lambda run: plots.landscape(valley, [(1, 0), (0, 1)]), ValueError, "bounds must be two pairs"),
        (lambda run: plots.landscape(valley, BOUNDS, kind="map"), ValueError, "kind must be"),
        (lambda run: plots.landscape(valley, BOUNDS, resolution=1), ValueError, "resolution must be"),
        (lambda run: plots.landscape(4, BOUNDS), TypeError, "fun must be callable"),
        (lambda run: plots.race(valley, BOUNDS, run, seconds=0), ValueError, "seconds must be"),
    ],
)
def test_bad_input(runs, call, error, match):
    with pytest.raises(error, match=match):
        call(runs["BFGS"])


def test_axes_of_the_wrong_projection_and_results_of_three_variables(runs):
    figure = plt.figure()
    flat, deep = figure.add_subplot(121), figure.add_subplot(122, projection="3d")
    with pytest.raises(ValueError, match="its projection is '3d'"):
        plots.landscape(valley, BOUNDS, ax=deep)
    with pytest.raises(ValueError, match="projection='3d'"):
        plots.landscape(valley, BOUNDS, kind="surface", ax=flat, resolution=5)
    three = numgd.minimize(lambda x: np.sum(x * x), np.ones(3), options={"history": True})
    with pytest.raises(ValueError, match=r"two variables; 'a' has 3"):
        plots.landscape(valley, BOUNDS, {"a": three})


def test_colours_can_be_read_on_white_and_on_black():
    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for colour in COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) > 2.0 and (luminance(colour) + 0.05) / 0.05 > 2.5, colour
