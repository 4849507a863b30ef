"""Pooling over windows of images (N, H, W, C) on the device; see `numgd.kernels.cpu.layers.pool`.

A thread computes four channels of a result, by accesses of 16 bytes, or one channel where their number is
no multiple of four.  Backward passes sum, for each pixel, over the windows that contain it, in a fixed order.
The sums of large windows, and of few, are divided among the threads of a block and computed in float64.
"""

import math
from functools import cache

import numpy as np
from numba import float64

from numgd.first_order.apply import make_tuple
from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.pool import LARGE_WINDOW, is_larger
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.lanes import FOUR, ONE
from numgd.kernels.cuda.layers.grids import above, divided, of_rows
from numgd.kernels.cuda.target import LANES, cuda, kernel, launch

SUMMING = 16 if target.SIMULATED else 256
"""Most threads of a block that sums over windows; a power of two."""

_ACROSS = SUMMING // 8
"""Most of them beside each other, at different channels."""

_SHARED_WINDOW = 16
_FEW_RESULTS = 2**17
"""Windows of so many pixels are divided among threads if there are no more results than this."""


def lanes_for(channels, *arrays):
    """How many channels a thread takes: four if all addresses allow."""
    return FOUR if channels % LANES == 0 and target.can_load4(*arrays) else ONE


def flat(array):
    """An array as a vector of the same memory."""
    return array.reshape(array.size)


def _containing(columns, width):
    """For each column of an image, the first window that contains it and the next that does not."""
    places = np.arange(width)
    first = np.searchsorted(columns[1], places, side="right")
    return target.constant(np.stack([first, np.searchsorted(columns[0], places, side="right")]))


