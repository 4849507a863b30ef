"""Where batches come from: arrays, memory maps and iterables, with and without the thread."""

import signal
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from stand_in import TwoLayers, data, raises

import numgd
from numgd import Status
from numgd.nn.training import Flip, Normalise, Shift, fit
from numgd.nn.training.prefetch import prefetched

X, Y = data()
LOSS = "cross_entropy"


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "numgd-batches"]


def trained(X, y=None, network=None, **options):
    network = network or TwoLayers()
    found = fit(network, X, y, **({"loss": LOSS, "epochs": 3, "batch_size": 9} | options))
    return network, found


def assert_same(some, other):
    np.testing.assert_array_equal(some[0].parameters, other[0].parameters)
    np.testing.assert_array_equal(some[0].mean, other[0].mean)
    np.testing.assert_array_equal(some[1].history.loss, other[1].history.loss)


# Arrays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8", np.int16, np.uint8, bool])
@pytest.mark.parametrize("network_dtype", [np.float32, np.float64])
def test_any_dtype_and_layout(shuffle, dtype, network_dtype):
    given = (X * 2).astype(np.int8).astype(dtype)
    plain = given.astype(network_dtype)
    expected = trained(plain, Y, TwoLayers(dtype=network_dtype), shuffle=shuffle)
    spread = np.zeros((100, 3), given.dtype)
    spread[::2] = given
    for array in (given, np.asfortranarray(given), spread[::2]):
        assert_same(trained(array, Y, TwoLayers(dtype=network_dtype), shuffle=shuffle), expected)


def test_the_users_arrays_are_not_written():
    images, classes = data(rows=20, inputs=(4, 4, 2))
    kept = images.copy()
    for shuffle in (True, False):
        for changes in ({"augment": [Shift(1), Flip()]}, {"normalise": Normalise(1.0, 2.0)}):
            held = {"validation_data": (images, classes)}
            trained(images, classes, TwoLayers(inputs=(4, 4, 2)), shuffle=shuffle, **changes, **held)
    np.testing.assert_array_equal(images, kept)


@pytest.mark.parametrize("shuffle", [True, False])
def test_memory_maps(tmp_path, shuffle):
    numgd.save(tmp_path / "data.npz", {"X": X, "y": Y})
    mapped = numgd.load(tmp_path / "data.npz", mmap=True)
    assert isinstance(mapped["X"], np.memmap)
    expected = trained(X, Y, shuffle=shuffle, validation_data=(X, Y))
    found = trained(mapped["X"], mapped["y"], shuffle=shuffle, validation_data=(mapped["X"], mapped["y"]))
    assert_same(found, expected)


def test_small_integers_on_disk_are_normalised_by_batch(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 2), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    mean, std = [100.0, 120.0], [50.0, 60.0]
    classes = np.arange(40) % 3
    network = TwoLayers(inputs=(4, 4, 2), dtype=np.float32)
    found = trained(
        mapped, classes, network, normalise=Normalise(mean, std), validation_data=(mapped, classes)
    )
    by_hand = (images.astype(np.float32) - np.float32(mean)) / np.float32(std)
    other = TwoLayers(inputs=(4, 4, 2), dtype=np.float32)
    expected = trained(by_hand, classes, other, validation_data=(by_hand, classes))
    assert_same(found, expected)
    np.testing.assert_array_equal(found[1].history.validation, expected[1].history.validation)


# Iterables ---------------------------------------------------------------------------------------------


class Batches:
    """The data in order, in arrays that are filled again for each batch."""

    def __init__(self, size=9):
        self.size, self.begun = size, 0
        self.X, self.y = np.empty((size, 3)), np.empty(size, Y.dtype)

    def __iter__(self):
        self.begun += 1
        for first in range(0, len(X), self.size):
            count = len(X[first : first + self.size])
            self.X[:count], self.y[:count] = X[first : first + self.size], Y[first : first + self.size]
            yield self.X[:count], self.y[:count]


@pytest.mark.parametrize("normalise", [None, Normalise(0.5, 2.0)])
def test_an_iterable_equals_arrays_in_order(normalise):
    batches = Batches()
    found = trained(batches, normalise=normalise)
    assert_same(found, trained(X, Y, shuffle=False, normalise=normalise))
    assert batches.begun == 3 and found[1].nit == 18


