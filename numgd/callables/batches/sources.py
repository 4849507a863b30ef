"""Where batches come from: the rows of arrays in some order, or an iterable of batches."""

from itertools import chain

import numpy as np

from numgd.callables.batches.data import checked_data, is_sparse, is_stream, sample
from numgd.callables.batches.objectives import make_objective


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
        self._name, self._data, self._x = name, data, x
        self._iterator = iter(data)
        self._once = self._iterator is data
        if self._once and epochs > 1:
            raise ValueError(
                f"{name} is an iterator, which can be gone through once, but epochs is {epochs}; "
                "give what can be iterated over again"
            )
        self._first = next(self._iterator, None)
        if self._first is None:
            raise ValueError(f"{name} holds no batches")
        self._first = self._checked(self._first, 0)
        self.partial = any(map(is_sparse, self._first))

    def _checked(self, batch, number):
        return checked_data(f"{self._name}, batch {number},", batch, self._x)

    def sample(self):
        """The first batch as the objective receives it."""
        return sample(self._first, self._first[0].shape[0])

    def open(self, loss, args, x):
        """Store the loss, its args and x for the objectives of the batches."""
        self._loss, self._args, self._x = loss, args, x

    def start(self, epoch):
        """Do nothing: the iterable determines the order."""

    def _batches(self):
        iterator, self._iterator = self._iterator, None
        if iterator is None:
            return iter(self._data)
        return chain((self._first,), iterator)

    def _objectives(self):
        for number, batch in enumerate(self._batches()):
            data = self._checked(batch, number)
            objective = make_objective(self._loss, data, self._args, self._x, data[0].shape[0], False)
            try:
                yield objective
            finally:
                objective.release()

    def blocks(self, run):
        """The steps of an epoch, one by one."""
        empty = True
        for objective in self._objectives():
            empty = False
            yield objective, 0, 1
        if empty:
            raise ValueError(f"{self._name} gave no batches for another epoch")

    def mean(self, run, x):
        """Loss and gradient over all data; None if the data can be iterated over only once."""
        if self._once:
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
