"""HTML of results, histories and optimizers: parsed, and compared with the numbers that it shows."""

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import numgd
from numgd import nn
from numgd.nn.training import TrainingHistory
from numgd.solve.observer import History
from numgd.system.html import of_fields, of_history, table, text_of
from numgd.system.scipy_result import Result


class Parsed(HTMLParser):
    """The caption and the cells of a table; raises for tags that are not closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.caption, self.rows, self.attributes = [], "", [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in ("div", "table", "caption", "tr", "th", "td")
        self.attributes += attributes
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] == "caption":
            self.caption += data
        else:
            assert self.open[-1] in ("th", "td")
            self.rows[-1][-1] += data

    @property
    def fields(self):
        return dict(self.rows)


def parsed(shown):
    return Parsed(shown._repr_html_())


def valley(x):
    return (x[0] - 1.0) ** 2 + 10.0 * (x[1] - x[0] ** 2) ** 2


def test_everything_is_escaped_and_takes_the_colours_of_the_page():
    hostile = "<script>alert('&')</script>"
    found = Parsed(table(hostile, (hostile,), [(hostile,)], ("left",)))
    assert found.caption == hostile and found.rows == [[hostile], [hostile]]
    result = Parsed(of_fields(hostile, {hostile: hostile, "x": {hostile: 1}, "y": [hostile]}))
    assert result.fields == {hostile: hostile, "x": f"{hostile}: 1", "y": repr([hostile])}
    assert {name for name, _ in found.attributes} == {"style"}
    styles = " ".join(style for _, style in found.attributes)
    assert "#" not in styles and "rgb" not in styles and "background" not in styles
    assert "color: inherit" in styles and "url" not in styles


TEXTS = {
    "integer": (1234567, "1234567"),
    "float": (0.123456789, "0.123457"),
    "scalar": (np.float32(2.5), "2.5"),
    "flag": (np.True_, "True"),
    "nothing": (None, "None"),
    "text": ("a b", "a b"),
    "short vector": (np.array([1.0, 2.5, -3.0]), "[1, 2.5, -3]"),
    "six numbers": (np.arange(6), "[0, 1, 2, 3, 4, 5]"),
    "long vector": (np.arange(10_000.0), "[0, 1, 2, …, 9997, 9998, 9999] (10,000)"),
    "matrix": (np.eye(3), "array 3×3 of float64"),
    "no numbers": (np.array([]), "array 0 of float64"),
    "number in an array": (np.array(2.5), "2.5"),
    "not finite": (np.array([np.nan, np.inf]), "[nan, inf]"),
    "dictionary": ({"jac": "autodiff", "n": 2}, "jac: autodiff, n: 2"),
    "long list": (list(range(50)), "list of 50"),
    "short list": ([1, 2], "[1, 2]"),
    "record": (TrainingHistory.of([(1.0, 2.0, 3.0, 4.0)], []), "TrainingHistory: 1 row"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_values(name):
    value, text = TEXTS[name]
    assert text_of(value) == text


def test_other_objects_are_shortened_and_device_arrays_are_not_read():
    class Long:
        def __repr__(self):
            return "long\n" * 100

    class OnDevice:
        __cuda_array_interface__ = property(lambda self: pytest.fail("the array is read"))
        shape = (3, 4)

    assert len(text_of(Long())) == 120 and text_of(Long()).endswith("…") and "\n" not in text_of(Long())
    OnDevice.__cuda_array_interface__ = {}
    assert text_of(OnDevice()) == "array 3×4 on a GPU"


def test_a_minimisation():
    result = numgd.minimize(valley, [-1.2, 1.0], method="BFGS", options={"history": True})
    found = parsed(result)
    assert found.caption == result.message and "message" not in found.fields
    assert list(found.fields) == [name for name in result if name != "message"]
    assert found.fields["nfev"] == str(result.nfev) and found.fields["success"] == "True"
    assert found.fields["fun"] == f"{result.fun:.6g}"
    assert found.fields["history"] == f"History: {result.nit + 1} rows"
    history = parsed(result.history)
    assert history.caption.startswith(f"History: {result.nit} iterations")
    head, *rows = history.rows
    assert head[:5] == ["iteration", "fun", "grad_norm", "step", "x"]
    assert [row[0] for row in rows] == ["0", "1", "2", "…", *map(str, range(result.nit - 2, result.nit + 1))]
    for row in rows[:3] + rows[4:]:
        k = int(row[0])
        assert float(row[1]) == pytest.approx(result.history.fun[k], rel=1e-5)
        assert row[4] == text_of(result.history.x[k])


def test_other_results_of_minimisation():
    fallback = numgd.minimize(valley, [-1.2, 1.0], method="Nelder-Mead")
    assert parsed(fallback).fields["nit"] == str(fallback.nit)
    many = numgd.minimize_many(valley, np.random.default_rng(0).normal(size=(20, 2)))
    first, *others = repr(many).splitlines()
    found = parsed(many)
    assert found.caption == first and [" ".join(row).split() for row in found.rows] == [
        o.split() for o in others
    ]
    assert found.fields["nit"].endswith(f"all {many.nit.sum()}")
    fits = numgd.curve_fit_many(lambda x, a, b: a + b * x, np.arange(4.0), np.ones((3, 4)), p0=[0.0, 0.0])
    assert parsed(fits).caption == "ManyFits: 3 of 3 fits were solved"
    assert parsed(fits).rows[-1][0] == "status"
    best = numgd.minimize_multistart(valley, bounds=[(-2, 2)] * 2, n_starts=16)
    fields = parsed(best).fields
    assert fields["all"] == "ManyResult: 16 rows" and fields["starts"] == "array 16×2 of float64"
    fit = numgd.least_squares(lambda x: np.array([x[0] - 1.0, x[1] ** 2]), [3.0, 1.0])
    assert parsed(fit).caption == fit.message and parsed(fit).fields["cost"] == f"{fit.cost:.6g}"
    step = numgd.line_searches.armijo(valley, [-1.2, 1.0], [1.0, 0.0])
    assert parsed(step).caption == "LineSearchResult" and parsed(step).fields["alpha"] == f"{step.alpha:.6g}"


def test_an_empty_result():
    assert parsed(Result()).caption == "result" and parsed(Result()).rows == []


def test_runs_over_data():
    X = np.random.default_rng(0).normal(size=(100, 2))
    found = numgd.minimize_stochastic(lambda w, X: np.mean((X @ w - 1.0) ** 2), np.zeros(2), X, epochs=20)
    assert parsed(found).fields["nepoch"] == "20"
    history = parsed(found.history)
    assert history.caption == "StochasticHistory: 20 epochs"
    assert history.rows[0] == ["epoch", "loss", "learning_rate", "seconds"]  # there is no validation
    assert [row[0] for row in history.rows[1:]] == ["1", "2", "3", "…", "18", "19", "20"]
    assert float(history.rows[-1][1]) == pytest.approx(found.history.loss[-1], rel=1e-5)


def test_training():
    history = TrainingHistory.of([(1.0, 2.0, 0.1, 3.0, 0.25), (0.5, 1.5, 0.1, 6.0, 0.75)], ["accuracy"])
    found = parsed(history)
    assert found.rows == [
        ["epoch", "loss", "validation", "learning_rate", "seconds", "accuracy"],
        ["1", "1", "2", "0.1", "3", "0.25"],
        ["2", "0.5", "1.5", "0.1", "6", "0.75"],
    ]
    empty = parsed(TrainingHistory.of([], ["accuracy"]))
    assert empty.caption == "TrainingHistory: 0 epochs" and len(empty.rows) == 1


def test_histories_with_other_columns():
    columns = {"fun": np.ones(3), "unknown": None, "calls": [1, 2, 3], "points": np.ones((7, 2))}
    found = Parsed(of_history("Some", "iteration", columns))
    assert found.caption == "Some: 2 iterations; points 7×2"
    assert found.rows[0] == ["iteration", "fun", "calls"] and found.rows[-1] == ["2", "1", "3"]
    start = parsed(History(*np.zeros((3, 1)), np.zeros((1, 2)), *(None for _ in History._fields[4:])))
    assert start.caption == "History: 0 iterations" and len(start.rows) == 2


def test_optimizers():
    adam = numgd.Adam(0.01, beta2=0.99, clip_norm=1.5)
    found = parsed(adam)
    assert found.caption == "Adam" and "θ ← θ" in found.fields["one step"]
    expected = {"learning_rate": "0.01", "beta1": "0.9", "beta2": "0.99", "eps": "1e-08", "clip_norm": "1.5"}
    assert expected.items() <= found.fields.items() and "nonfinite" not in found.fields
    assert found.fields["t"] == "0" and found.fields["state"] == "none before the first step"
    adam.step([np.zeros(100), np.zeros(20)], [np.ones(100), np.ones(20)])
    found = parsed(adam)
    assert found.fields["t"] == "1"
    assert found.fields["state"] == f"{2 * 120 * 8:,} bytes for 2 arrays of parameters"
    scheduled = numgd.SGD(numgd.schedules.Cosine(0.1, 100), groups={"<w>": {"weight_decay": 0.1}}, ema=0.9)
    scheduled.step({"<w>": np.zeros(4)}, {"<w>": np.ones(4)})
    found = parsed(scheduled)
    assert found.fields["learning_rate"].startswith("Cosine(learning_rate=0.1")
    assert found.fields["groups"].startswith("<w>: ") and found.fields["ema"] == "0.9"
    assert found.fields["state"] == "32 bytes for 1 array of parameters"  # the average


def test_networks():
    network = nn.Network(
        nn.Sequential(nn.Conv2d(6, 5, activation="relu"), nn.Flatten(), nn.Dense(3)), (9, 9, 1)
    )
    found = parsed(network)
    assert found.caption == network.summary().title
    assert found.rows[1] == ["0", "Conv2d, relu", "5×5×6", "156", "3,750", "600 B"]
    assert found.rows[-1][0] == "total" and found.rows[-1][3] == "609"


def test_showing_a_result_imports_neither_optimizers_of_scipy_nor_matplotlib():
    code = (
        "import sys, numgd\n"
        "result = numgd.minimize(lambda x: (x[0] - 1.0) ** 2, [3.0], options={'history': True})\n"
        "assert '<table' in result._repr_html_() and '<table' in result.history._repr_html_()\n"
        "assert '<table' in numgd.Adam()._repr_html_()\n"
        "assert not {'scipy.optimize', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
