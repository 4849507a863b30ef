"""Images of few channels, as in first layers: a row of the kernel is one tap.

The numbers that a row of the kernel meets, (kw · in) of them, are neighbours in memory.  A band of the image
is copied with its borders filled with zeros, and then the micro-kernel of the direct algorithm sums over
whole rows instead of over a handful of channels at a time.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype, prange

from numgd.jit.micro_kernels import gather_any
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import THREADED_FLAGS, compiled
from numgd.kernels.cpu.conv.epilogue import finish
from numgd.kernels.cpu.conv.geometry import ceil_divide, threads
from numgd.kernels.cpu.conv.packing import Portion, block_for, blocks_of, pack, portions, remembered

CHANNELS = 8
"""Channels up to which this algorithm is chosen."""

BAND = 2**18
"""Bytes of the image that a band aims at."""


class Cut(NamedTuple):
    """How the image is cut into bands, and where the kernel goes."""

    band: int  # rows of results
    segment: int  # results of a row
    stride_y: int
    stride_x: int
    dilation: int
    top: int
    left: int
    tall: int  # rows that the kernel covers
    wide: int  # pixels of a row that it covers
    workers: int


def reason_against(kernel, inside, outside, geometry):
    """Why this algorithm does not apply, or None."""
    if geometry.dilation[1] != 1 or geometry.groups != 1:
        return "it takes dilation 1 to the right and one group"
    return None


@cache
def _driver(dtype):
    """The loop over bands."""
    gather = gather_any(from_dtype(dtype), blocks_of(dtype))

    @compiled(f"conv-few-channels-{dtype}", THREADED_FLAGS)
    def drive(x, packed, bias, out, scratch, tables, cut, portion, taps, block, activation):
        kind, rows, width = block
        batch, height, line, channels = x.shape
        count_y, count_x, results = out.shape[1:]
        size = x.itemsize
        bands = (count_y + cut.band - 1) // cut.band
        segments = (count_x + cut.segment - 1) // cut.segment
        panels = (portion.columns + width - 1) // width
        length = cut.wide * channels
        zero = x.dtype.type(0.0)
        numbers, flat = x.reshape(-1), out.reshape(-1)
        items = batch * bands * segments
        for worker in prange(cut.workers):
            copy = borrow(scratch)[worker]
            table = borrow(tables)[worker]
            sums = np.empty(rows * width, x.dtype)
            for item in range(worker * items // cut.workers, (worker + 1) * items // cut.workers):
                image = item // (bands * segments)
                from_y, from_x = item // segments % bands * cut.band, item % segments * cut.segment
                band, segment = min(cut.band, count_y - from_y), min(cut.segment, count_x - from_x)
                pixels = ((segment - 1) * cut.stride_x + cut.wide) * channels
                origin = (from_x * cut.stride_x - cut.left) * channels
                for r in range((band - 1) * cut.stride_y + cut.tall):
                    y = from_y * cut.stride_y - cut.top + r
                    low = min(pixels, max(0, -origin))
                    high = max(low, min(pixels, line * channels - origin))
                    if y < 0 or y >= height:
                        low, high = pixels, pixels
                    target = copy[r * pixels : (r + 1) * pixels]
                    for i in range(low):
                        target[i] = zero
                    for i in range(high, pixels):
                        target[i] = zero
                    source = numbers[max(0, (image * height + y) * line * channels + origin + low) :]
                    target = target[low:high]
                    for i in range(high - low):
                        target[i] = source[i]
                count = band * segment
                blocks = (count + rows - 1) // rows
                for i in range(blocks * rows):
                    pixel = min(i, count - 1)
                    start = pixel // segment * cut.stride_y * pixels
                    start += pixel % segment * cut.stride_x * channels
                    first = address_of(copy) + start * size
                    entry = i // rows * taps * rows + i % rows
                    for t in range(taps):
                        table[entry + t * rows] = first + t * cut.dilation * pixels * size
                for panel in range(panels):
                    wide = min(width, portion.columns - panel * width)
                    to = portion.column + panel * width
                    for b in range(blocks):
                        gather(
                            kind,
                            table,
                            b * taps * rows,
                            taps,
                            length,
                            0,
                            packed,
                            panel * taps * length * width,
                            sums,
                            0,
                            width,
                        )
                        for m in range(min(rows, count - b * rows)):
                            pixel = b * rows + m
                            y, xx = from_y + pixel // segment, from_x + pixel % segment
                            place = ((image * count_y + y) * count_x + xx) * results + to
                            finish(sums, m * width, bias, to, flat, place, wide, activation)

    return drive


def forward(x, weight, bias, out, geometry, activation=0, kept=None):
    """Convolve; parameters as of `direct.forward`."""
    if out.size == 0:
        return
    batch, _, _, channels = x.shape
    taps, across = weight.shape[1:3]
    tall, wide = geometry.extent((taps, across))
    down, right = geometry.stride
    size = x.itemsize
    count_y, count_x = out.shape[1:3]
    kind, block = block_for(out.shape[3], out.dtype)

    def numbers(band, segment):
        return ((band - 1) * down + tall) * ((segment - 1) * right + wide) * max(1, channels)

    segment = count_x
    while segment > 1 and numbers(1, segment) * size > 4 * BAND:
        segment = ceil_divide(segment, 2)
    wanted = max(1, batch * count_y * ceil_divide(count_x, segment) // (4 * threads()))
    band = max(
        (b for b in range(1, min(count_y, wanted) + 1) if numbers(b, segment) * size <= BAND), default=1
    )
    items = batch * ceil_divide(count_y, band) * ceil_divide(count_x, segment)
    entries = (ceil_divide(band * segment, block.rows) * block.rows) * taps
    room = numbers(band, segment)
    workers = max(1, min(threads(), items, 16 * 2**20 // (room * size + entries * 8)))
    scratch, tables = np.empty((workers, room), x.dtype), np.empty((workers, entries), np.int64)
    cut = Cut(
        band, segment, down, right, geometry.dilation[0], geometry.padding[0], geometry.padding[2],
        tall, wide, workers,
    )  # fmt: skip
    flat = weight.reshape(weight.shape[0], 1, -1)
    only = np.zeros(1, np.int64)
    for portion in portions(1, out.shape[3], flat.shape[2], block, size):
        key = ("few", portion)
        packed = None  # the last portion's memory is free before there is another's
        packed = remembered(kept, key, lambda portion=portion: pack(flat, only, False, portion, 1, block))
        _driver(out.dtype)(
            x, packed, bias, out, scratch, tables, cut, Portion(*portion), taps,
            (kind, block.rows, block.width), activation,
        )  # fmt: skip
