"""Copies between a matrix and a range of the columns of a wider one."""

from math import prod

from numgd.kernels.cuda.target import can_load4, cuda, kernel, launch, launch_shape, load4, store4


def put(source, target, first):
    """Copy `source` (rows, c) to the columns of `target` (rows, C) from `first` on."""
    if source.size:
        narrow, wide, lanes = _vectors(source, target, first)
        numbers = source.shape[1] // lanes, target.shape[1] // lanes, first // lanes, lanes == 4
        launch(_put, launch_shape(source.size // lanes), narrow, *numbers, wide)


def take(source, first, added, target):
    """Copy columns of `source` (rows, C), from `first` on, to `target` (rows, c), or add them if `added`."""
    if target.size:
        narrow, wide, lanes = _vectors(target, source, first)
        numbers = target.shape[1] // lanes, source.shape[1] // lanes, first // lanes, lanes == 4
        launch(_take, launch_shape(target.size // lanes), wide, *numbers, bool(added), narrow)


def join(arrays, axis, out):
    """out = the arrays one after the other along an axis."""
    first = 0
    for array in arrays:
        source = _rows(array, axis)
        put(source, _rows(out, axis), first)
        first += source.shape[1]


def split(source, axis, results):
    """Copy an array that `join` could have made to arrays of the shapes of the parts."""
    first = 0
    for result in results:
        part = _rows(result, axis)
        take(_rows(source, axis), first, False, part)
        first += part.shape[1]


def _rows(array, axis):
    """An array as a matrix, whose rows begin at the axis."""
    return array.reshape(prod(array.shape[:axis]), prod(array.shape[axis:]))


def _vectors(narrow, wide, first):
    """Both matrices as vectors, and how many neighbours are copied at once."""
    fours = narrow.shape[1] % 4 == wide.shape[1] % 4 == first % 4 == 0 and can_load4(narrow, wide)
    return narrow.reshape(narrow.size), wide.reshape(wide.size), 4 if fours else 1


@kernel
def _put(source, columns, width, first, fours, out):
    start, step = cuda.grid(1), cuda.gridsize(1)
    if fours:
        for i in range(start, source.size // 4, step):
            store4(out, 4 * (i // columns * width + i % columns + first), load4(source, 4 * i))
    else:
        for i in range(start, source.size, step):
            out[i // columns * width + i % columns + first] = source[i]


@kernel
def _take(source, columns, width, first, fours, added, out):
    start, step = cuda.grid(1), cuda.gridsize(1)
    if fours:
        for i in range(start, out.size // 4, step):
            given = load4(source, 4 * (i // columns * width + i % columns + first))
            if added:
                own = load4(out, 4 * i)
                given = own[0] + given[0], own[1] + given[1], own[2] + given[2], own[3] + given[3]
            store4(out, 4 * i, given)
    else:
        for i in range(start, out.size, step):
            given = source[i // columns * width + i % columns + first]
            out[i] = out[i] + given if added else given