def test_batches_of_different_sizes():
    cuts = [0, 3, 20, 21, 45, 50]
    pairs = [(X[a:b], Y[a:b]) for a, b in pairwise(cuts)]
    network, found = trained(type("Pairs", (), {"__iter__": lambda self: iter(pairs)})(), epochs=1)
    other, losses = TwoLayers(), []
    optimizer = numgd.Adam()
    for seed, (a, b) in zip(network.seen, pairs, strict=True):
        losses += [other.loss_and_gradient(a, b, LOSS, seed)] * len(a)
        optimizer.step(other.parameters, other.gradient)
    np.testing.assert_array_equal(network.parameters, other.parameters)
    np.testing.assert_allclose(found.history.loss, [np.mean(losses)], rtol=1e-12)


def test_an_iterator_gives_one_epoch():
    network = TwoLayers()
    with pytest.raises(ValueError, match="gone through once"):
        trained(iter(Batches()), network=network)
    assert network.steps == 0
    assert_same(trained(iter(Batches()), epochs=1), trained(X, Y, shuffle=False, epochs=1))


@pytest.mark.parametrize("at", [0, 1, 3])
def test_exceptions_of_an_iterator_arrive_unchanged(at):
    error = KeyError("mine")

    def batches():
        for number, pair in enumerate(Batches()):
            if number == at:
                raise error
            yield pair[0].copy(), pair[1].copy()

    network = TwoLayers()
    with pytest.raises(KeyError) as caught:
        trained(batches(), network=network, epochs=1)
    assert caught.value is error
    assert any(entry.name == "batches" for entry in caught.traceback)
    assert network.steps == at


def test_ctrl_c_in_an_iterator():
    def batches():
        yield X[:5], Y[:5]
        yield X[5:9], Y[5:9]
        raise KeyboardInterrupt

    network, found = trained(batches(), epochs=1)
    assert found.status == Status.INTERRUPTED and network.steps == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_a_batch_is_awaited():
    def batches():
        yield X[:5], Y[:5]
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.2)  # the main thread waits for this batch
        yield X[5:9], Y[5:9]

    began = time.perf_counter()
    network, found = trained(batches(), epochs=1)
    assert found.status == Status.INTERRUPTED and network.steps <= 1
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("batches", "error", "match"),
    [
        ([], ValueError, "X holds no batches"),
        ([X[:4]], TypeError, "batch 0, must be a pair"),
        ([(X[:4], Y[:4]), (X[:4], Y[:3])], ValueError, "batch 1 of X: y has 3"),
        ([(X[:4], Y[:4]), (X[:0], Y[:0])], ValueError, "batch 1 of X: X contains no samples"),
        ([(X[:4], Y[:4]), None], TypeError, "batch 1, must be a pair"),
        ([(X[:4] * np.nan, Y[:4])], ValueError, "batch 0 of X: X is not finite"),
    ],
)
def test_bad_batches_are_named(batches, error, match):
    with pytest.raises(error, match=match):
        trained(iter(batches), epochs=1)


def test_an_iterable_that_runs_dry():
    class Dry:
        times = 0

        def __iter__(self):
            self.times += 1
            return iter([(X, Y)] if self.times == 1 else [])

    with pytest.raises(ValueError, match="gave no batches for another epoch"):
        trained(Dry())


def test_an_iterable_has_no_labels_besides():
    with pytest.raises(ValueError, match="y must be None"):
        trained(Batches(), Y)


# The thread ----------------------------------------------------------------------------------------------


def test_the_next_item_is_prepared_while_one_is_used():
    begun = [threading.Event() for _ in range(4)]

    def items():
        for number, event in enumerate(begun):
            event.set()
            yield number

    found = []
    for item in prefetched(items()):
        if item + 1 < len(begun):
            assert begun[item + 1].wait(5)  # while `item` is in use
        time.sleep(0.01)
        assert not any(event.is_set() for event in begun[item + 2 :])  # its memory is not yet free
        found.append(item)
    assert found == [0, 1, 2, 3]


@pytest.mark.parametrize("used", [0, 1, 3])
def test_the_thread_ends_when_the_caller_stops(used):
    closed = []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    found = prefetched(items())
    for _ in range(used):
        next(found)
    found.close()
    assert closed == [True] if used else not closed


@pytest.mark.parametrize("at", [1, 2, 7])
@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()])
def test_the_thread_ends_with_the_training(at, error):
    network = TwoLayers()
    network.fail_at[at] = raises(error)
    if isinstance(error, KeyboardInterrupt):
        assert trained(Batches(), network=network)[1].status == Status.INTERRUPTED
    else:
        with pytest.raises(RuntimeError):
            trained(Batches(), network=network)
