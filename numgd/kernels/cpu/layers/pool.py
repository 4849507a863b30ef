"""Pooling over windows of images (N, H, W, C).

`rows` (2, OH) and `columns` (2, OW) hold the start and stop of each window within the image.  Windows are in
order, so those that contain a given row are a range as well (`row_windows` (2, H)).  A task computes one row
of the result.  Backward passes sum, for each pixel, the gradients of its windows: no two threads write to the
same pixel, and sums have a fixed order.  Loops visit single pixels in memory order, for the prefetcher.
"""

import math

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import apart, compiled, portable
from numgd.jit.streaming import finish_streams, stream
from numgd.kernels.cpu.layers.pool_by_lanes import (
    gradient_by_lanes,
    lie_side_by_side,
    maximum_by_lanes,
    suits_lanes,
)

LARGE_WINDOW = 64
_MAX_CHANNELS_BY_THREES = 96
_FEW_CHANNELS = 16
"""With fewer channels, calls of the loops over channels take longer than these."""

_MOST_SUMS = 4
"""Numbers per number of a window that may be compared or added for all pixels of a row together."""


@portable
def is_larger(value, best):
    """Whether a number becomes the maximum; NaN does."""
    return (value > best) | (value != value)


@portable
def _larger(value, best):
    """The maximum of two numbers; NaN if one of them is.

    The last choice is not between a new number and the best one as it was loaded: LLVM would make it a masked
    store, which takes some processors with AVX2 ten times as long as everything else here.
    """
    larger = value if value > best else best
    return value + best if (value != value) | (best != best) else larger


@portable
def _largest(a, b, c):
    """The maximum of three numbers, the first of equal ones; NaN if one of them is."""
    larger = b if b > a else a
    larger = c if c > larger else larger
    return type(a)(np.nan) if (a != a) | (b != b) | (c != c) else larger


@portable
def _place_of_larger(value, here, best, place):
    """The position of the larger number: `here` if `value` is it, and `place`, which is before, otherwise."""
    before = type(here)(0)
    return max(place, here if is_larger(value, best) else before)


@apart
def _enlarge(pixels, first, result):
    """result = max(result, pixels (k, C)), or the maximum of the pixels alone if `first`; NaN stays NaN.

    Several pixels are taken together, for which the result is read and written once.
    """
    count, done = pixels.shape[0], 0
    if first and count >= 3:
        p0, p1, p2 = pixels[0], pixels[1], pixels[2]
        for c in range(result.size):
            result[c] = _largest(p0[c], p1[c], p2[c])
        done = 3
    elif first:
        p0, p1 = pixels[0], pixels[count - 1]  # of one pixel twice the same
        for c in range(result.size):
            result[c] = _larger(p1[c], p0[c])
        done = count
    while count - done >= 3:
        p0, p1, p2 = pixels[done], pixels[done + 1], pixels[done + 2]
        for c in range(result.size):
            result[c] = _larger(_largest(p0[c], p1[c], p2[c]), result[c])
        done += 3
    if count - done == 2:
        p0, p1 = pixels[done], pixels[done + 1]
        for c in range(result.size):
            result[c] = _largest(result[c], p0[c], p1[c])
    elif count - done == 1:
        p0 = pixels[done]
        for c in range(result.size):
            result[c] = _larger(p0[c], result[c])


@apart
def _enlarge_and_place(pixels, first, start, result, place):
    """As `_enlarge`, also storing the position of the first maximum; the pixels begin at position `start`."""
    count, done = pixels.shape[0], 0
    if first:
        pixel, done = pixels[0], 1
        for c in range(result.size):
            result[c] = pixel[c]
            place[c] = np.int32(start)
    for k in range(done, count - 1, 2):
        pixel, other, here, there = pixels[k], pixels[k + 1], np.int32(start + k), np.int32(start + k + 1)
        for c in range(result.size):
            first_larger = is_larger(pixel[c], result[c])
            best = pixel[c] if first_larger else result[c]
            found = here if first_larger else place[c]
            second_larger = is_larger(other[c], best)
            place[c] = there if second_larger else found
            result[c] = other[c] if second_larger else best
    if (count - done) % 2:
        pixel, here = pixels[count - 1], np.int32(start + count - 1)
        for c in range(result.size):
            place[c] = _place_of_larger(pixel[c], here, result[c], place[c])
            result[c] = _larger(pixel[c], result[c])


