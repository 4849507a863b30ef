"""Direct convolution: every result is a sum over taps and channels, for any geometry.

A block of neighbouring results is summed in registers.  Its rows are pixels, each reached through a table of
addresses, one a tap: that takes strides, dilation, borders (whose addresses are those of zeros) and ends of
lines without a special case.  (The table is Marat Dukhan's indirection buffer: *The Indirect Convolution
Algorithm*, 2019.)
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype, prange

from numgd.jit.blocks import gather_any
from numgd.jit.pointers import address_of
from numgd.jit.portable import THREADED_FLAGS, compiled
from numgd.kernels.cpu.conv.epilogue import finish
from numgd.kernels.cpu.conv.geometry import ceil_divide, threads
from numgd.kernels.cpu.conv.packing import block_for, blocks_of, pack, portions, remembered


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


@cache
def _driver(dtype):
    """The loop over strips of pixels and blocks of channels."""
    gather = gather_any(from_dtype(dtype), blocks_of(dtype))

    @compiled(f"conv-direct-{dtype}", THREADED_FLAGS)
    def drive(source, packed, bias, zeros, out, dy, dx, sweep, portion, block, activation):
        kind, rows, width = block
        batch, height, line, channels = source.shape
        taps = dy.size
        size = source.itemsize
        pixels = batch * sweep.count_y * sweep.count_x
        blocks = (pixels + rows - 1) // rows
        strips = (blocks + sweep.strip - 1) // sweep.strip
        per_column = (portion.columns + width - 1) // width
        columns = portion.groups * per_column
        base = address_of(source)
        nothing = address_of(zeros)
        flat = out.reshape(-1)
        for item in prange(strips * sweep.splits):
            strip, split = item // sweep.splits, item % sweep.splits
            first = strip * sweep.strip
            count = min(sweep.strip, blocks - first)
            table = np.empty(max(1, count * taps * rows), np.int64)
            targets = np.empty(count * rows, np.int64)
            sums = np.empty(rows * width, source.dtype)
            for i in range(count * rows):
                pixel = min(first * rows + i, pixels - 1)
                image = pixel // (sweep.count_y * sweep.count_x)
                row = pixel // sweep.count_x % sweep.count_y
                column = pixel % sweep.count_x
                y, x = row * sweep.source_step_y, column * sweep.source_step_x
                entry = i // rows * taps * rows + i % rows
                for t in range(taps):
                    from_y, from_x = y + dy[t], x + dx[t]
                    inside = 0 <= from_y < height and 0 <= from_x < line
                    place = ((image * height + from_y) * line + from_x) * channels * size
                    table[entry + t * rows] = base + place if inside else nothing
                to_y = sweep.start_y + row * sweep.step_y
                to_x = sweep.start_x + column * sweep.step_x
                targets[i] = ((image * out.shape[1] + to_y) * out.shape[2] + to_x) * out.shape[3]
            for panel in range(split * columns // sweep.splits, (split + 1) * columns // sweep.splits):
                group = portion.group + panel // per_column
                begin = panel % per_column * width
                wide = min(width, portion.columns - begin)
                to = group * sweep.per_group + portion.column + begin
                for b in range(count):
                    gather(
                        kind,
                        table,
                        b * taps * rows,
                        taps,
                        sweep.depth,
                        group * sweep.depth,
                        packed,
                        panel * taps * sweep.depth * width,
                        sums,
                        0,
                        width,
                    )
                    for m in range(min(rows, pixels - (first + b) * rows)):
                        place = targets[b * rows + m] + to
                        finish(sums, m * width, bias, to, flat, place, wide, activation)

    return drive


def _run(source, weight, bias, out, taps, transposed, sweep, groups, activation, kept):
    """All portions of one sweep; `taps` is (indices into the kernel, dy, dx)."""
    if out.size == 0 or sweep.count_y <= 0 or sweep.count_x <= 0:
        return
    chosen, dy, dx = taps
    kind, block = block_for(sweep.per_group, out.dtype)
    drive = _driver(out.dtype)
    zeros = np.zeros(max(1, source.shape[3]), source.dtype)
    blocks = ceil_divide(source.shape[0] * sweep.count_y * sweep.count_x, block.rows)
    workers = threads()
    sweep = sweep._replace(strip=max(1, min(16, ceil_divide(blocks, 4 * workers))))
    strips = ceil_divide(blocks, sweep.strip)
    for portion in portions(groups, sweep.per_group, chosen.size * sweep.depth, block, source.itemsize):
        key = ("direct", transposed, chosen.tobytes(), portion)
        packed = remembered(
            kept, key, lambda portion=portion: pack(weight, chosen, transposed, portion, groups, block)
        )
        columns = portion.groups * ceil_divide(portion.columns, block.width)
        splits = 1 if strips >= 8 * workers else columns
        drive(
            source,
            packed,
            bias,
            zeros,
            out,
            dy,
            dx,
            sweep._replace(splits=splits),
            portion,
            (kind, block.rows, block.width),
            activation,
        )


def forward(x, weight, bias, out, geometry, activation=0, kept=None):
    """Convolve.

    Parameters
    ----------
    x : (batch, height, width, in) array
    weight : (out, kh, kw, in / groups) array
    bias : (out,) array
    out : (batch, height', width', out) array
        Written.
    geometry : Geometry
    activation : int
        A code of `epilogue.ACTIVATIONS`.
    kept : dict, optional
        Where packed weights are looked up and left.
    """
    tall, wide = weight.shape[1:3]
    taps = np.arange(tall * wide)
    dy = taps // max(wide, 1) * geometry.dilation[0] - geometry.padding[0]
    dx = taps % max(wide, 1) * geometry.dilation[1] - geometry.padding[2]
    sweep = Sweep(
        0, 1, out.shape[1], 0, 1, out.shape[2], *geometry.stride,
        weight.shape[3], weight.shape[0] // geometry.groups, 1, 1,
    )  # fmt: skip
    flat = weight.reshape(weight.shape[0], tall * wide, weight.shape[3])
    _run(x, flat, bias, out, (taps, dy, dx), False, sweep, geometry.groups, activation, kept)


def _phases(size, stride, dilation, before, kernel):
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


def input_gradient(grad, weight, bias, out, geometry, activation=0, kept=None):
    """The gradient of the input, which is the transposed convolution; parameters as of `forward`.

    Positions of the input that are equal modulo the stride meet the same taps: each such class is a
    convolution of stride one with those taps alone.
    """
    tall, wide = weight.shape[1:3]
    groups = geometry.groups
    flat = weight.reshape(weight.shape[0], tall * wide, weight.shape[3])
    height, width = out.shape[1:3]
    down, across = geometry.stride
    apart_y, apart_x = geometry.dilation
    top, _, left, _ = geometry.padding
    for start_y, count_y, taps_y in _phases(height, down, apart_y, top, tall):
        for start_x, count_x, taps_x in _phases(width, across, apart_x, left, wide):
            chosen = np.array([ky * wide + kx for ky, _ in taps_y for kx, _ in taps_x], np.int64)
            dy = np.array([y for _, y in taps_y for _ in taps_x], np.int64)
            dx = np.array([x for _ in taps_y for _, x in taps_x], np.int64)
            sweep = Sweep(
                start_y, down, count_y, start_x, across, count_x, 1, 1,
                weight.shape[0] // groups, weight.shape[3], 1, 1,
            )  # fmt: skip
            _run(grad, flat, bias, out, (chosen, dy, dx), True, sweep, groups, activation, kept)


def reason_against(kernel, inside, outside, geometry):
    """Why this algorithm does not apply: it always does."""
    return None
