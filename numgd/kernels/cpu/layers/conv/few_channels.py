"""Images of few channels, as in first layers: a row of the kernel is one tap.

The numbers that a row of the kernel meets, (kw · in) of them, are neighbours in memory.  A band of the image
is copied with its borders filled with zeros, and then the micro-kernel of the direct algorithm sums over
whole rows instead of over a handful of channels at a time.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.micro_kernels import any_of, convolve_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.conv import direct
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of
from numgd.kernels.cpu.layers.conv.packing import (
    block_for,
    blocks_of,
    cached,
    pack,
    padded,
    portions,
)
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient
from numgd.kernels.cpu.layers.fused import PIECES

MAX_CHANNELS = 8
"""Input channels up to which the algorithm is chosen."""

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


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    if layer.geometry.dilation[1] != 1 or layer.geometry.groups != 1:
        return "it takes dilation 1 to the right and one group"
    return None


@cache
def _driver(dtype):
    """The loop over bands."""
    convolve = any_of(
        convolve_block, from_dtype(dtype), tuple((*block, PIECES) for block in blocks_of(dtype))
    )

    @portable
    def take(worker, x, packed, bias, out, scratch, tables, places, cut, portion, taps, block, activation):
        kind, rows, width = block
        batch, height, line, channels = x.shape
        count_y, count_x, results = out.shape[1:]
        size = x.itemsize
        bands = (count_y + cut.band - 1) // cut.band
        segments = (count_x + cut.segment - 1) // cut.segment
        panels = (portion.columns + width - 1) // width
        length = cut.wide * channels
        zero = x.dtype.type(0.0)
        numbers = x.reshape(-1)
        items = batch * bands * segments
        copy = borrow(scratch)[worker]
        table, place = borrow(tables)[worker], borrow(places)[worker]
        laid_band = laid_segment = 0  # for which the tables are filled
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
            blocks = (band * segment + rows - 1) // rows
            if band != laid_band or segment != laid_segment:
                laid_band, laid_segment = band, segment
                for i in range(blocks * rows):  # the last result again to fill up its block
                    pixel = min(i, band * segment - 1)
                    row, column = pixel // segment, pixel % segment
                    place[i] = (row * count_x + column) * results
                    start = row * cut.stride_y * pixels + column * cut.stride_x * channels
                    first = address_of(copy) + start * size
                    entry = i // rows * taps * rows + i % rows
                    for t in range(taps):
                        table[entry + t * rows] = first + t * cut.dilation * pixels * size
            corner = ((image * count_y + from_y) * count_x + from_x) * results
            for panel in range(panels):
                to = portion.column + panel * width
                for b in range(blocks):
                    convolve(
                        kind, table, b * taps * rows, taps, length, 0, packed,
                        panel * taps * length * width, bias, to, out, place, b * rows, corner + to,
                        min(width, portion.columns - panel * width), activation,
                    )  # fmt: skip

    @compiled(f"conv-few-channels-{dtype}")
    def drive(work, x, packed, bias, out, scratch, tables, places, cut, portion, taps, block, activation):
        parallel_for(
            take, cut.workers, work, x, packed, bias, out, scratch, tables, places, cut, portion, taps, block,
            activation,
        )  # fmt: skip

    return drive


class Plan(NamedTuple):
    """What follows from shapes."""

    kind: int  # of block
    block: Any
    cut: Cut
    room: int  # numbers of a band with its borders
    count: int  # results of a band, those that fill up blocks among them


@by_shape
def _plan(shape, kernel, result, dtype, geometry, most):
    """The `Plan` for an image, a kernel (kh, kw) and a result, for `most` threads."""
    batch, _, _, channels = shape
    tall, wide = geometry.extent(kernel)
    down, right = geometry.stride
    size = dtype.itemsize
    count_y, count_x = result[1:3]
    kind, block = block_for(result[3], dtype)

    def numbers(band, segment):
        return ((band - 1) * down + tall) * ((segment - 1) * right + wide) * max(1, channels)

    segment = count_x
    while segment > 1 and numbers(1, segment) * size > 4 * BAND:
        segment = ceil_divide(segment, 2)
    wanted = max(1, batch * count_y * ceil_divide(count_x, segment) // (4 * most))
    band = max(
        (b for b in range(1, min(count_y, wanted) + 1) if numbers(b, segment) * size <= BAND), default=1
    )
    items = batch * ceil_divide(count_y, band) * ceil_divide(count_x, segment)
    count = ceil_divide(band * segment, block.rows) * block.rows
    room = numbers(band, segment)
    workers = max(1, min(most, items, 16 * 2**20 // (room * size + count * (kernel[0] + 1) * 8)))
    cut = Cut(
        band, segment, down, right, geometry.dilation[0], geometry.padding[0], geometry.padding[2],
        tall, wide, workers,
    )  # fmt: skip
    return Plan(kind, block, cut, room, count)


_ALL = np.zeros(1, np.int64)  # the one tap that all numbers of a weight belong to


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None, name="few"):
    """Convolve; parameters as of `direct.forward`, and the name of the weights in what is kept."""
    if out.size == 0:
        return
    taps = weight.shape[1]
    dtype = out.dtype
    work = work_of(out.size, weight[0].size)
    most = threads_for(work)
    kind, block, cut, room, count = _plan(x.shape, weight.shape[1:3], out.shape, dtype, geometry, most)
    scratch = np.empty((cut.workers, room), dtype)
    tables, places = np.empty((cut.workers, count * taps), np.int64), np.empty((cut.workers, count), np.int64)
    bias = padded(bias, block)
    flat = weight.reshape(weight.shape[0], 1, -1)
    for portion in portions(1, out.shape[3], flat.shape[2], block, dtype.itemsize):
        key = (name, portion)
        packed = None  # the last portion's memory is free before there is another's
        packed = cached(packed_cache, key, lambda portion=portion: pack(flat, _ALL, False, portion, 1, block))
        _driver(dtype)(
            work, x, packed, bias, out, scratch, tables, places, cut, portion, taps,
            (kind, block.rows, block.width), activation,
        )  # fmt: skip


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as of `direct.input_gradient`.

    At stride one it is a convolution with the kernel turned by 180°, and of few results.
    """
    mirrored = geometry.mirrored(weight.shape[1:3])
    if geometry.stride != (1, 1) or min(mirrored.padding) < 0:
        direct.input_gradient(grad, weight, bias, out, geometry, activation, packed_cache)
        return
    turned = cached(
        packed_cache, "turned", lambda: np.ascontiguousarray(weight[:, ::-1, ::-1].transpose(3, 1, 2, 0))
    )
    forward(grad, turned, bias, out, mirrored, activation, packed_cache, "few turned")


def _worthwhile(layer, batch, height, width):
    return layer.in_channels <= MAX_CHANNELS and layer.kernel[1] > 1


ALGORITHM = ConvAlgorithm(
    name="few_channels",
    summary="first layers: a row of the kernel, over all channels, is one tap",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    priority=20,
    worthwhile=_worthwhile,
)
