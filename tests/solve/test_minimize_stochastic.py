"""`minimize_stochastic` against the steps written out in NumPy, scikit-learn, and what it promises."""

import time

import numpy as np
import pytest
from numba import njit
from spoiling import spoiled

import numgd
from numgd import Status
from numgd.autodiff import NotDifferentiable

RNG = np.random.default_rng(7)
A = RNG.normal(size=(61, 3))
Y = A @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=61)
X0 = np.array([0.3, 0.1, -0.2])


@njit
def squares(x, A, y):
    """Mean squared error."""
    total = 0.0
    for i in range(y.size):
        r = -y[i]
        for j in range(x.size):
            r += A[i, j] * x[j]
        total += r * r
    return total / y.size


def gradient(x, A, y):
    """Its gradient by NumPy."""
    return 2.0 * A.T @ (A @ x - y) / y.size


def run(**settings):
    settings = {"method": "gd", "epochs": 3, "seed": 5, "options": {"learning_rate": 0.05}} | settings
    return numgd.minimize_stochastic(squares, X0, (A, Y), **settings)


def written_out(batch_size, epochs, rate=0.05, keep=True, seed=5, shuffle=True, step=None):
    """Steps of gradient descent on the batches that the documentation promises."""
    x, losses = X0.copy(), []
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(61) if shuffle else np.arange(61)
        for first in range(0, 61, batch_size):
            rows = order[first : first + batch_size]
            if rows.size < batch_size and not keep:
                continue
            losses.append(np.mean((A[rows] @ x - Y[rows]) ** 2))
            g = gradient(x, A[rows], Y[rows])
            x = x - rate * g if step is None else step(x, g, len(losses))
    return x, losses


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("last", ["keep", "drop"])
@pytest.mark.parametrize("size", [1, 8, 61])
def test_steps_are_those_of_the_batches(size, last, shuffle):
    found = run(batch_size=size, last_batch=last, shuffle=shuffle)
    expected, losses = written_out(size, 3, keep=last == "keep", shuffle=shuffle)
    np.testing.assert_allclose(found.x, expected, rtol=1e-12)
    assert found.nit == len(losses) and found.nepoch == 3
    assert found.status == Status.EPOCHS and found.success
    np.testing.assert_allclose(found.fun, np.mean((A @ found.x - Y) ** 2), rtol=1e-12)
    np.testing.assert_allclose(found.jac, gradient(found.x, A, Y), rtol=1e-9, atol=1e-12)
    assert found.derivatives["jac"] == "autodiff"


def test_none_is_the_full_batch_and_is_gradient_descent():
    found = run(batch_size=None, epochs=20)
    x = X0
    for _ in range(20):
        x = x - 0.05 * gradient(x, A, Y)
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    larger = run(batch_size=1000, epochs=20)
    np.testing.assert_array_equal(larger.x, found.x)


def test_the_epochs_loss_is_the_mean_of_the_batches():
    found = run(batch_size=8, epochs=1)
    _, losses = written_out(8, 1)
    weights = np.full(8, 8)
    weights[-1] = 61 - 7 * 8
    np.testing.assert_allclose(found.history.loss, [np.average(losses, weights=weights)], rtol=1e-12)


@pytest.mark.parametrize("jac", [True, "callable"])
def test_gradients_of_the_users(jac):
    @njit
    def slope(x, A, y):
        return 2.0 * A.T @ (A @ x - y) / y.size

    @njit
    def both(x, A, y):
        return squares(x, A, y), slope(x, A, y)

    fun, jac = (both, True) if jac is True else (squares, slope)
    found = numgd.minimize_stochastic(
        fun, X0, (A, Y), jac=jac, method="gd", batch_size=8, epochs=2, seed=5, options={"learning_rate": 0.05}
    )
    np.testing.assert_allclose(found.x, written_out(8, 2)[0], rtol=1e-12)
    assert found.derivatives["jac"] == "given"


def test_float32_stays():
    found = numgd.minimize_stochastic(
        squares, X0.astype(np.float32), (A.astype(np.float32), Y.astype(np.float32)), batch_size=8,
        options={"learning_rate": 0.1}, epochs=30,
    )  # fmt: skip
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, [1.0, -2.0, 0.5], atol=0.1)


def test_args_stand_behind_the_batch():
    @njit
    def penalised(x, A, y, weight):
        return squares(x, A, y) + weight * np.sum(x * x)

    found = numgd.minimize_stochastic(
        penalised,
        X0,
        (A, Y),
        (0.5,),
        method="adam",
        batch_size=None,
        epochs=2000,
        options={"learning_rate": 0.05},
    )
    exact = np.linalg.solve(A.T @ A / 61 + 0.5 * np.eye(3), A.T @ Y / 61)
    np.testing.assert_allclose(found.x, exact, rtol=1e-4)


