"""`fit` against loops that are written out, and every way in which a run ends."""

import math
import signal
import threading

import numpy as np
import pytest
from stand_in import TwoLayers, data, raises

import numgd
from numgd import Status
from numgd.nn.training import evaluate, fit
from numgd.nn.training.stepping import step_seed

X, Y = data()
HELD_OUT = data(rows=20, seed=2)
LOSS = "cross_entropy"


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "numgd-batches"]


def batches(rows, size, epoch, seed, shuffle=True, keep=True):
    order = np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)
    found = [order[first : first + size] for first in range(0, rows, size)]
    return found if keep or len(found[-1]) == size else found[:-1]


def written_out(network, update, epochs=3, size=7, seed=0, **options):
    """Train by ``update(parameters, gradients, t)`` on views by name; returns the mean loss of each epoch."""
    t, losses = 0, []
    for epoch in range(epochs):
        values = []
        for rows in batches(len(X), size, epoch, seed, **options):
            value = network.loss_and_gradient(X[rows], Y[rows], LOSS, step_seed(seed, t))
            t += 1
            update(network.named_parameters(), network.named_gradients(), t)
            values += [value] * len(rows)
        losses.append(np.mean(values))
    return losses, t


def gradient_descent(rate):
    def update(p, g, t):
        for name in p:
            p[name] -= (rate(t) if callable(rate) else rate) * g[name]

    return update


def adam(rate=1e-3, decay=None, undecayed=()):
    """Kingma and Ba's algorithm 1, with an L2 penalty."""
    m, v = {}, {}

    def update(p, g, t):
        for name in p:
            slope = g[name] + (0.0 if decay is None or name in undecayed else decay * p[name])
            m[name] = 0.9 * m.get(name, 0.0) + 0.1 * slope
            v[name] = 0.999 * v.get(name, 0.0) + 0.001 * slope**2
            p[name] -= rate * (m[name] / (1 - 0.9**t)) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)

    return update


def assert_same_weights(a, b, rtol=1e-9):
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(a.mean, b.mean, rtol=rtol, atol=1e-12)


# The steps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "update"),
    [
        (lambda: "adam", lambda: adam()),
        (lambda: numgd.Adam(0.01, weight_decay=0.1), lambda: adam(0.01, 0.1)),
        (lambda: numgd.SGD(0.1), lambda: gradient_descent(0.1)),
        (lambda: numgd.SGD(lambda t: 0.3 / t), lambda: gradient_descent(lambda t: 0.3 / t)),
    ],
)
@pytest.mark.parametrize(
    ("given", "own"),
    [
        ({}, {}),
        ({"shuffle": False}, {"shuffle": False}),
        ({"last_batch": "drop", "seed": 2**64 - 1}, {"keep": False, "seed": 2**64 - 1}),
        ({"batch_size": 1000}, {"size": 50}),
    ],
)
def test_it_is_the_loop_that_one_would_write(optimizer, update, given, own):
    network, other = TwoLayers(), TwoLayers()
    found = fit(network, X, Y, loss=LOSS, optimizer=optimizer(), epochs=3, **({"batch_size": 7} | given))
    losses, steps = written_out(other, update(), **own)
    assert_same_weights(network, other)
    np.testing.assert_allclose(found.history.loss, losses, rtol=1e-9)
    assert found.nit == steps and found.nepoch == 3 and found.fun == found.history.loss[-1]
    assert found.status == Status.EPOCHS and found.success and found.best_epoch is None
    assert network.seen == other.seen and len(set(network.seen)) == steps


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_weight_decay_skips_biases_by_option(name):
    network, other = TwoLayers(), TwoLayers()
    optimizer = numgd.optimizers.of_rule({"sgd": "gd"}.get(name, name))(0.05, weight_decay=0.3)

    def descend(p, g, t):
        for own in p:
            p[own] -= 0.05 * (g[own] + (0.0 if own in TwoLayers.undecayed else 0.3 * p[own]))

    fit(network, X, Y, loss=LOSS, optimizer=optimizer, epochs=3, batch_size=7, decay_all=False)
    written_out(other, adam(0.05, 0.3, TwoLayers.undecayed) if name == "adam" else descend)
    assert_same_weights(network, other)
    assert len(optimizer._groups) == 2  # one kernel call for all biases


