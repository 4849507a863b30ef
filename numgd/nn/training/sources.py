"""Where the batches of a training run come from: the rows of arrays, or an iterable of batches."""

from typing import Any, NamedTuple

import numpy as np

from numgd.callables.batches.data import is_stream
from numgd.callables.batches.order import epoch_order
from numgd.callables.batches.stream import Stream

SMALL = 2**20
"""Bytes of a batch up to which its rows are collected faster than a thread can be asked to."""


class Order(NamedTuple):
    """Which rows make the batches: the arguments of `fit` that say so."""

    batch_size: Any
    shuffle: Any
    last_batch: Any
    seed: Any


def make_source(network, X, y, loss, epochs, order, augmenter):
    """The source of the batches, after checks of the data."""
    if is_stream(X):
        if y is not None:
            raise ValueError("y must be None if X is an iterable of batches (X, y)")
        return StreamSource(network, X, loss, epochs, augmenter)
    if y is None:
        raise ValueError("y is missing: it may be None only if X is an iterable of batches (X, y)")
    on_disk = is_mapped(X)
    X, y = network.checked_data(X, y, loss)
    if len(X) == 0:
        raise ValueError("X contains no samples")
    return ArraySource(network, X, y, order, augmenter, on_disk)


def checked_pair(name, network, X, y, loss):
    """Data as the network checks them, at least one sample; errors begin with a name."""
    try:
        X, y = network.checked_data(X, y, loss)
        if len(X) == 0:
            raise ValueError("X contains no samples")
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    return X, y


def is_mapped(array):
    """Whether an array is a memory map or a view of one."""
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def gather(array, rows, out):
    """Copy rows of an array, a slice or an index array, to memory that may have another dtype."""
    plain = array.dtype == out.dtype and array.flags.c_contiguous and array.flags.aligned
    if plain and not isinstance(rows, slice):
        np.take(array, rows, axis=0, out=out, mode="clip")  # without "clip" the result is copied once more
    else:  # np.take would first copy an array that is not contiguous
        np.copyto(out, array[rows], casting="unsafe")


class ArraySource:
    """Batches of the rows of arrays, in an order that may change from epoch to epoch.

    Attributes
    ----------
    rows : int
    steps : int
        Number of batches per epoch.
    slow : bool
        Whether a batch takes long enough to prepare for a thread of its own.
    """

    def __init__(self, network, X, y, order, augmenter, on_disk):
        self.X, self.y, self._order, self._augmenter = X, y, order, augmenter
        self.rows = len(X)
        self._size = min(order.batch_size, self.rows)
        whole = order.last_batch == "keep"
        self.steps = -(-self.rows // self._size) if whole else self.rows // self._size
        # Without any change to the data, batches are views of them.
        self._views = not (order.shuffle or augmenter.writes or on_disk) and X.dtype == network.dtype
        large = self._size * X[:1].nbytes > SMALL
        self.slow = on_disk or augmenter.random or (large and not self._views)
        # Two of each: one is filled while the other is in use.
        self._X = [np.empty((self._size, *X.shape[1:]), network.dtype) for _ in range(2)]
        self._y = [np.empty((self._size, *y.shape[1:]), y.dtype) for _ in range(2)]

    def batches(self, epoch, skipped):
        """The pairs (X, y) of an epoch after the first few; a pair lasts until the one after the next."""
        size, augmenter = self._size, self._augmenter
        order = epoch_order(self._order.seed, epoch, self.rows) if self._order.shuffle else None
        draws = augmenter.draws(self.rows, epoch)
        for step in range(skipped, self.steps):
            first, last = step * size, min((step + 1) * size, self.rows)
            rows = slice(first, last) if order is None else order[first:last]
            if self._views:
                yield self.X[rows], self.y[rows]
                continue
            X, y = self._X[step % 2][: last - first], self._y[step % 2][: last - first]
            gather(self.X, rows, X)
            gather(self.y, rows, y)
            yield (augmenter.apply(X, [drawn[rows] for drawn in draws]) if augmenter.writes else X), y


class StreamSource:
    """Batches from an iterable, which need not have equally many rows."""

    rows = steps = None
    slow = True

    def __init__(self, network, data, loss, epochs, augmenter):
        self._network, self._loss, self._augmenter = network, loss, augmenter
        self._memory = [None, None]
        self._stream = Stream("X", data, epochs, self._checked)

    def _checked(self, batch, number):
        if not (isinstance(batch, tuple | list) and len(batch) == 2):
            raise TypeError(f"X, batch {number}, must be a pair (X, y); it is {type(batch).__name__}")
        return checked_pair(f"batch {number} of X", self._network, *batch, self._loss)

    def batches(self, epoch, skipped):
        """The pairs (X, y) of an epoch after the first few; a pair lasts until the one after the next."""
        for number, pair in enumerate(self._stream.batches(skipped), skipped):
            # Copied, since the iterable may fill the same arrays again while the network computes.
            X, y = self._copied(number % 2, *pair)
            if self._augmenter.writes:
                X = self._augmenter.apply(X, self._augmenter.draws(len(X), epoch, number))
            yield X, y

    def _copied(self, place, X, y):
        memory = self._memory[place]
        if (
            memory is None
            or len(memory[0]) < len(X)
            or memory[1].shape[1:] != y.shape[1:]
            or memory[1].dtype != y.dtype
        ):
            memory = self._memory[place] = np.empty(X.shape, self._network.dtype), np.empty(y.shape, y.dtype)
        copies = memory[0][: len(X)], memory[1][: len(y)]
        np.copyto(copies[0], X, casting="unsafe")
        np.copyto(copies[1], y)
        return copies
