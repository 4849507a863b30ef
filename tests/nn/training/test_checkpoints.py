"""Interrupted runs go on bit for bit, and files that do not fit change nothing."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from stand_in import TwoLayers, data, raises

import numgd
from numgd import Status
from numgd.foundations import files
from numgd.nn.training import Flip, Normalise, RandomCrop, Shift, fit
from numgd.schedules import Cosine, ReduceOnPlateau

X, Y = data()
HELD_OUT = data(rows=20, seed=2)
IMAGES, CLASSES = data(rows=40, inputs=(4, 4, 2), seed=3)
LOSS = "cross_entropy"


class Killed(Exception):
    """What ends a run at a point that it did not choose."""


class Batches:
    """Data as an iterable that can be gone through again."""

    def __iter__(self):
        for first in range(0, 50, 9):
            yield X[first : first + 9], Y[first : first + 9]


def plain():
    return {"X": X, "y": Y, "optimizer": "adam"}


def averaged():
    optimizer = numgd.AdamW(0.01, ema=0.9, lookahead=(3, 0.5), clip_global_norm=0.5, noise=1e-3)
    return {"X": X, "y": Y, "optimizer": optimizer, "use_average": True, "decay_all": False}


def accumulating():
    return {"X": X, "y": Y, "optimizer": numgd.SGD(0.1, accumulate=3), "schedule": Cosine(0.3, 10)}


def watched():
    schedule = ReduceOnPlateau(0.5, factor=0.5, patience=0)
    held = {"validation_data": HELD_OUT, "patience": 2, "monitor": "accuracy"}
    return {"X": X, "y": Y, "optimizer": numgd.Momentum(), "schedule": schedule, **held}


def augmented():
    changes = [RandomCrop(1, "reflect"), Shift(1), Flip(vertical=True)]
    return {"X": IMAGES, "y": CLASSES, "augment": changes, "normalise": Normalise(0.1, [1.0, 2.0])}


def stream():
    return {"X": Batches(), "y": None, "optimizer": "rmsprop"}


SETUPS = [plain, averaged, accumulating, watched, augmented, stream]
BITS = ("loss", "validation", "learning_rate")


def network_for(given):
    return TwoLayers(inputs=(4, 4, 2) if given["X"] is IMAGES else (3,))


def train(network, given, **options):
    given = {"loss": LOSS, "epochs": 5, "batch_size": 9} | given | options
    return fit(network, given.pop("X"), given.pop("y"), **given)


def assert_same_run(network, found, other, expected):
    np.testing.assert_array_equal(network.parameters, other.parameters)
    np.testing.assert_array_equal(network.mean, other.mean)
    for name in BITS:
        np.testing.assert_array_equal(getattr(found.history, name), getattr(expected.history, name))
    for name, values in expected.history.metrics.items():
        np.testing.assert_array_equal(found.history.metrics[name], values)
    for name in ("status", "nit", "nepoch", "best_epoch", "fun"):
        assert found[name] == expected[name], name
    assert (np.diff(found.history.seconds) > 0).all()


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("make", SETUPS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("every", [None, 1, 4])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, make, every, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    other = network_for(make())
    expected = train(other, make())
    path = tmp_path / f"run{suffix}"
    options = {"checkpoint": path, "checkpoint_every": every, "resume": True}
    for killed in (1, 3, 8):  # in the first epoch, then in later ones: of each process, by its own steps
        network = network_for(make())
        network.fail_at[killed] = raises(Killed())
        try:
            found = train(network, make(), **options)
        except Killed:
            assert path.exists() or killed == 1 or (every != 1 and killed == 3)
    network = network_for(make())
    found = train(network, make(), **options)
    assert_same_run(network, found, other, expected)
    assert not list(tmp_path.glob(".numgd-*"))


def test_a_finished_run_is_not_run_again(tmp_path):
    for make in (plain, watched):
        path = tmp_path / f"{make.__name__}.npz"
        first, again = network_for(make()), network_for(make())
        expected = train(first, make(), checkpoint=path)
        found = train(again, make(), checkpoint=path, resume=True)
        assert again.steps == 0
        assert_same_run(again, found, first, expected)


def test_more_epochs_and_a_time_limit(tmp_path):
    path, other = tmp_path / "run.npz", network_for(plain())
    expected = train(other, plain())
    train(network_for(plain()), plain(), checkpoint=path, epochs=2)
    for _ in range(3):  # each adds one step
        network = network_for(plain())
        found = train(network, plain(), checkpoint=path, resume=True, time_limit=0.0, checkpoint_every=100)
        assert found.status == Status.TIME_LIMIT
    network = network_for(plain())
    found = train(network, plain(), checkpoint=path, resume=True)
    assert network.steps == 5 * 6 - 2 * 6 - 3
    assert_same_run(network, found, other, expected)


def test_ctrl_c_leaves_the_last_checkpoint_whole(tmp_path):
    path, other = tmp_path / "run.npz", network_for(plain())
    expected = train(other, plain())
    network = network_for(plain())
    network.fail_at[11] = raises(KeyboardInterrupt())
    found = train(network, plain(), checkpoint=path, checkpoint_every=4)
    assert found.status == Status.INTERRUPTED and found.nit == 10
    network = network_for(plain())
    found = train(network, plain(), checkpoint=path, resume=True, checkpoint_every=4)
    assert network.steps == 30 - 8
    assert_same_run(network, found, other, expected)


def test_a_process_that_is_killed(tmp_path):
    """The process ends in the middle of a step, without any cleaning up."""
    path = tmp_path / "run.npz"
    code = (
        f"import os, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_checkpoints import *\n"
        "network = network_for(augmented())\n"
        "network.fail_at[13] = lambda: os._exit(7)\n"
        f"train(network, augmented(), checkpoint={str(path)!r}, checkpoint_every=3)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 7
    other, network = network_for(augmented()), network_for(augmented())
    expected = train(other, augmented())
    found = train(network, augmented(), checkpoint=path, resume=True)
    assert network.steps == 25 - 12
    assert_same_run(network, found, other, expected)


def test_a_resumed_run_that_meets_nan_keeps_finite_weights(tmp_path):
    path, network = tmp_path / "run.npz", network_for(plain())
    train(network, plain(), checkpoint=path, epochs=2)
    last = network.parameters.copy()
    again = network_for(plain())
    again.fail_at[3] = lambda: again.parameters.fill(np.nan)
    found = train(again, plain(), checkpoint=path, resume=True)
    assert found.status == Status.NOT_FINITE and found.nepoch == 2
    np.testing.assert_array_equal(again.parameters, last)


class Steep(TwoLayers):
    """A network with a large gradient in one step."""

    def loss_and_gradient(self, X, y, loss, seed):
        value = super().loss_and_gradient(X, y, loss, seed)
        self.gradient[0] += 1e3 * (self.steps == 4)
        return value


def test_a_step_that_overflows_is_not_saved(tmp_path):
    path = tmp_path / "run.npz"
    options = {"checkpoint": path, "checkpoint_every": 1, "optimizer": "sgd", "epochs": 1}
    schedule = {"schedule": lambda t: 1e37 if t == 4 else 0.01}
    network = Steep(dtype=np.float32)
    network.fail_at[5] = raises(Killed())
    with pytest.raises(Killed):
        train(network, plain() | options | schedule)
    assert not np.isfinite(network.parameters).all()
    network = Steep(dtype=np.float32)
    found = train(network, plain() | options, resume=True)
    assert network.steps == found.nit - 3 and found.success


# Files that do not fit -------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    network = network_for(watched())
    network.fail_at[10] = raises(Killed())
    with pytest.raises(Killed):
        train(network, watched(), checkpoint=tmp_path / "run.npz", checkpoint_every=1)
    return tmp_path / "run.npz"


def refused(path, match, network=None, **options):
    """Check that a file is refused, and that this changes nothing."""
    network = network or TwoLayers()
    given = watched() | options
    optimizer = given["optimizer"]
    before = network.parameters.copy(), network.mean.copy(), path.read_bytes()
    with pytest.raises(ValueError, match=match) as caught:
        train(network, given, checkpoint=path, resume=True)
    assert "run.npz" in str(caught.value)
    np.testing.assert_array_equal(network.parameters, before[0])
    np.testing.assert_array_equal(network.mean, before[1])
    assert path.read_bytes() == before[2] and network.steps == 0 and optimizer.t == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"batch_size": 8}, "batch_size is 9 in the file, but 8 here"),
        ({"seed": 1}, "seed is 0 in the file, but 1 here"),
        ({"shuffle": False}, "shuffle is True"),
        ({"last_batch": "drop"}, "last_batch is 'keep'"),
        ({"X": X[:40], "y": Y[:40]}, "samples is 50 in the file, but 40 here"),
        ({"monitor": "loss"}, "monitor is 'accuracy'"),
        ({"normalise": Normalise(0.0, 2.0)}, "normalise is 'None'"),
        ({"validation_data": (X, Y)}, "validation samples is 20"),
        ({"optimizer": numgd.Adam()}, "state belongs to the rule"),
        ({"optimizer": numgd.Momentum(weight_decay=0.1), "decay_all": False}, "1 groups of arrays"),
        ({"schedule": Cosine(0.1, 10)}, "state"),
    ],
)
def test_another_run_is_named(path, options, match):
    refused(path, match, **options)


def test_another_network_is_named_by_its_first_difference(path):
    refused(
        path, r"parameters, number 1 is 'hidden.weight' of shape \(3, 4\) in the file", TwoLayers(hidden=5)
    )
    refused(path, "dtype of the parameters is 'float64'", TwoLayers(dtype=np.float32))

    class Renamed(TwoLayers):
        def named_states(self):
            return {"variance": self.mean}

    refused(path, r"states, number 1 is 'mean' of shape \(3,\) in the file, but 'variance'", Renamed())

    class More(TwoLayers):
        def named_parameters(self):
            return super().named_parameters() | {"scale": self.parameters[:0]}

        def named_gradients(self):
            return super().named_gradients() | {"scale": self.gradient[:0]}

    refused(path, "number 5 is missing in the file, but 'scale'", More())


def changed(path, text=(), arrays=()):
    """Write the file again with parts of it replaced; None removes an array."""
    found, texts = files.read(path, texts=("training",))
    content = json.loads(texts["training"])
    for keys, value in dict(text).items():
        *owners, last = keys.split("/")
        place = content
        for key in owners:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    found = {name: array for name, array in (found | dict(arrays)).items() if array is not None}
    files.write(path, found, {"training": json.dumps(content)})


@pytest.mark.parametrize(
    ("text", "arrays", "match"),
    [
        ({"version": 2}, {}, "version is unknown"),
        ({"network": None}, {}, "lacks 'network'"),
        ({"network/parameters": 5}, {}, "not a checkpoint"),
        ({"network/parameters": [["hidden.weight"]]}, {}, "not a checkpoint"),
        ({"settings": []}, {}, "not a dictionary"),
        ({"point/epoch": -1}, {}, "epoch must be at least 0"),
        ({"point/epoch": 10**12}, {}, "history is"),
        ({"point/epoch": "1"}, {}, "epoch must be an integer"),
        ({"point/step": 10**9}, {}, "contradict"),
        ({"point/rows": 0}, {}, "contradict"),
        ({"point/total": float("nan")}, {}, "total must be finite"),
        ({"point/best": "low"}, {}, "best must be a number"),
        ({"point/best": float("nan")}, {}, "best must be a number"),
        ({"point/best_epoch": 7}, {}, "beyond the last epoch"),
        ({"point/waited": 7}, {}, "beyond the last epoch"),
        ({"point/nit": None}, {}, "lacks 'nit'"),
        ({"optimizer": []}, {}, "not a dictionary"),
        ({"optimizer/t": -3}, {}, "state: t"),
        ({"optimizer/t": "x"}, {}, "state: t"),
        ({"optimizer/more": 1}, {}, "unknown entry"),
        ({"optimizer/schedule.rate": -1.0}, {}, "state"),
        ({}, {"weights.parameters": None}, "lacks weights"),
        ({}, {"best.parameters": None}, "lacks weights"),
        ({}, {"weights.state.0": None}, "lacks 'weights.state.0'"),
        ({}, {"weights.parameters": np.zeros(3)}, "weights.parameters is float64"),
        ({}, {"weights.state.0": np.zeros(3, "f4")}, "weights.state.0 is float32"),
        ({}, {"weights.parameters": np.full(31, np.nan)}, "weights.parameters is not finite"),
        ({}, {"best.state.0": np.full(3, np.inf)}, "best.state.0 is not finite"),
        ({}, {"history": np.zeros((1, 2))}, "history is float64"),
        ({}, {"history": None}, "lacks 'history'"),
        ({}, {"optimizer.0.slots": np.zeros((1, 7))}, "slots has shape"),
        ({}, {"optimizer.0.slots": np.zeros((1, 31), np.int64)}, "must be float32 or float64"),
        ({}, {"other": np.zeros(3)}, "unknown array 'other'"),
    ],
)
def test_a_hostile_checkpoint_changes_nothing(path, text, arrays, match):
    changed(path, text, arrays)
    refused(path, match)


def test_damaged_files(path):
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "not a checkpoint")
    for place in rng.integers(0, len(whole), 40):
        spoiled = bytearray(whole)
        spoiled[place] ^= 0xFF
        path.write_bytes(spoiled)
        try:
            train(TwoLayers(), watched(), checkpoint=path, resume=True, epochs=0)
        except ValueError as error:
            assert "run.npz" in str(error)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("training.npy", b"no array")
    refused(path, "not a checkpoint")


def test_a_file_that_is_something_else(tmp_path):
    path = tmp_path / "run.npz"
    numgd.save(path, {"a": np.zeros(3)})
    refused(path, "lacks 'training'")