def test_adamw_decays_by_group_too():
    network, other = TwoLayers(), TwoLayers()
    options = {"epochs": 3, "batch_size": 7, "loss": LOSS}
    fit(network, X, Y, optimizer=numgd.AdamW(0.05, weight_decay=0.3), decay_all=False, **options)
    groups = {name: {"weight_decay": 0.0} for name in TwoLayers.undecayed}
    by_hand = numgd.AdamW(0.05, weight_decay=0.3, groups=groups)
    written_out(other, lambda p, g, t: by_hand.step(p, g))
    assert_same_weights(network, other)


@pytest.mark.parametrize(("decay", "decay_all"), [(0.0, False), (0.3, True)])
def test_without_groups_there_is_one_vector(decay, decay_all):
    optimizer = numgd.Adam(weight_decay=decay)
    network = TwoLayers()
    fit(network, X, Y, loss=LOSS, optimizer=optimizer, epochs=1, decay_all=decay_all)
    assert optimizer._given is network.parameters


def test_decay_cannot_be_taken_back_from_an_optimizer_with_steps():
    network, optimizer = TwoLayers(), numgd.Adam(weight_decay=0.1)
    fit(network, X, Y, loss=LOSS, optimizer=optimizer, epochs=1)
    before = network.parameters.copy()
    with pytest.raises(ValueError, match="weight decay cannot skip"):
        fit(network, X, Y, loss=LOSS, optimizer=optimizer, epochs=1, decay_all=False)
    np.testing.assert_array_equal(network.parameters, before)


@pytest.mark.parametrize("optimizer", [lambda: numgd.LAMB(0.01), lambda: numgd.SGD(0.1, clip_norm=0.01)])
def test_norms_are_those_of_each_array(optimizer):
    network, other = TwoLayers(), TwoLayers()
    fit(network, X, Y, loss=LOSS, optimizer=optimizer(), epochs=3, batch_size=7)
    by_hand = optimizer()
    written_out(other, lambda p, g, t: by_hand.step(p, g))
    assert_same_weights(network, other)


def test_float32_stays_float32():
    network = TwoLayers(dtype=np.float32)
    found = fit(network, X, Y, loss=LOSS, epochs=20)
    assert network.parameters.dtype == np.float32
    assert found.history.loss[-1] < found.history.loss[0]


def test_an_optimizer_continues():
    network, other = TwoLayers(dropout=0.0), TwoLayers(dropout=0.0)
    optimizer = numgd.Adam(0.01)
    for _ in range(2):
        fit(network, X, Y, loss=LOSS, optimizer=optimizer, epochs=1, shuffle=False)
    fit(other, X, Y, loss=LOSS, optimizer=numgd.Adam(0.01), epochs=2, shuffle=False)
    np.testing.assert_array_equal(network.parameters, other.parameters)


# Schedules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", numgd.SGD(7.0)])
def test_a_schedule_takes_the_place_of_the_rate(optimizer):
    network, other = TwoLayers(), TwoLayers()
    schedule = numgd.schedules.InverseTime(0.2, 0.5)
    options = {"epochs": 3, "batch_size": 7, "loss": LOSS}
    found = fit(network, X, Y, optimizer=optimizer, schedule=schedule, **options)
    written_out(other, gradient_descent(schedule))
    assert_same_weights(network, other)
    np.testing.assert_allclose(found.history.learning_rate, schedule([8, 16, 24]))


def test_a_group_keeps_its_own_rate():
    network, other = TwoLayers(), TwoLayers()
    optimizer = numgd.SGD(
        7.0, groups={"out.bias": {"learning_rate": 0.5}, "out.weight": {"weight_decay": 0.1}}
    )
    options = {"epochs": 3, "batch_size": 7, "loss": LOSS}
    fit(network, X, Y, optimizer=optimizer, schedule=lambda t: 0.1 / t, **options)

    def update(p, g, t):
        for name in p:
            slope = g[name] + (0.1 * p[name] if name == "out.weight" else 0.0)
            p[name] -= (0.5 if name == "out.bias" else 0.1 / t) * slope

    written_out(other, update)
    assert_same_weights(network, other)


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_a_schedule_observes_what_is_monitored(monitor):
    observed = []

    class Watching:
        def __call__(self, t):
            return 0.01

        def observe(self, value):
            observed.append(value)

    network = TwoLayers()
    options = {"epochs": 4, "validation_data": HELD_OUT, "monitor": monitor}
    found = fit(network, X, Y, loss=LOSS, schedule=Watching(), **options)
    history = found.history
    expected = history.validation if monitor == "loss" else -history.metrics["accuracy"]
    np.testing.assert_array_equal(observed, expected)


