"""A compiled loss over batches of arrays."""

from functools import lru_cache

import numpy as np
from numba import njit

from numgd.callables.batches.data import in_rows
from numgd.callables.batches.order import BatchOrder
from numgd.callables.objective import Functions, bind_compiled
from numgd.foundations.schemes import PAIR
from numgd.jit.arguments import pack, storage_size, type_of, unpack
from numgd.jit.kept import keep
from numgd.jit.pointers import copy_bytes, fetch, load_word, rows_view
from numgd.jit.portable import OBJECTIVE_FLAGS, portable
from numgd.jit.sources import made_from
from numgd.kernels.cpu.rules import epoch as stochastic

TOGETHER = 2**15
"""Approximate bytes of rows copied at a time: their memory accesses overlap, and they stay in the cache."""

AHEAD = 8
"""With batches of one row, how many rows ahead of their use data are fetched into the cache."""

FETCHED = 2048  # bytes of a row that are fetched, at most: the hardware prefetches the rest
LINE = 64  # bytes of a cache line


class CompiledBatches(BatchOrder):
    """``fun(x, *batch, *args)`` and its gradient, over batches of arrays.

    Parameters
    ----------
    pair : numba dispatcher
        ``pair(x, gradient, *batch, *args)`` returns the value and writes the gradient.
    data : tuple of numpy.ndarray
    args : tuple
    x : numpy.ndarray
    size : int
        Rows per batch.
    shuffled : bool
        Whether the order of the rows changes.  If so, the rows of several batches are copied at a time.
        Batches of one row are read in place instead, and fetched into the cache a few steps ahead.
    """

    kernels = stochastic
    own = ()  # extra arguments of the drivers, besides those that all drivers take

    def __init__(self, pair, data, args, x, size, shuffled):
        super().__init__(data[0].shape[0], size, shuffled)
        size = self.batches.size
        row = sum(array[0].nbytes for array in data)
        together = min(size * max(1, TOGETHER // max(1, row * size)), self.rows + size)
        if size == 1 or not shuffled:
            together = 0
        self._data = data = tuple(map(in_rows, data))
        self._buffers = buffers_for(data, together)
        # Only addresses: array references in the context would be counted in each step.
        kinds = tuple(map(type_of, data))
        self._forms = [np.empty(storage_size(kind), np.uint8) for kind in kinds]
        table = []
        for form, array, buffer in zip(self._forms, data, self._buffers, strict=True):
            address = pack(form, (array,))
            unpack(form, (array,))
            table.append((address, array.ctypes.data, buffer.ctypes.data, array.nbytes // self.rows))
        self._table = np.array(table, np.int64)
        place = self._table, self.order, self.cursor
        place = (*(part.ctypes.data for part in place), together, self.rows)
        self.bound = bind_compiled(Functions(None, pair=_reading(pair, kinds)), PAIR, (place, args), x)


def buffers_for(data, length):
    """Memory for `length` rows of each array."""
    return tuple(np.empty((length, *array.shape[1:]), array.dtype) for array in data)


STORED, DATA, BUFFER, WIDTH = range(4)  # columns of the table: three addresses, and the bytes of a data row
TABLE_ROW = 4 * 8  # bytes


@lru_cache(256)
def _make_read(kind):
    """Function ``read(place, k)``: the rows of array k, of a Numba type, at the cursor."""
    view = rows_view(kind)

    @portable
    def read(place, k):
        table, order, cursor, together, rows = place
        first, count, ordered = load_word(cursor, 0), load_word(cursor, 1), load_word(cursor, 2)
        entry = table + TABLE_ROW * k
        stored, data, width = load_word(entry, STORED), load_word(entry, DATA), load_word(entry, WIDTH)
        if ordered == 0:
            return view(stored, data + first * width, count)
        if together == 0:
            ahead = data + load_word(order, min(first + AHEAD, rows - 1)) * width
            for byte in range(0, min(width, FETCHED), LINE):
                fetch(ahead + byte)
            fetch(ahead + width - 1)
            return view(stored, data + load_word(order, first) * width, count)
        buffer = load_word(entry, BUFFER)
        within = first % together
        if within == 0:
            for row in range(min(together, rows - first)):
                copy_bytes(buffer + row * width, data + load_word(order, first + row) * width, width)
        return view(stored, buffer + within * width, count)

    return read


def _make_batch(kinds):
    """Function ``batch(place)``: the rows at the cursor of arrays of the given types."""
    if not kinds:
        return _nothing
    before, last, k = _make_batch(kinds[:-1]), _make_read(kinds[-1]), len(kinds) - 1

    @portable
    def batch(place):
        return before(place) + (last(place, k),)

    return batch


@portable
def _nothing(place):
    return ()


@lru_cache(256)
def _reading(pair, kinds):
    """``fun(x, gradient, place, args)``: value and gradient over the rows at the cursor."""
    batch = _make_batch(kinds)

    @njit(**OBJECTIVE_FLAGS)
    def fun(x, gradient, place, args):
        return pair(x, gradient, *batch(place), *args)

    keep(made_from(fun, pair, "rows", kinds), "batches", (fun,))
    return fun
