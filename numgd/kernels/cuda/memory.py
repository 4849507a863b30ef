"""Arrays in the memory of a GPU; see `numgd.kernels.cpu.memory`."""

import math

import numpy as np

from numgd.kernels.cuda import target
from numgd.kernels.cuda.batches import ahead as copied_ahead
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape
from numgd.kernels.machines import on_device


def nothing():
    """An empty array on the device."""
    target.check_driver()
    return target.empty((0,), np.dtype(np.float32))


def taken(name, given):
    """What a caller gave as a contiguous array, as one of Numba's; `name` is for error messages."""
    try:
        return target.as_device(name, given)
    except ImportError:  # Numba's CudaSupportError, where there is no driver
        target.check_driver()
        raise


def in_kind(array, like):
    """A device array as one of the library that `like` is of, for the same memory."""
    return target.in_kind(array, like)


def contiguous(array):
    """The array, which `taken` found contiguous."""
    return array


def check_writeable(name, array):
    """Arrays on a device are."""


def overlap(array, other, exactly=False):
    """Whether two contiguous arrays share memory."""
    if not on_device(other):
        return False
    first, second = target.address_of(array), target.address_of(other)
    return first < second + other.nbytes and second < first + array.nbytes


def layout(array):
    """Where an array begins, its shape, strides and type: what can change while the object stays the same."""
    if target.SIMULATED:
        return target.address_of(array), tuple(array.shape), array.strides, array.dtype.str
    interface = array.__cuda_array_interface__
    return interface["data"][0], interface["shape"], interface["strides"], interface["typestr"]


def empty(like, shape, dtype):
    """An uninitialised array, aligned to 256 bytes."""
    return target.empty(tuple(shape), np.dtype(dtype))


def constant(like, shape, value, dtype):
    """An array of one number, which nobody changes."""
    return target.constant(np.full(shape, value, dtype))


def zeros(like, shape, dtype):
    """An array of zeros."""
    array = target.empty(tuple(shape), np.dtype(dtype))
    fill(array, 0)
    return array


def misaligned(array, nbytes):
    """The number of bytes from the beginning of an array to the next multiple of `nbytes`."""
    return -target.address_of(array) % nbytes


def scratch(like, shape, dtype):
    """Uninitialised memory that nothing reads after the present operation."""
    active = target.recording.get()
    return empty(like, shape, dtype) if active is None else active.take(tuple(shape), np.dtype(dtype))


def ahead(like, batches):
    """Batches, pairs of samples and targets, that are copied where an array lives before they are needed."""
    real = like.dtype
    return copied_ahead((np.asarray(X, real), np.asarray(y)) for X, y in batches)


def fetched(array):
    """The array in the host's memory."""
    return target.fetch(array)


def number(total):
    """A sum that a driver returned, a device array (1,), as a number, for which it waits."""
    return float(target.fetch(total)[0])


def copied(array):
    """A copy where the array lives."""
    found = target.empty(array.shape, array.dtype)
    copy(array, found)
    return found


def add(array, other, factor):
    """array += factor · other, for contiguous arrays."""
    if array.size:
        vectors = array.reshape(array.size), other.reshape(array.size)
        launch(_add, launch_shape(array.size), *vectors, array.dtype.type(factor))


def is_finite(vector):
    """Whether all elements are finite."""
    broken = zeros(vector, (1,), np.dtype(np.int32))
    if vector.size:
        launch(_mark_broken, launch_shape(vector.size), vector, broken)
    return not target.fetch(broken)[0]


def assign(array, numbers):
    """array = numbers, of the same shape or one number; one of both can live on the host."""
    if not on_device(array):
        array[...] = target.fetch(numbers)
    elif np.ndim(numbers) == 0:
        fill(array, numbers)
    elif on_device(numbers):
        copy(numbers, array)
    else:
        target.upload(np.asarray(numbers, array.dtype), array)


def fill(array, value):
    """array = value, for a contiguous array."""
    if array.size:
        launch(_fill, launch_shape(array.size), array.reshape(array.size), array.dtype.type(value))


def copy(source, array):
    """array = source, for contiguous arrays of one shape and dtype."""
    if array.size:
        launch(_copy, launch_shape(array.size), source.reshape(array.size), array.reshape(array.size))


@kernel
def _add(array, other, factor):
    for i in range(cuda.grid(1), array.size, cuda.gridsize(1)):
        array[i] += factor * other[i]


@kernel
def _mark_broken(vector, broken):
    largest = vector.dtype.type(math.inf)
    for i in range(cuda.grid(1), vector.size, cuda.gridsize(1)):
        if not abs(vector[i]) < largest:
            broken[0] = 1  # whoever writes, writes the same


@kernel
def _fill(array, value):
    for i in range(cuda.grid(1), array.size, cuda.gridsize(1)):
        array[i] = value


@kernel
def _copy(source, array):
    for i in range(cuda.grid(1), array.size, cuda.gridsize(1)):
        array[i] = source[i]