@portable
def _is_first_larger(value, here, best, place):
    """As `is_larger` if numbers are not met in the order of their positions."""
    both = (value == best) & (here < place)
    return (value > best) | both | ((value != value) & ((best == best) | (here > place)))


@apart
def _choose_larger(values, at, best, place, new_best, new_place):
    """The larger of two vectors of numbers, and its position.

    The results are new vectors: in place, the stores would be masked (see `_larger`).
    """
    for k in range(best.size):
        larger = _is_first_larger(values[k], at[k], best[k], place[k])
        new_best[k] = values[k] if larger else best[k]
        new_place[k] = at[k] if larger else place[k]


@portable
def _maximum_of_narrow_row(image, top, bottom, columns, keep, out, places):
    """The maxima of a row of windows with few channels: first over rows, then over neighbours, of all pixels.

    Loops over single channels would take longer to begin than to run.
    """
    width, channels = image.shape[1:]
    rows = image.reshape(image.shape[0], width * channels)[top:bottom]
    whole = _widest(columns)
    size = (width - whole + 1) * channels
    tallest, largest = np.empty((width, channels), image.dtype), np.empty(size, image.dtype)
    flat = tallest.reshape(-1)
    at = np.empty(width * channels if keep else 0, np.int32)
    place = np.empty(size if keep else 0, np.int32)
    if keep:
        _enlarge_and_place(rows, True, top, flat, at)
        for w in range(width):
            for k in range(w * channels, (w + 1) * channels):
                at[k] = at[k] * np.int32(width) + np.int32(w)
        largest[:], place[:] = flat[:size], at[:size]
        new_largest, new_place = np.empty_like(largest), np.empty_like(place)
        for w in range(1, whole):
            begin = w * channels
            values, positions = flat[begin : begin + size], at[begin : begin + size]
            _choose_larger(values, positions, largest, place, new_largest, new_place)
            largest, new_largest = new_largest, largest
            place, new_place = new_place, place
    else:
        _enlarge(rows, True, flat)
        for w in range(whole):
            begin = w * channels
            _enlarge(flat[begin : begin + size].reshape(1, size), w == 0, largest)
    for j in range(out.shape[0]):
        start, stop = columns[0, j], columns[1, j]
        result, first = out[j], start * channels
        if stop - start == whole:
            for c in range(channels):
                result[c] = largest[first + c]
            if keep:
                for c in range(channels):
                    places[j, c] = place[first + c]
        elif keep:
            for c in range(channels):
                best, found = tallest[start, c], at[first + c]
                for w in range(start + 1, stop):
                    value, here = tallest[w, c], at[w * channels + c]
                    larger = _is_first_larger(value, here, best, found)
                    best, found = (value, here) if larger else (best, found)
                result[c], places[j, c] = best, found
        else:
            _enlarge(tallest[start:stop], True, result)


@portable
def _work(rows, columns, images):
    """Total number of elements in the windows of all results."""
    tall = wide = 0
    for i in range(rows.shape[1]):
        tall += rows[1, i] - rows[0, i]
    for j in range(columns.shape[1]):
        wide += columns[1, j] - columns[0, j]
    return tall * wide * images.shape[0] * images.shape[3]


@portable
def _widest(columns):
    """The largest width of a window."""
    widest = 0  # not by max(): to load the stored machine code, Numba's implementations would be imported
    for j in range(columns.shape[1]):
        widest = max(widest, columns[1, j] - columns[0, j])
    return widest


@portable
def _is_narrow(x, columns):
    """Whether windows of few channels overlap or lie side by side, so that whole rows are worth computing."""
    whole, total = _widest(columns), 0
    for j in range(columns.shape[1]):
        total += columns[1, j] - columns[0, j]
    return x.shape[3] < _FEW_CHANNELS and whole * (x.shape[2] - whole + 1) <= _MOST_SUMS * total


@portable
def _maximum_of_row(task, x, rows, columns, keep, narrow, large, out, places):
    n, i = task // out.shape[1], task % out.shape[1]
    image, row_out = borrow(x)[n], borrow(out)[n, i]
    if narrow:
        row_places = borrow(places)[n if keep else 0, i if keep else 0]
        _maximum_of_narrow_row(image, rows[0, i], rows[1, i], columns, keep, row_out, row_places)
        return
    scratch = np.empty((1, x.shape[3]), x.dtype)
    for j in range(out.shape[2]):
        result = borrow(scratch)[0] if large else row_out[j]
        start, stop = columns[0, j], columns[1, j]
        for h in range(rows[0, i], rows[1, i]):
            pixels, first = image[h, start:stop], h == rows[0, i]
            if keep:
                here = h * x.shape[2] + start
                _enlarge_and_place(pixels, first, here, result, borrow(places)[n, i, j])
            else:
                _enlarge(pixels, first, result)
        if large:
            stream(row_out[j], result)
    finish_streams()


