"""The gradient of the weights by Winograd's algorithm, for kernels of 3×3 at stride one.

The result is linear in the weights, so the chain rule turns ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` around: with the
gradient y of a tile, that of g is ``Gᵀ [(A y Aᵀ) ⊙ (Bᵀ d B)] G``, and the products are summed over tiles
before Gᵀ and G are applied once.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype, prange

from numgd.jit.micro_kernels import lanes_of, reduce_any, sandwich_block
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import THREADED_FLAGS, compiled
from numgd.kernels.cpu.conv.geometry import ceil_divide
from numgd.kernels.cpu.conv.packing import block_for, blocks_of
from numgd.kernels.cpu.conv.winograd import INPUT, KERNEL, RESULT, SCRATCH, TRANSFORMED

TILES = 512
"""Tiles at a time at most."""

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


def _transposed(matrix):
    return tuple(zip(*matrix, strict=True))


@cache
def _driver(dtype, m):
    """The loop over chunks of tiles."""
    real = from_dtype(dtype)
    lanes = lanes_of(dtype)
    alpha = m + 2
    points = alpha * alpha
    reduce = reduce_any(real, blocks_of(dtype))
    image, image_single = sandwich_block(real, lanes, INPUT[m]), sandwich_block(real, 1, INPUT[m])
    spread = _transposed(RESULT[m])
    slope, slope_single = sandwich_block(real, lanes, spread), sandwich_block(real, 1, spread)
    gather = _transposed(KERNEL[m])
    final, final_single = sandwich_block(real, lanes, gather), sandwich_block(real, 1, gather)

    @compiled(f"conv-winograd-weight-gradient-{m}-{dtype}", THREADED_FLAGS)
    def drive(grad, x, out, zeros, left, right, total, tiling, block):
        # out is (out, 9, in); left and right hold the transformed tiles, total the sums of their products.
        kind, rows, width = block
        batch, height, line, channels = x.shape
        count_y, count_x, results = grad.shape[1:]
        size = x.itemsize
        zero = x.dtype.type(0.0)
        column_blocks = (channels + width - 1) // width
        panels = (tiling.columns + PANEL - 1) // PANEL
        row_blocks = (PANEL + rows - 1) // rows
        # In left: [point, panel, tile, PANEL]; in right: [point, block, tile, width].
        left_pitch, right_pitch = panels * tiling.tiles * PANEL, column_blocks * tiling.tiles * width
        total_pitch = panels * column_blocks * row_blocks * rows * width
        per_image = tiling.down * tiling.across
        tiles = batch * per_image
        chunks = (tiles + tiling.tiles - 1) // tiling.tiles
        from_x, from_grad, nothing = address_of(x), address_of(grad), address_of(zeros)
        for chunk in range(chunks):
            first = chunk * tiling.tiles
            present = min(tiling.tiles, tiles - first)
            for t in prange(present):
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
            for item in prange(points * panels * column_blocks):
                point = item // (panels * column_blocks)
                panel, column = item // column_blocks % panels, item % column_blocks
                table = np.empty(1, np.int64)
                place = point * right_pitch + column * tiling.tiles * width
                table[0] = address_of(right) + place * size
                sums = np.empty(rows * width, x.dtype)
                used = min(PANEL, tiling.columns - panel * PANEL)
                for b in range((used + rows - 1) // rows):
                    sums[:] = zero
                    reduce(
                        kind,
                        left,
                        point * left_pitch + panel * tiling.tiles * PANEL + b * rows,
                        PANEL,
                        table,
                        0,
                        1,
                        present,
                        width,
                        sums,
                        0,
                        width,
                    )
                    begin = (item * row_blocks + b) * rows * width
                    target = borrow(total)[begin : begin + rows * width]
                    if chunk == 0:
                        for n in range(rows * width):
                            target[n] = sums[n]
                    else:
                        for n in range(rows * width):
                            target[n] += sums[n]
        gradient = out.reshape(-1)
        for o in prange(tiling.columns):
            panel, b, m_row = o // PANEL, o % PANEL // rows, o % PANEL % rows
            table = np.empty(points, np.int64)
            for column in range(column_blocks):
                begin = ((panel * column_blocks + column) * row_blocks + b) * rows + m_row
                for point in range(points):
                    table[point] = address_of(total) + (point * total_pitch + begin * width) * size
                count = min(width, channels - column * width)
                start = (tiling.column + o) * 9 * channels + column * width
                whole = count // lanes * lanes
                for c in range(0, whole, lanes):
                    final(table, 0, c, gradient, start + c, channels)
                for c in range(whole, count):
                    final_single(table, 0, c, gradient, start + c, channels)

    return drive


def weight_gradient(m, grad, x, out, geometry):
    """The gradient of the weights by F(m×m, 3×3); others as of `weight_gradient.weight_gradient`."""
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
    flat = out.reshape(outside, 9, inside)
    for column in range(0, outside, step):
        columns = min(step, outside - column)
        panels = ceil_divide(columns, PANEL)
        per_tile = points * (wide + panels * PANEL)
        tiles = max(1, min(TILES, SCRATCH // (per_tile * size), grad.shape[0] * down * across))
        left = np.empty(points * tiles * panels * PANEL + block.rows, dtype)
        right = np.empty(points * tiles * wide, dtype)
        total = np.empty(points * panels * tall * wide, dtype)
        tiling = Tiling(down, across, geometry.padding[0], geometry.padding[2], tiles, column, columns)
        chosen = (kind, block.rows, block.width)
        _driver(dtype, m)(grad, x, flat, zeros, left, right, total, tiling, chosen)
