"""Convergence curves: their numbers, labels and axes, and bad input."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient
from matplotlib.colors import to_rgb

import numgd
from numgd import plots
from numgd.plots.style import COLOURS

METHODS = ("bfgs", "cg", "adam")


@pytest.fixture(scope="module")
def runs():
    return {
        name: numgd.minimize(
            rosenbrock, [-1.2, 1.0], (), name, rosenbrock_gradient, options={"history": True, "maxiter": 60}
        )
        for name in METHODS
    }


@pytest.fixture(scope="module")
def stochastic():
    data = np.random.default_rng(0).normal(size=(60, 2))
    return numgd.minimize_stochastic(lambda x, rows: np.mean((rows - x) ** 2), np.ones(2), data, epochs=4)


def test_values_by_iteration(runs):
    axes = plots.convergence(runs, minimum=0.0)
    assert axes.get_yscale() == "log" and axes.get_xscale() == "linear"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iteration", "value − minimum")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(METHODS)
    for line, run in zip(axes.lines, runs.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(run.nit + 1))
        np.testing.assert_array_equal(line.get_ydata(), run.history.fun)
    assert (
        len({line.get_color() for line in axes.lines}) == len({line.get_marker() for line in axes.lines}) == 3
    )


@pytest.mark.parametrize("value", ["gradient", "step"])
@pytest.mark.parametrize("against", ["evaluation", "time"])
def test_other_values_and_times(runs, value, against):
    axes = plots.convergence(runs, value=value, against=against)
    for line, run in zip(axes.lines, runs.values(), strict=True):
        history = run.history
        expected = (
            history.grad_norm if value == "gradient" else np.where(history.step > 0, history.step, np.nan)
        )
        np.testing.assert_array_equal(line.get_ydata(), expected)
        times = history.nfev if against == "evaluation" else history.seconds
        np.testing.assert_array_equal(line.get_xdata(), times)
    assert axes.get_xlabel() == {"evaluation": "evaluations of the function", "time": "seconds"}[against]


def test_lowest_value_by_default(runs):
    axes = plots.convergence(runs)
    lowest = min(run.history.fun.min() for run in runs.values())
    assert axes.get_ylabel() == "value − lowest value"
    for line, run in zip(axes.lines, runs.values(), strict=True):
        above = run.history.fun - lowest
        np.testing.assert_array_equal(line.get_ydata(), np.where(above > 0, above, np.nan))


def test_one_result_and_one_history(runs):
    for given in (runs["cg"], runs["cg"].history):
        axes = plots.convergence(given)
        assert len(axes.lines) == 1 and axes.get_legend() is None
        assert axes.lines[0].get_label().startswith("_")


def test_stochastic_runs_by_epoch(runs, stochastic):
    axes = plots.convergence(stochastic, minimum=0.0)
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), stochastic.history.loss)
    assert axes.get_xlabel() == "epoch"
    mixed = plots.convergence({"a": runs["cg"], "b": stochastic}, minimum=0.0)
    assert mixed.get_xlabel() == "iteration or epoch"
    timed = plots.convergence(stochastic, against="time", minimum=0.0)
    np.testing.assert_array_equal(timed.lines[0].get_xdata(), stochastic.history.seconds)
    for wanted in ({"value": "gradient"}, {"against": "evaluation"}):
        with pytest.raises(ValueError, match="results"):
            plots.convergence(stochastic, **wanted)


def test_values_that_are_not_finite(runs):
    history = runs["bfgs"].history
    broken = history._replace(fun=np.where(np.arange(len(history.fun)) == 2, np.inf, history.fun))
    line = plots.convergence(broken, minimum=0.0).lines[0]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(line.get_ydata())), [2])
    with pytest.raises(ValueError, match="results hold no finite value"):
        plots.convergence(history._replace(fun=np.full_like(history.fun, np.nan)))


def test_theme_and_axes(runs):
    with plt.style.context("dark_background"):
        axes = plots.convergence(runs)
    assert to_rgb(axes.xaxis.label.get_color()) == (1, 1, 1) and to_rgb(axes.get_facecolor()) == (0, 0, 0)
    _, own = plt.subplots()
    assert plots.convergence(runs, ax=own) is own
    with pytest.raises(ValueError, match="ax must be flat axes"):
        plots.convergence(runs, ax=plt.figure().add_subplot(projection="3d"))


def test_bad_input(runs):
    plain = numgd.minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient)
    empty = type(runs["cg"].history)(*[np.empty(0)] * 6)
    at_once = numgd.minimize(rosenbrock, [1.0, 1.0], jac=rosenbrock_gradient, options={"history": True})
    cases = [
        ((plain,), {}, ValueError, r"results has no history: solve with options=\{'history': True\}"),
        (({"own": plain},), {}, ValueError, r"results\['own'\] has no history"),
        ((empty,), {}, ValueError, "the history of results is empty"),
        (({},), {}, ValueError, "results must not be empty"),
        ((3,), {}, TypeError, "results must be a result with a history"),
        (([runs["cg"]],), {}, TypeError, "results must be a result with a history"),
        ((at_once,), {}, ValueError, "nothing above zero"),
        ((runs,), {"value": "loss"}, ValueError, "value must be 'fun', 'gradient' or 'step'"),
        ((runs,), {"against": "epoch"}, ValueError, "against must be 'iteration', 'evaluation' or 'time'"),
        ((runs,), {"minimum": 1.0}, ValueError, "minimum must not lie above the lowest value"),
        ((runs,), {"minimum": np.nan}, ValueError, "minimum must be finite"),
        ((runs,), {"minimum": "least"}, TypeError, "minimum must be a number"),
        ((runs,), {"minimum": 0.0, "value": "step"}, ValueError, "minimum is that of the values"),
    ]
    for args, given, error, message in cases:
        with pytest.raises(error, match=message):
            plots.convergence(*args, **given)
    assert not plt.get_fignums()


def test_colours_can_be_read_on_white_and_on_black():
    def luminance(colour):
        parts = np.array(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for colour in COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) > 2.0 and (luminance(colour) + 0.05) / 0.05 > 2.5, colour
