"""Landscapes: contours and surfaces, paths, evaluated points, and bad input."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import rosenbrock
from scipy.optimize import Bounds

import numgd
from numgd import plots
from numgd.plots.plane import Plane, checked_box, levels_of, skewed

BOX = ((-2.0, 2.0), (-1.0, 3.0))
SMALL = {"resolution": 12}
METHODS = ("bfgs", "newton", "gd")


@pytest.fixture(scope="module")
def runs():
    given = {"gd": {"learning_rate": 1e-3, "maxiter": 50}}
    return {
        name: numgd.minimize(
            rosenbrock, [-1.2, 1.0], method=name, options={"history": "evaluations", **given.get(name, {})}
        )
        for name in METHODS
    }


def of_kind(axes, gid):
    return [line for line in axes.lines if line.get_gid() == gid]


def paths_of(axes):
    return [line for line in axes.lines if line.get_gid() is None]


def points_of(line):
    return np.column_stack(line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data())


def test_contours_of_the_function():
    def tilted(x, slope):
        return x[0] + slope * x[1]

    axes = plots.landscape(tilted, BOX, args=(10.0,), levels=[-20, 0, 5, 20], **SMALL)
    assert axes.get_xlim() == (-2, 2) and axes.get_ylim() == (-1, 3)
    assert axes.get_legend() is None and axes.get_xlabel() == "$x_1$"
    assert (np.array(axes.collections[0].levels) == [-20, 0, 5, 20]).all()
    lines = axes.collections[1]
    assert (np.array(lines.levels) == [0, 5]).all()
    for level, contour in zip(lines.levels, lines.get_paths(), strict=True):
        np.testing.assert_allclose(contour.vertices @ [1.0, 10.0], level, atol=1e-9)


def test_paths_evaluations_and_legend(runs):
    axes = plots.landscape(rosenbrock, BOX, runs, evaluations=True, **SMALL)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(METHODS)
    drawn = paths_of(axes)
    assert [line.get_label() for line in drawn] == list(METHODS)
    for k, (line, run) in enumerate(zip(drawn, runs.values(), strict=True)):
        np.testing.assert_array_equal(points_of(line), run.history.x)
        np.testing.assert_array_equal(points_of(of_kind(axes, "evaluations")[k]), run.history.evaluated)
        np.testing.assert_array_equal(points_of(of_kind(axes, "start")[k]), run.history.x[:1])
        np.testing.assert_array_equal(points_of(of_kind(axes, "end")[k]), run.history.x[-1:])
    assert len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == 3
    assert not of_kind(plots.landscape(rosenbrock, BOX, runs, **SMALL), "evaluations")


def test_many_paths_all_differ():
    lines = {str(k): [[0, 0], [1, k / 10]] for k in range(20)}
    axes = plots.landscape(rosenbrock, BOX, lines, **SMALL)
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in paths_of(axes)}
    assert len(looks) == 20


def test_single_results_histories_and_points(runs):
    run = runs["bfgs"]
    for given in (run, run.history, run.history.x, run.history.x.tolist(), tuple(run.history.x)):
        axes = plots.landscape(rosenbrock, BOX, given, **SMALL)
        np.testing.assert_array_equal(points_of(paths_of(axes)[0]), run.history.x)
        assert axes.get_legend() is None


@pytest.mark.parametrize("given", [{"method": "adam"}, {"bounds": [(-2, 0.5), (-1, 2)]}])
def test_paths_of_rules_and_within_bounds(given):
    run = numgd.minimize(rosenbrock, [-1.2, 1.0], options={"history": True, "maxiter": 8}, **given)
    axes = plots.landscape(rosenbrock, BOX, run, **SMALL)
    assert points_of(paths_of(axes)[0]).shape == (run.nit + 1, 2)


def test_path_of_the_best_start():
    found = numgd.minimize_multistart(rosenbrock, bounds=BOX, n_starts=4, options={"history": True})
    axes = plots.landscape(rosenbrock, BOX, found, **SMALL)
    np.testing.assert_array_equal(points_of(paths_of(axes)[0])[-1], found.x)


@pytest.mark.parametrize("log", [False, True])
def test_surface(runs, log):
    axes = plots.landscape(rosenbrock, BOX, runs, kind="surface", log=log, evaluations=True, **SMALL)
    assert axes.name == "3d" and len(axes.get_legend().get_texts()) == 3
    assert ("log" in axes.get_zlabel()) == log
    for line, run in zip(paths_of(axes), runs.values(), strict=True):
        expected = run.history.fun - min(run.history.evaluated_fun.min() for run in runs.values())
        x = points_of(line)
        np.testing.assert_array_equal(x[:, :2], run.history.x)
        if log:
            above = expected > 0.1
            np.testing.assert_allclose(10 ** x[above, 2], expected[above], rtol=1e-9)
            assert x[:, 2].min() > -5
        else:
            np.testing.assert_array_equal(x[:, 2], run.history.fun)


def test_paths_outside_are_cut_off():
    points = [[0, 0], [5, 0], [1, 1]]
    flat = plots.landscape(rosenbrock, BOX, points, **SMALL)
    assert flat.get_xlim() == (-2, 2)
    line = paths_of(plots.landscape(rosenbrock, BOX, points, kind="surface", **SMALL))[0]
    np.testing.assert_array_equal(np.isnan(points_of(line)[:, 0]), [False, True, False])


@pytest.mark.parametrize("kind", ["contour", "surface"])
def test_where_it_is_not_finite(kind):
    def logarithm(x):
        return math.log(x[0]) + 1.0 / x[1]  # Python's errors: of the domain, and division by zero

    plane = Plane(logarithm, (), checked_box([(-1, 1), (-1, 1)]), 5)
    np.testing.assert_array_equal(
        plane.values.mask, np.array([[1, 1, 1, 0, 0]] * 5) | (plane.y == 0)[:, None]
    )
    plots.landscape(logarithm, [(-1, 1), (-1, 1)], kind=kind, resolution=5).figure.draw_without_rendering()
    with pytest.raises(ValueError, match="fun is finite nowhere within the bounds") as caught:
        plots.landscape(logarithm, [(-2, -1), (-1, 1)], kind=kind, **SMALL)
    assert "math domain" in str(caught.value.__cause__)


def test_functions_that_return_more():
    axes = plots.landscape(lambda x: (x @ x, 2 * x), BOX, **SMALL)
    other = plots.landscape(lambda x: np.array([x @ x]), BOX, **SMALL)
    np.testing.assert_array_equal(axes.collections[0].levels, other.collections[0].levels)
    with pytest.raises(TypeError, match="fun must return a number; it returned ndarray"):
        plots.landscape(lambda x: x, BOX, **SMALL)


def test_levels():
    values = np.ma.masked_invalid([[1.0, 2.0], [np.nan, 101.0]])
    np.testing.assert_allclose(levels_of(values, 5, False), [1, 26, 51, 76, 101])
    by_ratio = levels_of(values, 5, True)
    assert by_ratio[0] == 1 and by_ratio[-1] == 101
    np.testing.assert_allclose(np.diff(np.diff(np.log(by_ratio[1:] - 1))), 0, atol=1e-12)
    constant = levels_of(np.ma.masked_invalid([[3.0, 3.0]]), 5, True)
    assert (np.diff(constant) > 0).all() and constant[0] < 3 < constant[-1]
    assert skewed(np.ma.masked_invalid([1e6, 2, 3, 1])) and not skewed(np.ma.masked_invalid([1, 2, 3, 4.0]))


def test_given_axes(runs):
    _, (left, _) = plt.subplots(1, 2)
    assert plots.landscape(rosenbrock, BOX, runs, ax=left, **SMALL) is left
    solid = plt.figure().add_subplot(projection="3d")
    assert plots.landscape(rosenbrock, BOX, kind="surface", ax=solid, **SMALL) is solid
    before = plt.get_fignums()
    with pytest.raises(ValueError, match="ax must be flat axes, but its projection is '3d'"):
        plots.landscape(unreachable, BOX, ax=solid)
    with pytest.raises(ValueError, match="ax must be axes made with projection='3d'"):
        plots.landscape(unreachable, BOX, kind="surface", ax=left)
    with pytest.raises(TypeError, match="ax must be matplotlib axes"):
        plots.landscape(unreachable, BOX, ax="left")
    assert plt.get_fignums() == before


def unreachable(x):
    raise AssertionError


@pytest.mark.parametrize(
    "bounds",
    [None, 3, (-1, 1), [(-1, 1)], [(-1, 1)] * 3, [(1, -1), (0, 1)], [(0, 0), (0, 1)], [(None, 1), (0, 1)],
     [(0, np.inf), (0, 1)], [("a", "b"), (0, 1)], [(0, np.nan), (0, 1)], Bounds([0], [1])],
)  # fmt: skip
def test_bounds_of_another_form(bounds):
    with pytest.raises(ValueError, match=r"^bounds must be \(\(x_low, x_high\), \(y_low, y_high\)\)"):
        plots.landscape(unreachable, bounds)


def test_bounds_of_scipy():
    axes = plots.landscape(rosenbrock, Bounds([-2, -1], [2, 3]), **SMALL)
    assert axes.get_xlim() == (-2, 2) and axes.get_ylim() == (-1, 3)


def test_results_without_what_is_needed(runs):
    plain = numgd.minimize(rosenbrock, [-1.2, 1.0])
    long = numgd.minimize(rosenbrock, [-1.2, 1.0, 1.0], options={"history": True})
    iterations = numgd.minimize(rosenbrock, [-1.2, 1.0], options={"history": True})
    empty = iterations.history._replace(fun=np.empty(0), x=np.empty((0, 2)))
    cases = [
        (plain, ValueError, r"^results has no history: solve with options=\{'history': True\}"),
        ({"a": runs["bfgs"], "b": plain}, ValueError, r"^results\['b'\] has no history"),
        ({"a": long}, ValueError, r"^results\['a'\] must be a path of 2 variables; it has 3 variables"),
        (empty, ValueError, "^the history of results is empty"),
        ({}, ValueError, "^results must not be empty"),
        (np.empty((0, 2)), ValueError, "^results must not be empty"),
        (np.ones(2), ValueError, r"^results must be a path of 2 variables; it has shape \(2,\)"),
        ({"a": "bfgs"}, TypeError, r"^results\['a'\] must be a result with a history"),
        (["a", "b"], TypeError, "^results must be a result with a history, or an array"),
        (7, TypeError, "^results must be a result with a history"),
    ]
    for results, error, message in cases:
        with pytest.raises(error, match=message):
            plots.landscape(unreachable, BOX, results)
    with pytest.raises(ValueError, match=r"^results has no evaluated points: solve with .*'evaluations'\}"):
        plots.landscape(unreachable, BOX, iterations, evaluations=True)
    with pytest.raises(ValueError, match="results has no evaluated points"):
        plots.landscape(unreachable, BOX, [[0, 0], [1, 1]], evaluations=True)


def test_stochastic_runs_have_no_path():
    data = np.random.default_rng(0).normal(size=(20, 2))
    run = numgd.minimize_stochastic(lambda x, rows: np.mean((rows - x) ** 2), np.zeros(2), data, epochs=2)
    with pytest.raises(ValueError, match="results has no path: its history has no points"):
        plots.landscape(unreachable, BOX, run)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"kind": "map"}, ValueError, "kind must be 'contour' or 'surface'"),
        ({"evaluations": 1}, TypeError, "evaluations must be True or False"),
        ({"resolution": 2}, ValueError, "resolution must be at least 3"),
        ({"resolution": 2.5}, TypeError, "resolution must be an integer"),
        ({"log": "yes"}, TypeError, "log must be True, False or None"),
        ({"levels": 1}, ValueError, "levels must be at least 2"),
        ({"levels": [3, 1]}, ValueError, "levels must be at least 2 finite numbers in ascending order"),
        ({"levels": "many"}, TypeError, "levels must be a number"),
        ({"levels": True}, (TypeError, ValueError), "levels must be"),
    ],
)
def test_bad_options(given, error, message):
    with pytest.raises(error, match=message):
        plots.landscape(rosenbrock, BOX, **{**SMALL, **given})
    with pytest.raises(TypeError, match="fun must be callable"):
        plots.landscape("rosenbrock", BOX)
