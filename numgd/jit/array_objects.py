"""The memory layout of many NumPy arrays, read from the array objects in one call.

The offsets of the fields are part of NumPy's binary interface: the macros in its C header use them as well.
Querying the objects one by one from Python takes a microsecond each.
"""

import numpy as np
from numba import types

from numgd.jit.pointers import vector_view
from numgd.jit.portable import compiled, portable

_view = vector_view(types.intp)
_view_halves = vector_view(types.int32)

_HEAD = object.__basicsize__ // 8  # words of the header of every Python object
_FIELDS = 7  # words of data, nd, dimensions, strides, base, descr, flags
_DATA, _ND, _DIMENSIONS, _STRIDES, _DESCR, _FLAGS = 0, 1, 2, 3, 5, 6
_WATCHED = 0x0001 | 0x0100 | 0x0400  # contiguous, aligned, writeable
_FIXED = 4  # words of an array beside its shape and strides


def describe(arrays):
    """Describe the memory of arrays.

    Parameters
    ----------
    arrays : list of numpy.ndarray

    Returns
    -------
    objects : numpy.ndarray
        The addresses of the array objects, which the caller must hold.
    words : numpy.ndarray
        Address, dtype, flags, shape and strides of all of them, for `unchanged`.
    bounds : numpy.ndarray, (count, 2)
        The addresses of the first byte and after the last byte of each; equal if there are no elements.
    """
    objects = np.array(list(map(id, arrays)), np.intp)
    words = np.empty(sum(_FIXED + 2 * array.ndim for array in arrays), np.intp)
    bounds = np.empty((objects.size, 2), np.intp)
    _describe(objects, arrays[0].itemsize if arrays else 0, words, bounds)
    return objects, words, bounds


@portable
def _fields(address):
    """The words of an array object after its header, its number of axes and its flags."""
    fields = _view(address, _HEAD + _FIELDS)[_HEAD:]
    nd = _view_halves(address + 8 * (_HEAD + _ND), 1)[0]
    flags = _view_halves(address + 8 * (_HEAD + _FLAGS), 1)[0] & _WATCHED
    return fields, np.intp(nd), np.intp(flags)


@compiled("array-objects-describe")
def _describe(objects, itemsize, words, bounds):
    k = 0
    for number in range(objects.size):
        fields, nd, flags = _fields(objects[number])
        shape, strides = _view(fields[_DIMENSIONS], nd), _view(fields[_STRIDES], nd)
        words[k], words[k + 1], words[k + 2], words[k + 3] = fields[_DATA], nd, fields[_DESCR], flags
        k += _FIXED
        first, last, size = fields[_DATA], fields[_DATA], 1
        for axis in range(nd):
            words[k], words[k + 1] = shape[axis], strides[axis]
            k += 2
            size *= shape[axis]
            reach = (shape[axis] - 1) * strides[axis]
            first, last = first + min(reach, 0), last + max(reach, 0)
        bounds[number, 0] = first if size else fields[_DATA]
        bounds[number, 1] = last + itemsize if size else fields[_DATA]


@compiled("array-objects-unchanged")
def unchanged(objects, words):
    """Whether array objects are unchanged since `describe` returned the words."""
    k = 0
    for number in range(objects.size):
        fields, nd, flags = _fields(objects[number])
        if (
            words[k] != fields[_DATA] or words[k + 1] != nd or words[k + 2] != fields[_DESCR]
            or words[k + 3] != flags
        ):  # fmt: skip
            return False
        shape, strides = _view(fields[_DIMENSIONS], nd), _view(fields[_STRIDES], nd)
        k += _FIXED
        for axis in range(nd):
            if words[k] != shape[axis] or words[k + 1] != strides[axis]:
                return False
            k += 2
    return True


@compiled("array-objects-meet")
def meets(first, reached, bounds):
    """Whether memory in some bounds overlaps other memory.

    Parameters
    ----------
    first, reached : numpy.ndarray
        Sorted addresses where the other memory begins, and how far all up to each of them reaches.
    bounds : numpy.ndarray, (count, 2)
    """
    for k in range(bounds.shape[0]):
        low, high = 0, first.size  # those before `low` begin below the end of k's memory
        while low < high:
            middle = (low + high) // 2
            if first[middle] < bounds[k, 1]:
                low = middle + 1
            else:
                high = middle
        if low > 0 and reached[low - 1] > bounds[k, 0]:
            return True
    return False
