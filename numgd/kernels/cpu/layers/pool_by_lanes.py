"""Maxima over windows and their gradients for few channels: eight at a time, in vectors.

Tasks of the drivers in `numgd.kernels.cpu.layers.pool`.
"""

from numgd.jit.micro_kernels import LANES, give_lanes, largest_lanes
from numgd.jit.portable import portable

_MOST_BY_LANES = 16
"""Most channels that are taken eight at a time; with more it was not tried."""


@portable
def maximum_by_lanes(task, flat, shape, rows, columns, flat_out, flat_places):
    """The maxima of a row of windows, eight channels at a time.

    With fewer channels, those of the next pixel are computed too, and written over afterwards.
    """
    _, height, width, channels = shape
    image, i, number = height * width * channels, task % rows.shape[1], columns.shape[1]
    origin, row = task // rows.shape[1] * image, number * channels
    top, tall = rows[0, i], rows[1, i] - rows[0, i]
    for j in range(number):
        left, wide = columns[0, j], columns[1, j] - columns[0, j]
        start = top * width + left
        last = start + (tall - 1) * width + wide - 1
        for c in range(0, channels, LANES):
            first, to = origin + start * channels + c, task * row + j * channels + c
            inside = (to + LANES <= (task + 1) * row) & (last * channels + c + LANES <= image)
            largest_lanes(
                flat, first, channels, width * channels, wide, tall, start, width, flat_out, flat_places, to,
                LANES if inside else min(LANES, channels - c),
            )  # fmt: skip


@portable
def suits_lanes(channels):
    """Whether to take a number of channels eight at a time."""
    return (channels >= LANES // 2) & (channels <= _MOST_BY_LANES)


@portable
def lie_side_by_side(row_windows, columns):
    """Whether the windows are disjoint and cover the image from its start on, as far as they reach."""
    for h in range(row_windows.shape[1]):
        first, after = row_windows[0, h], row_windows[1, h]
        if (after - first > 1) | ((after == first) & (after < row_windows[1, row_windows.shape[1] - 1])):
            return False
    end = 0
    for j in range(columns.shape[1]):
        if columns[0, j] != end:
            return False
        end = columns[1, j]
    return True


@portable
def gradient_by_lanes(n, flat, shape, flat_places, row_windows, columns, flat_out, out_shape):
    """The gradient of an image from disjoint windows, eight channels at a time, as `maximum_by_lanes`."""
    zero = flat.dtype.type(0)
    _, height, width, channels = out_shape
    row, number = width * channels, columns.shape[1]
    origin, reached = n * height * row, columns[1, number - 1]
    h = 0
    while h < height:
        i, tall = row_windows[0, h], 1
        if row_windows[1, h] == i:  # no window reaches the rows from here on
            for k in range(origin + h * row, origin + height * row):
                flat_out[k] = zero
            return
        while h + tall < height and row_windows[0, h + tall] == i and row_windows[1, h + tall] == i + 1:
            tall += 1
        source = (n * shape[1] + i) * number * channels
        for j in range(number):
            left, wide = columns[0, j], columns[1, j] - columns[0, j]
            start = h * width + left
            # The last channels first: what is written beyond them is written over by those of the next pixel.
            for c in range((channels - 1) // LANES * LANES, -1, -LANES):
                first, to = source + j * channels + c, origin + start * channels + c
                inside = (left + wide - 1) * channels + c + LANES <= row
                inside &= first + LANES <= flat.size
                give_lanes(
                    flat, flat_places, first, flat_out, to, channels, row, wide, tall, start, width,
                    LANES if inside else min(LANES, channels - c),
                )  # fmt: skip
        for y in range(h, h + tall):
            for k in range(origin + y * row + reached * channels, origin + (y + 1) * row):
                flat_out[k] = zero
        h += tall
