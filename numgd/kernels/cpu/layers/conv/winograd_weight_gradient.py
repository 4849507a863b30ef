"""The gradient of the weights by Winograd's algorithm, for kernels of 3×3 at stride one.

The result is linear in the weights, so the chain rule reverses ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A``: with the
gradient y of a tile, the gradient of g is ``Gᵀ [(A y Aᵀ) ⊙ (Bᵀ d B)] G``.  The products are summed over tiles
before Gᵀ and G are applied once.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import any_of, lanes_of, reduce_block, sandwich_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable, seldom
from numgd.jit.program import scratch
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import block_for, blocks_of
from numgd.kernels.cpu.layers.conv.shares import add_shares, shares_for
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient as direct
from numgd.kernels.cpu.layers.conv.winograd_matrices import INPUT, KERNEL, RESULT, SCRATCH, TRANSFORMED

MAX_TILES = 512
"""Maximum number of tiles that all threads together process at a time."""

MAX_SHARE_TILES = 96
"""Maximum number of tiles that one thread processes at a time."""

SHARE_BYTES = 3 * 2**19
"""Maximum size of one thread's transformed tiles, which stay in its cache, in bytes."""

PANEL = 64
"""Output channels that are adjacent in the transformed gradients."""


class Tiling(NamedTuple):
    """The tiles and output channels to be processed."""

    down: int
    across: int
    top: int
    left: int
    tiles: int  # at a time
    column: int
    columns: int


@portable
def _pitches(in_channels, tiling, block_width):
    """Distances between points in left [point, panel, tile, PANEL] and right [point, block, tile, column]."""
    column_blocks = (in_channels + block_width - 1) // block_width
    panels = (tiling.columns + PANEL - 1) // PANEL
    return panels * tiling.tiles * PANEL, column_blocks * tiling.tiles * block_width


def _transposed(matrix):
    return tuple(zip(*matrix, strict=True))