@compiled("pool-maximum")
def maximum(x, rows, columns, keep, large, out, places):
    """out (N, OH, OW, C): the maximum of each window; with `keep`, its position h W + w in `places`."""
    if suits_lanes(x.shape[3]):
        parallel_for(
            maximum_by_lanes, out.shape[0] * out.shape[1], _work(rows, columns, out), x.reshape(x.size),
            x.shape, rows, columns, out.reshape(out.size), places.reshape(places.size),
        )  # fmt: skip
        return
    parallel_for(
        _maximum_of_row, out.shape[0] * out.shape[1], _work(rows, columns, out), x, rows, columns, keep,
        _is_narrow(x, columns), large, out, places,
    )  # fmt: skip


@apart
def _give(slope, place, here, pixels):
    """Add the gradient of each channel to the pixel (k, C) at its position; the first one is at `here`.

    Pixels are taken in threes, for which the gradient and the positions are read once.
    """
    zero = slope.dtype.type(0)
    whole = pixels.shape[0] // 3 * 3
    for k in range(0, whole, 3):
        p0, p1, p2, at = pixels[k], pixels[k + 1], pixels[k + 2], np.int32(here + k)
        for c in range(slope.size):
            g, to = slope[c], place[c] - at
            p0[c] += g if to == 0 else zero
            p1[c] += g if to == 1 else zero
            p2[c] += g if to == 2 else zero
    for k in range(whole, pixels.shape[0]):
        pixel, at = pixels[k], np.int32(here + k)
        for c in range(slope.size):
            pixel[c] += slope[c] if place[c] == at else zero


@portable
def _count_within(window, first, count):
    """How many positions are among `count` neighbouring ones from `first` on."""
    within = np.int32(0)
    for c in range(window.size):
        within += np.int32(np.uint32(window[c] - first) < count)  # what is before becomes a large number
    return within


@portable
def _count_invalid(task, places, rows, columns, width, invalid):
    n, i = task // places.shape[1], task % places.shape[1]
    valid = 0
    for j in range(places.shape[2]):
        window, breadth = borrow(places)[n, i, j], np.uint32(columns[1, j] - columns[0, j])
        for h in range(rows[0, i], rows[1, i]):
            valid += _count_within(window, np.int32(h * width + columns[0, j]), breadth)
    invalid[task] = places.shape[2] * places.shape[3] - valid


@compiled("pool-places-within")
def places_within(places, rows, columns, width):
    """Whether every position, h · width + w, is inside the window that it belongs to."""
    invalid = np.empty(places.shape[0] * places.shape[1], np.int64)
    parallel_for(_count_invalid, invalid.size, places.size, places, rows, columns, width, invalid)
    return invalid.sum() == 0


@portable
def _scatter_of_sample(n, grad, places, out):
    slopes, where, result = borrow(grad)[n], borrow(places)[n], borrow(out)[n].reshape(-1)
    result[:] = result.dtype.type(0)
    channels = np.uint64(slopes.shape[1])
    for i in range(slopes.shape[0]):
        slope, place = slopes[i], where[i]
        for c in range(slope.size):
            result[np.uint64(place[c]) * channels + np.uint64(c)] += slope[c]


@compiled("pool-scatter")
def scatter(grad, places, out):
    """out (N, pixels, C): for each pixel, the sum of the gradients (N, k, C) whose place it is."""
    parallel_for(_scatter_of_sample, out.shape[0], 4 * grad.size, grad, places, out)


