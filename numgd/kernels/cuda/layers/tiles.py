"""Matrix products by tiles: each block of threads sums one tile of the result in registers.

``result[row, column] = Σ_k left[row, k] · right[k, column]``, where functions say how the numbers of `left`
and `right` are found and where the results go, so that convolutions are matrix products whose matrices are
never written.  Slices of both matrices, a few k deep, pass through shared memory; while a slice is
multiplied, the next one is on its way (double buffering).
"""

from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.portable import portable
from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import (
    Factors,
    cuda,
    four_of,
    kernel_for,
    make_add_products,
    make_repeated,
    store4,
)

PADDING = 4  # numbers between the columns of a slice, so that threads write to different banks of memory


class Tile(NamedTuple):
    """Sizes of the tile of a block.

    Each thread loads four numbers of the left slice, and at most four of the right one: there are
    ``rows · depth / 4`` threads.
    """

    rows: int
    columns: int
    depth: int  # of a slice
    down: int  # results of a thread: multiples of four
    across: int
    lanes_down: int  # threads of a warp, which computes a part of the tile
    lanes_across: int

    @property
    def threads(self):
        """Threads of a block."""
        return self.rows * self.columns // (self.down * self.across)

    @property
    def shared(self):
        """Numbers in shared memory."""
        return 2 * self.depth * (self.rows + self.columns + 2 * PADDING)


class Matrix(NamedTuple):
    """How a block finds the numbers of a matrix, as portable functions.

    Attributes
    ----------
    along_depth : bool
        Whether four neighbouring numbers have neighbouring k; else neighbouring rows (or columns).
    start : callable
        ``start(index, k, group, s)``: the state of a thread whose first four numbers begin there.
    read : callable
        ``read(array, state, s)``: the four numbers.
    advance : callable
        ``advance(state, s)``: the state for the next slice.
    """

    along_depth: bool
    start: object
    read: object
    advance: object


