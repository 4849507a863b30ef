"""Data as batches: which rows the objective sees, and the objective that reads them."""

from functools import lru_cache

import numpy as np
from numba import njit

from numgd.first_order.apply import make_tuple
from numgd.functions import dispatcher_of
from numgd.jit.pointers import borrow
from numgd.jit.portable import OBJECTIVE_FLAGS, portable
from numgd.kernels.cpu.solve import EXACT, JOINT, PAIR
from numgd.kernels.cpu.stochastic import Batches
from numgd.objective import Functions, bind_compiled, choose

MEAN = 4096
"""Rows that are taken at a time for a mean over all data, at most."""

COPIED = 2**24
"""Bytes of them where they are copied together, unless a batch takes more."""


def checked_data(name, data):
    """Data as a tuple of arrays with as many rows; raises naming the argument."""
    arrays = data if isinstance(data, tuple | list) else (data,)
    found = []
    for k, array in enumerate(arrays):
        array = np.asarray(array)  # of a memory map a view: it stays on disk
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name}[{k}] must be an array of numbers; its dtype is {array.dtype}")
        if array.ndim == 0:
            raise ValueError(f"{name}[{k}] must have an entry for each sample; it is a number")
        if array.shape[0] != np.shape(arrays[0])[0]:
            raise ValueError(
                f"{name}[{k}] has {array.shape[0]} entries, but {name}[0] has {np.shape(arrays[0])[0]}"
            )
        found.append(array)
    if not found:
        raise ValueError(f"{name} holds no array")
    if found[0].shape[0] == 0:
        raise ValueError(f"{name} holds no samples")
    return tuple(found)


def sample(data, size):
    """The first batch."""
    return tuple(np.ascontiguousarray(array[:size]) for array in data)


class BatchObjective:
    """``fun(x, *batch, *args)`` and its gradient, over batches of data.

    Parameters
    ----------
    pair : numba dispatcher
        Gives value and gradient.
    data : tuple of numpy.ndarray
    args : tuple
    x : numpy.ndarray
    size : int
        Rows of a batch.
    shuffled : bool
        Whether the order of the rows changes; they are copied together for each batch then, unless a batch
        is one row.
    """

    def __init__(self, pair, data, args, x, size, shuffled):
        self.rows = data[0].shape[0]
        size = min(size, self.rows)
        self.sliced = not shuffled or size == 1
        self.order = np.arange(self.rows)
        self.cursor = np.zeros(2, np.int64)
        self.batches = Batches(self.cursor, size, self.rows)
        most = MEAN
        if not self.sliced:
            most = min(MEAN, self.rows, COPIED // max(1, sum(array[0].nbytes for array in data)))
        self.all = self.batches._replace(size=max(size, most))
        data = tuple(np.ascontiguousarray(array) if self.sliced else array for array in data)
        length = 0 if self.sliced else self.all.size
        buffers = tuple(np.empty((length, *array.shape[1:]), array.dtype) for array in data)
        fun = _reading(pair, len(data), self.sliced)
        packed = (data, buffers, self.order, self.cursor, args)
        self.cursor[1] = size
        self.bound = bind_compiled(Functions(fun), JOINT, packed, x)

    @property
    def address(self):
        """Of the compiled objective."""
        return self.bound.address

    @property
    def context(self):
        """Address of what it reads."""
        return self.bound.context

    def shuffle(self, seed, epoch):
        """Another order of the rows, which the seed and the number of the epoch determine."""
        self.order[:] = np.random.default_rng((seed, epoch)).permutation(self.rows)


@lru_cache(256)
def _reading(pair, count, sliced):
    """``fun(x, data, buffers, order, cursor, args)``: value and gradient over the rows at the cursor."""
    if sliced:

        @portable
        def rows(place, k, unused):
            data, _, order, cursor = place
            first = cursor[0]
            if cursor[1] == 1:
                first = order[first]
            return borrow(data[k])[first : first + cursor[1]]  # whose owner waits in the context

    else:

        @portable
        def rows(place, k, unused):
            data, buffers, order, cursor = place
            out, given = borrow(buffers[k]), borrow(data[k])
            for row in range(cursor[1]):
                out[row] = given[order[cursor[0] + row]]
            return out[: cursor[1]]

    batch = make_tuple(count, rows)

    @njit(**OBJECTIVE_FLAGS)
    def fun(x, data, buffers, order, cursor, args):
        return pair(x, *batch((data, buffers, order, cursor), 0), *args)

    return fun


def gradient_of(fun, jac, first, args, x):
    """Value and gradient of ``fun(x, *batch, *args)`` in one ``@njit`` function, and what it is in words.

    None where Numba cannot compile the functions.
    """
    chosen = choose(Functions(fun, jac), (*first, *args), x)
    if chosen.scheme == PAIR:
        return chosen.functions.pair, chosen.used
    if chosen.scheme not in (EXACT, JOINT):
        raise ValueError(f"jac is needed: {chosen.used.get('refused', 'differences would cost too much')}")
    dispatchers = [dispatcher_of(given)[0] for given in (fun, jac) if callable(given)]
    if None in dispatchers:
        return None, chosen.used
    return dispatchers[0] if chosen.scheme == JOINT else _together(*dispatchers), chosen.used


@lru_cache(256)
def _together(fun, jac):
    @njit(**OBJECTIVE_FLAGS)
    def pair(x, *args):
        return fun(x, *args), jac(x, *args)

    return pair
