"""Arrays in the memory of the CPU; the first argument of each function is an array that lives there."""

import math

import numpy as np

from numgd.jit.program import scratch as program_scratch

CACHE_LINE = 64  # bytes


def nothing():
    """An empty array."""
    return np.empty(0, np.float32)


def taken(name, given):
    """What a caller gave as an array; `name` is for error messages."""
    return np.asarray(given)


def in_kind(array, like):
    """An array for whoever gave `like`."""
    return array


def contiguous(array):
    """The array, or a contiguous copy of it."""
    return np.ascontiguousarray(array) if array.ndim else array


def check_writeable(name, array):
    """Raise ValueError unless a result can be written to an array."""
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} must be contiguous")


def overlap(array, other, exactly=False):
    """Whether two arrays share memory, or, in less time, whether they may."""
    if not isinstance(other, np.ndarray):
        return False
    return np.shares_memory(array, other) if exactly else np.may_share_memory(array, other)


def empty(like, shape, dtype):
    """An uninitialised array that is aligned to cache lines, so that a vector occupies one line, not two."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        memory = np.empty(size + CACHE_LINE, np.uint8)
    except (MemoryError, OverflowError, ValueError):  # the last two if the size exceeds the address space
        raise MemoryError(f"a result of shape {tuple(shape)} takes {size / 2**30:.3g} GiB") from None
    skipped = misaligned(memory, CACHE_LINE)
    return memory[skipped : skipped + size].view(dtype).reshape(shape)


def constant(like, shape, value, dtype):
    """An array of one number, which nobody changes."""
    return np.full(shape, value, dtype)


def zeros(like, shape, dtype):
    """An array of zeros."""
    return np.zeros(shape, dtype)


def misaligned(array, nbytes):
    """The number of bytes from the beginning of an array to the next multiple of `nbytes`."""
    return -array.ctypes.data % nbytes


def scratch(like, shape, dtype):
    """Uninitialised memory that nothing reads after the present operation."""
    return program_scratch(shape, np.dtype(dtype))


def ahead(like, batches):
    """Batches, pairs of samples and targets, that are copied where an array lives before they are needed."""
    return batches


def fetched(array):
    """The array in the host's memory."""
    return array


def number(total):
    """A sum that a driver returned, as a number."""
    return total


def copied(array):
    """A copy where the array lives."""
    return array.copy()


def add(array, other, factor):
    """array += factor · other."""
    array += (other if factor == 1 else factor * other).astype(array.dtype, copy=False)


def is_finite(vector):
    """Whether all elements are finite."""
    # A sum of squares is finite in one pass and without temporary memory, unless it overflows.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.dot(vector, vector)) or np.isfinite(vector).all())


def assign(array, numbers):
    """array = numbers, of the same shape or one number."""
    array[...] = numbers