def test_variance_reduction_converges_where_plain_steps_do_not():
    rate = {"learning_rate": 0.02}
    exact = np.linalg.lstsq(A, Y, rcond=None)[0]
    plain, reduced = (run(method=method, batch_size=1, epochs=60, options=rate) for method in ("gd", "svrg"))
    assert np.abs(reduced.x - exact).max() < 1e-6 < 1e-3 < np.abs(plain.x - exact).max()


# What goes with a step ---------------------------------------------------------------------------------


def test_a_schedule_is_asked_by_the_number_of_the_step():
    asked = run(batch_size=8, options={"learning_rate": lambda t: 0.1 / t})
    numbered = written_out(8, 3, step=lambda x, g, t: x - 0.1 / t * g)[0]
    np.testing.assert_allclose(asked.x, numbered, rtol=1e-12)
    np.testing.assert_allclose(asked.history.learning_rate, 0.1 / np.array([8, 16, 24]))


@pytest.mark.parametrize("name", ["gd", "adam"])
def test_options_are_those_of_the_optimizers(name):
    options = {
        "learning_rate": 0.05,
        "weight_decay": 0.1,
        "clip_global_norm": 1.0,
        "clip_value": 0.7,
        "ema": 0.8,
    }
    found = run(method=name, batch_size=8, options=options | {"lookahead": (5, 0.5)})
    optimizer = {"gd": numgd.SGD, "adam": numgd.Adam}[name](**options, lookahead=(5, 0.5))
    x = X0.copy()
    for epoch in range(3):
        order = np.random.default_rng((5, epoch)).permutation(61)
        for first in range(0, 61, 8):
            rows = order[first : first + 8]
            optimizer.step(x, gradient(x, A[rows], Y[rows]))
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    np.testing.assert_allclose(found.averaged, optimizer.averaged(), rtol=1e-12)


def test_polyaks_average():
    found = run(batch_size=1, epochs=4, options={"learning_rate": 0.02, "average_from": 100})
    path = []

    def step(x, g, t):
        path.append(x - 0.02 * g)
        return path[-1]

    written_out(1, 4, step=step)
    np.testing.assert_allclose(found.averaged, np.mean(path[99:], axis=0), rtol=1e-10)


# Stopping ----------------------------------------------------------------------------------------------


def test_patience_and_the_best_point():
    held_out = (A[:20], Y[:20])
    options = {"learning_rate": lambda t: 0.05 if t < 100 else 0.3}
    found = run(batch_size=1, epochs=200, validation=held_out, patience=4, options=options)
    losses = found.history.validation
    assert found.status == Status.EARLY and found.success
    assert losses.size == np.argmin(losses) + 1 + 4
    np.testing.assert_allclose(squares(found.x, *held_out), losses.min(), rtol=1e-12)
    last = run(batch_size=1, epochs=200, validation=held_out, patience=4, options=options, restore_best=False)
    np.testing.assert_allclose(squares(last.x, *held_out), losses[-1], rtol=1e-12)


def test_a_run_that_diverges_fails_at_its_best_point():
    found = run(batch_size=8, epochs=500, options={"learning_rate": 5.0})
    assert found.status == Status.NOT_FINITE and not found.success
    assert np.isfinite(found.x).all() and np.isfinite(found.fun)


def whole_loss(x):
    return np.mean((A @ x - Y) ** 2)


EACH_WAY = {  # how a run may be asked for
    "plain": {},
    "svrg": {"method": "svrg"},
    "momentum": {"method": "momentum"},
    "average": {"options": {"average_from": 3}},
    "lookahead": {"options": {"lookahead": (3, 0.5)}},
    "patience": {"patience": 2},
    "patience, last": {"patience": 2, "restore_best": False},
    "validation": {"validation": (A[:20], Y[:20])},
}


@pytest.mark.parametrize("epochs", [6, 500])
@pytest.mark.parametrize("way", EACH_WAY)
def test_no_success_above_the_start(way, epochs):
    """A step that is too large: some epochs end high, many at infinity."""
    settings = EACH_WAY[way] | {"batch_size": 8, "epochs": epochs}
    settings["options"] = settings.get("options", {}) | {"learning_rate": 5.0}
    found = run(**settings)
    assert not found.success and found.status in (Status.ROSE, Status.NOT_FINITE)
    np.testing.assert_allclose(found.fun, whole_loss(found.x), rtol=1e-12)
    if found.status == Status.NOT_FINITE or way in ("patience", "validation"):
        np.testing.assert_array_equal(found.x, X0)
    else:
        assert found.fun > whole_loss(X0) and "above" in found.message
    if "average_from" in settings["options"]:
        np.testing.assert_allclose(found.averaged_fun, whole_loss(found.averaged), rtol=1e-12)


