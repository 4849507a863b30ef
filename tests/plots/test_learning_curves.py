"""Learning curves: what lines there are, with which numbers and names."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import plots
from numgd.nn.training import TrainingHistory
from numgd.plots.learning import draw_learning
from numgd.solve._minimize_stochastic import StochasticHistory
from numgd.system.scipy_result import Result

ROWS = [(2.0, 2.2, 0.1, 1.0, 0.3), (1.0, 1.3, 0.1, 2.0, 0.6), (0.5, 1.4, 0.1, 3.0, 0.5)]
HISTORY = TrainingHistory.of(ROWS, ["accuracy"])
WITHOUT = TrainingHistory.of([(loss, np.nan, 0.1, 1.0) for loss in (3.0, 2.0)], [])


def lines(axes):
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_loss_of_one_run():
    axes = plots.learning_curves(HISTORY, best=2)
    assert lines(axes) == {"training": [2.0, 1.0, 0.5], "validation": [2.2, 1.3, 1.4], "kept": [0, 1]}
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3] and list(axes.lines[2].get_xdata()) == [2, 2]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation", "kept"]
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 3
    assert list(lines(plots.learning_curves(WITHOUT))) == ["training"]


def test_results_and_other_histories():
    result = Result(status=0, history=HISTORY, best_epoch=3)
    axes = plots.learning_curves(result)
    assert list(axes.lines[-1].get_xdata()) == [3, 3] and axes.lines[-1].get_label() == "kept"
    assert list(plots.learning_curves(result, best=1).lines[-1].get_xdata()) == [1, 1]
    stochastic = StochasticHistory(*np.array([(2.0, np.nan, 0.1, 1.0), (1.5, np.nan, 0.1, 2.0)]).T)
    assert lines(plots.learning_curves(stochastic)) == {"training": [2.0, 1.5]}


def test_several_runs():
    axes = plots.learning_curves({"a": HISTORY, "b": Result(status=0, history=WITHOUT)})
    assert list(lines(axes)) == ["a", "a, validation", "b"]
    first, second, third = axes.lines
    assert first.get_color() == second.get_color() != third.get_color()
    assert first.get_linestyle() == third.get_linestyle() != second.get_linestyle()


def test_metrics():
    axes = plots.learning_curves({"a": HISTORY, "b": HISTORY}, value="accuracy")
    assert lines(axes) == {"a": [0.3, 0.6, 0.5], "b": [0.3, 0.6, 0.5]}
    assert axes.get_ylabel() == "accuracy, validation"


def test_given_axes():
    figure, axes = plt.subplots()
    assert plots.learning_curves(HISTORY, ax=axes) is axes and figure.axes == [axes]


def test_pictures_of_the_command_line(tmp_path):
    before = plt.get_fignums()
    draw_learning(HISTORY, tmp_path / "curves.svg", "LeNet & 5 < 6", best=2)
    text = (tmp_path / "curves.svg").read_text()
    assert text.count("<!-- epoch -->") == 2 and "accuracy, validation" in text
    assert plt.get_fignums() == before


REFUSED = {
    "empty": (lambda: plots.learning_curves(TrainingHistory.of([], [])), ValueError, "history is empty"),
    "none": (lambda: plots.learning_curves({}), ValueError, "history must not be empty"),
    "one of several": (
        lambda: plots.learning_curves({"a": HISTORY, "b": TrainingHistory.of([], [])}),
        ValueError,
        r"history\['b'\] is empty: no epoch",
    ),
    "numbers": (lambda: plots.learning_curves([1.0, 2.0]), TypeError, "it is list"),
    "a result without one": (lambda: plots.learning_curves(Result(status=0)), TypeError, "it is Result"),
    "metric": (
        lambda: plots.learning_curves(HISTORY, value="acc"),
        ValueError,
        "one of 'loss', 'accuracy'; it is 'acc'",
    ),
    "epoch": (lambda: plots.learning_curves(HISTORY, best=4), ValueError, "from 1 to 3; it is 4"),
    "axes": (lambda: plots.learning_curves(HISTORY, ax="no"), TypeError, "ax must be matplotlib axes"),
    "projection": (
        lambda: plots.learning_curves(HISTORY, ax=plt.subplot(projection="polar")),
        ValueError,
        "flat axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