# Validation, patience and the best weights -------------------------------------------------------------


def test_history_holds_what_the_network_had_after_each_epoch():
    network, seen = TwoLayers(outputs=6, dropout=0.5), []
    metrics = ("accuracy", "top5", lambda outputs, y: outputs.mean())

    def remember(now):
        assert now.network is network
        found = evaluate(network, *HELD_OUT, loss=LOSS, metrics=metrics)
        seen.append([found["loss"], found["accuracy"], found["top5"], found["<lambda>"]])
        assert now.epoch == len(seen) and now.validation == pytest.approx(found["loss"])
        assert now.metrics == pytest.approx({name: found[name] for name in now.metrics})

    options = {"validation_data": HELD_OUT, "metrics": metrics, "callbacks": [remember]}
    found = fit(network, X, Y, loss=LOSS, optimizer="adam", epochs=5, batch_size=9, **options)
    history = found.history
    rows = np.column_stack([history.validation, *history.metrics.values()])
    np.testing.assert_allclose(rows, seen, rtol=1e-12)
    assert list(history.metrics) == ["accuracy", "top5", "<lambda>"]
    assert (np.diff(history.seconds) > 0).all()


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
@pytest.mark.parametrize("restore", [True, False])
def test_patience_and_the_best_weights(monitor, restore):
    network, kept = TwoLayers(hidden=20, dropout=0.0), []
    options = {"epochs": 500, "patience": 4, "monitor": monitor, "restore_best": restore}
    found = fit(
        network, X, Y, loss=LOSS, optimizer=numgd.Adam(0.05), validation_data=HELD_OUT,
        callbacks=[lambda now: kept.append((network.parameters.copy(), network.mean.copy()))], **options,
    )  # fmt: skip
    history = found.history
    judged = history.validation if monitor == "loss" else -history.metrics["accuracy"]
    best = int(np.argmin(judged))
    assert found.status == Status.EARLY and found.success and found.nepoch < 500
    assert len(judged) == best + 1 + 4
    expected = kept[best if restore else -1]
    np.testing.assert_array_equal(network.parameters, expected[0])
    np.testing.assert_array_equal(network.mean, expected[1])
    assert found.best_epoch == (best + 1 if restore else None)


def test_without_validation_patience_goes_by_the_mean_of_the_epoch():
    found = fit(TwoLayers(), X, Y, loss=LOSS, optimizer=numgd.SGD(0.0), epochs=50, patience=3, min_delta=10.0)
    assert found.status == Status.EARLY and found.nepoch == 4


def test_without_patience_or_validation_the_last_weights_stay():
    network, last = TwoLayers(), []
    fit(
        network, X, Y, loss=LOSS, optimizer=numgd.SGD(3.0), epochs=5,
        callbacks=lambda now: last.append(network.parameters.copy()),
    )  # fmt: skip
    np.testing.assert_array_equal(network.parameters, last[-1])


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}])
def test_the_average_is_put_into_the_network(options):
    network, other, averages = TwoLayers(), TwoLayers(), []

    def update(p, g, t):
        for name in p:
            decayed = name not in TwoLayers.undecayed
            p[name] -= 0.1 * (g[name] + options.get("weight_decay", 0.0) * decayed * p[name])
        before = averages[-1] if averages else other.parameters  # begins with the first step
        averages.append(0.8 * before + 0.2 * other.parameters)

    written_out(other, update)
    fit(
        network, X, Y, loss=LOSS, optimizer=numgd.SGD(0.1, ema=0.8, **options), epochs=3, batch_size=7,
        decay_all=False, use_average=True,
    )  # fmt: skip
    np.testing.assert_allclose(network.parameters, averages[-1], rtol=1e-10)


def test_the_best_average_is_restored():
    network, averages = TwoLayers(), []
    optimizer = numgd.SGD(3.0, ema=0.5)
    found = fit(
        network, X, Y, loss=LOSS, optimizer=optimizer, epochs=6, validation_data=HELD_OUT, use_average=True,
        callbacks=lambda now: averages.append(optimizer.averaged().copy()),
    )  # fmt: skip
    np.testing.assert_array_equal(network.parameters, averages[found.best_epoch - 1])


# How runs end ------------------------------------------------------------------------------------------


