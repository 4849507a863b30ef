"""Tables of the addresses that the pixels of a result read, one address for each tap of the kernel.

With a table, strides, dilation, ends of rows and borders need no special cases; pixels outside the image have
the address of zeros (the indirection buffer of Marat Dukhan, *The Indirect Convolution Algorithm*, 2019).
"""

from typing import NamedTuple

import numpy as np

from numgd.jit.pointers import borrow
from numgd.jit.portable import seldom
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide


class Sweep(NamedTuple):
    """Which results are computed, and where in the source each one starts."""

    start_y: int
    step_y: int
    count_y: int
    start_x: int
    step_x: int
    count_x: int
    source_step_y: int
    source_step_x: int
    depth: int  # channels of the source in a group
    group_channels: int  # channels of the result in a group
    strip: int  # blocks of pixels that share a table
    splits: int  # parts that the channels are divided into, for threads


@seldom
def fill(table, targets, base, zero_address, shape, size, result, first, blocks, rows, pixels, dy, dx, sweep):
    """Fill ``table[block, tap, row]`` with addresses, and ``targets[block, row]`` with indices of results.

    `base` is the address of a source of `shape` and `zero_address` that of zeros.  The blocks begin at pixel
    `first` of `pixels` and are padded with the last pixel.
    """
    height, width, channels = shape[1:]
    taps = dy.size
    count = blocks * rows
    ys, xs, starts = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    image = first // (sweep.count_y * sweep.count_x)
    row = first // sweep.count_x % sweep.count_y
    column = first % sweep.count_x
    for i in range(count):  # counted, since a division takes as long as many products
        ys[i], xs[i] = row * sweep.source_step_y, column * sweep.source_step_x
        starts[i] = base + ((image * height + ys[i]) * width + xs[i]) * channels * size
        to_y = sweep.start_y + row * sweep.step_y
        to_x = sweep.start_x + column * sweep.step_x
        targets[i] = ((image * result[1] + to_y) * result[2] + to_x) * result[3]
        if first + i < pixels - 1:
            column += 1
            if column == sweep.count_x:
                column, row = 0, row + 1
                if row == sweep.count_y:
                    row, image = 0, image + 1
    unsigned_height, unsigned_width = np.uint64(height), np.uint64(width)
    for b in range(blocks):
        y, x = borrow(ys)[b * rows : (b + 1) * rows], borrow(xs)[b * rows : (b + 1) * rows]
        start = borrow(starts)[b * rows : (b + 1) * rows]
        for t in range(taps):
            entry = (b * taps + t) * rows
            target = borrow(table)[entry : entry + rows]
            offset = (dy[t] * width + dx[t]) * channels * size
            for m in range(rows):
                # A negative number becomes a large unsigned one.
                within = (np.uint64(y[m] + dy[t]) < unsigned_height) & (
                    np.uint64(x[m] + dx[t]) < unsigned_width
                )
                target[m] = start[m] + offset if within else zero_address


def classes(size, stride, dilation, before, kernel):
    """For each class of positions modulo the stride: the first, how many, and the taps that read them.

    Tap k reads position i of the input for result (i + before - k · dilation) / stride, if that is an
    integer.
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
    """The taps (indices into the kernel, dy, dx) and the sweep of a convolution, from its shapes."""
    kernel_height, kernel_width = weight[1:3]
    taps = np.arange(kernel_height * kernel_width)
    dy = taps // kernel_width * geometry.dilation[0] - geometry.padding[0]
    dx = taps % kernel_width * geometry.dilation[1] - geometry.padding[2]
    group_channels = weight[0] // geometry.groups
    sweep = Sweep(0, 1, result[1], 0, 1, result[2], *geometry.stride, weight[3], group_channels, 1, 1)
    return (taps, dy, dx), sweep


@by_shape
def phases(result, weight, geometry):
    """The taps and sweeps that make up a transposed convolution, from its shapes.

    Positions of the result that are equal modulo the stride are read by the same taps.  Each such class is a
    convolution of stride one with those taps.
    """
    return tuple(_phases(result, weight, geometry))


def _phases(result, weight, geometry):
    kernel_height, kernel_width = weight[1:3]
    stride_y, stride_x = geometry.stride
    dilation_y, dilation_x = geometry.dilation
    top, _, left, _ = geometry.padding
    group_channels = weight[0] // geometry.groups
    for start_y, count_y, taps_y in classes(result[1], stride_y, dilation_y, top, kernel_height):
        for start_x, count_x, taps_x in classes(result[2], stride_x, dilation_x, left, kernel_width):
            chosen = np.array([ky * kernel_width + kx for ky, _ in taps_y for kx, _ in taps_x], np.int64)
            dy = np.array([y for _, y in taps_y for _ in taps_x], np.int64)
            dx = np.array([x for _ in taps_y for _, x in taps_x], np.int64)
            sweep = Sweep(
                start_y, stride_y, count_y, start_x, stride_x, count_x, 1, 1, group_channels, weight[3], 1, 1
            )
            yield (chosen, dy, dx), sweep
