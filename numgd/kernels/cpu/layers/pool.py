"""Pooling over windows of images (N, H, W, C).

`rows` (2, OH) and `columns` (2, OW) hold the start and stop of each window within the image.  Windows are in
order, so those that contain a given row are a range as well (`row_windows` (2, H)).  A task computes one row
of the result.  Backward passes sum, for each pixel, the gradients of its windows: no two threads write to the
same pixel, and sums have a fixed order.  Loops visit single pixels in memory order, for the prefetcher.
"""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import apart, compiled, portable
from numgd.jit.streaming import finish_streams, stream

_LARGE_WINDOW = 64
_MAX_CHANNELS_BY_THREES = 96


@portable
def _larger(value, best):
    """The maximum of two numbers; NaN if one of them is.

    The last choice is not between a new number and the best one as it was loaded: LLVM would make it a masked
    store, which takes some processors with AVX2 ten times as long as everything else here.
    """
    larger = value if value > best else best
    return value + best if (value != value) | (best != best) else larger


@portable
def _place_of_larger(value, here, best, place):
    """The position of the larger number: `here` if `value` is it, and `place`, which is before, otherwise."""
    before = type(here)(0)
    return max(place, here if (value > best) | (value != value) else before)


@apart
def _enlarge(pixels, first, result):
    """result = max(result, pixels (k, C)), or the maximum of the pixels alone if `first`; NaN stays NaN.

    Pixels are taken in pairs, for which the result is read and written once.
    """
    count, done = pixels.shape[0], 0
    if first:
        pixel, done = pixels[0], 1
        for c in range(result.size):
            result[c] = pixel[c]
    for k in range(done, count - 1, 2):
        pixel, other = pixels[k], pixels[k + 1]
        for c in range(result.size):
            result[c] = _larger(other[c], _larger(pixel[c], result[c]))
    if (count - done) % 2:
        pixel = pixels[count - 1]
        for c in range(result.size):
            result[c] = _larger(pixel[c], result[c])


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
            best, found = result[c], _place_of_larger(pixel[c], here, result[c], place[c])
            best = _larger(pixel[c], best)
            place[c] = _place_of_larger(other[c], there, best, found)
            result[c] = _larger(other[c], best)
    if (count - done) % 2:
        pixel, here = pixels[count - 1], np.int32(start + count - 1)
        for c in range(result.size):
            place[c] = _place_of_larger(pixel[c], here, result[c], place[c])
            result[c] = _larger(pixel[c], result[c])


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
def _maximum_of_row(task, x, rows, columns, keep, large, out, places):
    n, i = task // out.shape[1], task % out.shape[1]
    image, row_out = borrow(x)[n], borrow(out)[n, i]
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
    parallel_for(
        _maximum_of_row, out.shape[0] * out.shape[1], _work(rows, columns, out), x, rows, columns, keep,
        large, out, places,
    )  # fmt: skip


@apart
def _give(slope, place, here, result):
    """Add the gradient of each channel whose maximum is at position `here`."""
    zero = slope.dtype.type(0)
    for c in range(result.size):
        result[c] += slope[c] if place[c] == here else zero


@portable
def _count_invalid(task, places, rows, columns, width, invalid):
    n, i = task // places.shape[1], task % places.shape[1]
    invalid[task] = 0
    top, height = np.uint32(rows[0, i]), np.uint32(rows[1, i] - rows[0, i])
    for j in range(places.shape[2]):
        window = borrow(places)[n, i, j]
        left, breadth = np.uint32(columns[0, j]), np.uint32(columns[1, j] - columns[0, j])
        for c in range(window.size):
            place = np.uint32(window[c])  # a negative number becomes larger than any image
            h = place // np.uint32(width)
            w = place - h * np.uint32(width)
            within = (np.uint32(h - top) < height) & (np.uint32(w - left) < breadth)
            invalid[task] += 0 if within else 1


@compiled("pool-places-within")
def places_within(places, rows, columns, width):
    """Whether every position, h · width + w, is inside the window that it belongs to."""
    invalid = np.empty(places.shape[0] * places.shape[1], np.int64)
    parallel_for(_count_invalid, invalid.size, places.size, places, rows, columns, width, invalid)
    return invalid.sum() == 0


@portable
def _maximum_gradient_of_row(task, grad, places, row_windows, columns, large, out):
    zero = grad.dtype.type(0)
    n, h = task // out.shape[1], task % out.shape[1]
    scratch = np.empty((out.shape[2] if large else 0, out.shape[3]), out.dtype)
    row_out = borrow(scratch) if large else borrow(out)[n, h]
    row_out[:] = zero
    for i in range(row_windows[0, h], row_windows[1, h]):
        for j in range(grad.shape[2]):
            slope, place = borrow(grad)[n, i, j], borrow(places)[n, i, j]
            for w in range(columns[0, j], columns[1, j]):
                _give(slope, place, np.int32(h * out.shape[2] + w), row_out[w])
    if large:
        stream(borrow(out)[n, h], row_out)
        finish_streams()


@compiled("pool-maximum-gradient")
def maximum_gradient(grad, places, row_windows, columns, large, out):
    """out (N, H, W, C): for each position, the sum of the gradients of the windows whose maximum it is."""
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
def _average_of_row(task, x, rows, columns, row_counts, column_counts, large, out):
    real = x.dtype.type
    n, i = task // out.shape[1], task % out.shape[1]
    image, row_out = borrow(x)[n], borrow(out)[n, i]
    scratch, totals = np.empty((1, x.shape[3]), x.dtype), np.empty(x.shape[3])
    for j in range(out.shape[2]):
        result = borrow(scratch)[0] if large else row_out[j]
        share = 1.0 / (row_counts[i] * column_counts[j])
        start, stop = columns[0, j], columns[1, j]
        if (rows[1, i] - rows[0, i]) * (stop - start) < _LARGE_WINDOW:
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
        column_counts, large, out,
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
    for i in range(row_windows[0, h], row_windows[1, h]):
        for j in range(grad.shape[2]):
            share = real(1.0 / (row_counts[i] * column_counts[j]))
            for w in range(columns[0, j], columns[1, j]):
                _share_out(borrow(grad)[n, i, j], share, row_out[w])
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