@portable
def _maximum_gradient_of_row(task, grad, places, row_windows, columns, large, out):
    zero = grad.dtype.type(0)
    n, h = task // out.shape[1], task % out.shape[1]
    scratch = np.empty((out.shape[2] if large else 0, out.shape[3]), out.dtype)
    row_out = borrow(scratch) if large else borrow(out)[n, h]
    row_out[:] = zero
    few = out.shape[3] < _FEW_CHANNELS
    for i in range(row_windows[0, h], row_windows[1, h]):
        for j in range(grad.shape[2]):
            slope, place = borrow(grad)[n, i, j], borrow(places)[n, i, j]
            start, stop = columns[0, j], columns[1, j]
            if few:
                for w in range(start, stop):
                    for c in range(slope.size):
                        row_out[w, c] += slope[c] if place[c] == h * out.shape[2] + w else zero
            else:
                _give(slope, place, h * out.shape[2] + start, row_out[start:stop])
    if large:
        stream(borrow(out)[n, h], row_out)
        finish_streams()


@compiled("pool-maximum-gradient")
def maximum_gradient(grad, places, row_windows, columns, large, out):
    """out (N, H, W, C): for each position, the sum of the gradients of the windows whose maximum it is."""
    if suits_lanes(out.shape[3]) and lie_side_by_side(row_windows, columns):
        parallel_for(
            gradient_by_lanes, out.shape[0], 4 * out.size, grad.reshape(grad.size), grad.shape,
            places.reshape(places.size), row_windows, columns, out.reshape(out.size), out.shape,
        )  # fmt: skip
        return
    parallel_for(
        _maximum_gradient_of_row, out.shape[0] * out.shape[1], _work(row_windows, columns, grad), grad,
        places, row_windows, columns, large, out,
    )  # fmt: skip


@apart
def _add(pixels, first, factor, result):
    """result = (result + Σ pixels (k, C)) · factor, without the old result if `first`.

    Pixels with few channels are added in threes, since each addition to `result` waits for the previous one.
    """
    one = result.dtype.type(1)
    count = pixels.shape[0]
    by_threes = count // 3 * 3 if result.size <= _MAX_CHANNELS_BY_THREES else 0
    for k in range(0, by_threes, 3):
        p0, p1, p2 = pixels[k], pixels[k + 1], pixels[k + 2]
        by = factor if k + 3 == count else one
        if first and k == 0:
            for c in range(result.size):
                result[c] = ((p0[c] + p1[c]) + p2[c]) * by
        else:
            for c in range(result.size):
                result[c] = (result[c] + ((p0[c] + p1[c]) + p2[c])) * by
    for k in range(by_threes, count):
        pixel = pixels[k]
        by = factor if k + 1 == count else one
        if first and k == 0:
            for c in range(result.size):
                result[c] = pixel[c] * by
        else:
            for c in range(result.size):
                result[c] = (result[c] + pixel[c]) * by


@portable
def _average(image, rows, start, stop, share, result):
    """The sum over a window, times `share`."""
    real = result.dtype.type
    for h in range(rows[0], rows[1]):
        _add(image[h, start:stop], h == rows[0], share if h == rows[1] - 1 else real(1), result)


@portable
def _average_of_narrow_row(image, top, bottom, columns, row_count, column_counts, one, out):
    """The averages of a row of windows with few channels, summed in the type of `one`.

    As in `_maximum_of_narrow_row`.
    """
    width, channels = image.shape[1:]
    rows = image.reshape(image.shape[0], width * channels)[top:bottom]
    whole = _widest(columns)
    size = (width - whole + 1) * channels
    tall, total = np.empty(width * channels, type(one)), np.empty(size, type(one))
    _add(rows, True, one, tall)
    for w in range(whole):
        begin = w * channels
        _add(tall[begin : begin + size].reshape(1, size), w == 0, one, total)
    for j in range(out.shape[0]):
        start, stop = columns[0, j], columns[1, j]
        share = type(one)(1.0 / (row_count * column_counts[j]))
        for c in range(channels):
            of_window = total[start * channels + c] if stop - start == whole else type(one)(0)
            if stop - start < whole:
                for w in range(start, stop):
                    of_window += tall[w * channels + c]
            out[j, c] = of_window * share


