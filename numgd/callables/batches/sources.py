"""Where batches come from: the rows of arrays in some order, or an iterable of batches."""

import numpy as np

from numgd.callables.batches.data import checked_data, is_sparse, is_stream, sample
from numgd.callables.batches.objectives import make_objective
from numgd.callables.batches.stream import Stream


def make_source(name, data, x, settings):
    """The source of the data, after checks; errors name the argument."""
    if is_stream(data):
        return StreamSource(name, data, x, settings.epochs)
    return ArraySource(checked_data(name, data, x), settings)


class ArraySource:
    """Batches of arrays.

    Attributes
    ----------
    whole : bool
        Whether the gradient over all data is available at any time.
    partial : bool
        Whether a step may change only some of the parameters.
    """

    def __init__(self, data, settings):
        self._data = data
        rows = data[0].shape[0]
        self._size = rows if settings.batch_size is None else min(settings.batch_size, rows)
        self._shuffle, self._seed = settings.shuffle, settings.seed
        self._steps = -(-rows // self._size) if settings.keep_last else rows // self._size
        self.partial = any(map(is_sparse, data))
        self.whole = not self.partial
        self._objective = None

    def sample(self):
        """The first batch as the objective receives it."""
        return sample(self._data, self._size)

    def open(self, loss, args, x):
        """Make the objective for a loss."""
        self._objective = make_objective(loss, self._data, args, x, self._size, self._shuffle)

    def start(self, epoch):
        """Put the rows in the order of an epoch."""
        if self._shuffle:
            self._objective.shuffle(self._seed, epoch)

    def blocks(self, run):
        """The steps of an epoch, ``run.pace`` at a time: objective, first step and number of steps."""
        done = 0
        while done < self._steps:
            count = min(run.pace, self._steps - done)
            yield self._objective, done, count
            done += count

    def mean(self, run, x):
        """Loss and gradient over all data."""
        return run.mean(self._objective, x)

    def release(self):
        """Release the references to the data."""
        if self._objective is not None:
            self._objective.release()


class StreamSource:
    """Batches from an iterable."""

    partial = whole = False

    def __init__(self, name, data, x, epochs):
        def check(batch, number):
            return checked_data(f"{name}, batch {number},", batch, x)

        self._stream = Stream(name, data, epochs, check)
        self._first = self._stream.first
        self.partial = any(map(is_sparse, self._first))

    def sample(self):
        """The first batch as the objective receives it."""
        return sample(self._first, self._first[0].shape[0])

    def open(self, loss, args, x):
        """Store the loss, its args and x for the objectives of the batches."""
        self._loss, self._args, self._x = loss, args, x

    def start(self, epoch):
        """Do nothing: the iterable determines the order."""

    def _objectives(self):
        for data in self._stream.batches():
            objective = make_objective(self._loss, data, self._args, self._x, data[0].shape[0], False)
            try:
                yield objective
            finally:
                objective.release()

    def blocks(self, run):
        """The steps of an epoch, one by one."""
        for objective in self._objectives():
            yield objective, 0, 1

    def mean(self, run, x):
        """Loss and gradient over all data; None if the data can be iterated over only once."""
        if self._stream.once:
            return None
        value, gradient, rows = 0.0, np.zeros_like(x), 0
        for objective in self._objectives():
            own, slopes = run.mean(objective, x)
            value, gradient = value + objective.rows * own, gradient + objective.rows * slopes
            rows += objective.rows
        return value / rows, gradient / x.dtype.type(rows)

    def first_mean(self, run, x):
        """The same over the first batch."""
        data = self._first
        objective = make_objective(self._loss, data, self._args, self._x, data[0].shape[0], False)
        try:
            return run.mean(objective, x)
        finally:
            objective.release()

    def release(self):
        """Do nothing: no reference is held between batches."""
