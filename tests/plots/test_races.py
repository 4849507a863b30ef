"""Races: what each frame shows, how frames are spaced, and what comes out."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient
from PIL import Image

import numgd
from numgd import plots

BOX = ((-2.0, 2.0), (-1.0, 3.0))
SMALL = {"resolution": 8}


@pytest.fixture(scope="module")
def runs():
    return {
        name: numgd.minimize(
            rosenbrock, [-1.2, 1.0], (), name, rosenbrock_gradient, options={"history": True, "maxiter": 90}
        )
        for name in ("bfgs", "newton", "gd")
    }


def frames(animation):
    """Draw the frames one after the other; yields the axes after each."""
    for moment in animation.new_frame_seq():
        animation._func(moment)
        yield moment, animation.ax


def lines_of(axes, names):
    """Trails and heads by name; only the heads have markers."""
    own = [line for line in axes.lines if line.get_gid() is None]
    return dict(zip(names, zip(own[::2], own[1::2], strict=True), strict=True))


@pytest.mark.parametrize("against", ["evaluation", "iteration"])
def test_methods_advance_together(runs, against):
    animation = plots.race(rosenbrock, BOX, runs, seconds=2, frames_per_second=6, against=against, **SMALL)
    ends = {name: run.nfev if against == "evaluation" else run.nit for name, run in runs.items()}
    shown = list(frames(animation))
    moments = [moment for moment, _ in shown]
    assert len(moments) == 12 and moments[0] == 0 and moments[-1] == max(ends.values())
    np.testing.assert_allclose(np.diff(moments), moments[-1] / 11)
    for moment, axes in frames(animation):
        assert axes.get_title() == f"{moment:.0f} {against}s"
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        for text, (name, (trail, head)) in zip(texts, lines_of(axes, runs).items(), strict=True):
            history = runs[name].history
            counts = history.nfev if against == "evaluation" else np.arange(len(history.x))
            row = max(0, np.flatnonzero(counts <= moment).max(initial=0))
            assert text == f"{name}: {history.fun[row]:.2e}"
            drawn = np.column_stack(trail.get_data())
            np.testing.assert_array_equal(drawn[:-1], history.x[: row + 1])
            np.testing.assert_array_equal(drawn[-1], np.ravel(head.get_data()))
            following = history.x[min(row + 1, len(history.x) - 1)]
            low, high = np.sort([history.x[row], following], axis=0)
            assert (low - 1e-12 <= drawn[-1]).all() and (drawn[-1] <= high + 1e-12).all()
            if moment >= ends[name]:
                np.testing.assert_array_equal(drawn[-1], history.x[-1])


def test_uneven_runs_by_ratios(runs):
    paths = {"short": [[0, 0], [1, 1]], "long": np.linspace((-1, -1), (1, 1), 1001)}
    animation = plots.race(rosenbrock, BOX, paths, seconds=1, against="iteration", **SMALL)
    moments = [moment for moment, _ in frames(animation)]
    assert moments[0] == 0 and moments[1] == 1
    np.testing.assert_allclose(np.diff(np.log(moments[1:])), np.log(1000) / 8)


def test_looks_differ_and_the_legend_is_out_of_the_way(runs):
    animation = plots.race(rosenbrock, BOX, runs, seconds=0.2, **SMALL)
    _, axes = next(frames(animation))
    heads = [head for _, head in lines_of(axes, runs).values()]
    assert len({head.get_color() for head in heads}) == len({head.get_marker() for head in heads}) == 3
    corner = plots.race(rosenbrock, BOX, [[1.9, 2.9], [1.5, 2.5], [-1, 2]], against="iteration", **SMALL)
    _, axes = next(frames(corner))
    assert axes.get_legend()._loc in (3, 4)  # a lower corner
    assert axes.get_legend().get_texts()[0].get_text().startswith("value: ")


def test_gif_and_html(runs, tmp_path, capfd):
    two = {name: runs[name] for name in ("bfgs", "gd")}
    animation = plots.race(rosenbrock, BOX, two, seconds=0.4, **SMALL)
    animation.save(tmp_path / "race.gif", dpi=30)
    with Image.open(tmp_path / "race.gif") as picture:
        assert picture.n_frames == 4 and picture.info["duration"] == 100
    with plt.rc_context({"savefig.dpi": 30}):
        page = plots.race(rosenbrock, BOX, two, seconds=0.4, **SMALL)._repr_html_()
    assert page.count("data:image/png;base64") == 4 and "<script" in page
    assert json.dumps(page)
    assert capfd.readouterr() == ("", "")
    assert len(plt.get_fignums()) == 1  # the one shown is closed, or it would be shown twice


def test_bad_input(runs):
    plain = numgd.minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient)
    solid = plt.figure().add_subplot(projection="3d")
    cases = [
        ((BOX, {"own": plain}), {}, ValueError, r"results\['own'\] has no history: solve with"),
        ((BOX, {"own": [[0, 0]]}), {}, ValueError, r"results\['own'\] does not hold numbers of evaluations"),
        ((BOX, {}), {}, ValueError, "results must not be empty"),
        (((0, 1), runs), {}, ValueError, "bounds must be"),
        ((BOX, runs), {"seconds": 0}, ValueError, "seconds must be"),
        ((BOX, runs), {"seconds": 1e4}, ValueError, "1,000 are the most"),
        ((BOX, runs), {"against": "time"}, ValueError, "against must be 'evaluation' or 'iteration'"),
        ((BOX, runs), {"resolution": 1}, ValueError, "resolution must be at least 3"),
        ((BOX, runs), {"ax": solid}, ValueError, "ax must be flat axes"),
    ]
    for args, given, error, message in cases:
        with pytest.raises(error, match=message):
            plots.race(rosenbrock, *args, **given)
    assert len(plt.get_fignums()) == 1
