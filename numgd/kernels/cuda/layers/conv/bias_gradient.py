"""The gradient of the bias: sums over pixels in float64, in a fixed order."""

from functools import cache

import numpy as np
from numba import float64

from numgd.kernels.cpu.layers.columns import side_by_side
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.target import cuda, kernel, launch, load4

ACROSS, DOWN = (2, 4) if target.SIMULATED else (8, 32)
"""Threads of a block: neighbouring quadruples of columns, and rows."""

MOST_BLOCKS = 2 if target.SIMULATED else 512
"""Number of blocks that keep a GPU busy."""

MIN_ROWS = 4 * DOWN
"""Minimum number of rows that a block adds up."""


def bias_gradient(grad, out):
    """Sum `grad` (…, channels) into `out` (channels,)."""
    if out.size == 0:
        return
    if grad.size == 0:
        memory.fill(out, 0)
        return
    channels = out.size
    pixels = side_by_side(grad.size // channels, channels)
    columns = pixels * channels
    rows = grad.size // columns
    strips = -(-columns // (4 * ACROSS))
    parts = max(1, min(MOST_BLOCKS // strips, rows // MIN_ROWS))
    partial = memory.scratch(out, (parts * columns,), np.float64)
    _add_rows(grad.reshape(grad.size), columns, partial, parts)
    _add_rows(partial, channels, out, 1)


def _add_rows(numbers, columns, out, parts):
    """out[part, column] = Σ numbers[row, column] over the rows of each part."""
    wide = columns % 4 == 0 and target.can_load4(numbers)
    strips = -(-columns // (4 * ACROSS))
    launch(_make_add_rows(wide), (strips * parts, ACROSS * DOWN), numbers, columns, out, parts)


@cache
def _make_add_rows(wide):
    across, down = ACROSS, DOWN
    shape = 4, down * across

    @kernel
    def add_rows(numbers, columns, out, parts):
        sums = cuda.shared.array(shape, float64)
        thread = cuda.threadIdx.x
        strips = (columns + 4 * across - 1) // (4 * across)
        strip, part = cuda.blockIdx.x % strips, cuda.blockIdx.x // strips
        column, lane = 4 * (strip * across + thread % across), thread // across
        rows = numbers.size // columns
        first, last = part * rows // parts, (part + 1) * rows // parts
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        left = columns - column
        if wide:
            if left > 0:
                for row in range(first + lane, last, down):
                    p, q, r, s = load4(numbers, row * columns + column)
                    a += np.float64(p)
                    b += np.float64(q)
                    c += np.float64(r)
                    d += np.float64(s)
        else:
            for row in range(first + lane, last, down):
                place = np.uint64(row * columns + column)
                if left > 0:
                    a += np.float64(numbers[place])
                if left > 1:
                    b += np.float64(numbers[place + np.uint64(1)])
                if left > 2:
                    c += np.float64(numbers[place + np.uint64(2)])
                if left > 3:
                    d += np.float64(numbers[place + np.uint64(3)])
        sums[0, thread], sums[1, thread], sums[2, thread], sums[3, thread] = a, b, c, d
        cuda.syncthreads()
        if thread < 4 * across:  # each adds up one column
            column = 4 * strip * across + thread
            if column < columns:
                total = 0.0
                for k in range(down):
                    total += sums[thread % 4, k * across + thread // 4]
                out[part * columns + column] = total

    return add_rows
