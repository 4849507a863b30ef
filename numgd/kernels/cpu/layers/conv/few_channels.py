"""Images with few channels, as in first layers: a row of the kernel is one tap.

The (kw · in) numbers that a row of the kernel reads are adjacent in memory.  A band of the image is copied,
with its borders filled with zeros.  The micro-kernel of the direct algorithm then sums over whole rows
instead of over a few channels at a time.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import any_of, convolve_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.jit.program import scratch
from numgd.kernels.cpu.layers.conv import direct, fold
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.cost import (
    INPUT_GRADIENT,
    WEIGHT_GRADIENT,
    Work,
    by_blocks,
    by_vectors,
    copied,
)
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of
from numgd.kernels.cpu.layers.conv.packing import (
    ONE_TAP,
    block_for,
    blocks_of,
    cached,
    pack,
    padded_bias,
    portions,
)
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient, weight_gradient_work
from numgd.kernels.cpu.layers.fused import PIECES

BAND_BYTES = 2**18
"""Target size of a band of the image, in bytes."""


class Cut(NamedTuple):
    """How the image is cut into bands, and how the kernel moves."""

    band: int  # rows of results
    segment: int  # results of a row
    stride_y: int
    stride_x: int
    dilation: int
    top: int
    left: int
    extent_y: int  # rows that the kernel spans
    extent_x: int  # pixels of a row that it spans
    workers: int


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    if layer.geometry.dilation[1] != 1 or layer.geometry.groups != 1:
        return "it requires horizontal dilation 1 and a single group"
    return None


@made_once
def _driver(dtype):
    """The loop over bands."""
    convolve = any_of(
        convolve_block, from_dtype(dtype), tuple((*block, PIECES) for block in blocks_of(dtype))
    )

    @portable
    def do_bands(
        worker, x, packed, bias, out, scratch, tables, places, cut, portion, taps, block, activation
    ):
        kind, rows, block_width = block
        batch, height, width, channels = x.shape
        out_height, out_width, out_channels = out.shape[1:]
        itemsize = x.itemsize
        bands = (out_height + cut.band - 1) // cut.band
        segments = (out_width + cut.segment - 1) // cut.segment
        panels = (portion.columns + block_width - 1) // block_width
        length = cut.extent_x * channels
        zero = x.dtype.type(0.0)
        numbers = x.reshape(-1)
        items = batch * bands * segments
        copy = borrow(scratch)[worker]
        table, place = borrow(tables)[worker], borrow(places)[worker]
        table_band = table_segment = 0  # the size that the tables are for
        for item in range(worker * items // cut.workers, (worker + 1) * items // cut.workers):
            image = item // (bands * segments)
            from_y, from_x = item // segments % bands * cut.band, item % segments * cut.segment
            band, segment = min(cut.band, out_height - from_y), min(cut.segment, out_width - from_x)
            pixels = ((segment - 1) * cut.stride_x + cut.extent_x) * channels
            origin = (from_x * cut.stride_x - cut.left) * channels
            for r in range((band - 1) * cut.stride_y + cut.extent_y):
                y = from_y * cut.stride_y - cut.top + r
                low = min(pixels, max(0, -origin))
                high = max(low, min(pixels, width * channels - origin))
                if y < 0 or y >= height:
                    low, high = pixels, pixels
                target = copy[r * pixels : (r + 1) * pixels]
                for i in range(low):
                    target[i] = zero
                for i in range(high, pixels):
                    target[i] = zero
                source = numbers[max(0, (image * height + y) * width * channels + origin + low) :]
                target = target[low:high]
                for i in range(high - low):
                    target[i] = source[i]
            blocks = (band * segment + rows - 1) // rows
            if band != table_band or segment != table_segment:
                table_band, table_segment = band, segment
                for i in range(blocks * rows):  # the last block is padded with the last result
                    pixel = min(i, band * segment - 1)
                    row, column = pixel // segment, pixel % segment
                    place[i] = (row * out_width + column) * out_channels
                    start = row * cut.stride_y * pixels + column * cut.stride_x * channels
                    first = address_of(copy) + start * itemsize
                    entry = i // rows * taps * rows + i % rows
                    for t in range(taps):
                        table[entry + t * rows] = first + t * cut.dilation * pixels * itemsize
            corner = ((image * out_height + from_y) * out_width + from_x) * out_channels
            for panel in range(panels):
                to = portion.column + panel * block_width
                for b in range(blocks):
                    weights = panel * taps * length * block_width
                    convolve(
                        kind, table, b * taps * rows, taps, length, 0, packed, weights, weights, 0, bias, to,
                        out, place, b * rows, corner + to,
                        min(block_width, portion.columns - panel * block_width), activation,
                    )  # fmt: skip

    @compiled(f"conv-few-channels-{dtype}")
    def drive(work, x, packed, bias, out, scratch, tables, places, cut, portion, taps, block, activation):
        parallel_for(
            do_bands, cut.workers, work, x, packed, bias, out, scratch, tables, places, cut, portion, taps,
            block, activation,
        )  # fmt: skip

    return drive


class Plan(NamedTuple):
    """Everything that the shapes determine."""

    kind: int  # index of the block in `blocks_of`
    block: Any
    cut: Cut
    band_numbers: int  # numbers in a band with its borders
    count: int  # results in a band, including the padding of the last block


@by_shape
def _plan(shape, kernel, result, dtype, geometry, max_threads):
    """The `Plan` for an image, a kernel (kh, kw) and a result, for at most `max_threads` threads."""
    batch, _, _, channels = shape
    extent_y, extent_x = geometry.extent(kernel)
    stride_y, stride_x = geometry.stride
    itemsize = dtype.itemsize
    out_height, out_width = result[1:3]
    kind, block = block_for(result[3], dtype)

    def numbers(band, segment):
        return ((band - 1) * stride_y + extent_y) * ((segment - 1) * stride_x + extent_x) * max(1, channels)

    segment = out_width
    while segment > 1 and numbers(1, segment) * itemsize > 4 * BAND_BYTES:
        segment = ceil_divide(segment, 2)
    wanted = max(1, batch * out_height * ceil_divide(out_width, segment) // (4 * max_threads))
    band = max(
        (b for b in range(1, min(out_height, wanted) + 1) if numbers(b, segment) * itemsize <= BAND_BYTES),
        default=1,
    )
    items = batch * ceil_divide(out_height, band) * ceil_divide(out_width, segment)
    count = ceil_divide(band * segment, block.rows) * block.rows
    band_numbers = numbers(band, segment)
    workers = max(
        1, min(max_threads, items, 16 * 2**20 // (band_numbers * itemsize + count * (kernel[0] + 1) * 8))
    )
    cut = Cut(
        band, segment, stride_y, stride_x, geometry.dilation[0], geometry.padding[0], geometry.padding[2],
        extent_y, extent_x, workers,
    )  # fmt: skip
    return Plan(kind, block, cut, band_numbers, count)


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve; parameters as for `direct.forward`."""
    if out.size == 0:
        return
    taps = weight.shape[1]
    dtype = out.dtype
    work = work_of(out.size, weight[0].size)
    max_threads = threads_for(work)
    kind, block, cut, band_numbers, count = _plan(
        x.shape, weight.shape[1:3], out.shape, dtype, geometry, max_threads
    )
    bands = scratch((cut.workers, band_numbers), dtype)
    tables, places = (scratch((cut.workers, size), np.dtype(np.int64)) for size in (count * taps, count))
    bias = padded_bias(bias, block)
    flat = weight.reshape(weight.shape[0], 1, -1)
    for portion in portions(1, out.shape[3], flat.shape[2], block, dtype.itemsize):
        key = ("few", portion)
        packed = None  # free the last portion's memory before allocating the next
        packed = cached(
            packed_cache, key, lambda portion=portion: pack(flat, ONE_TAP, False, portion, 1, block)
        )
        _driver(dtype)(
            work, x, packed, bias, out, bands, tables, places, cut, portion, taps,
            (kind, block.rows, block.width), activation,
        )  # fmt: skip


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as for `direct.input_gradient`."""
    if grad.size == 0 or not fold.input_gradient(grad, weight, bias, out, geometry, activation, packed_cache):
        direct.input_gradient(grad, weight, bias, out, geometry, activation, packed_cache)


def _work(task):
    layer, pixels = task.layer, task.pixels
    channels, (height, width) = layer.in_channels, layer.kernel
    if task.operation == WEIGHT_GRADIENT:
        return weight_gradient_work(task)
    if task.operation == INPUT_GRADIENT:
        sums = by_blocks(pixels, 1, task.taps * channels, 1, layer.out_channels)
        folded = pixels * task.taps * channels  # by bands, each of which reads all weights
        bands = folded * 4 // fold.BAND_BYTES
        return sums + Work(moved=folded * by_vectors() + bands * task.weights, packed=task.weights)
    sums = by_blocks(pixels, 1, layer.out_channels, height, width * channels)
    return sums + Work(moved=copied(task, BAND_BYTES // 4, channels), packed=task.weights)


ALGORITHM = ConvAlgorithm(
    name="few_channels",
    summary="first layers: a row of the kernel, over all channels, is one tap",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    work=_work,
)
