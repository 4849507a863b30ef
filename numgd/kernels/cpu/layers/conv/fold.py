"""The gradient of images with few channels: what each result gives to its window is added up in the image.

A result's gradient times the weights is a gradient for everything that the kernel reads for the result: a
matrix product for all results, whose columns are the numbers of the whole kernel, not the few channels of a
pixel.  A row of the kernel is a run of neighbouring numbers in the image, to which its part of the product
is added (`torch.nn.Fold`, also known as col2im).  An item of work is a band of rows of an image; results that
contribute to two bands are computed once for each.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import add_vector, any_of, gather_block, lanes_of
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.conv.geometry import WORKSPACE, by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import (
    ONE_TAP,
    block_for,
    blocks_of,
    cached,
    copy_rows,
    pack,
    portions,
)
from numgd.kernels.cpu.layers.fused import finish

ITEMS = 32
"""About how many bands all images together are divided into, if these are tall enough."""

BAND_EXTENTS = 4
"""Minimum height of a band, in heights of the kernel, unless it would be too large."""

BAND_BYTES = 2**20
"""Maximum size of a band that has more than one row, in bytes."""


class Fold(NamedTuple):
    """How images are divided into bands, and how the kernel moves."""

    workers: int
    bands: int  # of an image
    band: int  # rows of an image
    row: int  # numbers in a row of a band, with the border
    panels: int  # blocks of columns of the packed weights
    kernel_y: int
    kernel_row: int  # numbers of the image that a row of the kernel contributes to
    padded_row: int  # the same as a multiple of a vector
    stride_y: int
    stride_x: int
    dilation_y: int
    extent_y: int  # rows that the kernel spans
    top: int
    left: int


@made_once
def _driver(dtype):
    """The loop over bands."""
    lanes = lanes_of(dtype)
    gather, add = (
        any_of(gather_block, from_dtype(dtype), blocks_of(dtype)),
        add_vector(from_dtype(dtype), lanes),
    )

    @portable
    def do_bands(worker, grad, packed, bias, out, bands, products, fold, block, activation):
        kind, rows, block_width = block
        out_height, out_width, depth = grad.shape[1:]
        batch, height, width, channels = out.shape
        pitch = fold.panels * block_width
        table, flat = np.empty(rows, np.int64), out.reshape(-1)
        scratch, product = borrow(bands)[worker], borrow(products)[worker]
        plain = activation == 0  # tested here: what Python finds out is not repeated in a recorded program
        for c in range(channels):
            plain = plain and bias[c] == 0
        items = batch * fold.bands
        for item in range(worker * items // fold.workers, (worker + 1) * items // fold.workers):
            image, begin = item // fold.bands, item % fold.bands * fold.band
            end = min(begin + fold.band, height)
            scratch[:] = grad.dtype.type(0)
            # The rows of results that contribute to this band.
            first_y = max(0, -((fold.extent_y - 1 - begin - fold.top) // fold.stride_y))
            last_y = min(out_height, (end - 1 + fold.top) // fold.stride_y + 1)
            base = address_of(grad) + (image * out_height + first_y) * out_width * depth * grad.itemsize
            pixels = (last_y - first_y) * out_width
            y, x = first_y * fold.stride_y - fold.top - begin, 0
            for first in range(0, pixels, rows):
                for m in range(rows):  # the last block is padded with the last result
                    table[m] = base + min(first + m, pixels - 1) * depth * grad.itemsize
                for panel in range(fold.panels):
                    place, start = panel * depth * block_width, panel * block_width
                    gather(kind, table, 0, 1, depth, 0, packed, place, product, start, pitch)
                for m in range(min(rows, pixels - first)):
                    for k in range(fold.kernel_y):
                        row = y + k * fold.dilation_y
                        if 0 <= row < end - begin:
                            start = m * pitch + k * fold.padded_row
                            to = row * fold.row + x * fold.stride_x * channels
                            for c in range(0, fold.kernel_row, lanes):
                                add(product, start + c, fold.kernel_row - c, scratch, to + c)
                    x += 1
                    if x == out_width:
                        y, x = y + fold.stride_y, 0
            for row in range(end - begin):
                start, place = row * fold.row + fold.left * channels, image * height + begin + row
                if plain:
                    source, target = (
                        scratch[start : start + width * channels],
                        flat[place * width * channels :],
                    )
                    for c in range(width * channels):
                        target[c] = source[c]
                    continue
                for x in range(width):
                    to = (place * width + x) * channels
                    finish(activation, scratch, start + x * channels, bias, 0, flat, to, channels)

    @compiled(f"conv-fold-{dtype}")
    def drive(work, grad, packed, bias, out, bands, products, fold, block, activation):
        parallel_for(
            do_bands, fold.workers, work, grad, packed, bias, out, bands, products, fold, block, activation
        )

    return drive


class Plan(NamedTuple):
    """Everything that the shapes determine."""

    kind: int  # index of the block in `blocks_of`
    block: Any
    portion: Any  # of the weights: all of them
    fold: Fold
    band_numbers: int  # numbers in a band with its border
    product_numbers: int  # numbers in the products of a block of results


@by_shape
def _plan(shape, kernel, image, dtype, geometry, max_threads):
    """The `Plan` for a gradient and an image of these shapes; None if it would need too much memory."""
    _, _, out_width, depth = shape
    batch, height, width, channels = image
    stride_y, stride_x = geometry.stride
    extent_y, extent_x = geometry.extent(kernel)
    top, _, left, _ = geometry.padding
    lanes = lanes_of(dtype)
    kernel_row = kernel[1] * channels
    padded_row = ceil_divide(kernel_row, lanes) * lanes
    columns = kernel[0] * padded_row
    kind, block = block_for(columns, dtype, whole=True)
    whole, *others = portions(1, columns, depth, block, dtype.itemsize)
    most = max(1, height // (BAND_EXTENTS * extent_y))
    row = max((out_width - 1) * stride_x + extent_x, left + width) * channels
    fitting = max(1, BAND_BYTES // (row * dtype.itemsize))
    band = min(fitting, ceil_divide(height, min(most, ceil_divide(ITEMS, batch))))
    band_numbers = band * row + padded_row
    panels = ceil_divide(columns, block.width)
    product_numbers = block.rows * panels * block.width
    each = (band_numbers + product_numbers) * dtype.itemsize
    if others or each > WORKSPACE // 4:
        return None
    bands = ceil_divide(height, band)
    workers = max(1, min(max_threads, batch * bands, WORKSPACE // 4 // each))
    fold = Fold(
        workers, bands, band, row, panels, kernel[0], kernel_row, padded_row, stride_y, stride_x,
        geometry.dilation[0], extent_y, top, left,
    )  # fmt: skip
    return Plan(kind, block, whole, fold, band_numbers, product_numbers)


def input_gradient(grad, weight, bias, out, geometry, activation, packed_cache):
    """The gradient of the input, with parameters as for `direct.input_gradient`; whether it was computed.

    The horizontal dilation is 1, and there is a single group.
    """
    work = work_of(grad.size, weight[0].size)
    plan = _plan(grad.shape, weight.shape[1:3], out.shape, out.dtype, geometry, threads_for(work))
    if plan is None:
        return False
    kind, block, portion, fold, band_numbers, product_numbers = plan

    def make():
        padded = np.zeros((*weight.shape[:2], fold.padded_row), weight.dtype)
        copy_rows(weight.reshape(-1, fold.kernel_row), padded.reshape(-1, fold.padded_row))
        return pack(padded.reshape(weight.shape[0], 1, -1), ONE_TAP, True, portion, 1, block)

    packed = cached(packed_cache, ("fold", portion), make)
    bands = workspace(band_numbers, out.dtype, fold.workers)
    products = workspace(product_numbers, out.dtype, fold.workers)
    _driver(out.dtype)(
        work, grad, packed, bias, out, bands, products, fold, (kind, block.rows, block.width), activation
    )
    return True
