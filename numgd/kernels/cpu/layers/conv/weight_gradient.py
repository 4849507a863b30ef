"""The gradient of the weights for any geometry: gradients times inputs, summed over pixels.

A chunk of pixels is copied into the order in which the micro-kernel reads it, and then serves all taps of the
kernel: the gradient in blocks of a few output channels, and the image, its border filled with zeros, in
blocks of input channels.  Either all threads work on one chunk at a time, with the weights divided among
them, or each takes shares of the chunks (`shares`); results do not depend on the number of threads.

If an image has few channels, a vector holds numbers of several taps: the (kw · in) numbers that a row of the
kernel reads are adjacent in memory, and count as one tap.  Where rows fill vectors badly and there are many
output channels, everything that the kernel reads for a result is copied together, and counts as one tap.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import (
    any_of,
    lanes_of,
    move_vector,
    reduce_block,
    rows_for,
    vector_registers,
)
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable, seldom
from numgd.jit.program import scratch
from numgd.kernels.cpu.layers.conv.cost import Work, by_blocks
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import Block, block_for, blocks_of
from numgd.kernels.cpu.layers.conv.shares import add_shares, shares_for

MAX_IN_PLACE = 48
"""Maximum number of output channels whose gradients are read in place: the rows of a block lie far apart."""

CHUNK_BYTES = 2**21
"""Target size of a chunk's copies, which should stay in the cache, in bytes."""

CHUNK_PIXELS = 1024
"""Maximum number of results in a chunk, which limits rounding errors."""


class Layout(NamedTuple):
    """How pixels are divided into chunks and copied."""

    images: int  # images in a chunk
    band: int  # rows of results of each
    segment: int  # results of each row
    in_rows: int  # rows of the image that they read
    in_columns: int  # pixels of each of these
    stride_y: int
    stride_x: int
    dilation_y: int
    dilation_x: int
    top: int
    left: int
    groups: int
    kernel_y: int
    kernel_x: int
    taps_y: int  # parts of the kernel that count as one tap each
    taps_x: int
    columns: int  # numbers that a tap reads in a group
    joined: bool  # pixels are copied as they are adjacent: a row of the kernel counts as one tap
    merged: bool  # all taps count as one
    in_place: bool  # gradients are not copied
    merged_pitch: int  # numbers from the merged tap of one result to the next
    parts: int  # parts that the output channels are divided into
    out_group: int  # output channels of a group
    in_group: int  # input channels of a group
    row_blocks: int  # blocks of a group's output channels
    column_blocks: int  # blocks of columns that a tap reads in a group
    panels: int  # blocks of columns in all groups
    image_panels: int  # panels of the image that are copied
    pixel_pitch: int  # numbers from a pixel, a row and a panel of the copied image to the next
    row_pitch: int
    block_pitch: int


class Chunk(NamedTuple):
    """Some pixels of the result, and the part of the image that they read."""

    first: bool
    image: int
    images: int
    from_y: int
    from_x: int
    band: int
    segment: int
    in_rows: int
    in_columns: int
    pixels: int


