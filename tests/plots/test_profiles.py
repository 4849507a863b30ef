"""Performance profiles against their definition."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import plots

COSTS = np.random.default_rng(3).lognormal(2, 1, (30, 4))
COSTS[np.random.default_rng(4).random(COSTS.shape) < 0.2] = np.inf
COSTS[7] = np.inf  # a problem that nobody solves
NAMES = ["bfgs", "cg", "l-bfgs", "newton"]


def height(line, place):
    """The value of a step curve."""
    x, y = line.get_data()
    return y[np.searchsorted(x, place, side="right") - 1]


def test_fractions_of_problems():
    axes = plots.performance_profile(COSTS, NAMES)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == NAMES
    assert axes.get_xscale() == "log" and axes.get_xlim()[0] == 1
    for k, line in enumerate(axes.lines):
        assert line.get_drawstyle() == "steps-post"
        for place in (1.0, 1.3, 2.0, 5.0, 17.0, axes.get_xlim()[1]):
            solved = [costs[k] <= place * min(costs) and costs[k] < np.inf for costs in COSTS]
            assert height(line, place) == pytest.approx(sum(solved) / 30), (k, place)
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in axes.lines}) == 4


def test_one_method_and_one_that_always_fails():
    assert height(plots.performance_profile([[3], [5]], ["own"]).lines[0], 1) == 1
    line = plots.performance_profile([[np.inf, 3]], ["fails", "own"]).lines[0]
    assert set(line.get_ydata()) == {0}


def test_bad_input():
    cases = [
        (COSTS, NAMES[:3], ValueError, "labels must name 4 methods.*there are 3"),
        (COSTS, [*NAMES, "x"], ValueError, "labels must name 4 methods.*there are 5"),
        ([[np.inf, np.inf]], ["a", "b"], ValueError, "no method solves any problem"),
        ([[1, -2]], ["a", "b"], ValueError, r"costs must be positive.*costs\[0, 1\] is -2"),
        ([[1, 2], [np.nan, 1]], ["a", "b"], ValueError, r"costs\[1, 0\] is nan"),
        ([[1, 0]], ["a", "b"], ValueError, r"costs\[0, 1\] is 0"),
        ([1, 2], ["a", "b"], ValueError, r"shape \(problems, methods\); it is \(2,\)"),
        (np.empty((0, 2)), ["a", "b"], ValueError, "costs must have the shape"),
        ([["a", "b"]], ["a", "b"], TypeError, "costs must be an array of numbers"),
    ]
    for costs, labels, error, message in cases:
        with pytest.raises(error, match=message):
            plots.performance_profile(costs, labels)
    with pytest.raises(ValueError, match="ax must be flat axes"):
        plots.performance_profile(COSTS, NAMES, ax=plt.figure().add_subplot(projection="3d"))
