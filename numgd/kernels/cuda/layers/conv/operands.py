"""The matrices of a convolution: where a block of threads finds pixels and weights, and writes results.

See `numgd.kernels.cuda.layers.tiles.Matrix`.  If `wide`, channels come in multiples of four and are accessed
four at a time.
"""

import numpy as np

from numgd.jit.portable import portable
from numgd.kernels.cuda.layers.tiles import Matrix, Result
from numgd.kernels.cuda.target import load4, store4

OUTSIDE = -(2**30)
"""A coordinate outside of any image."""


@portable
def divided(number, by):
    """Quotient and remainder of int32 numbers that are not negative."""
    quotient = np.int32(np.uint32(number) // np.uint32(by))
    return quotient, np.int32(number - quotient * by)


@portable
def split(number, lowest, low, high):
    """The digits of a number, lowest first, of which three have limits."""
    number, first = divided(number, lowest)
    number, second = divided(number, low)
    number, third = divided(number, high)
    return first, second, third, number


@portable
def carried(first, second, third, fourth, lowest, low, high):
    """The digits with those above their limits carried over."""
    while first >= lowest:
        first = np.int32(first - lowest)
        second = np.int32(second + 1)
        if second == low:
            second = np.int32(0)
            third = np.int32(third + 1)
            if third == high:
                third = np.int32(0)
                fourth = np.int32(fourth + 1)
    return first, second, third, fourth


@portable
def within(z, y, x, s):
    """Whether a pixel belongs to the source."""
    return z >= 0 and z < s.source_z and y >= 0 and y < s.source_y and x >= 0 and x < s.source_x


@portable
def source_image(n, group, s):
    """Where the channels of a group begin in image `n` of the source."""
    return np.int64(n) * (s.source_z * s.source_y * s.source_x * s.source_channels) + group * s.channels


@portable
def offset_of(z, y, x, c, s):
    """Where a channel of a pixel lies in an image of the source."""
    return np.int32(((z * s.source_y + y) * s.source_x + x) * s.source_channels + c)


def pixels(dtype, depth, wide):
    """Rows are results of a sweep, k counts the channels of the taps that they read."""
    zero = dtype.type(0)
    zeros = zero, zero, zero, zero

    @portable
    def start(row, k, group, s):
        c, jx, jy, jz = split(k, s.channels, s.taps_x, s.taps_y)
        x, y, z, n = split(row, s.count_x, s.count_y, s.count_z)
        z = np.int32(z * s.source_step_z + s.shift_z) if row < s.rows else np.int32(OUTSIDE)
        y = np.int32(y * s.source_step_y + s.shift_y)
        x = np.int32(x * s.source_step_x + s.shift_x)
        return source_image(n, group, s), z, y, x, c, jx, jy, jz

    @portable
    def place_of(z, y, x, c, jx, jy, jz, s):
        z = np.int32(z + jz * s.tap_step_z)
        y = np.int32(y + jy * s.tap_step_y)
        x = np.int32(x + jx * s.tap_step_x)
        inside = jz < s.taps_z and within(z, y, x, s)
        return inside, offset_of(z, y, x, c, s) if inside else np.int32(0)

    @portable
    def number(array, base, z, y, x, c, jx, jy, jz, s):
        inside, offset = place_of(z, y, x, c, jx, jy, jz, s)
        return array[np.uint64(base + offset)] if inside else zero

    if wide:

        @portable
        def read(array, state, s):
            base, z, y, x, c, jx, jy, jz = state
            inside, offset = place_of(z, y, x, c, jx, jy, jz, s)
            return load4(array, base + offset) if inside else zeros

    else:

        @portable
        def read(array, state, s):
            base, z, y, x, c, jx, jy, jz = state
            first = number(array, base, z, y, x, c, jx, jy, jz, s)
            c, jx, jy, jz = carried(np.int32(c + 1), jx, jy, jz, s.channels, s.taps_x, s.taps_y)
            second = number(array, base, z, y, x, c, jx, jy, jz, s)
            c, jx, jy, jz = carried(np.int32(c + 1), jx, jy, jz, s.channels, s.taps_x, s.taps_y)
            third = number(array, base, z, y, x, c, jx, jy, jz, s)
            c, jx, jy, jz = carried(np.int32(c + 1), jx, jy, jz, s.channels, s.taps_x, s.taps_y)
            return first, second, third, number(array, base, z, y, x, c, jx, jy, jz, s)

    @portable
    def advance(state, s):
        base, z, y, x, c, jx, jy, jz = state
        c, jx, jy, jz = carried(np.int32(c + depth), jx, jy, jz, s.channels, s.taps_x, s.taps_y)
        return base, z, y, x, c, jx, jy, jz

    return Matrix(True, start, read, advance)


def weights(dtype, depth, wide):
    """Columns are output channels, k counts the channels of the taps."""
    zero = dtype.type(0)
    zeros = zero, zero, zero, zero

    @portable
    def start(column, k, group, s):
        place = np.int32((group * s.columns + column) * s.depth + k)
        return place, np.int32(s.depth - k) if column < s.columns else np.int32(0)

    if wide:

        @portable
        def read(array, state, s):
            place, left = state
            return load4(array, np.int64(place)) if left > 0 else zeros

    else:

        @portable
        def read(array, state, s):
            place, left = state
            return (
                array[np.uint64(place)] if left > 0 else zero,
                array[np.uint64(place + 1)] if left > 1 else zero,
                array[np.uint64(place + 2)] if left > 2 else zero,
                array[np.uint64(place + 3)] if left > 3 else zero,
            )

    @portable
    def advance(state, s):
        place, left = state
        return np.int32(place + depth), np.int32(left - depth)

    return Matrix(True, start, read, advance)


def transposed_weights(dtype, depth, wide):
    """Columns are input channels, k counts the output channels of the taps of a sweep."""
    zero = dtype.type(0)
    zeros = zero, zero, zero, zero

    @portable
    def start(column, k, group, s):
        c, jx, jy, jz = split(k, s.channels, s.taps_x, s.taps_y)
        base = np.int32(group * s.channels * s.kernel * s.columns + column)
        return base, np.int32(s.columns - column), c, jx, jy, jz

    @portable
    def place_of(base, c, jx, jy, jz, s):
        tap = s.first_tap + jz * s.weight_step_z + jy * s.weight_step_y + jx * s.weight_step_x
        return np.int64(np.int32(base + (c * s.kernel + tap) * s.columns))

    if wide:

        @portable
        def read(array, state, s):
            base, left, c, jx, jy, jz = state
            return load4(array, place_of(base, c, jx, jy, jz, s)) if left > 0 and jz < s.taps_z else zeros

    else:

        @portable
        def read(array, state, s):
            base, left, c, jx, jy, jz = state
            if jz >= s.taps_z:
                left = np.int32(0)
            place = place_of(base, c, jx, jy, jz, s)
            return (
                array[np.uint64(place)] if left > 0 else zero,
                array[np.uint64(place + 1)] if left > 1 else zero,
                array[np.uint64(place + 2)] if left > 2 else zero,
                array[np.uint64(place + 3)] if left > 3 else zero,
            )

    @portable
    def advance(state, s):
        base, left, c, jx, jy, jz = state
        c, jx, jy, jz = carried(np.int32(c + depth), jx, jy, jz, s.channels, s.taps_x, s.taps_y)
        return base, left, c, jx, jy, jz

    return Matrix(False, start, read, advance)


def slopes(dtype, depth, wide):
    """Rows are output channels, k counts the pixels of the gradient of the results."""
    zero = dtype.type(0)
    zeros = zero, zero, zero, zero

    @portable
    def start(row, k, group, s):
        place = np.int64(k) * s.result_channels + group * s.rows + row
        left = np.int32(s.depth - k) if row < s.rows else np.int32(0)
        return place, left, np.int32(s.rows - row)

    @portable
    def advance(state, s):
        place, left, rows = state
        return place + depth * s.result_channels, np.int32(left - depth), rows

    if wide:

        @portable
        def read(array, state, s):
            place, left, _ = state
            return load4(array, place) if left > 0 else zeros

    else:

        @portable
        def read(array, state, s):
            place, left, rows = state
            if left <= 0:
                rows = np.int32(0)
            return (
                array[np.uint64(place)] if rows > 0 else zero,
                array[np.uint64(place + 1)] if rows > 1 else zero,
                array[np.uint64(place + 2)] if rows > 2 else zero,
                array[np.uint64(place + 3)] if rows > 3 else zero,
            )

    return Matrix(False, start, read, advance)


def shifted_pixels(dtype, depth, wide):
    """Columns are the channels of the taps, k counts the pixels of the results that read them."""
    zero = dtype.type(0)
    zeros = zero, zero, zero, zero

    @portable
    def shifted(c, jx, jy, jz, s):
        z = np.int32(s.shift_z + jz * s.tap_step_z) if jz < s.taps_z else np.int32(OUTSIDE)
        return z, np.int32(s.shift_y + jy * s.tap_step_y), np.int32(s.shift_x + jx * s.tap_step_x), c

    @portable
    def place_of(dz, dy, dx, c, group, x, y, z, n, s):
        z = np.int32(z * s.source_step_z + dz)
        y = np.int32(y * s.source_step_y + dy)
        x = np.int32(x * s.source_step_x + dx)
        inside = n < s.batch and within(z, y, x, s)
        return inside, source_image(n, group, s) + offset_of(z, y, x, c, s) if inside else np.int64(0)

    if wide:

        @portable
        def start(column, k, group, s):
            c, jx, jy, jz = split(column, s.channels, s.taps_x, s.taps_y)
            dz, dy, dx, c = shifted(c, jx, jy, jz, s)
            return (dz, dy, dx, c, group), split(k, s.count_x, s.count_y, s.count_z)

        @portable
        def read(array, state, s):
            (dz, dy, dx, c, group), (x, y, z, n) = state
            inside, place = place_of(dz, dy, dx, c, group, x, y, z, n, s)
            return load4(array, place) if inside else zeros

    else:

        @portable
        def start(column, k, group, s):
            c, jx, jy, jz = split(column, s.channels, s.taps_x, s.taps_y)
            return (c, jx, jy, jz, group), split(k, s.count_x, s.count_y, s.count_z)

        @portable
        def number(array, digits, group, pixel, s):
            c, jx, jy, jz = digits
            x, y, z, n = pixel
            dz, dy, dx, c = shifted(c, jx, jy, jz, s)
            inside, place = place_of(dz, dy, dx, c, group, x, y, z, n, s)
            return array[np.uint64(place)] if inside else zero

        @portable
        def following(digits, s):
            c, jx, jy, jz = digits
            return carried(np.int32(c + 1), jx, jy, jz, s.channels, s.taps_x, s.taps_y)

        @portable
        def read(array, state, s):
            (c, jx, jy, jz, group), pixel = state
            digits = c, jx, jy, jz
            first = number(array, digits, group, pixel, s)
            digits = following(digits, s)
            second = number(array, digits, group, pixel, s)
            digits = following(digits, s)
            third = number(array, digits, group, pixel, s)
            digits = following(digits, s)
            return first, second, third, number(array, digits, group, pixel, s)

    @portable
    def advance(state, s):
        column, (x, y, z, n) = state
        return column, carried(np.int32(x + depth), y, z, n, s.count_x, s.count_y, s.count_z)

    return Matrix(False, start, read, advance)


def make_block_of(tile):
    """A function that finds the tile, the group and the part of a block."""
    rows, columns, depth = tile.rows, tile.columns, tile.depth

    @portable
    def block_of(block, s):
        column, row, group, part = split(block, s.column_tiles, s.row_tiles, s.groups)
        first = np.int32(part * s.slices)
        slices = np.int32(min(s.slices, s.all_slices - first))
        return (
            np.int32(row * rows), np.int32(column * columns), group, part, np.int32(first * depth), slices
        )  # fmt: skip

    return block_of


@portable
def finished(value, slope, ceiling):
    """The piecewise linear activation of `numgd.kernels.cpu.layers.fused.Fused`."""
    real = type(value)
    if value <= real(0):
        return real(0) if slope == real(0) else slope * value
    return ceiling if value >= ceiling else value


def results(dtype, wide):
    """Results of a sweep: pixels by channels.  Parts of sums lie one after the other."""
    zero = dtype.type(0)

    @portable
    def start_four(bias, column, group, part, s):
        first, left = group * s.columns + column, s.columns - column if part == 0 else np.int64(0)
        return (
            bias[np.uint64(first)] if left > 0 else zero,
            bias[np.uint64(first + 1)] if left > 1 else zero,
            bias[np.uint64(first + 2)] if left > 2 else zero,
            bias[np.uint64(first + 3)] if left > 3 else zero,
        )

    @portable
    def place_of(row, group, part, s):
        if row >= s.rows:
            return np.int64(-1)
        x, y, z, n = split(row, s.count_x, s.count_y, s.count_z)
        z = z * s.step_z + s.start_z
        y = y * s.step_y + s.start_y
        x = x * s.step_x + s.start_x
        image = np.int64(part) * s.batch + n
        pixel = ((image * s.result_z + z) * s.result_y + y) * s.result_x + x
        return pixel * s.result_channels + group * s.columns

    return Result(start_four, place_of, _make_write_four(wide))


def sums_of_products(dtype, wide):
    """The gradient of weights: output channels by channels of taps."""
    zero = dtype.type(0)

    @portable
    def start_four(bias, column, group, part, s):
        return zero, zero, zero, zero

    @portable
    def place_of(row, group, part, s):
        if row >= s.rows:
            return np.int64(-1)
        return ((np.int64(part) * s.groups + group) * s.rows + row) * s.columns

    return Result(start_four, place_of, _make_write_four(wide))


def _make_write_four(wide):
    """Write four results; the activation is applied to whole sums only."""

    if wide:

        @portable
        def write_four(values, out, place, column, slope, ceiling, s):
            if column < s.columns:
                a, b, c, d = values
                if s.parts == 1:
                    a, b = finished(a, slope, ceiling), finished(b, slope, ceiling)
                    c, d = finished(c, slope, ceiling), finished(d, slope, ceiling)
                store4(out, place + column, (a, b, c, d))

    else:

        @portable
        def write_four(values, out, place, column, slope, ceiling, s):
            left = s.columns - column
            a, b, c, d = values
            if s.parts == 1:
                a, b = finished(a, slope, ceiling), finished(b, slope, ceiling)
                c, d = finished(c, slope, ceiling), finished(d, slope, ceiling)
            place += column
            if left > 0:
                out[np.uint64(place)] = a
            if left > 1:
                out[np.uint64(place + 1)] = b
            if left > 2:
                out[np.uint64(place + 2)] = c
            if left > 3:
                out[np.uint64(place + 3)] = d

    return write_four