@pytest.mark.parametrize("way", EACH_WAY)
def test_the_loss_is_that_of_the_point(way):
    """The step is too large after some epochs: the best end of an epoch is returned, where asked for."""
    seen, options = [], {"learning_rate": lambda t: 0.05 if t < 20 else 0.3}
    settings = EACH_WAY[way] | {"batch_size": 2, "epochs": 12}
    settings["options"] = settings.get("options", {}) | options
    found = run(callback=lambda result: seen.append(result.x), **settings)
    np.testing.assert_allclose(found.fun, whole_loss(found.x), rtol=1e-12)
    assert found.success == (found.fun <= whole_loss(X0))
    points = [X0, *seen]
    if way == "patience":
        np.testing.assert_array_equal(found.x, min(points, key=whole_loss))
    elif way == "validation":
        np.testing.assert_array_equal(found.x, min(points, key=lambda x: squares(x, A[:20], Y[:20])))
    else:
        np.testing.assert_array_equal(found.x, seen[-1])
    if "average_from" in settings["options"]:
        np.testing.assert_allclose(found.averaged_fun, whole_loss(found.averaged), rtol=1e-12)


def test_a_start_at_the_minimum_is_the_best_point():
    """Noise leads away from it; without `restore_best` the run ends above."""
    best = np.linalg.lstsq(A, Y, rcond=None)[0]
    settings = {"data": (A, Y), "method": "gd", "batch_size": 1, "epochs": 3, "patience": 5}
    settings["options"] = {"learning_rate": 0.05}
    found = numgd.minimize_stochastic(squares, best, **settings)
    np.testing.assert_array_equal(found.x, best)
    last = numgd.minimize_stochastic(squares, best, restore_best=False, **settings)
    assert last.status == Status.ROSE and not last.success and last.fun > found.fun
    still = numgd.minimize_stochastic(squares, best, **settings | {"epochs": 0})
    assert still.success


def test_an_edited_result_is_another_start():
    first = run(batch_size=8, epochs=2)
    first.x[:] = 0.25
    again = numgd.minimize_stochastic(squares, first, (A, Y), method="gd", epochs=0)
    np.testing.assert_array_equal(again.x, np.full(3, 0.25))


def test_nan_in_the_data():
    spoiled = Y.copy()
    spoiled[30] = np.nan
    found = numgd.minimize_stochastic(squares, X0, (A, spoiled), method="gd", batch_size=8, epochs=3)
    assert found.status == Status.NOT_FINITE and not found.success
    np.testing.assert_array_equal(found.x, X0)


def test_callbacks_and_the_time_limit():
    seen = []

    def callback(intermediate_result):
        seen.append((intermediate_result.epoch, intermediate_result.fun))
        intermediate_result.x[:] = np.nan
        if len(seen) == 2:
            raise StopIteration

    found = run(batch_size=8, epochs=10, callback=callback)
    assert found.status == Status.CALLBACK and not found.success
    assert [epoch for epoch, _ in seen] == [1, 2]
    np.testing.assert_array_equal([loss for _, loss in seen], found.history.loss)
    np.testing.assert_allclose(found.x, written_out(8, 2)[0], rtol=1e-12)
    before = time.perf_counter()
    found = run(batch_size=1, epochs=10**9, time_limit=0.2)
    assert 0.2 <= time.perf_counter() - before < 5.0
    assert found.status == Status.TIME_LIMIT and not found.success


def test_exceptions_reach_the_caller():
    @njit
    def raising(x, A, y):
        if x[0] > 0.31:
            raise ValueError("too far")
        return squares(x, A, y)

    with pytest.raises(ValueError, match="too far"):
        numgd.minimize_stochastic(raising, X0, (A, Y), method="gd", options={"learning_rate": 0.5})


# Going on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["gd", "adam", "svrg"])
def test_resumed_is_uninterrupted(method):
    settings = {"method": method, "batch_size": 8, "options": {"learning_rate": 0.02, "ema": 0.9}}
    whole = run(epochs=5, **settings)
    first = run(epochs=2, **settings)
    second = numgd.minimize_stochastic(squares, spoiled(first), (A, Y), epochs=3, seed=5, **settings)
    np.testing.assert_array_equal(second.x, whole.x)
    np.testing.assert_array_equal(second.averaged, whole.averaged)
    assert second.nepoch == 5


def test_new_data_are_taken_in():
    first = run(batch_size=8, epochs=2)
    more = RNG.normal(size=(40, 3))
    found = numgd.minimize_stochastic(
        squares, first, (more, more @ [3.0, 0.0, 0.0]), method="gd", batch_size=8, epochs=100,
        options={"learning_rate": 0.05},
    )  # fmt: skip
    np.testing.assert_allclose(found.x, [3.0, 0.0, 0.0], atol=1e-3)