@cache
def _transform(dtype, m):
    """Portable function that transforms one tile of the image and of the gradient."""
    real, lanes = from_dtype(dtype), lanes_of(dtype)
    alpha = m + 2
    points = alpha * alpha
    image, image_single = sandwich_block(real, lanes, INPUT[m]), sandwich_block(real, 1, INPUT[m])
    spread = _transposed(RESULT[m])
    slope, slope_single = sandwich_block(real, lanes, spread), sandwich_block(real, 1, spread)

    @portable
    def transform(t, first, grad, x, zeros, left, right, tiling, block_width):
        height, width, in_channels = x.shape[1:]
        out_height, out_width, out_channels = grad.shape[1:]
        size = x.itemsize
        left_pitch, right_pitch = _pitches(in_channels, tiling, block_width)
        per_image = tiling.down * tiling.across
        x_address, grad_address, zero_address = address_of(x), address_of(grad), address_of(zeros)
        tile = first + t
        image_index = tile // per_image
        y, xx = tile % per_image // tiling.across * m, tile % tiling.across * m
        table = np.empty(points, np.int64)
        for i in range(alpha):
            for j in range(alpha):
                iy, ix = y - tiling.top + i, xx - tiling.left + j
                within = 0 <= iy < height and 0 <= ix < width
                place = ((image_index * height + iy) * width + ix) * in_channels * size
                table[i * alpha + j] = x_address + place if within else zero_address
        whole = in_channels // lanes * lanes
        for c in range(0, whole, lanes):
            start = (c // block_width * tiling.tiles + t) * block_width + c % block_width
            image(table, 0, c, right, start, right_pitch)
        for c in range(whole, in_channels):
            start = (c // block_width * tiling.tiles + t) * block_width + c % block_width
            image_single(table, 0, c, right, start, right_pitch)
        for i in range(m):
            for j in range(m):
                within = y + i < out_height and xx + j < out_width
                pixel = (image_index * out_height + y + i) * out_width + xx + j
                place = pixel * out_channels + tiling.column
                table[i * m + j] = grad_address + place * size if within else zero_address
        whole = tiling.columns // lanes * lanes
        for c in range(0, whole, lanes):
            start = (c // PANEL * tiling.tiles + t) * PANEL + c % PANEL
            slope(table, 0, c, left, start, left_pitch)
        for c in range(whole, tiling.columns):
            start = (c // PANEL * tiling.tiles + t) * PANEL + c % PANEL
            slope_single(table, 0, c, left, start, left_pitch)

    return transform


@cache
def _multiply(dtype):
    """Portable function that adds the products of the tiles, for one point, panel and block of columns."""
    reduce = any_of(reduce_block, from_dtype(dtype), blocks_of(dtype))

    @portable
    def multiply(item, first, present, in_channels, left, right, total, tiling, block):
        # The first chunk overwrites the total, later ones are added.
        kind, rows, block_width = block
        size, zero = total.itemsize, total.dtype.type(0.0)
        column_blocks = (in_channels + block_width - 1) // block_width
        panels = (tiling.columns + PANEL - 1) // PANEL
        row_blocks = (PANEL + rows - 1) // rows
        left_pitch, right_pitch = _pitches(in_channels, tiling, block_width)
        point = item // (panels * column_blocks)
        panel, column = item // column_blocks % panels, item % column_blocks
        table = np.empty(1, np.int64)
        place = point * right_pitch + column * tiling.tiles * block_width
        table[0] = address_of(right) + place * size
        sums = np.empty(rows * block_width, total.dtype)
        used = min(PANEL, tiling.columns - panel * PANEL)
        for b in range((used + rows - 1) // rows):
            sums[:] = zero
            place = point * left_pitch + panel * tiling.tiles * PANEL + b * rows
            begin = address_of(left) + place * size
            reduce(kind, begin, PANEL, table, 0, 1, present, block_width, sums, 0, block_width)
            begin = (item * row_blocks + b) * rows * block_width
            target = borrow(total)[begin : begin + rows * block_width]
            if first:
                for n in range(rows * block_width):
                    target[n] = sums[n]
            else:
                for n in range(rows * block_width):
                    target[n] += sums[n]

    return multiply


@made_once
def _drivers(dtype, m):
    """The loop over chunks of tiles: with all threads on each chunk, or with chunks divided into shares."""
    points = (m + 2) ** 2
    transform, multiply = _transform(dtype, m), _multiply(dtype)

    def accumulate(work, grad, x, zeros, left, right, total, first_chunk, last_chunk, tiling, block):
        # `work` is the work of a chunk, or 0; `left` and `right` hold the transformed tiles, `total` the sums
        # of their products.
        in_channels, block_width = x.shape[3], block[2]
        panels = (tiling.columns + PANEL - 1) // PANEL
        items = points * panels * ((in_channels + block_width - 1) // block_width)
        tiles = x.shape[0] * tiling.down * tiling.across
        for chunk in range(first_chunk, last_chunk):
            first = chunk * tiling.tiles
            present = min(tiling.tiles, tiles - first)
            parallel_for(transform, present, work, first, grad, x, zeros, left, right, tiling, block_width)
            is_first = chunk == first_chunk
            parallel_for(
                multiply, items, work, is_first, present, in_channels, left, right, total, tiling, block
            )

    all_threads = compiled(f"conv-winograd-weight-gradient-{m}-{dtype}")(accumulate)
    one_thread = seldom(accumulate)

    @portable
    def do_shares(worker, grad, x, zeros, left, right, partial, chunks, tiling, block):
        shares, workers = partial.shape[0], left.shape[0]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            first, last = share * chunks // shares, (share + 1) * chunks // shares
            one_thread(
                0, grad, x, zeros, left[worker], right[worker], partial[share], first, last, tiling, block
            )

    @compiled(f"conv-winograd-weight-gradient-shares-{m}-{dtype}")
    def in_shares(work, grad, x, zeros, left, right, partial, chunks, tiling, block):
        parallel_for(
            do_shares, left.shape[0], work, grad, x, zeros, left, right, partial, chunks, tiling, block
        )

    return all_threads, in_shares


@made_once
def _final_transform(dtype, m):
    """The transform of the summed products to the gradient."""
    real, lanes = from_dtype(dtype), lanes_of(dtype)
    points = (m + 2) ** 2
    matrix = _transposed(KERNEL[m])
    sandwich, sandwich_single = sandwich_block(real, lanes, matrix), sandwich_block(real, 1, matrix)

    @portable
    def transform_channel(o, total, gradient, in_channels, tiling, block):
        # `gradient` is (out · 9 · in,).
        _, rows, block_width = block
        column_blocks = (in_channels + block_width - 1) // block_width
        panels = (tiling.columns + PANEL - 1) // PANEL
        row_blocks = (PANEL + rows - 1) // rows
        pitch = panels * column_blocks * row_blocks * rows * block_width
        size = total.itemsize
        panel, b, row = o // PANEL, o % PANEL // rows, o % PANEL % rows
        table = np.empty(points, np.int64)
        for column in range(column_blocks):
            begin = ((panel * column_blocks + column) * row_blocks + b) * rows + row
            for point in range(points):
                table[point] = address_of(total) + (point * pitch + begin * block_width) * size
            count = min(block_width, in_channels - column * block_width)
            start = (tiling.column + o) * 9 * in_channels + column * block_width
            whole = count // lanes * lanes
            for c in range(0, whole, lanes):
                sandwich(table, 0, c, gradient, start + c, in_channels)
            for c in range(whole, count):
                sandwich_single(table, 0, c, gradient, start + c, in_channels)

    @compiled(f"conv-winograd-weight-gradient-final-{m}-{dtype}")
    def final_transform(total, gradient, in_channels, tiling, block):
        parallel_for(
            transform_channel, tiling.columns, total.size, total, gradient, in_channels, tiling, block
        )

    return final_transform


def weight_gradient(m, grad, x, out, geometry):
    """The gradient of the weights by F(m×m, 3×3); other parameters as for `weight_gradient.weight_gradient`.

    Convolutions with several groups use the direct algorithm.
    """
    if geometry.groups != 1:
        direct(grad, x, out, geometry)
        return
    dtype = out.dtype
    size = dtype.itemsize
    out_channels, in_channels = grad.shape[3], x.shape[3]
    kind, block = block_for(in_channels, dtype, whole=True)
    points = (m + 2) ** 2
    padded_columns = ceil_divide(in_channels, block.width) * block.width
    padded_rows = ceil_divide(PANEL, block.rows) * block.rows  # of the sums for a panel
    down, across = ceil_divide(grad.shape[1], m), ceil_divide(grad.shape[2], m)
    step = max(1, TRANSFORMED // (points * padded_columns * padded_rows * size)) * PANEL
    zeros = np.zeros(max(in_channels, out_channels), dtype)
    all_threads, in_shares = _drivers(dtype, m)
    flat = out.reshape(out.size)
    all_tiles = grad.shape[0] * down * across
    work = work_of(out.size, grad.size // out_channels)
    chosen = (kind, block.rows, block.width)
    for column in range(0, out_channels, step):
        columns = min(step, out_channels - column)
        panels = ceil_divide(columns, PANEL)
        per_tile = points * (padded_columns + panels * PANEL) * size
        length = points * panels * padded_rows * padded_columns

        def tiling_for(memory, max_tiles, column=column, columns=columns, per_tile=per_tile):
            tiles = max(1, min(max_tiles, memory // per_tile, all_tiles))
            top, _, left, _ = geometry.padding
            return Tiling(down, across, top, left, tiles, column, columns)

        tiling = tiling_for(SHARE_BYTES, MAX_SHARE_TILES)
        chunks = ceil_divide(all_tiles, tiling.tiles)
        shares = shares_for(length * size, chunks)
        if shares == 1:
            tiling = tiling_for(SCRATCH, MAX_TILES)
            chunks = ceil_divide(all_tiles, tiling.tiles)
        sizes = (points * tiling.tiles * panels * PANEL + block.rows, points * tiling.tiles * padded_columns)
        total = left = right = None  # free the last portion's memory before allocating the next
        total = scratch((length,), dtype)
        if shares == 1:
            left, right = (workspace(count, dtype) for count in sizes)
            all_threads(work // chunks, grad, x, zeros, left, right, total, 0, chunks, tiling, chosen)
        else:
            workers = max(1, min(threads_for(work), shares, SCRATCH // (tiling.tiles * per_tile)))
            left, right = (workspace(count, dtype, workers) for count in sizes)
            partial = scratch((shares, length), dtype)
            in_shares(work, grad, x, zeros, left, right, partial, chunks, tiling, chosen)
            add_shares(partial, total)
        _final_transform(dtype, m)(total, flat, in_channels, tiling, chosen)
