"""Valid data: arrays, at most one of them a sparse matrix, or an iterable of batches."""

from collections.abc import Iterable

import numpy as np


def is_sparse(array):
    """Whether an array is a SciPy sparse array or matrix."""
    return hasattr(array, "tocsr")


def is_stream(data):
    """Whether data are an iterable of batches."""
    known = isinstance(data, tuple | list | np.ndarray) or is_sparse(data) or hasattr(data, "__array__")
    return isinstance(data, Iterable) and not known


def checked_data(name, data, x):
    """Data as a tuple of arrays with equally many rows; errors name the argument."""
    arrays = data if isinstance(data, tuple | list) else (data,)
    if not arrays:
        raise ValueError(f"{name} contains no arrays")
    found = [_checked(f"{name}[{k}]", array, x) for k, array in enumerate(arrays)]
    rows = found[0].shape[0]
    for k, array in enumerate(found):
        if array.shape[0] != rows:
            raise ValueError(f"{name}[{k}] has {array.shape[0]} entries, but {name}[0] has {rows}")
    if rows == 0:
        raise ValueError(f"{name} contains no samples")
    if sum(map(is_sparse, found)) > 1:
        raise TypeError(f"{name} may hold one sparse matrix, not several")
    return tuple(found)


def _checked(name, array, x):
    if is_sparse(array):
        return _checked_sparse(name, array.tocsr(), x)
    array = np.asarray(array)  # a memory map becomes a view and stays on disk
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of numbers; its dtype is {array.dtype}")
    if array.ndim == 0:
        raise ValueError(f"{name} must have an entry for each sample; it is a number")
    return in_native_order(array)


def in_native_order(array):
    """The array, or a copy in the machine's byte order if it is in another one."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _checked_sparse(name, matrix, x):
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be a matrix of numbers; its dtype is {matrix.dtype}")
    rows, columns = matrix.shape
    if columns == 0 or x.size % columns:
        raise ValueError(
            f"{name} has {columns} columns, but x0 has {x.size} entries; there must be as "
            f"many, or a multiple, with those of each column next to each other"
        )
    indptr, indices, values = map(in_native_order, (matrix.indptr, matrix.indices, matrix.data))
    whole = indptr[0] == 0 and indptr[-1] <= min(indices.size, values.size)
    if indptr.size != rows + 1 or not whole or (np.diff(indptr) < 0).any():
        raise ValueError(f"{name}: its indptr is not valid for a matrix of {rows} rows")
    if indices.size and not (indices.min() >= 0 and indices.max() < columns):
        raise ValueError(f"{name}: its indices are out of range for {columns} columns")
    if indptr is matrix.indptr and indices is matrix.indices and values is matrix.data:
        return matrix
    return type(matrix)((values, indices, indptr), matrix.shape)


def sample(data, size):
    """The first batch as the objective receives it."""
    found = []
    for array in data:
        if is_sparse(array):
            end = array.indptr[size]
            found += [array.indptr[: size + 1].astype(np.int64), array.indices[:end], array.data[:end]]
        else:
            found.append(array[:size])
    return tuple(map(in_rows, found))


def in_rows(array):
    """The array with contiguous rows and aligned numbers; a copy if necessary."""
    return np.require(array, requirements=("C", "A"))
