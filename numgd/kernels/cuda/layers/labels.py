"""Labels of samples; see `numgd.kernels.cpu.layers.labels`."""

import numpy as np
from numba import float64

from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.layers.elementwise import repeat_of
from numgd.kernels.cuda.layers.rows import weight_of
from numgd.kernels.cuda.layers.sums import MOST_THREADS, launch_sum, shape_of_sum, sum_of_team
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def prepared(given, classes, ignore_index):
    """Labels as int64, 0 in place of those to be ignored, a mask of these or None, and whether all are valid.

    It waits for the device.
    """
    labels, ignored = memory.empty(given, given.shape, np.int64), memory.empty(given, given.shape, np.bool_)
    flat, mask = labels.reshape(labels.size), ignored.reshape(ignored.size)
    numbers = classes, ignore_index, given.dtype == np.uint64, flat, mask
    shape = shape_of_sum(given.size)
    outside = launch_sum(_prepare, shape, given.reshape(given.size), *numbers)
    number_ignored = launch_sum(_count, shape, mask)
    within = bool(target.fetch(outside)[0] == 0)
    return labels, ignored if target.fetch(number_ignored)[0] else None, within


def without_ignored(x, ignored):
    """x with zeros in the rows that are ignored."""
    found = memory.empty(x, x.shape, x.dtype)
    flat, out = x.reshape(x.size), found.reshape(x.size)
    launch(_without, launch_shape(x.size), flat, ignored.reshape(ignored.size), x.shape[-1], out)
    return found


def factors(labels, ignored, weight, like):
    """The weight of each label, 1 without weights of the classes, and 0 where it is ignored."""
    found = memory.empty(like, labels.shape, like.dtype)
    if found.size:
        flat = labels.reshape(labels.size)
        weights = memory.constant(like, (1,), 1, like.dtype) if weight is None else weight
        mask = memory.constant(like, (1,), False, np.bool_) if ignored is None else ignored
        given = flat, weights, weight is not None, mask.reshape(mask.size), ignored is not None
        launch(_factors, launch_shape(found.size), *given, found.reshape(found.size))
    return found


def one_hot(labels, like):
    """An array like (…, classes) of zeros, and 1 at each label."""
    found = memory.empty(like, like.shape, like.dtype)
    one = memory.constant(like, (1,), 1, like.dtype)
    spread(labels, one, labels.size + 1, 1.0, found)
    return found


def picked(x, labels):
    """The number of each label in x (…, classes)."""
    found = memory.empty(x, labels.shape, x.dtype)
    if found.size:
        given = x.reshape(x.size), labels.reshape(labels.size), x.shape[-1]
        launch(_pick, launch_shape(found.size), *given, found.reshape(found.size))
    return found


def spread(labels, weights, repeat, factor, out):
    """out (…, classes) = 0, except factor · weights[sample // repeat] at the label of each sample."""
    if out.size:
        given = labels.reshape(labels.size), weights, repeat_of(repeat, labels.size), out.dtype.type(factor)
        launch(_spread, launch_shape(out.size), *given, out.shape[-1], out.reshape(out.size))


@kernel
def _prepare(given, classes, ignore_index, unsigned, labels, ignored, partial):
    shared = cuda.shared.array(MOST_THREADS, float64)
    lane, own = cuda.threadIdx.x, 0.0
    for i in range(cuda.grid(1), given.size, cuda.gridsize(1)):
        label = np.int64(given[i])
        skipped = label == ignore_index and not (unsigned and label < 0)
        ignored[i] = skipped
        labels[i] = 0 if skipped else label
        own += 0.0 if skipped or (label >= 0 and label < classes) else 1.0
    found = sum_of_team(shared, lane, cuda.blockDim.x, own)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _count(mask, partial):
    shared = cuda.shared.array(MOST_THREADS, float64)
    lane, own = cuda.threadIdx.x, 0.0
    for i in range(cuda.grid(1), mask.size, cuda.gridsize(1)):
        own += 1.0 if mask[i] else 0.0
    found = sum_of_team(shared, lane, cuda.blockDim.x, own)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _without(x, ignored, columns, out):
    nothing = x.dtype.type(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = nothing if ignored[i // columns] else x[i]


@kernel
def _factors(labels, weights, weighed, ignored, ignoring, out):
    nothing = out.dtype.type(0)
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        skipped = ignoring and ignored[i if ignoring else 0]
        out[i] = nothing if skipped else weights[labels[i] if weighed else 0]


@kernel
def _pick(x, labels, columns, out):
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        out[i] = x[i * columns + labels[i]]


@kernel
def _spread(labels, weights, repeat, factor, columns, out):
    nothing = out.dtype.type(0)
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        row = i // columns
        out[i] = factor * weight_of(weights, repeat, row) if i - row * columns == labels[row] else nothing