@portable
def _average_of_row(task, x, rows, columns, row_counts, column_counts, narrow, large, out):
    real = x.dtype.type
    n, i = task // out.shape[1], task % out.shape[1]
    image, row_out = borrow(x)[n], borrow(out)[n, i]
    if narrow:
        top, bottom, widest = rows[0, i], rows[1, i], _widest(columns)
        if (bottom - top) * widest < LARGE_WINDOW:
            _average_of_narrow_row(
                image, top, bottom, columns, row_counts[i], column_counts, real(1), row_out
            )
        else:
            _average_of_narrow_row(image, top, bottom, columns, row_counts[i], column_counts, 1.0, row_out)
        return
    scratch, totals = np.empty((1, x.shape[3]), x.dtype), np.empty(x.shape[3])
    for j in range(out.shape[2]):
        result = borrow(scratch)[0] if large else row_out[j]
        share = 1.0 / (row_counts[i] * column_counts[j])
        start, stop = columns[0, j], columns[1, j]
        if (rows[1, i] - rows[0, i]) * (stop - start) < LARGE_WINDOW:
            _average(image, rows[:, i], start, stop, real(share), result)
        else:
            _average(image, rows[:, i], start, stop, share, borrow(totals))
            for c in range(result.size):
                result[c] = real(totals[c])
        if large:
            stream(row_out[j], result)
    finish_streams()


@compiled("pool-average")
def average(x, rows, columns, row_counts, column_counts, large, out):
    """out (N, OH, OW, C): sums over windows, divided by row_counts[i] · column_counts[j].

    Sums over large windows are computed in float64: in float32, many successive additions would lose digits.
    """
    parallel_for(
        _average_of_row, out.shape[0] * out.shape[1], _work(rows, columns, out), x, rows, columns, row_counts,
        column_counts, _is_narrow(x, columns), large, out,
    )  # fmt: skip


@apart
def _share_out(slope, share, result):
    """Add a pixel's share of the gradient of a window."""
    for c in range(result.size):
        result[c] += share * slope[c]


@portable
def _average_gradient_of_row(task, grad, row_windows, columns, row_counts, column_counts, large, out):
    real = grad.dtype.type
    n, h = task // out.shape[1], task % out.shape[1]
    scratch = np.empty((out.shape[2] if large else 0, out.shape[3]), out.dtype)
    row_out = borrow(scratch) if large else borrow(out)[n, h]
    row_out[:] = real(0)
    few = out.shape[3] < _FEW_CHANNELS
    for i in range(row_windows[0, h], row_windows[1, h]):
        for j in range(grad.shape[2]):
            share, slope = real(1.0 / (row_counts[i] * column_counts[j])), borrow(grad)[n, i, j]
            for w in range(columns[0, j], columns[1, j]):
                if few:
                    for c in range(slope.size):
                        row_out[w, c] += share * slope[c]
                else:
                    _share_out(slope, share, row_out[w])
    if large:
        stream(borrow(out)[n, h], row_out)
        finish_streams()


@compiled("pool-average-gradient")
def average_gradient(grad, row_windows, columns, row_counts, column_counts, large, out):
    """out (N, H, W, C): for each pixel, its share of the gradients of the windows that contain it."""
    parallel_for(
        _average_gradient_of_row, out.shape[0] * out.shape[1], _work(row_windows, columns, grad), grad,
        row_windows, columns, row_counts, column_counts, large, out,
    )  # fmt: skip


def maximum_gradient_of_volumes(grad, places, containing, out):
    """out (N, D, H, W, C): for each position, the sum of the gradients of the windows whose maximum it is.

    `containing` holds, for depth, height and width, the first window that contains each position and the next
    that does not.
    """
    scatter(_flat(grad), _flat(places), _flat(out))


def _flat(volumes):
    """Volumes as (N, D H W, C)."""
    batch, *size, channels = volumes.shape
    return volumes.reshape(batch, math.prod(size), channels)


def repeat(x, down, across, out):
    """out (N, H · down, W · across, C): every pixel of x (N, H, W, C) several times."""
    images, height, width, channels = x.shape
    out.reshape(images, height, down, width, across, channels)[...] = x[:, :, None, :, None]


def places_in_planes(places, pixels):
    """Positions (d H + h) W + w in volumes as positions in planes of `pixels` = H W; a new array."""
    return places - places // np.int32(pixels) * np.int32(pixels)


def places_in_volumes(places, in_plane, depths, pixels):
    """Replace `places` (N, OD, Q, C), of maxima over depth, by positions in volumes of planes of `pixels`.

    They are positions in images (N, D, Q, C), for which `in_plane`, of that shape, holds positions in planes;
    `depths` (2, OD) bounds the windows over depth.
    """
    for place, start, stop in zip(np.moveaxis(places, 1, 0), *depths, strict=True):
        chosen = place // np.int32(places.shape[2])
        place[...] = 0
        for plane in range(start, stop):
            of_volume = in_plane[:, plane] + np.int32(plane * pixels)
            of_volume *= chosen == plane  # a masked copy takes longer
            place += of_volume
