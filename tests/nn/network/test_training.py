"""Training of real networks: the same bits after an interruption, saved networks, early stopping."""

import numpy as np
import pytest

import numgd
from numgd import nn
from numgd.foundations.status import Status
from numgd.nn.training import Shift


def data(seed=0, count=70):
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, 8, 8, 1)).astype(np.float32)
    return X, (X[:, :4].mean(axis=(1, 2, 3)) > X[:, 4:].mean(axis=(1, 2, 3))).astype(int)


def network(seed=0):
    model = nn.Sequential(
        nn.Conv2d(8, 3, bias=False),
        nn.BatchNorm(activation="relu"),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Dense(2),
    )
    return nn.Network(model, (8, 8, 1), seed=seed)


def fit(net, **options):
    X, y = data()
    given = {"loss": "cross_entropy", "optimizer": numgd.Adam(0.01), "batch_size": 16, "epochs": 4, "seed": 3}
    return net.fit(X, y, augment=[Shift(1)], **(given | options))


@pytest.mark.parametrize("step", [3, 12])
def test_a_run_killed_within_an_epoch_resumes_to_the_same_bits(tmp_path, step):
    whole = network()
    expected = fit(whole)
    assert expected.success and expected.history.loss[-1] < expected.history.loss[0]

    killed = network()
    compute, done = killed.loss_and_gradient, []

    def interrupted(*arguments, **named):
        done.append(None)
        if len(done) > step:
            raise RuntimeError("killed")
        return compute(*arguments, **named)

    killed.loss_and_gradient = interrupted
    path = tmp_path / "run.npz"
    with pytest.raises(RuntimeError, match="killed"):
        fit(killed, checkpoint=path, checkpoint_every=1)

    resumed = network(seed=9)
    found = fit(resumed, checkpoint=path, resume=True)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)
    np.testing.assert_array_equal(resumed.state, whole.state)
    np.testing.assert_array_equal(found.history.loss, expected.history.loss)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_saved_network_predicts_identically(tmp_path, suffix):
    net = network()
    fit(net, epochs=1)
    X, _ = data(1)
    expected = net.predict_proba(X)
    net.save(tmp_path / f"net.{suffix}")
    other = network(seed=4)
    assert not np.array_equal(other.predict_proba(X), expected)
    other.load(tmp_path / f"net.{suffix}")
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    with pytest.raises(ValueError, match="missing"):
        nn.Network(nn.Sequential(nn.Flatten(), nn.Dense(2)), (8, 8, 1)).load(tmp_path / f"net.{suffix}")


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    fit(network(), epochs=1, checkpoint=path)
    other = nn.Network(nn.Sequential(nn.Flatten(), nn.Dense(2)), (8, 8, 1))
    before = other.parameters.copy()
    with pytest.raises(ValueError, match=r"flatten|weight|dense|1\."):
        fit(other, checkpoint=path, resume=True)
    np.testing.assert_array_equal(other.parameters, before)


def test_data_with_nan_are_named_before_training():
    X, y = data()
    X[17, 2, 3, 0] = np.nan
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="sample 17"):
        net.fit(X, y, loss="cross_entropy")
    np.testing.assert_array_equal(net.parameters, before)


def test_a_loss_that_is_not_finite_ends_training_with_the_last_good_weights():
    X, y = data()
    net = network()
    found = net.fit(X * 1e20, y, loss="cross_entropy", optimizer=numgd.SGD(1e30), epochs=3)
    assert not found.success and found.status == Status.NOT_FINITE
    assert np.isfinite(net.parameters).all() and np.isfinite(net.state).all()


def test_a_batch_of_one_with_batch_norm_names_the_layer():
    model = nn.Sequential(dense=nn.Dense(4), norm=nn.BatchNorm(), out=nn.Dense(2))
    net = nn.Network(model, (3,))
    with pytest.raises(ValueError, match=r"norm: BatchNorm.* batch of one"):
        net.loss_and_gradient(np.ones((1, 3)), [0], "cross_entropy")
    assert net(np.ones((1, 3))).shape == (1, 2)


def test_accuracy_improves_and_the_best_weights_are_kept():
    X, y = data(count=300)
    held_out = data(seed=2, count=100)
    net = network()
    found = net.fit(
        X, y, loss="cross_entropy", optimizer=numgd.Adam(0.01), epochs=12, batch_size=32,
        validation_data=held_out, monitor="accuracy", patience=6,
    )  # fmt: skip
    accuracy = net.evaluate(*held_out, loss="cross_entropy")["accuracy"]
    assert accuracy > 0.85
    assert accuracy == pytest.approx(max(found.history.metrics["accuracy"]))
