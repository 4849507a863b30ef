"""Copies between a matrix and a range of the columns of a wider one, in parallel over rows."""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable

_TASK = 2**13  # numbers copied in one task


@portable
def _rows_in_task(columns):
    return max(1, _TASK // max(1, columns))


@portable
def _put_rows(task, source, target, first):
    count, columns = _rows_in_task(source.shape[1]), source.shape[1]
    for i in range(task * count, min(source.shape[0], (task + 1) * count)):
        borrow(target)[i][first : first + columns] = borrow(source)[i]


@compiled("columns-put", ELEMENTWISE_FLAGS)
def put(source, target, first):
    """Copy `source` (rows, c) to the columns of `target` (rows, C) from `first` on."""
    count = _rows_in_task(source.shape[1])
    tasks = (source.shape[0] + count - 1) // count
    parallel_for(_put_rows, tasks, source.size, source, target, first)


@portable
def _take_rows(task, source, first, added, target):
    count, columns = _rows_in_task(target.shape[1]), target.shape[1]
    for i in range(task * count, min(target.shape[0], (task + 1) * count)):
        row, result = borrow(source)[i], borrow(target)[i]
        if added:
            for c in range(columns):
                result[c] += row[first + c]
        else:
            result[:] = row[first : first + columns]


@compiled("columns-take", ELEMENTWISE_FLAGS)
def take(source, first, added, target):
    """Copy columns of `source` (rows, C), from `first` on, to `target` (rows, c), or add them if `added`."""
    count = _rows_in_task(target.shape[1])
    tasks = (target.shape[0] + count - 1) // count
    parallel_for(_take_rows, tasks, target.size, source, first, added, target)


def join(arrays, axis, out):
    """out = the arrays one after the other along an axis."""
    np.concatenate(arrays, axis=axis, out=out)


def split(source, axis, results):
    """Copy an array that `join` could have made to arrays of the shapes of the parts."""
    ends = np.cumsum([result.shape[axis] for result in results])
    for result, part in zip(results, np.split(source, ends[:-1], axis=axis), strict=True):
        np.copyto(result, part)