def _places(count, lanes):
    """Where the `count` numbers of a thread lie: fours, between which are those of other lanes."""
    return tuple(4 * lanes * (k // 4) + k % 4 for k in range(count))


def _make_put(matrix, size, depth):
    """A function that writes the four numbers of a thread to the slice that begins at `start`."""
    pitch, quads = size + PADDING, size // 4
    steps, below = depth // 4, np.uint64(size + PADDING)  # unsigned indices never count from the end

    if matrix.along_depth:

        @portable
        def put(shared, start, thread, numbers):
            place = np.uint64(start + thread % steps * 4 * pitch + thread // steps)
            shared[place] = numbers[0]
            shared[place + below] = numbers[1]
            shared[place + below + below] = numbers[2]
            shared[place + below + below + below] = numbers[3]

        @portable
        def place(thread):
            return np.int32(thread // steps), np.int32(thread % steps * 4)

    else:

        @portable
        def put(shared, start, thread, numbers):
            store4(shared, start + thread // quads * pitch + thread % quads * 4, numbers)

        @portable
        def place(thread):
            return np.int32(thread % quads * 4), np.int32(thread // quads)

    return put, place


def _make_of_columns(tile, start_four, j):
    """A function that gives the first sums of the thread's columns, from quadruple `j` on."""
    offset = 4 * j * tile.lanes_across

    @portable
    def last(bias, column, group, part, s):
        return start_four(bias, np.int32(column + offset), group, part, s)

    if j == tile.across // 4 - 1:
        return last
    rest = _make_of_columns(tile, start_four, j + 1)

    @portable
    def of_columns(bias, column, group, part, s):
        numbers = start_four(bias, np.int32(column + offset), group, part, s)
        return numbers + rest(bias, column, group, part, s)

    return of_columns


class Result(NamedTuple):
    """Where sums begin and where they go, as portable functions.

    Attributes
    ----------
    start_four : callable
        ``start_four(bias, column, group, part, s)``: what the sums of four neighbouring columns begin with.
    place_of : callable
        ``place_of(row, group, part, s)``: where a row of results lies in the vector `out`; negative for rows
        outside of the result.
    write_four : callable
        ``write_four(values, out, place, column, slope, ceiling, s)`` writes four neighbouring results.
    """

    start_four: object
    place_of: object
    write_four: object


def make_product(dtype, tile, left, right, result, block_of, resident):
    """A kernel ``(left, right, bias, out, slope, ceiling, s)`` for matrices as described by `Matrix`.

    Parameters
    ----------
    dtype : numpy.dtype
    tile : Tile
    left, right : Matrix
    result : Result
    block_of : callable
        ``block_of(block, s)``: a block's first row, first column, group, part, first k and number of slices.
    resident : int
        Threads of a multiprocessor whose registers must suffice.
    """
    real = from_dtype(np.dtype(dtype))
    depth, threads, total, alignment = tile.depth, tile.threads, tile.shared, target.SHARED_ALIGNMENT
    if tile.rows * depth != 4 * threads or tile.columns > tile.rows:
        raise ValueError(f"{tile} does not give each thread four numbers to load")
    slice_size = depth * (tile.rows + tile.columns + 2 * PADDING)
    right_base = depth * (tile.rows + PADDING)
    right_threads = tile.columns * depth // 4
    all_load = right_threads == threads
    lanes, lanes_across = tile.lanes_down * tile.lanes_across, tile.lanes_across
    warps_across = tile.columns // (tile.lanes_across * tile.across)
    warp_rows, warp_columns = tile.lanes_down * tile.down, tile.lanes_across * tile.across
    of_columns, of_rows = _make_of_columns(tile, result.start_four, 0), make_repeated(tile.down)
    add_products = make_add_products(
        depth,
        Factors(tile.rows + PADDING, _places(tile.down, tile.lanes_down)),
        Factors(tile.columns + PADDING, _places(tile.across, tile.lanes_across)),
    )
    put_left, place_left = _make_put(left, tile.rows, depth)
    put_right, place_right = _make_put(right, tile.columns, depth)
    start_left, read_left, advance_left = left.start, left.read, left.advance
    start_right, read_right, advance_right = right.start, right.read, right.advance
    place_of, write_four = result.place_of, result.write_four
    down, fours, lanes_down = tile.down, tile.across // 4, tile.lanes_down

    @kernel_for(threads, max(1, resident // threads))
    def product(of_left, of_right, bias, out, slope, ceiling, s):
        shared = cuda.shared.array(total, real, alignment)
        thread = np.int32(cuda.threadIdx.x)
        first_row, first_column, group, part, first_k, slices = block_of(np.int32(cuda.blockIdx.x), s)
        own, k = place_left(thread)
        at_left = start_left(np.int32(first_row + own), np.int32(first_k + k), group, s)
        own, k = place_right(thread)
        at_right = start_right(np.int32(first_column + own), np.int32(first_k + k), group, s)
        warp, lane = thread // lanes, thread % lanes
        row = warp // warps_across * warp_rows + lane // lanes_across * 4
        column = warp % warps_across * warp_columns + lane % lanes_across * 4

        sums = of_rows(of_columns(bias, np.int32(first_column + column), group, part, s))
        new_left, new_right = read_left(of_left, at_left, s), read_right(of_right, at_right, s)
        put_left(shared, 0, thread, new_left)
        if all_load or thread < right_threads:
            put_right(shared, right_base, thread, new_right)
        cuda.syncthreads()
        now = np.int32(0)
        for step in range(slices):
            following = np.int32(slice_size - now)
            more = step + 1 < slices
            if more:
                at_left = advance_left(at_left, s)
                new_left = read_left(of_left, at_left, s)
                if all_load or thread < right_threads:
                    at_right = advance_right(at_right, s)
                    new_right = read_right(of_right, at_right, s)
            sums = add_products(sums, shared, now + row, now + right_base + column)
            if more:
                put_left(shared, following, thread, new_left)
                if all_load or thread < right_threads:
                    put_right(shared, following + right_base, thread, new_right)
            cuda.syncthreads()
            now = following
        row, column = np.int32(first_row + row), np.int32(first_column + column)
        for i in range(down):
            place = place_of(np.int32(row + i // 4 * 4 * lanes_down + i % 4), group, part, s)
            if place >= 0:
                for j in range(fours):
                    values = four_of(sums, i * fours + j)
                    write_four(values, out, place, np.int32(column + 4 * j * lanes_across), slope, ceiling, s)

    return product
