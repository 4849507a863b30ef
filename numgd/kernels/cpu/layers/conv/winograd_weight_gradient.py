"""The gradient of the weights by Winograd's algorithm, for kernels of 3×3 at stride one.

The result is linear in the weights, so the chain rule turns ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` around: with the
gradient y of a tile, that of g is ``Gᵀ [(A y Aᵀ) ⊙ (Bᵀ d B)] G``, and the products are summed over tiles
before Gᵀ and G are applied once.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.micro_kernels import any_of, lanes_of, reduce_block, sandwich_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable, seldom
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import block_for, blocks_of
from numgd.kernels.cpu.layers.conv.shares import add_shares, shares_for
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient as direct
from numgd.kernels.cpu.layers.conv.winograd_matrices import INPUT, KERNEL, RESULT, SCRATCH, TRANSFORMED

TILES = 512
"""Tiles that all threads take at a time at most."""

SHARE_TILES = 96
"""Tiles that one thread takes at a time at most."""

SHARE = 3 * 2**19
"""Bytes of its transformed tiles, which stay in its cache."""

PANEL = 64
"""Output channels that lie together in the transformed gradients."""


class Tiling(NamedTuple):
    """Which tiles there are, and which output channels."""

    down: int
    across: int
    top: int
    left: int
    tiles: int  # at a time
    column: int
    columns: int


@portable
def _pitches(channels, tiling, width):
    """How far apart points are in left, [point, panel, tile, PANEL], right: [point, block, tile, width]."""
    column_blocks = (channels + width - 1) // width
    panels = (tiling.columns + PANEL - 1) // PANEL
    return panels * tiling.tiles * PANEL, column_blocks * tiling.tiles * width


def _transposed(matrix):
    return tuple(zip(*matrix, strict=True))


@cache
def _drivers(dtype, m):
    """The loop over chunks of tiles, by all threads or in shares, and the last transform."""
    real = from_dtype(dtype)
    lanes = lanes_of(dtype)
    alpha = m + 2
    points = alpha * alpha
    reduce = any_of(reduce_block, real, blocks_of(dtype))
    image, image_single = sandwich_block(real, lanes, INPUT[m]), sandwich_block(real, 1, INPUT[m])
    spread = _transposed(RESULT[m])
    slope, slope_single = sandwich_block(real, lanes, spread), sandwich_block(real, 1, spread)
    gather = _transposed(KERNEL[m])
    final, final_single = sandwich_block(real, lanes, gather), sandwich_block(real, 1, gather)

    @portable
    def transform(t, first, grad, x, zeros, left, right, tiling, width):
        height, line, channels = x.shape[1:]
        count_y, count_x, results = grad.shape[1:]
        size = x.itemsize
        left_pitch, right_pitch = _pitches(channels, tiling, width)
        per_image = tiling.down * tiling.across
        from_x, from_grad, nothing = address_of(x), address_of(grad), address_of(zeros)
        tile = first + t
        picture = tile // per_image
        y, xx = tile % per_image // tiling.across * m, tile % tiling.across * m
        table = np.empty(points, np.int64)
        for i in range(alpha):
            for j in range(alpha):
                iy, ix = y - tiling.top + i, xx - tiling.left + j
                met = 0 <= iy < height and 0 <= ix < line
                place = ((picture * height + iy) * line + ix) * channels * size
                table[i * alpha + j] = from_x + place if met else nothing
        whole = channels // lanes * lanes
        for c in range(0, whole, lanes):
            start = (c // width * tiling.tiles + t) * width + c % width
            image(table, 0, c, right, start, right_pitch)
        for c in range(whole, channels):
            start = (c // width * tiling.tiles + t) * width + c % width
            image_single(table, 0, c, right, start, right_pitch)
        for i in range(m):
            for j in range(m):
                met = y + i < count_y and xx + j < count_x
                place = ((picture * count_y + y + i) * count_x + xx + j) * results + tiling.column
                table[i * m + j] = from_grad + place * size if met else nothing
        whole = tiling.columns // lanes * lanes
        for c in range(0, whole, lanes):
            start = (c // PANEL * tiling.tiles + t) * PANEL + c % PANEL
            slope(table, 0, c, left, start, left_pitch)
        for c in range(whole, tiling.columns):
            start = (c // PANEL * tiling.tiles + t) * PANEL + c % PANEL
            slope_single(table, 0, c, left, start, left_pitch)

    @portable
    def multiply(item, fresh, present, channels, left, right, total, tiling, block):
        kind, rows, width = block
        size, zero = total.itemsize, total.dtype.type(0.0)
        column_blocks = (channels + width - 1) // width
        panels = (tiling.columns + PANEL - 1) // PANEL
        row_blocks = (PANEL + rows - 1) // rows
        left_pitch, right_pitch = _pitches(channels, tiling, width)
        point = item // (panels * column_blocks)
        panel, column = item // column_blocks % panels, item % column_blocks
        table = np.empty(1, np.int64)
        place = point * right_pitch + column * tiling.tiles * width
        table[0] = address_of(right) + place * size
        sums = np.empty(rows * width, total.dtype)
        used = min(PANEL, tiling.columns - panel * PANEL)
        for b in range((used + rows - 1) // rows):
            sums[:] = zero
            place = point * left_pitch + panel * tiling.tiles * PANEL + b * rows
            begin = address_of(left) + place * size
            reduce(kind, begin, PANEL, table, 0, 1, present, width, sums, 0, width)
            begin = (item * row_blocks + b) * rows * width
            target = borrow(total)[begin : begin + rows * width]
            if fresh:
                for n in range(rows * width):
                    target[n] = sums[n]
            else:
                for n in range(rows * width):
                    target[n] += sums[n]

    def accumulate(work, grad, x, zeros, left, right, total, first_chunk, last_chunk, tiling, block):
        # work is that of a chunk, or 0; left and right hold the transformed tiles, total the sums of their
        # products.
        channels, width = x.shape[3], block[2]
        panels = (tiling.columns + PANEL - 1) // PANEL
        items = points * panels * ((channels + width - 1) // width)
        tiles = x.shape[0] * tiling.down * tiling.across
        for chunk in range(first_chunk, last_chunk):
            first = chunk * tiling.tiles
            present = min(tiling.tiles, tiles - first)
            parallel_for(transform, present, work, first, grad, x, zeros, left, right, tiling, width)
            fresh = chunk == first_chunk
            parallel_for(multiply, items, work, fresh, present, channels, left, right, total, tiling, block)

    @portable
    def finish_channel(o, total, gradient, channels, tiling, block):
        # gradient is (out · 9 · in,)
        _, rows, width = block
        column_blocks = (channels + width - 1) // width
        panels = (tiling.columns + PANEL - 1) // PANEL
        row_blocks = (PANEL + rows - 1) // rows
        pitch = panels * column_blocks * row_blocks * rows * width
        size = total.itemsize
        panel, b, m_row = o // PANEL, o % PANEL // rows, o % PANEL % rows
        table = np.empty(points, np.int64)
        for column in range(column_blocks):
            begin = ((panel * column_blocks + column) * row_blocks + b) * rows + m_row
            for point in range(points):
                table[point] = address_of(total) + (point * pitch + begin * width) * size
            count = min(width, channels - column * width)
            start = (tiling.column + o) * 9 * channels + column * width
            whole = count // lanes * lanes
            for c in range(0, whole, lanes):
                final(table, 0, c, gradient, start + c, channels)
            for c in range(whole, count):
                final_single(table, 0, c, gradient, start + c, channels)

    @compiled(f"conv-winograd-weight-gradient-final-{m}-{dtype}")
    def finish(total, gradient, channels, tiling, block):
        parallel_for(finish_channel, tiling.columns, total.size, total, gradient, channels, tiling, block)

    together = compiled(f"conv-winograd-weight-gradient-{m}-{dtype}")(accumulate)
    alone = seldom(accumulate)

    @portable
    def take(worker, grad, x, zeros, left, right, partial, chunks, tiling, block):
        shares, workers = partial.shape[0], left.shape[0]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            first, last = share * chunks // shares, (share + 1) * chunks // shares
            alone(0, grad, x, zeros, left[worker], right[worker], partial[share], first, last, tiling, block)

    @compiled(f"conv-winograd-weight-gradient-shares-{m}-{dtype}")
    def drive(work, grad, x, zeros, left, right, partial, chunks, tiling, block):
        parallel_for(take, left.shape[0], work, grad, x, zeros, left, right, partial, chunks, tiling, block)

    return together, drive, finish


def weight_gradient(m, grad, x, out, geometry):
    """The gradient of the weights by F(m×m, 3×3); others as of `weight_gradient.weight_gradient`.

    Groups are left to the direct algorithm.
    """
    if geometry.groups != 1:
        direct(grad, x, out, geometry)
        return
    dtype = out.dtype
    size = dtype.itemsize
    outside, inside = grad.shape[3], x.shape[3]
    kind, block = block_for(inside, dtype, whole=True)
    points = (m + 2) ** 2
    wide = ceil_divide(inside, block.width) * block.width
    down, across = ceil_divide(grad.shape[1], m), ceil_divide(grad.shape[2], m)
    tall = ceil_divide(PANEL, block.rows) * block.rows  # rows of the sums for a panel
    step = max(1, TRANSFORMED // (points * wide * tall * size)) * PANEL
    zeros = np.zeros(max(inside, outside), dtype)
    together, drive, finish = _drivers(dtype, m)
    flat = out.reshape(out.size)
    all_tiles = grad.shape[0] * down * across
    work = work_of(out.size, grad.size // outside)
    chosen = (kind, block.rows, block.width)
    for column in range(0, outside, step):
        columns = min(step, outside - column)
        panels = ceil_divide(columns, PANEL)
        per_tile = points * (wide + panels * PANEL) * size
        length = points * panels * tall * wide

        def cut(memory, most, column=column, columns=columns, per_tile=per_tile):
            tiles = max(1, min(most, memory // per_tile, all_tiles))
            top, _, left, _ = geometry.padding
            return Tiling(down, across, top, left, tiles, column, columns)

        tiling = cut(SHARE, SHARE_TILES)
        chunks = ceil_divide(all_tiles, tiling.tiles)
        shares = shares_for(length * size, chunks)
        if shares == 1:
            tiling = cut(SCRATCH, TILES)
            chunks = ceil_divide(all_tiles, tiling.tiles)
        sizes = (points * tiling.tiles * panels * PANEL + block.rows, points * tiling.tiles * wide)
        total = left = right = None  # the last portion's memory is free before there is another's
        total = np.empty(length, dtype)
        if shares == 1:
            left, right = (workspace(count, dtype) for count in sizes)
            together(work // chunks, grad, x, zeros, left, right, total, 0, chunks, tiling, chosen)
        else:
            workers = max(1, min(threads_for(work), shares, SCRATCH // (tiling.tiles * per_tile)))
            left, right = (workspace(count, dtype, workers) for count in sizes)
            partial = np.empty((shares, length), dtype)
            drive(work, grad, x, zeros, left, right, partial, chunks, tiling, chosen)
            add_shares(partial, total)
        finish(total, flat, inside, tiling, chosen)