def test_the_same_seed_is_the_same_run_and_inputs_are_not_written():
    data, start = (A.copy(), Y.copy()), X0.copy()
    runs = [
        numgd.minimize_stochastic(squares, start, data, batch_size=7, epochs=2, seed=seed).x
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    for array, original in zip((*data, start), (A, Y, X0), strict=True):
        np.testing.assert_array_equal(array, original)


def test_memory_maps_and_any_layout(tmp_path):
    np.save(tmp_path / "A.npy", A)
    mapped = np.load(tmp_path / "A.npy", mmap_mode="r")
    frozen = Y.copy()
    frozen.flags.writeable = False
    expected = run(batch_size=8).x
    for data in ((mapped, frozen), (np.asfortranarray(A), Y), (np.repeat(A, 2, axis=0)[::2], Y)):
        for size, wanted in ((8, expected), (1, run(batch_size=1).x)):
            found = numgd.minimize_stochastic(
                squares,
                X0,
                data,
                method="gd",
                epochs=3,
                seed=5,
                batch_size=size,
                options={"learning_rate": 0.05},
            )
            np.testing.assert_allclose(found.x, wanted, rtol=1e-13)


def test_a_progress_bar(capsys):
    pytest.importorskip("tqdm")
    run(batch_size=8, progress=True, validation=(A, Y))
    shown = capsys.readouterr().err
    assert "3/3" in shown and "loss" in shown and "validation" in shown


# Bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 2.5}, TypeError, "batch_size"),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"seed": -1}, ValueError, "seed"),
        ({"patience": 0}, ValueError, "patience"),
        ({"min_delta": -1.0}, ValueError, "min_delta"),
        ({"time_limit": "long"}, TypeError, "time_limit"),
        ({"last_batch": "half"}, ValueError, "last_batch"),
        ({"callback": 3}, TypeError, "callback"),
        ({"method": "bfgs"}, ValueError, "bfgs"),
        ({"method": None}, TypeError, "method"),
        ({"options": {"beta1": 0.5}}, TypeError, "beta1"),
        ({"options": {"accumulate": 2}}, ValueError, "accumulate"),
        ({"options": {"maximize": True}}, ValueError, "maximize"),
        ({"validation": (A,)}, None, None),
        ({"validation": (A, Y[:3])}, ValueError, r"validation\[1\]"),
    ],
)
def test_settings_that_make_no_sense(settings, error, match):
    if error is None:
        with pytest.raises(Exception):  # noqa: B017 - what Numba says of a missing argument
            run(**settings)
        return
    with pytest.raises(error, match=match):
        run(**settings)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        ((A, Y[:10]), ValueError, r"data\[1\] has 10 entries"),
        ((A[:0], Y[:0]), ValueError, "no samples"),
        ((), ValueError, "no array"),
        ((A, 3.0), ValueError, r"data\[1\]"),
        ((A, np.array(["a"] * 61)), TypeError, r"data\[1\]"),
    ],
)
def test_data_that_make_no_sense(data, error, match):
    with pytest.raises(error, match=match):
        numgd.minimize_stochastic(squares, X0, data)


def test_functions_that_cannot_be_used():
    def sorts(x, A, y):
        return np.partition(x, 0)[0] * np.sum(y)

    with pytest.raises((ValueError, NotDifferentiable), match="jac is needed"):
        numgd.minimize_stochastic(sorts, X0, (A, Y))
    with pytest.raises(TypeError, match="fun must be callable"):
        numgd.minimize_stochastic(3, X0, (A, Y))
    with pytest.raises(ValueError, match="x0"):
        numgd.minimize_stochastic(squares, [np.nan, 0.0, 0.0], (A, Y))


def test_noise_is_that_of_the_optimizer():
    options = {"learning_rate": 0.05, "noise": 0.3, "noise_seed": 2}
    found = run(batch_size=61, shuffle=False, epochs=4, options=options)
    x, optimizer = X0.copy(), numgd.SGD(**options)
    for _ in range(4):
        optimizer.step(x, gradient(x, A, Y))
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    assert not np.allclose(x, run(batch_size=61, shuffle=False, epochs=4).x)


def test_an_average_that_starts_in_a_resumed_run_starts_at_its_first_point():
    data = np.random.default_rng(0).normal(size=(8, 2)) + 3.0
    settings = {"method": "gd", "epochs": 1, "batch_size": 8}
    first = numgd.minimize_stochastic(
        distance_to_rows, np.ones(2), data, options={"learning_rate": 0.1}, **settings
    )
    options = {"learning_rate": 0.1, "ema": 0.75}
    second = numgd.minimize_stochastic(distance_to_rows, first, data, options=options, **settings)
    np.testing.assert_allclose(second.averaged, 0.75 * first.x + 0.25 * second.x, rtol=1e-14)
    assert not np.array_equal(first.x, second.x)


@njit
def distance_to_rows(x, rows):
    return np.mean((rows - x) ** 2)
