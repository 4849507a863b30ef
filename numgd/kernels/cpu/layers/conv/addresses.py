"""Tables of the addresses that pixels of a result start from, one for each tap of the kernel.

A table takes strides, dilation, borders (whose addresses are those of zeros) and ends of lines without a
special case (the indirection buffer of Marat Dukhan, *The Indirect Convolution Algorithm*, 2019).
"""

from typing import NamedTuple

import numpy as np

from numgd.jit.pointers import borrow
from numgd.jit.portable import seldom
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide


class Sweep(NamedTuple):
    """Which results are computed, and which part of the source each starts from."""

    start_y: int
    step_y: int
    count_y: int
    start_x: int
    step_x: int
    count_x: int
    source_step_y: int
    source_step_x: int
    depth: int  # channels of the source in a group
    per_group: int  # channels of the result in a group
    strip: int  # blocks of pixels that share a table
    splits: int  # parts of the channels that are dealt out on their own


@seldom
def fill(table, targets, base, nothing, shape, size, result, first, blocks, rows, pixels, dy, dx, sweep):
    """Fill ``table[block, tap, row]`` with addresses, and ``targets[block, row]`` with places of results.

    `base` is the address of a source of `shape`, `nothing` that of zeros, `first` the first of `pixels`;
    what is missing in the last block is filled up with the last pixel.
    """
    height, line, channels = shape[1:]
    taps = dy.size
    count = blocks * rows
    ys, xs, starts = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    for i in range(count):
        pixel = min(first + i, pixels - 1)
        image = pixel // (sweep.count_y * sweep.count_x)
        row = pixel // sweep.count_x % sweep.count_y
        column = pixel % sweep.count_x
        ys[i], xs[i] = row * sweep.source_step_y, column * sweep.source_step_x
        starts[i] = base + ((image * height + ys[i]) * line + xs[i]) * channels * size
        to_y = sweep.start_y + row * sweep.step_y
        to_x = sweep.start_x + column * sweep.step_x
        targets[i] = ((image * result[1] + to_y) * result[2] + to_x) * result[3]
    tall, wide = np.uint64(height), np.uint64(line)
    for b in range(blocks):
        y, x = borrow(ys)[b * rows : (b + 1) * rows], borrow(xs)[b * rows : (b + 1) * rows]
        start = borrow(starts)[b * rows : (b + 1) * rows]
        for t in range(taps):
            entry = (b * taps + t) * rows
            target = borrow(table)[entry : entry + rows]
            ahead = (dy[t] * line + dx[t]) * channels * size
            for m in range(rows):
                # Below zero is a large number without a sign.
                inside = (np.uint64(y[m] + dy[t]) < tall) & (np.uint64(x[m] + dx[t]) < wide)
                target[m] = start[m] + ahead if inside else nothing


def _classes(size, stride, dilation, before, kernel):
    """For each class of positions modulo the stride: the first, how many, and the taps that reach them.

    Position i of the input meets tap k in result (i + before - k · dilation) / stride where that is whole.
    """
    for start in range(min(stride, size)):
        reached = [
            (k, (start + before - k * dilation) // stride)
            for k in range(kernel)
            if (start + before - k * dilation) % stride == 0
        ]
        yield start, ceil_divide(size - start, stride), reached


@by_shape
def whole_sweep(result, weight, geometry):
    """The taps (indices into the kernel, dy, dx) and the sweep of a convolution, by shapes."""
    tall, wide = weight[1:3]
    taps = np.arange(tall * wide)
    dy = taps // wide * geometry.dilation[0] - geometry.padding[0]
    dx = taps % wide * geometry.dilation[1] - geometry.padding[2]
    per_group = weight[0] // geometry.groups
    sweep = Sweep(0, 1, result[1], 0, 1, result[2], *geometry.stride, weight[3], per_group, 1, 1)
    return (taps, dy, dx), sweep


@by_shape
def phases(result, weight, geometry):
    """The taps and sweeps that make up a transposed convolution, by shapes.

    Positions of the result that are equal modulo the stride meet the same taps: each such class is a
    convolution of stride one with those taps alone.
    """
    return tuple(_phases(result, weight, geometry))


def _phases(result, weight, geometry):
    tall, wide = weight[1:3]
    down, across = geometry.stride
    apart_y, apart_x = geometry.dilation
    top, _, left, _ = geometry.padding
    per_group = weight[0] // geometry.groups
    for start_y, count_y, taps_y in _classes(result[1], down, apart_y, top, tall):
        for start_x, count_x, taps_x in _classes(result[2], across, apart_x, left, wide):
            chosen = np.array([ky * wide + kx for ky, _ in taps_y for kx, _ in taps_x], np.int64)
            dy = np.array([y for _, y in taps_y for _ in taps_x], np.int64)
            dx = np.array([x for _ in taps_y for _, x in taps_x], np.int64)
            sweep = Sweep(start_y, down, count_y, start_x, across, count_x, 1, 1, per_group, weight[3], 1, 1)
            yield (chosen, dy, dx), sweep