def maximum(x, rows, columns, keep, large, out, places):
    """out (N, OH, OW, C): the maximum of each window; with `keep`, its position h W + w in `places`."""
    if not out.size:
        return
    images, tall, wide, channels = out.shape
    places = flat(places) if keep else target.constant(np.zeros(1, np.int32))
    lanes = lanes_for(channels, x, out, places)
    launch(
        _make_maximum(lanes), of_rows(images * tall, wide * (channels // lanes.count)), flat(x), x.shape[1],
        x.shape[2], channels, images, target.constant(rows), target.constant(columns), keep, flat(out),
        places,
    )  # fmt: skip


def maximum_gradient(grad, places, row_windows, columns, large, out):
    """out (N, H, W, C): for each position, the sum of the gradients of the windows whose maximum it is."""
    if not out.size:
        return
    images, height, width, channels = out.shape
    lanes = lanes_for(channels, grad, places, out)
    launch(
        _make_maximum_gradient(lanes), of_rows(images * height, width * (channels // lanes.count)),
        flat(grad), flat(places), grad.shape[1], grad.shape[2], channels, images,
        target.constant(row_windows), _containing(columns, width), flat(out),
    )  # fmt: skip


def places_within(places, rows, columns, width):
    """Whether every position, h · width + w, is inside the window that it belongs to.

    Unlike all other functions here, this one waits for the device.
    """
    if not places.size:
        return True
    invalid = memory.empty(places, (1,), np.int32)
    memory.fill(invalid, 0)
    shape = of_rows(places.shape[0] * places.shape[1], places.shape[2] * places.shape[3])
    launch(
        _find_invalid, shape, flat(places), places.shape[0], places.shape[3], target.constant(rows),
        target.constant(columns), width, invalid,
    )  # fmt: skip
    return bool(target.fetch(invalid)[0] == 0)


def scatter(grad, places, out):
    """out (N, pixels, C): for each pixel, the sum of the gradients (N, k, C) whose place it is."""
    memory.fill(out, 0)
    images, count, channels = grad.shape
    if grad.size:
        shape = of_rows(images, channels)
        launch(_scatter, shape, flat(grad), flat(places), images, count, out.shape[1], channels, flat(out))


def average(x, rows, columns, row_counts, column_counts, large, out):
    """out (N, OH, OW, C): sums over windows, divided by row_counts[i] · column_counts[j]."""
    if not out.size:
        return
    images, tall, wide, channels = out.shape
    lanes = lanes_for(channels, x, out)
    groups = channels // lanes.count
    results = images * tall * wide
    pixels = int((rows[1] - rows[0]).max() * (columns[1] - columns[0]).max())
    arguments = (
        flat(x), x.shape[1], x.shape[2], channels, images, target.constant(rows), target.constant(columns),
        _counts(row_counts, x), _counts(column_counts, x), flat(out),
    )  # fmt: skip
    if pixels < (_SHARED_WINDOW if results * groups <= _FEW_RESULTS else LARGE_WINDOW):
        launch(_make_average(lanes), of_rows(images * tall, wide * groups), *arguments)
        return
    across = min(above(groups), _ACROSS)
    blocks = min(-(-groups // across), target.MOST_BLOCKS), min(results, 4 * target.MOST_BLOCKS)
    threads = across, min(SUMMING // across, above(pixels))
    launch(_make_shared_average(lanes), (blocks, threads), *arguments)


def average_gradient(grad, row_windows, columns, row_counts, column_counts, large, out):
    """out (N, H, W, C): for each pixel, its share of the gradients of the windows that contain it."""
    if not out.size:
        return
    images, height, width, channels = out.shape
    lanes = lanes_for(channels, grad, out)
    launch(
        _make_average_gradient(lanes), of_rows(images * height, width * (channels // lanes.count)),
        flat(grad), grad.shape[1], grad.shape[2], channels, images, target.constant(row_windows),
        _containing(columns, width), _counts(row_counts, grad), _counts(column_counts, grad), flat(out),
    )  # fmt: skip


def maximum_gradient_of_volumes(grad, places, containing, out):
    """out (N, D, H, W, C): for each position, the sum of the gradients of the windows whose maximum it is."""
    if not out.size:
        return
    images, depth, height, width, channels = out.shape
    lanes = lanes_for(channels, grad, places, out)
    launch(
        _make_maximum_gradient_of_volumes(lanes),
        of_rows(images * depth * height, width * (channels // lanes.count)), flat(grad), flat(places),
        *grad.shape[1:4], channels, images, *map(target.constant, containing), flat(out),
    )  # fmt: skip


def repeat(x, down, across, out):
    """out (N, H · down, W · across, C): every pixel of x (N, H, W, C) several times."""
    if out.size:
        images, height, width, channels = out.shape
        lanes = lanes_for(channels, x, out)
        shape = of_rows(images * height, width * (channels // lanes.count))
        launch(_make_repeat(lanes), shape, flat(x), down, across, images * height, width, channels, flat(out))


def places_in_planes(places, pixels):
    """Positions (d H + h) W + w in volumes as positions in planes of `pixels` = H W; a new array."""
    found = memory.empty(places, places.shape, places.dtype)
    if places.size:
        shape = target.launch_shape(places.size)
        launch(_find_in_planes, shape, flat(places), np.int32(pixels), flat(found))
    return found


def places_in_volumes(places, in_plane, depths, pixels):
    """Replace `places` (N, OD, Q, C), of maxima over depth, by positions in volumes of planes of `pixels`.

    They are positions in images (N, D, Q, C), for which `in_plane`, of that shape, holds positions in planes.
    """
    if places.size:
        shape = target.launch_shape(places.size)
        rest, depth = places.shape[2], in_plane.shape[1]
        arguments = (places.shape[1], rest, places.shape[3], depth, pixels, flat(in_plane), flat(places))
        launch(_find_in_volumes, shape, *arguments)


def _counts(counts, x):
    return target.constant(np.asarray(counts, x.dtype))


# Kernels ----------------------------------------------------------------------------------------------------


@portable
def _constant(number, k, _):
    return number


@portable
def _larger(given, k, _):
    values, best = given
    return values[k] if is_larger(values[k], best[k]) else best[k]


@portable
def _place_of_larger(given, k, _):
    values, best, here, place = given
    return here if is_larger(values[k], best[k]) else place[k]


@portable
def _given_to(given, k, _):
    total, slopes, place, here = given
    return total[k] + slopes[k] if place[k] == here else total[k]


@portable
def _sum(given, k, _):
    total, values = given
    return total[k] + values[k]


@portable
def _sum_of_shares(given, k, _):
    total, share, slopes = given
    return total[k] + share * slopes[k]


@portable
def _product(given, k, _):
    total, share = given
    return total[k] * share


@cache
def _make_maximum(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, larger = make_tuple(count, _constant), make_tuple(count, _larger)
    place_of_larger = make_tuple(count, _place_of_larger)

    @kernel
    def maximum(x, height, width, channels, images, rows, columns, keep, out, places):
        tall, wide, groups = rows.shape[1], columns.shape[1], channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * tall:
            n, i = divided(row, tall)
            top, bottom = rows[0, i], rows[1, i]
            element = first
            while element < wide * groups:
                j, group = divided(element, groups)
                c = group * count
                left, right = columns[0, j], columns[1, j]
                best = all_of(x.dtype.type(-math.inf), 0)
                place = all_of(np.int32(top * width + left), 0)
                for h in range(top, bottom):
                    start = (n * height + h) * width
                    for w in range(left, right):
                        values = load(x, (start + w) * channels + c)
                        place = place_of_larger((values, best, np.int32(h * width + w), place), 0)
                        best = larger((values, best), 0)
                at = (row * wide + j) * channels + c
                store(out, at, best)
                if keep:
                    store(places, at, place)
                element += across
            row += down

    return maximum


@cache
def _make_maximum_gradient(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, given_to = make_tuple(count, _constant), make_tuple(count, _given_to)

    @kernel
    def maximum_gradient(grad, places, tall, wide, channels, images, row_windows, column_windows, out):
        height, width, groups = row_windows.shape[1], column_windows.shape[1], channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * height:
            n, h = divided(row, height)
            top, bottom = row_windows[0, h], row_windows[1, h]
            element = first
            while element < width * groups:
                w, group = divided(element, groups)
                c = group * count
                here = np.int32(h * width + w)
                total = all_of(grad.dtype.type(0), 0)
                for i in range(top, bottom):
                    for j in range(column_windows[0, w], column_windows[1, w]):
                        at = ((n * tall + i) * wide + j) * channels + c
                        total = given_to((total, load(grad, at), load(places, at), here), 0)
                store(out, (row * width + w) * channels + c, total)
                element += across
            row += down

    return maximum_gradient


@cache
def _make_maximum_gradient_of_volumes(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, given_to = make_tuple(count, _constant), make_tuple(count, _given_to)

    @kernel
    def maximum_gradient_of_volumes(
        grad, places, deep, tall, wide, channels, images, depth_windows, row_windows, column_windows, out,
    ):  # fmt: skip
        depth, height = depth_windows.shape[1], row_windows.shape[1]
        width, groups = column_windows.shape[1], channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * depth * height:
            plane, h = divided(row, height)
            n, d = divided(plane, depth)
            element = first
            while element < width * groups:
                w, group = divided(element, groups)
                c = group * count
                here = np.int32((d * height + h) * width + w)
                total = all_of(grad.dtype.type(0), 0)
                for f in range(depth_windows[0, d], depth_windows[1, d]):
                    for i in range(row_windows[0, h], row_windows[1, h]):
                        for j in range(column_windows[0, w], column_windows[1, w]):
                            at = (((n * deep + f) * tall + i) * wide + j) * channels + c
                            total = given_to((total, load(grad, at), load(places, at), here), 0)
                store(out, (row * width + w) * channels + c, total)
                element += across
            row += down

    return maximum_gradient_of_volumes


@kernel
def _find_invalid(places, images, channels, rows, columns, width, invalid):
    tall, wide = rows.shape[1], columns.shape[1]
    first, first_row = cuda.grid(2)
    across, down = cuda.gridsize(2)
    row = first_row
    while row < images * tall:
        i = row % tall
        element = first
        while element < wide * channels:
            j, place = element // channels, places[row * wide * channels + element]
            h = place // width
            w = place - h * width
            inside = (rows[0, i] <= h < rows[1, i]) and (columns[0, j] <= w < columns[1, j])
            if place < 0 or not inside:
                invalid[0] = 1  # all threads write the same
            element += across
        row += down


@kernel
def _scatter(grad, places, images, count, pixels, channels, out):
    """A thread for each channel of an image, in the order of the gradients."""
    first, first_image = cuda.grid(2)
    across, down = cuda.gridsize(2)
    n = first_image
    while n < images:
        c = first
        while c < channels:
            for k in range(n * count, (n + 1) * count):
                at = k * channels + c
                out[(n * pixels + places[at]) * channels + c] += grad[at]
            c += across
        n += down


@cache
def _make_average(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, add = make_tuple(count, _constant), make_tuple(count, _sum)
    times = make_tuple(count, _product)

    @kernel
    def average(x, height, width, channels, images, rows, columns, row_counts, column_counts, out):
        tall, wide, groups = rows.shape[1], columns.shape[1], channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * tall:
            n, i = divided(row, tall)
            element = first
            while element < wide * groups:
                j, group = divided(element, groups)
                c = group * count
                total = all_of(x.dtype.type(0), 0)
                for h in range(rows[0, i], rows[1, i]):
                    start = (n * height + h) * width
                    for w in range(columns[0, j], columns[1, j]):
                        total = add((total, load(x, (start + w) * channels + c)), 0)
                share = x.dtype.type(1) / (row_counts[i] * column_counts[j])
                store(out, (row * wide + j) * channels + c, times((total, share), 0))
                element += across
            row += down

    return average


@cache
def _make_shared_average(lanes):
    """As `_make_average`, with the pixels of a window divided among the rows of threads of a block."""
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, add = make_tuple(count, _constant), make_tuple(count, _sum)
    size = SUMMING * count

    @portable
    def mean(given, k, _):
        shared, at, counted, real = given
        return real(shared[at + k] / counted)

    means = make_tuple(count, mean)

    @kernel
    def shared_average(x, height, width, channels, images, rows, columns, row_counts, column_counts, out):
        shared = cuda.shared.array(size, float64)
        tall, wide, groups = rows.shape[1], columns.shape[1], channels // count
        lane, worker, workers = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.y
        at = (worker * cuda.blockDim.x + lane) * count
        result = cuda.blockIdx.y
        while result < images * tall * wide:
            row, j = divided(result, wide)
            n, i = divided(row, tall)
            breadth, bottom = columns[1, j] - columns[0, j], rows[1, i]
            step_down = workers // breadth
            step_across = workers - step_down * breadth
            start = cuda.blockIdx.x * cuda.blockDim.x
            while start < groups:
                c = (start + lane) * count
                total = all_of(0.0, 0)
                if c < channels:
                    h = rows[0, i] + worker // breadth
                    w = worker % breadth
                    while h < bottom:
                        pixel = (n * height + h) * width + columns[0, j] + w
                        total = add((total, load(x, pixel * channels + c)), 0)
                        h += step_down
                        w += step_across
                        if w >= breadth:
                            w -= breadth
                            h += 1
                for k in range(count):
                    shared[at + k] = total[k]
                cuda.syncthreads()
                half = workers // 2
                while half > 0:
                    if worker < half:
                        for k in range(count):
                            shared[at + k] += shared[at + half * cuda.blockDim.x * count + k]
                    cuda.syncthreads()
                    half //= 2
                if worker == 0 and c < channels:
                    counted = float64(row_counts[i]) * float64(column_counts[j])
                    store(out, result * channels + c, means((shared, at, counted, x.dtype.type), 0))
                cuda.syncthreads()
                start += cuda.gridDim.x * cuda.blockDim.x
            result += cuda.gridDim.y

    return shared_average


@cache
def _make_average_gradient(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, add = make_tuple(count, _constant), make_tuple(count, _sum_of_shares)

    @kernel
    def average_gradient(
        grad, tall, wide, channels, images, row_windows, column_windows, row_counts, column_counts, out,
    ):  # fmt: skip
        height, width, groups = row_windows.shape[1], column_windows.shape[1], channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        one = grad.dtype.type(1)
        row = first_row
        while row < images * height:
            n, h = divided(row, height)
            element = first
            while element < width * groups:
                w, group = divided(element, groups)
                c = group * count
                total = all_of(grad.dtype.type(0), 0)
                for i in range(row_windows[0, h], row_windows[1, h]):
                    for j in range(column_windows[0, w], column_windows[1, w]):
                        share = one / (row_counts[i] * column_counts[j])
                        at = ((n * tall + i) * wide + j) * channels + c
                        total = add((total, share, load(grad, at)), 0)
                store(out, (row * width + w) * channels + c, total)
                element += across
            row += down

    return average_gradient


@cache
def _make_repeat(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count

    @kernel
    def repeat(x, down, across, rows, width, channels, out):
        groups = channels // count
        first, first_row = cuda.grid(2)
        step, step_down = cuda.gridsize(2)
        row = first_row
        while row < rows:
            start = divided(row, down)[0] * (width // across)
            element = first
            while element < width * groups:
                w, group = divided(element, groups)
                c = group * count
                values = load(x, (start + divided(w, across)[0]) * channels + c)
                store(out, (row * width + w) * channels + c, values)
                element += step
            row += step_down

    return repeat


@kernel
def _find_in_planes(places, pixels, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = places[i] % pixels


@kernel
def _find_in_volumes(number, rest, channels, depth, pixels, in_plane, places):
    for at in range(cuda.grid(1), places.size, cuda.gridsize(1)):
        place, c = places[at] // rest, at % channels
        n = at // (number * rest * channels)
        q = at // channels % rest
        places[at] = in_plane[((n * depth + place) * rest + q) * channels + c] + place * pixels