def test_a_callback_can_end_the_run():
    calls = []

    def stop(now):
        calls.append(now.epoch)
        if now.epoch == 2:
            raise StopIteration

    found = fit(TwoLayers(), X, Y, loss=LOSS, callbacks=[stop, lambda now: calls.append(-now.epoch)])
    assert found.status == Status.CALLBACK and not found.success
    assert calls == [1, -1, 2, -2] and found.nepoch == 2


def test_the_time_limit_ends_the_run_within_an_epoch():
    network = TwoLayers()
    found = fit(network, X, Y, loss=LOSS, batch_size=5, time_limit=0.0, validation_data=HELD_OUT)
    assert found.status == Status.TIME_LIMIT and not found.success
    assert found.nit == 1 and found.nepoch == 0 and math.isnan(found.fun)
    assert not np.array_equal(network.parameters, TwoLayers().parameters)


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("how", [raises(KeyboardInterrupt()), interrupt])
def test_ctrl_c_leaves_the_network_as_trained_so_far(how):
    network, other = TwoLayers(), TwoLayers()
    network.fail_at[12] = how
    options = {"optimizer": "sgd", "batch_size": 7, "validation_data": HELD_OUT}
    found = fit(network, X, Y, loss=LOSS, epochs=9, **options)
    assert found.status == Status.INTERRUPTED and not found.success and "Ctrl-C" in found.message
    assert found.nit == 11 and found.nepoch == 1 and found.history.loss.size == 1
    other.fail_at[12] = raises(RuntimeError())
    with pytest.raises(RuntimeError):
        fit(other, X, Y, loss=LOSS, epochs=9, **options)
    np.testing.assert_array_equal(network.parameters, other.parameters)


def test_ctrl_c_during_validation():
    def interrupting(outputs, y):
        if network.steps == 16:
            raise KeyboardInterrupt
        return 0.0

    network = TwoLayers()
    options = {"validation_data": HELD_OUT, "metrics": [interrupting], "batch_size": 7}
    found = fit(network, X, Y, loss=LOSS, **options)
    assert found.status == Status.INTERRUPTED and found.nit == 16
    assert found.nepoch == 1 == found.history.loss.size == found.history.metrics["interrupting"].size


def test_an_exception_passes_through():
    network, error = TwoLayers(), ZeroDivisionError("mine")
    network.fail_at[3] = raises(error)
    with pytest.raises(ZeroDivisionError) as caught:
        fit(network, X, Y, loss=LOSS)
    assert caught.value is error


class Spoiled(TwoLayers):
    """A network that spoils something in one step."""

    def __init__(self, at, what, **options):
        super().__init__(**options)
        self.at, self.what = at, what

    def loss_and_gradient(self, X, y, loss, seed):
        value = super().loss_and_gradient(X, y, loss, seed)
        if self.steps == self.at:
            if self.what == "loss":
                return math.nan
            {"gradient": self.gradient, "state": self.mean}[self.what][1] = math.inf
        return value


@pytest.mark.parametrize("what", ["loss", "gradient", "state"])
@pytest.mark.parametrize("watched", [False, True])
def test_what_is_not_finite_ends_the_run_with_the_last_good_weights(what, watched):
    network, kept = Spoiled(8 * 3 + 5, what), []
    options = {"validation_data": HELD_OUT} if watched else {}
    found = fit(
        network, X, Y, loss=LOSS, optimizer=numgd.SGD(1.0), epochs=9, batch_size=7,
        callbacks=lambda now: kept.append((network.parameters.copy(), network.mean.copy())), **options,
    )  # fmt: skip
    assert found.status == Status.NOT_FINITE and not found.success and found.nepoch == 3
    best = int(np.argmin(found.history.validation)) if watched else 2
    np.testing.assert_array_equal(network.parameters, kept[best][0])
    np.testing.assert_array_equal(network.mean, kept[best][1])
    assert found.best_epoch == best + 1


class Steep(TwoLayers):
    """A network with one gradient of a given size."""

    size = 0.0

    def loss_and_gradient(self, X, y, loss, seed):
        value = super().loss_and_gradient(X, y, loss, seed)
        self.gradient[0] = self.size
        return value


def test_a_last_step_that_overflows_is_no_success():
    network = Steep(dtype=np.float32)
    network.size = 10.0
    found = fit(network, X, Y, loss=LOSS, optimizer=numgd.SGD(1e38), epochs=1, batch_size=50)
    assert found.status == Status.NOT_FINITE and found.nit == 1
    np.testing.assert_array_equal(network.parameters, TwoLayers(dtype=np.float32).parameters)