def blocks(dtype):
    """The compiled blocks: those of convolutions, and some with few rows, for few output channels."""
    rows = ((rows_for(2) // 2, 2), (6, 1)) if vector_registers() == 16 else ((6, 2), (8, 2), (6, 1), (16, 1))
    lanes = lanes_of(dtype)
    narrow = [Block(6, 1, block.lanes) for block in blocks_of(dtype) if lanes > block.lanes >= lanes // 2]
    return (*blocks_of(dtype), *(Block(*size, lanes) for size in rows), *narrow)


@by_shape
def _block_for(columns, out_channels, dtype):
    """The block for a number of columns and output channels: its index in `blocks`, and the block."""
    _, wanted = block_for(columns, dtype)

    def cost(item):
        block = item[1]
        return ceil_divide(out_channels, block.rows) * (block.rows * block.vectors + 2)

    return min((item for item in enumerate(blocks(dtype)) if item[1][1:] == wanted[1:]), key=cost)


@by_shape
def _is_worth_merging(kernel, channels, out_channels, dtype):
    """Whether merging all taps costs less than what rows of the kernel leave of vectors unused."""
    lanes, kernel_row = lanes_of(dtype), kernel[1] * channels

    def products(columns):
        _, block = _block_for(columns, out_channels, dtype)
        return (
            ceil_divide(columns, block.width) * block.vectors
            * ceil_divide(out_channels, block.rows) * block.rows
        )  # fmt: skip

    # Copying a vector takes about as long as six products, and beginning a row as twenty.
    merging = kernel[0] * (20 + 6 * ceil_divide(kernel_row, lanes))
    return products(kernel[0] * kernel_row) + merging < kernel[0] * products(kernel_row)


@cache
def _copy_image(dtype):
    """Portable function that copies one row of one panel of the image."""
    lanes = lanes_of(dtype)
    move = move_vector(from_dtype(dtype), lanes)

    @portable
    def copy_image(item, x, rows_copy, right, chunk, layout, block_width):
        _, height, width, channels = x.shape
        zero = x.dtype.type(0.0)
        numbers = x.reshape(-1)
        panel, row = item % layout.image_panels, item // layout.image_panels
        image, r = chunk.image + row // chunk.in_rows, row % chunk.in_rows
        y = chunk.from_y * layout.stride_y - layout.top + r
        origin = chunk.from_x * layout.stride_x - layout.left
        begin = panel * layout.block_pitch + (row // chunk.in_rows * layout.in_rows + r) * layout.row_pitch
        source_begin = (image * height + y) * width * channels
        # The pixels of the row that are in the image.
        low = min(chunk.in_columns, max(0, -origin))
        high = max(low, min(chunk.in_columns, width - origin))
        if y < 0 or y >= height:
            low = high = chunk.in_columns
        copy = borrow(rows_copy if layout.merged else right)[begin : begin + layout.row_pitch]
        for c in range(low * layout.pixel_pitch):
            copy[c] = zero
        for c in range(high * layout.pixel_pitch, chunk.in_columns * layout.pixel_pitch):
            copy[c] = zero
        if layout.joined:
            source = borrow(numbers)[max(0, source_begin + (origin + low) * channels) :]
            target = copy[low * channels :]
            for c in range((high - low) * channels):
                target[c] = source[c]
        else:
            first = panel % layout.column_blocks * block_width
            count = min(block_width, layout.in_group - first)
            source_begin += panel // layout.column_blocks * layout.in_group + first
            whole = count // lanes * lanes
            for column in range(low, high):
                start, place = source_begin + (origin + column) * channels, begin + column * block_width
                for c in range(0, whole, lanes):
                    move(numbers, start + c, right, place + c)
                for c in range(whole, count):
                    right[place + c] = numbers[start + c]
                for c in range(count, block_width):
                    right[place + c] = zero

    return copy_image


@cache
def _copy_pixels(real, rows, vectors, lanes):
    """Portable function that copies the `rows` channels that a block covers, of neighbouring pixels."""
    move = move_vector(real, rows)

    @portable
    def copy_pixels(numbers, start, pitch, count, left, place, pixels):
        for _ in range(pixels):
            if count >= rows:
                move(numbers, start, left, place)
            else:
                for m in range(count):
                    left[place + m] = numbers[start + m]
            start += pitch
            place += rows

    return copy_pixels


@cache
def _copy_gradient(dtype):
    """Portable function that copies one row of the gradient, into the blocks of the micro-kernel."""
    copy_pixels = any_of(_copy_pixels, from_dtype(dtype), blocks(dtype))

    @portable
    def copy_gradient(item, grad, left, chunk, layout, block):
        kind, rows, _ = block
        out_height, out_width, out_channels = grad.shape[1:]
        numbers = grad.reshape(-1)
        image, y = chunk.image + item // chunk.band, chunk.from_y + item % chunk.band
        begin = ((image * out_height + y) * out_width + chunk.from_x) * out_channels
        for b in range(layout.groups * layout.row_blocks):
            first = b % layout.row_blocks * rows
            start = begin + b // layout.row_blocks * layout.out_group + first
            place = (b * chunk.pixels + item * chunk.segment) * rows
            copy_pixels(
                kind, numbers, start, out_channels, layout.out_group - first, left, place, chunk.segment
            )

    return copy_gradient


@cache
def _merge_taps(dtype):
    """Portable function that copies everything that the kernel reads for one row of results."""
    lanes = lanes_of(dtype)
    move = move_vector(from_dtype(dtype), lanes)

    @portable
    def merge_taps(item, rows_copy, right, chunk, layout, channels):
        kernel_row = layout.kernel_x * channels
        # Whole vectors are copied.  The excess is overwritten by the next row of the kernel, or belongs to
        # columns that are never read.
        row = item // chunk.band * layout.in_rows + item % chunk.band * layout.stride_y
        for column in range(chunk.segment):
            place = (item * chunk.segment + column) * layout.merged_pitch
            begin = row * layout.row_pitch + column * layout.stride_x * channels
            for k in range(layout.kernel_y):
                for c in range(0, kernel_row, lanes):
                    move(rows_copy, begin + c, right, place + k * kernel_row + c)
                begin += layout.dilation_y * layout.row_pitch

    return merge_taps


@cache
def _multiply(dtype):
    """Portable function that adds a chunk's products, for one tap, block of columns and part of the rows."""
    reduce = any_of(reduce_block, from_dtype(dtype), blocks(dtype))

    @portable
    def multiply(item, grad, left, right, gradient, chunk, layout, block):
        kind, rows, block_width = block
        out_height, out_width, out_channels = grad.shape[1:]
        taps = layout.taps_y * layout.taps_x
        zero, size = grad.dtype.type(0.0), grad.itemsize
        numbers = grad.reshape(-1)
        part = item % layout.parts
        tap = item // layout.parts % taps
        panel = item // (layout.parts * taps)
        group, column = panel // layout.column_blocks, panel % layout.column_blocks * block_width
        count = min(block_width, layout.columns - column)
        table = np.empty(chunk.images * chunk.band, np.int64)
        sums = np.empty(rows * block_width, grad.dtype)
        origin = ((chunk.image * out_height + chunk.from_y) * out_width + chunk.from_x) * out_channels
        base = address_of(right) + panel * layout.block_pitch * size
        runs, length, step = chunk.images * chunk.band, chunk.segment, layout.stride_x * layout.pixel_pitch
        if layout.merged:
            table[0] = base
            runs, length, step = 1, chunk.pixels, layout.merged_pitch
        else:
            for run in range(runs):
                r = run % chunk.band * layout.stride_y + tap // layout.taps_x * layout.dilation_y
                place = (run // chunk.band * layout.in_rows + r) * layout.row_pitch
                place += tap % layout.taps_x * layout.dilation_x * layout.pixel_pitch
                table[run] = base + place * size
        blocks = layout.row_blocks
        for b in range(part * blocks // layout.parts, (part + 1) * blocks // layout.parts):
            sums[:] = zero
            if layout.in_place:
                begin, pitch = address_of(numbers) + (origin + b * rows) * size, out_channels
            else:
                copied_before = (group * blocks + b) * chunk.pixels * rows
                begin, pitch = address_of(left) + copied_before * size, rows
            reduce(kind, begin, pitch, table, 0, runs, length, step, sums, 0, block_width)
            for m in range(min(rows, layout.out_group - b * rows)):
                begin = ((group * layout.out_group + b * rows + m) * taps + tap) * layout.columns + column
                target = borrow(gradient)[begin : begin + count]
                addend = borrow(sums)[m * block_width : m * block_width + count]
                if chunk.first:
                    for n in range(count):
                        target[n] = addend[n]
                else:
                    for n in range(count):
                        target[n] += addend[n]

    return multiply


@portable
def _chunk_of(number, is_first, grad, layout):
    """The `Chunk` with a given number."""
    batch, out_height, out_width = grad.shape[:3]
    bands = (out_height + layout.band - 1) // layout.band
    segments = (out_width + layout.segment - 1) // layout.segment
    from_x = number % segments * layout.segment
    from_y = number // segments % bands * layout.band
    image = number // (segments * bands) * layout.images
    images = min(layout.images, batch - image)
    band = min(layout.band, out_height - from_y)
    segment = min(layout.segment, out_width - from_x)
    in_rows = (band - 1) * layout.stride_y + (layout.in_rows - (layout.band - 1) * layout.stride_y)
    in_columns = (segment - 1) * layout.stride_x + (
        layout.in_columns - (layout.segment - 1) * layout.stride_x
    )
    return Chunk(
        is_first, image, images, from_y, from_x, band, segment, in_rows, in_columns, images * band * segment
    )


@made_once
def _drivers(dtype):
    """The loop over chunks: with all threads on each chunk, or with chunks divided into shares."""
    copy_image, copy_gradient = _copy_image(dtype), _copy_gradient(dtype)
    merge_taps, multiply = _merge_taps(dtype), _multiply(dtype)

    def accumulate(work, grad, x, gradient, rows_copy, left, right, first_chunk, last_chunk, layout, block):
        # `work` is the work of a chunk, or 0; `gradient` is (out · taps · columns,).  `left` and `right` are
        # memory for the copies, and `rows_copy` for the image with its border if taps are merged.
        channels = x.shape[3]
        taps = layout.taps_y * layout.taps_x
        for number in range(first_chunk, last_chunk):
            chunk = _chunk_of(number, number == first_chunk, grad, layout)
            items = chunk.images * chunk.in_rows * layout.image_panels
            parallel_for(copy_image, items, work, x, rows_copy, right, chunk, layout, block[2])
            out_rows = chunk.images * chunk.band
            if not layout.in_place:
                parallel_for(copy_gradient, out_rows, work, grad, left, chunk, layout, block)
            if layout.merged:
                parallel_for(merge_taps, out_rows, work, rows_copy, right, chunk, layout, channels)
            items = layout.panels * taps * layout.parts
            parallel_for(multiply, items, work, grad, left, right, gradient, chunk, layout, block)

    all_threads = compiled(f"conv-weight-gradient-{dtype}")(accumulate)
    one_thread = seldom(accumulate)

    @portable
    def do_shares(worker, grad, x, partial, rows_copy, left, right, chunks, layout, block):
        shares, workers = partial.shape[0], left.shape[0]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            first, last = share * chunks // shares, (share + 1) * chunks // shares
            one_thread(
                0, grad, x, partial[share], rows_copy[worker], left[worker], right[worker], first, last,
                layout, block,
            )  # fmt: skip

    @compiled(f"conv-weight-gradient-shares-{dtype}")
    def in_shares(work, grad, x, partial, rows_copy, left, right, chunks, layout, block):
        parallel_for(
            do_shares, left.shape[0], work, grad, x, partial, rows_copy, left, right, chunks, layout, block
        )

    return all_threads, in_shares


@by_shape
def _chunk_size(result, itemsize, geometry, kernel, copied):
    """Images, rows and pixels per row in a chunk, and rows and pixels per row of the image that they read.

    `copied` says how many numbers are copied for each result and for each pixel of the image.
    """
    batch, out_height, out_width, _ = result
    stride_y, stride_x = geometry.stride
    extent_y, extent_x = geometry.extent(kernel)
    per_result, per_pixel = copied

    def read_by(band, segment):
        return (band - 1) * stride_y + extent_y, (segment - 1) * stride_x + extent_x

    def cost(images, band, segment):
        if images * band * segment > CHUNK_PIXELS:
            return math.inf
        rows, columns = read_by(band, segment)
        return images * itemsize * (band * segment * per_result + rows * columns * per_pixel)

    images, band, segment = 1, 1, out_width
    while segment > 1 and cost(1, 1, segment) > 2 * CHUNK_BYTES:
        segment = ceil_divide(segment, 2)
    if segment == out_width:
        band = max((b for b in range(1, out_height + 1) if cost(1, b, segment) <= CHUNK_BYTES), default=1)
        band = ceil_divide(out_height, ceil_divide(out_height, band))
    if band == out_height:
        images = max((i for i in range(1, batch + 1) if cost(i, band, segment) <= CHUNK_BYTES), default=1)
    return images, band, segment, *read_by(band, segment)


def weight_gradient(grad, x, out, geometry):
    """Compute the gradient of the weights.

    Parameters
    ----------
    grad : (batch, height', width', out) array
        The gradient of the results.
    x : (batch, height, width, in) array
    out : (out, kh, kw, in / groups) array
        Overwritten.
    geometry : Geometry
    """
    if out.size == 0:
        return
    if grad.size == 0:
        out[:] = 0
        return
    kernel = out.shape[1:3]
    in_group = out.shape[3]
    groups = geometry.groups
    out_group = out.shape[0] // groups
    joined = groups == 1 and geometry.dilation[1] == 1 and in_group <= 8 and kernel != (1, 1)
    merged = joined and _is_worth_merging(kernel, in_group, out_group, out.dtype)
    columns = in_group * (kernel[1] if joined else 1) * (kernel[0] if merged else 1)
    taps_yx = 1 if merged else kernel[0], 1 if joined else kernel[1]
    kind, block = _block_for(columns, out_group, out.dtype)
    row_blocks = ceil_divide(out_group, block.rows)
    column_blocks = ceil_divide(columns, block.width)
    grad_columns = groups * row_blocks * block.rows
    merged_pitch = column_blocks * block.width
    if merged:  # so that the vectors of the last row do not reach the next pixel
        lanes, kernel_row = lanes_of(out.dtype), in_group * kernel[1]
        merged_pitch = max(merged_pitch, columns - kernel_row + ceil_divide(kernel_row, lanes) * lanes)
    copied = (
        grad_columns + (merged_pitch if merged else 0),
        in_group if joined else groups * column_blocks * block.width,
    )
    images, band, segment, in_rows, in_columns = _chunk_size(
        grad.shape, grad.itemsize, geometry, kernel, copied
    )
    # They are already adjacent in memory, and no row of a block is beyond the last channel.
    in_place = (
        groups == 1 and out_group <= MAX_IN_PLACE and out_group % block.rows == 0 and segment == grad.shape[2]
    )
    taps = taps_yx[0] * taps_yx[1]
    pixel_pitch = in_group if joined else block.width
    row_pitch = in_columns * pixel_pitch
    pitches = pixel_pitch, row_pitch, block.width if joined else images * in_rows * row_pitch
    work = work_of(out.size, grad.size // max(1, out.shape[0]))
    items = taps * column_blocks * groups
    layout = Layout(
        images, band, segment, in_rows, in_columns, *geometry.stride, *geometry.dilation,
        geometry.padding[0], geometry.padding[2], groups, *kernel, *taps_yx, columns, joined, merged,
        in_place, merged_pitch,
        max(1, min(row_blocks, ceil_divide(8 * threads_for(work), items))),
        out_group, in_group, row_blocks, column_blocks, groups * column_blocks,
        1 if joined else groups * column_blocks, *pitches,
    )  # fmt: skip
    chunks = ceil_divide(grad.shape[0], images) * ceil_divide(grad.shape[1], band)
    chunks *= ceil_divide(grad.shape[2], segment)
    pixels, in_pixels = images * band * segment, images * in_rows * in_columns
    slack = block.width  # the last block of columns reaches beyond them
    sizes = (
        in_pixels * in_group + slack if merged else 1,
        1 if in_place else pixels * grad_columns,
        (pixels * merged_pitch if merged else in_pixels * copied[1]) + slack,
    )
    chosen = (kind, block.rows, block.width)
    all_threads, in_shares = _drivers(out.dtype)
    shares = shares_for(out.nbytes, chunks)
    flat = out.reshape(out.size)
    if shares == 1:
        copies = (workspace(size, out.dtype) for size in sizes)
        all_threads(work // chunks, grad, x, flat, *copies, 0, chunks, layout, chosen)
        return
    workers = max(1, min(threads_for(work), shares, 24 * 2**20 // (sum(sizes) * out.itemsize)))
    copies = (workspace(size, out.dtype, workers) for size in sizes)
    partial = scratch((shares, out.size), out.dtype)
    in_shares(work, grad, x, partial, *copies, chunks, layout, chosen)
    add_shares(partial, flat)


def weight_gradient_work(task):
    """What `weight_gradient` does for a `cost.Task`."""
    layer, groups = task.layer, task.layer.geometry.groups
    rows, columns = layer.out_channels // groups, layer.in_channels // groups
    sums = by_blocks(rows, groups, columns, task.taps, task.pixels)
    sums += Work(starts=task.pixels * (groups if groups > 1 else 0), calls=0.0)  # each group is copied apart
    if groups == 1:  # a row of the kernel may count as one tap
        joined = by_blocks(rows, 1, columns * layer.kernel[1], layer.kernel[0], task.pixels)
        sums = min(sums, joined, key=lambda work: work.steps)
    return sums + Work(moved=task.pixels * layer.out_channels, packed=task.weights)
