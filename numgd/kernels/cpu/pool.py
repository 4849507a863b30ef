"""Pooling over windows of images (N, H, W, C).

`rows` (2, OH) and `columns` (2, OW) hold where each window starts and stops, inside the image; windows follow
each other, so those that hold a given row or column do as well (`row_windows` (2, H)).  A task is one row of
the result: gradients are gathered, not scattered, so no two threads meet and sums have one order.
"""

import numpy as np
from numba import prange

from numgd.jit.pointers import borrow
from numgd.jit.portable import THREADED_FLAGS, compiled, portable

_LARGE = 64


@portable
def _maximum(image, rows, columns, i, j, result):
    """The largest number of each channel in a window; NaN where one is."""
    for h in range(rows[0, i], rows[1, i]):
        for w in range(columns[0, j], columns[1, j]):
            pixel = image[h, w]
            if h == rows[0, i] and w == columns[0, j]:
                for c in range(result.size):
                    result[c] = pixel[c]
            else:
                for c in range(result.size):
                    value, best = pixel[c], result[c]
                    result[c] = value if value > best or value != value else best


@portable
def _maximum_and_place(image, rows, columns, i, j, result, place):
    """The same, and where it is: h W + w, of the first of equals."""
    for h in range(rows[0, i], rows[1, i]):
        for w in range(columns[0, j], columns[1, j]):
            pixel = image[h, w]
            here = np.int32(h * image.shape[1] + w)
            if h == rows[0, i] and w == columns[0, j]:
                for c in range(result.size):
                    result[c] = pixel[c]
                    place[c] = here
            else:
                for c in range(result.size):
                    value, best = pixel[c], result[c]
                    better = value > best or value != value
                    result[c] = value if better else best
                    place[c] = here if better else place[c]


@compiled("pool-maximum", THREADED_FLAGS)
def maximum(x, rows, columns, out, places):
    """out (N, OH, OW, C): the largest number of each window; `places`, unless empty: where it is."""
    for task in prange(out.shape[0] * out.shape[1]):
        n, i = task // out.shape[1], task % out.shape[1]
        image = borrow(x)[n]
        for j in range(out.shape[2]):
            if places.size:
                _maximum_and_place(image, rows, columns, i, j, borrow(out)[n, i, j], borrow(places)[n, i, j])
            else:
                _maximum(image, rows, columns, i, j, borrow(out)[n, i, j])


@compiled("pool-maximum-gradient", THREADED_FLAGS)
def maximum_gradient(grad, places, row_windows, columns, out):
    """out (N, H, W, C): to each place the sum of the gradients of the windows whose maximum it was."""
    nothing = grad.dtype.type(0)
    for task in prange(out.shape[0] * out.shape[1]):
        n, h = task // out.shape[1], task % out.shape[1]
        line = borrow(out)[n, h]
        line[:] = nothing
        for i in range(row_windows[0, h], row_windows[1, h]):
            for j in range(grad.shape[2]):
                slope, place = borrow(grad)[n, i, j], borrow(places)[n, i, j]
                for w in range(columns[0, j], columns[1, j]):
                    here = np.int32(h * out.shape[2] + w)
                    result = line[w]
                    for c in range(result.size):
                        result[c] += slope[c] if place[c] == here else nothing


@portable
def _add(line, start, stop, result):
    """Add up the pixels of a line, four at a time."""
    whole = start + (stop - start) // 4 * 4
    for w in range(start, whole, 4):
        p0, p1, p2, p3 = line[w], line[w + 1], line[w + 2], line[w + 3]
        for c in range(result.size):
            result[c] += (p0[c] + p1[c]) + (p2[c] + p3[c])
    if stop - whole == 3:
        p0, p1, p2 = line[whole], line[whole + 1], line[whole + 2]
        for c in range(result.size):
            result[c] += (p0[c] + p1[c]) + p2[c]
    elif stop - whole == 2:
        p0, p1 = line[whole], line[whole + 1]
        for c in range(result.size):
            result[c] += p0[c] + p1[c]
    elif stop - whole == 1:
        p0 = line[whole]
        for c in range(result.size):
            result[c] += p0[c]


@compiled("pool-average", THREADED_FLAGS)
def average(x, rows, columns, row_counts, column_counts, out):
    """out (N, OH, OW, C): sums over windows, divided by row_counts[i] · column_counts[j].

    Sums over large windows are in float64: added one after the other, float32 would lose digits.
    """
    real = x.dtype.type
    for task in prange(out.shape[0] * out.shape[1]):
        n, i = task // out.shape[1], task % out.shape[1]
        image = borrow(x)[n]
        totals = np.empty(x.shape[3])
        for j in range(out.shape[2]):
            result = borrow(out)[n, i, j]
            share = 1.0 / (row_counts[i] * column_counts[j])
            if (rows[1, i] - rows[0, i]) * (columns[1, j] - columns[0, j]) < _LARGE:
                result[:] = real(0)
                for h in range(rows[0, i], rows[1, i]):
                    _add(image[h], columns[0, j], columns[1, j], result)
                for c in range(result.size):
                    result[c] *= real(share)
            else:
                totals[:] = 0.0
                for h in range(rows[0, i], rows[1, i]):
                    _add(image[h], columns[0, j], columns[1, j], totals)
                for c in range(result.size):
                    result[c] = real(totals[c] * share)


@compiled("pool-average-gradient", THREADED_FLAGS)
def average_gradient(grad, row_windows, columns, row_counts, column_counts, out):
    """out (N, H, W, C): to each pixel its share in the gradients of the windows that hold it."""
    real = grad.dtype.type
    for task in prange(out.shape[0] * out.shape[1]):
        n, h = task // out.shape[1], task % out.shape[1]
        line = borrow(out)[n, h]
        line[:] = real(0)
        for i in range(row_windows[0, h], row_windows[1, h]):
            for j in range(grad.shape[2]):
                slope = borrow(grad)[n, i, j]
                share = real(1.0 / (row_counts[i] * column_counts[j]))
                for w in range(columns[0, j], columns[1, j]):
                    result = line[w]
                    for c in range(result.size):
                        result[c] += share * slope[c]
