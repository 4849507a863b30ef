"""Learning rates by step, as the schedules give them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import plots
from numgd.schedules import Cosine, OneCycle, ReduceOnPlateau


def test_rates_by_step():
    steps = np.arange(1, 41)
    cases = {
        "one cycle": (OneCycle(0.1, 50), OneCycle(0.1, 50)(steps)),
        "own": (lambda t: 0.1 / t, 0.1 / steps),
        "branch": (lambda t: 1.0 if t < 9 else 0.5, np.where(steps < 9, 1.0, 0.5)),
        "constant": (0.02, np.full(40, 0.02)),
        "whole": (1, np.ones(40)),
    }
    axes = plots.schedule({label: given for label, (given, _) in cases.items()}, 40)
    for line, (_, rates) in zip(axes.lines, cases.values(), strict=True):
        np.testing.assert_array_equal(line.get_data(), [steps, rates])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(cases)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "learning rate")
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in axes.lines}) == 5


def test_a_single_one_on_given_axes():
    _, own = plt.subplots()
    assert plots.schedule(Cosine(0.1, 10), 12, ax=own) is own
    assert own.get_yscale() == "linear" and plots.schedule(0.1, 3, log=True).get_yscale() == "log"
    assert own.get_legend() is None and len(own.lines) == 1
    np.testing.assert_array_equal(own.lines[0].get_ydata()[-2:], 0)


def test_a_schedule_that_observes_is_drawn_as_it_is():
    watching = ReduceOnPlateau(0.1, factor=0.5, patience=0)
    for _ in range(3):
        watching.observe(1.0)
    before = watching.state_dict()
    axes = plots.schedule(watching, 5)
    assert set(axes.lines[0].get_ydata()) == {watching(1)} and watching(1) < 0.1
    assert watching.state_dict() == before


def test_bad_input():
    cases = [
        (({}, 10), ValueError, "schedules must not be empty"),
        (("cosine", 10), TypeError, "schedules must be a schedule, a function or a number"),
        (({"a": None}, 10), TypeError, r"schedules\['a'\] must be a schedule"),
        ((0.1, 0), ValueError, "steps must be"),
        ((0.1, 2.5), TypeError, "steps must be an integer"),
        ((lambda t: 3.0 - t, 10), ValueError, "learning rate of step 4"),
        ((lambda t: np.nan, 10), ValueError, "learning rate of step 1"),
        ((-0.1, 10), ValueError, "learning_rate must"),
    ]
    for args, error, message in cases:
        with pytest.raises(error, match=message):
            plots.schedule(*args)
    with pytest.raises(ValueError, match="ax must be flat axes"):
        plots.schedule(0.1, 3, ax=plt.figure().add_subplot(projection="3d"))