def test_gradients_whose_squares_overflow_are_finite():
    network = Steep(dtype=np.float32)
    network.size = 1e30
    assert fit(network, X, Y, loss=LOSS, epochs=1).success


# Arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"X": X[:, :2]}, ValueError, "X must have the shape"),
        ({"X": np.where(X > 2, np.nan, X)}, ValueError, "X is not finite"),
        ({"y": Y[:-1]}, ValueError, "y has 49"),
        ({"y": Y + 1}, ValueError, "y holds a label out of range"),
        ({"y": None}, ValueError, "y is missing"),
        ({"X": X[:0], "y": Y[:0]}, ValueError, "X contains no samples"),
        ({"optimizer": "adma"}, ValueError, "optimizer must be one of"),
        ({"optimizer": 3}, TypeError, "optimizer must be a name or"),
        ({"optimizer": numgd.Adam}, TypeError, "optimizer must be a name or"),
        ({"optimizer": numgd.Adam(nonfinite="skip")}, ValueError, "'nonfinite' is not available"),
        ({"optimizer": numgd.SGD(0.1, groups={"x": {}})}, ValueError, "groups names arrays"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"last_batch": "half"}, ValueError, "last_batch must be 'keep' or 'drop'"),
        ({"validation_data": X}, TypeError, "validation_data must be a tuple"),
        ({"validation_data": (X, Y[:3])}, ValueError, "validation_data: y has 3"),
        ({"validation_data": (X[:0], Y[:0])}, ValueError, "validation_data: X contains no samples"),
        ({"metrics": ["accuracy"]}, ValueError, "metrics need validation_data"),
        ({"metrics": "accuracy", "validation_data": HELD_OUT}, TypeError, "metrics must be a sequence"),
        ({"metrics": ["acuracy"], "validation_data": HELD_OUT}, ValueError, r"metrics\[0\] must be"),
        ({"metrics": ["top5"], "validation_data": HELD_OUT}, ValueError, "needs more than 5 classes"),
        ({"metrics": ["accuracy"] * 2, "validation_data": HELD_OUT}, ValueError, "name that is taken"),
        ({"monitor": "accuracy"}, ValueError, "monitor must be 'loss'"),
        ({"monitor": 1}, TypeError, "monitor must be a string"),
        ({"patience": 0}, ValueError, "patience must be"),
        ({"schedule": 0.1}, TypeError, "schedule must be callable"),
        ({"use_average": True}, ValueError, "use_average needs an optimizer"),
        ({"augment": numgd}, TypeError, "augment"),
        ({"callbacks": [1]}, TypeError, r"callbacks\[0\] must be callable"),
        ({"callbacks": 1}, TypeError, "callbacks must be a sequence"),
        ({"resume": True}, ValueError, "need checkpoint"),
        ({"checkpoint_every": 3}, ValueError, "need checkpoint"),
        ({"checkpoint": "a.pickle"}, ValueError, "checkpoint must end with"),
        ({"checkpoint": "no-such-folder/a.npz"}, ValueError, "folder that does not exist"),
        ({"normalise": 3}, TypeError, "normalise must be"),
        ({"time_limit": -1}, ValueError, "time_limit must be"),
        ({"progress": 2}, TypeError, "progress must be True or False"),
    ],
)
def test_wrong_arguments_change_nothing(changed, error, match):
    network = TwoLayers()
    before = network.parameters.copy(), network.mean.copy()
    given = {"X": X, "y": Y, "loss": LOSS} | changed
    with pytest.raises(error, match=match):
        fit(network, given.pop("X"), given.pop("y"), **given)
    np.testing.assert_array_equal(network.parameters, before[0])
    np.testing.assert_array_equal(network.mean, before[1])
    assert network.steps == 0


@pytest.mark.parametrize("network", [3, TwoLayers])
def test_what_is_no_network(network):
    with pytest.raises(TypeError, match="network must be a network"):
        fit(network, X, Y, loss=LOSS)


def test_a_network_that_is_not_finite_is_named():
    network = TwoLayers()
    network.named_parameters()["out.bias"][1] = np.nan
    with pytest.raises(ValueError, match=r"'out\.bias' is not finite"):
        fit(network, X, Y, loss=LOSS)


def test_the_progress_bar_counts_steps(capfd):
    found = fit(TwoLayers(), X, Y, loss=LOSS, epochs=3, progress=True, validation_data=HELD_OUT)
    said = capfd.readouterr().err
    assert f"{found.nit}/{found.nit}" in said and "validation" in said
