"""A compiled loss over batches of rows of a sparse matrix."""

from functools import lru_cache

import numpy as np
from numba import njit

from numgd.callables.batches.compiled import buffers_for
from numgd.callables.batches.data import is_sparse
from numgd.callables.batches.order import BatchOrder
from numgd.callables.objective import Functions, bind_compiled
from numgd.first_order.apply import make_tuple
from numgd.foundations.schemes import PAIR
from numgd.jit.kept import keep
from numgd.jit.pointers import borrow
from numgd.jit.portable import OBJECTIVE_FLAGS, portable
from numgd.jit.sources import made_from
from numgd.kernels.cpu.rules import sparse_epoch as sparse


class SparseBatches(BatchOrder):
    """``fun(x, *batch, *args)`` and its gradient, over batches that include rows of a CSR matrix.

    The parameters are as for `CompiledBatches`.  The objective of a step sees only the entries of x that
    belong to columns with an entry in the batch, and these columns are renumbered.
    """

    kernels = sparse

    def __init__(self, pair, data, args, x, size, shuffled):
        (place,) = (k for k, array in enumerate(data) if is_sparse(array))
        matrix, columns = data[place], data[place].shape[1]
        super().__init__(matrix.shape[0], size, shuffled)
        lengths = np.sort(np.diff(matrix.indptr))[::-1]
        most = int(lengths[: self.all.size].sum())
        touched = min(columns, int(lengths[: self.batches.size].sum()))
        width = x.size // columns
        self.rows_of_matrix = sparse.Rows(
            indptr=np.ascontiguousarray(matrix.indptr, np.int64),
            indices=np.ascontiguousarray(matrix.indices),
            values=np.ascontiguousarray(matrix.data),
            order=self.order,
            own_indptr=np.zeros(self.all.size + 1, np.int64),
            own_indices=np.zeros(most, matrix.indices.dtype),
            own_values=np.zeros(most, matrix.dtype),
            touched=np.zeros(touched, np.int64),
            number=np.zeros(columns, np.int64),
            seen=np.full(columns, -1, np.int64),
            x=np.zeros(touched * width, x.dtype),
            width=width,
        )
        self.own = (self.rows_of_matrix,)
        rest = tuple(array for k, array in enumerate(data) if k != place)
        own = self.rows_of_matrix[4:7]
        packed = (own, rest, buffers_for(rest, self.all.size), self.order, self.cursor, args)
        fun = _reading(pair, place, len(rest))
        self.cursor[1] = 0  # an empty batch while the functions are compared
        self.bound = bind_compiled(Functions(None, pair=fun), PAIR, packed, x)


@portable
def _gathered(place, k, unused):
    """The rows of array k at the cursor, copied to contiguous memory."""
    data, buffers, order, cursor = place
    out, given = borrow(buffers[k]), borrow(data[k])
    for row in range(cursor[1]):
        out[row] = given[order[cursor[0] + row]]
    return out[: cursor[1]]


@lru_cache(256)
def _reading(pair, place, count):
    """``fun(x, gradient, own, …, args)``: value and gradient; array `place` is the rows of the matrix."""
    before = make_tuple(place, _gathered)

    @portable
    def following(rest, k, unused):
        return _gathered(rest, place + k, unused)

    behind = make_tuple(count - place, following)

    @njit(**OBJECTIVE_FLAGS)
    def fun(x, gradient, own, data, buffers, order, cursor, args):
        indptr, indices, values = own
        entries = cursor[2]
        matrix = indptr[: cursor[1] + 1], indices[:entries], values[:entries]
        rest = (data, buffers, order, cursor)
        return pair(x, gradient, *before(rest, 0), *matrix, *behind(rest, 0), *args)

    keep(made_from(fun, pair, "rows of a matrix", place, count), "batches", (fun,))
    return fun
