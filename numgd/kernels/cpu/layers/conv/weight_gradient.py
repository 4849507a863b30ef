"""The gradient of the weights for any geometry: gradients times inputs, summed over pixels.

A chunk of pixels is copied into the order in which the micro-kernel reads it - the gradient in blocks of a
few output channels, the image with its borders filled with zeros in blocks of input channels - and then
serves all taps.  Chunks follow one another, and threads share the weights among them: nothing depends on
their number.

Where an image has few channels, a vector holds numbers of several taps: all that the kernel meets at a pixel
is copied together, and counts as one tap of (kh · kw · in) channels.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.micro_kernels import any_of, lanes_of, move_vector, reduce_block, register_bytes, rows_for
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable, seldom
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import Block, block_for, blocks_of
from numgd.kernels.cpu.layers.conv.shares import add_shares, shares_for

PANEL = 48
"""Output channels that are copied together at most: a multiple of every micro-kernel's rows."""

CHUNK = 2**21
"""Bytes of copies that a chunk aims at, so that they stay in the cache."""

PIXELS = 1024
"""Results in a chunk at most: sums of sums lose less to rounding."""


class Layout(NamedTuple):
    """How chunks of pixels are cut and copied."""

    images: int  # images in a chunk
    band: int  # rows of results of each
    segment: int  # results of each row
    tall: int  # rows of the image that they meet
    wide: int  # pixels of each
    stride_y: int
    stride_x: int
    dilation_y: int
    dilation_x: int
    top: int
    left: int
    groups: int
    kernel_y: int
    kernel_x: int
    panel: int  # output channels that are copied together
    columns: int  # numbers that a tap meets in a group
    merged: bool  # all taps are one
    straight: bool  # gradients are read where they are
    gathered: int  # numbers copied for it
    parts: int  # into which the output channels are dealt
    per_group: int  # output channels of a group
    inside: int  # input channels of a group
    row_blocks: int  # blocks of a group's output channels
    column_blocks: int  # blocks of columns that a tap meets in a group
    panels: int  # the same in all groups
    copied: int  # panels of the image that are copied
    slopes_panels: int  # panels of a group's output channels
    pixel_pitch: int  # numbers from a pixel, a row and a panel of the copied image to the next
    row_pitch: int
    block_pitch: int


class Chunk(NamedTuple):
    """Some pixels of the result, and what of the image they meet."""

    first: bool
    image: int
    images: int
    from_y: int
    from_x: int
    band: int
    segment: int
    tall: int
    wide: int
    pixels: int


def _blocks(dtype):
    """The compiled blocks: those of convolutions, and some whose rows are as many as few output channels."""
    rows = ((rows_for(2) // 2, 2),) if register_bytes() == 32 else ((6, 2), (8, 2), (16, 1))
    return (*blocks_of(dtype), *(Block(*size, lanes_of(dtype)) for size in rows))


@by_shape
def _block_for(columns, results, dtype):
    """Place in `_blocks` of the block for so many columns and output channels, and the block."""
    _, wanted = block_for(columns, dtype)

    def cost(item):
        block = item[1]
        return ceil_divide(results, block.rows) * (block.rows * block.vectors + 2)

    return min((item for item in enumerate(_blocks(dtype)) if item[1][1:] == wanted[1:]), key=cost)


@cache
def _drivers(dtype):
    """The loop over chunks, with all threads in each, and with a thread for each share of them."""
    lanes = lanes_of(dtype)
    move = move_vector(from_dtype(dtype), lanes)
    reduce = any_of(reduce_block, from_dtype(dtype), _blocks(dtype))

    @portable
    def copy_image(item, x, lines, right, chunk, layout, width):
        _, height, line, channels = x.shape
        zero = x.dtype.type(0.0)
        numbers = x.reshape(-1)
        panel, row = item % layout.copied, item // layout.copied
        picture, r = chunk.image + row // chunk.tall, row % chunk.tall
        y = chunk.from_y * layout.stride_y - layout.top + r
        origin = chunk.from_x * layout.stride_x - layout.left
        begin = panel * layout.block_pitch + (row // chunk.tall * layout.tall + r) * layout.row_pitch
        met = (picture * height + y) * line * channels
        # Pixels of the row that lie in the image.
        low = min(chunk.wide, max(0, -origin))
        high = max(low, min(chunk.wide, line - origin))
        if y < 0 or y >= height:
            low = high = chunk.wide
        copy = borrow(lines if layout.merged else right)[begin : begin + layout.row_pitch]
        for c in range(low * layout.pixel_pitch):
            copy[c] = zero
        for c in range(high * layout.pixel_pitch, chunk.wide * layout.pixel_pitch):
            copy[c] = zero
        if layout.merged:
            source = borrow(numbers)[max(0, met + (origin + low) * channels) :]
            target = copy[low * channels :]
            for c in range((high - low) * channels):
                target[c] = source[c]
        else:
            first = panel % layout.column_blocks * width
            count = min(width, layout.inside - first)
            met += panel // layout.column_blocks * layout.inside + first
            whole = count // lanes * lanes
            for column in range(low, high):
                start, place = met + (origin + column) * channels, begin + column * width
                for c in range(0, whole, lanes):
                    move(numbers, start + c, right, place + c)
                for c in range(whole, count):
                    right[place + c] = numbers[start + c]
                for c in range(count, width):
                    right[place + c] = zero

    @portable
    def copy_gradient(item, grad, left, chunk, layout):
        count_y, count_x, results = grad.shape[1:]
        slopes = grad.reshape(-1)
        picture, y = chunk.image + item // chunk.band, chunk.from_y + item % chunk.band
        met = ((picture * count_y + y) * count_x + chunk.from_x) * results
        for b in range(layout.groups * layout.slopes_panels):
            first = b % layout.slopes_panels * layout.panel
            count = min(layout.panel, layout.per_group - first)
            place = (b * chunk.pixels + item * chunk.segment) * layout.panel
            start = met + b // layout.slopes_panels * layout.per_group + first
            whole = count // lanes * lanes
            for _ in range(chunk.segment):
                for m in range(0, whole, lanes):
                    move(slopes, start + m, left, place + m)
                for m in range(whole, count):
                    left[place + m] = slopes[start + m]
                place += layout.panel
                start += results

    @portable
    def gather_taps(item, lines, right, chunk, layout, channels):
        piece = layout.kernel_x * channels
        # Vectors at a time: what is too much is written over by the next row of the kernel, or
        # belongs to columns that nobody reads.
        row = item // chunk.band * layout.tall + item % chunk.band * layout.stride_y
        for column in range(chunk.segment):
            place = (item * chunk.segment + column) * layout.gathered
            begin = row * layout.row_pitch + column * layout.stride_x * channels
            for k in range(layout.kernel_y):
                for c in range(0, piece, lanes):
                    move(lines, begin + c, right, place + k * piece + c)
                begin += layout.dilation_y * layout.row_pitch

    @portable
    def multiply(item, grad, left, right, gradient, chunk, layout, block):
        kind, rows, width = block
        count_y, count_x, results = grad.shape[1:]
        taps = 1 if layout.merged else layout.kernel_y * layout.kernel_x
        zero, size = grad.dtype.type(0.0), grad.itemsize
        slopes = grad.reshape(-1)
        part = item % layout.parts
        tap = item // layout.parts % taps
        panel = item // (layout.parts * taps)
        group, column = panel // layout.column_blocks, panel % layout.column_blocks * width
        count = min(width, layout.columns - column)
        table = np.empty(chunk.images * chunk.band, np.int64)
        sums = np.empty(rows * width, grad.dtype)
        origin = ((chunk.image * count_y + chunk.from_y) * count_x + chunk.from_x) * results
        base = address_of(right) + panel * layout.block_pitch * size
        runs, length, step = chunk.images * chunk.band, chunk.segment, layout.stride_x * layout.pixel_pitch
        if layout.merged:
            table[0] = base
            runs, length, step = 1, chunk.pixels, layout.gathered
        else:
            for run in range(runs):
                r = run % chunk.band * layout.stride_y + tap // layout.kernel_x * layout.dilation_y
                place = (run // chunk.band * layout.tall + r) * layout.row_pitch
                place += tap % layout.kernel_x * layout.dilation_x * layout.pixel_pitch
                table[run] = base + place * size
        blocks = layout.row_blocks
        for b in range(part * blocks // layout.parts, (part + 1) * blocks // layout.parts):
            sums[:] = zero
            if layout.straight:
                begin, pitch = address_of(slopes) + (origin + b * rows) * size, results
            else:
                begin, pitch = address_of(left) + b * rows % layout.panel * size, layout.panel
                copied_before = (group * layout.slopes_panels + b * rows // layout.panel) * chunk.pixels
                begin += copied_before * layout.panel * size
            reduce(kind, begin, pitch, table, 0, runs, length, step, sums, 0, width)
            for m in range(min(rows, layout.per_group - b * rows)):
                begin = ((group * layout.per_group + b * rows + m) * taps + tap) * layout.columns + column
                target = borrow(gradient)[begin : begin + count]
                given = borrow(sums)[m * width : m * width + count]
                if chunk.first:
                    for n in range(count):
                        target[n] = given[n]
                else:
                    for n in range(count):
                        target[n] += given[n]

    def accumulate(work, grad, x, gradient, lines, left, right, first_chunk, last_chunk, layout, block):
        # work is that of a chunk, or 0; gradient is (out · taps · columns,); left and right are the memory of
        # the copies, and lines that of the image with its borders where all taps are one.
        batch, channels = x.shape[0], x.shape[3]
        count_y, count_x = grad.shape[1:3]
        taps = 1 if layout.merged else layout.kernel_y * layout.kernel_x
        bands = (count_y + layout.band - 1) // layout.band
        segments = (count_x + layout.segment - 1) // layout.segment
        for number in range(first_chunk, last_chunk):
            from_x = number % segments * layout.segment
            from_y = number // segments % bands * layout.band
            image = number // (segments * bands) * layout.images
            images = min(layout.images, batch - image)
            band = min(layout.band, count_y - from_y)
            segment = min(layout.segment, count_x - from_x)
            tall = (band - 1) * layout.stride_y + (layout.tall - (layout.band - 1) * layout.stride_y)
            wide = (segment - 1) * layout.stride_x + (layout.wide - (layout.segment - 1) * layout.stride_x)
            chunk = Chunk(
                number == first_chunk, image, images, from_y, from_x, band, segment, tall, wide,
                images * band * segment,
            )  # fmt: skip
            items = images * tall * layout.copied
            parallel_for(copy_image, items, work, x, lines, right, chunk, layout, block[2])
            if not layout.straight:
                parallel_for(copy_gradient, images * band, work, grad, left, chunk, layout)
            if layout.merged:
                parallel_for(gather_taps, images * band, work, lines, right, chunk, layout, channels)
            items = layout.panels * taps * layout.parts
            parallel_for(multiply, items, work, grad, left, right, gradient, chunk, layout, block)

    together = compiled(f"conv-weight-gradient-{dtype}")(accumulate)
    alone = seldom(accumulate)

    @portable
    def take(worker, grad, x, partial, lines, left, right, chunks, layout, block):
        shares, workers = partial.shape[0], left.shape[0]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            first, last = share * chunks // shares, (share + 1) * chunks // shares
            alone(
                0, grad, x, partial[share], lines[worker], left[worker], right[worker], first, last, layout,
                block,
            )  # fmt: skip

    @compiled(f"conv-weight-gradient-shares-{dtype}")
    def drive(work, grad, x, partial, lines, left, right, chunks, layout, block):
        parallel_for(take, left.shape[0], work, grad, x, partial, lines, left, right, chunks, layout, block)

    return together, drive


@by_shape
def _cut(result, size, geometry, kernel, padded):
    """Images, rows and pixels of a row in a chunk, and the image's rows and pixels that they meet."""
    batch, count_y, count_x, _ = result
    down, across = geometry.stride
    tall, wide = geometry.extent(kernel)
    left, right = padded

    def met(band, segment):
        return (band - 1) * down + tall, (segment - 1) * across + wide

    def cost(images, band, segment):
        if images * band * segment > PIXELS:
            return math.inf
        a, b = met(band, segment)
        return images * size * (band * segment * left + a * b * right)

    images, band, segment = 1, 1, count_x
    while segment > 1 and cost(1, 1, segment) > 2 * CHUNK:
        segment = ceil_divide(segment, 2)
    if segment == count_x:
        band = max((b for b in range(1, count_y + 1) if cost(1, b, segment) <= CHUNK), default=1)
        band = ceil_divide(count_y, ceil_divide(count_y, band))
    if band == count_y:
        images = max((i for i in range(1, batch + 1) if cost(i, band, segment) <= CHUNK), default=1)
    return images, band, segment, *met(band, segment)


def weight_gradient(grad, x, out, geometry):
    """Compute the gradient of the weights.

    Parameters
    ----------
    grad : (batch, height', width', out) array
        The gradient of the results.
    x : (batch, height, width, in) array
    out : (out, kh, kw, in / groups) array
        Written.
    geometry : Geometry
    """
    if out.size == 0:
        return
    if grad.size == 0:
        out[:] = 0
        return
    kernel = out.shape[1:3]
    inside = out.shape[3]
    groups = geometry.groups
    per_group = out.shape[0] // groups
    merged = groups == 1 and geometry.dilation[1] == 1 and inside <= 8 and kernel != (1, 1)
    columns = inside * kernel[0] * kernel[1] if merged else inside
    kind, block = _block_for(columns, per_group, out.dtype)
    row_blocks = ceil_divide(per_group, block.rows)
    column_blocks = ceil_divide(columns, block.width)
    panel = min(PANEL, row_blocks * block.rows)
    slopes = groups * ceil_divide(per_group, panel) * panel
    gathered = column_blocks * block.width
    if merged:  # the last row's vectors do not reach the next pixel
        lanes, piece = register_bytes() // out.itemsize, inside * kernel[1]
        gathered = max(gathered, columns - piece + ceil_divide(piece, lanes) * lanes)
    # Numbers copied for a result and for a pixel of the image.
    padded = (slopes + gathered, inside) if merged else (slopes, groups * gathered)
    images, band, segment, tall, wide = _cut(grad.shape, grad.itemsize, geometry, kernel, padded)
    # Neighbours in memory already, and no row of a block is beyond the last channel.
    straight = groups == 1 and per_group <= PANEL and per_group % block.rows == 0 and segment == grad.shape[2]
    taps = 1 if merged else kernel[0] * kernel[1]
    pixel_pitch = inside if merged else block.width
    row_pitch = wide * pixel_pitch
    pitches = pixel_pitch, row_pitch, block.width if merged else images * tall * row_pitch
    work = work_of(out.size, grad.size // max(1, out.shape[0]))
    items = taps * column_blocks * groups
    layout = Layout(
        images, band, segment, tall, wide, *geometry.stride, *geometry.dilation,
        geometry.padding[0], geometry.padding[2], groups, *kernel, panel, columns, merged,
        straight, gathered,
        max(1, min(row_blocks, ceil_divide(8 * threads_for(work), items))),
        per_group, inside, row_blocks, column_blocks, groups * column_blocks,
        1 if merged else groups * column_blocks, ceil_divide(per_group, panel), *pitches,
    )  # fmt: skip
    chunks = ceil_divide(grad.shape[0], images) * ceil_divide(grad.shape[1], band)
    chunks *= ceil_divide(grad.shape[2], segment)
    pixels, met = images * band * segment, images * tall * wide
    slack = register_bytes() // out.itemsize + block.rows
    sizes = (
        met * inside + slack if merged else 1,
        1 if straight else pixels * slopes + slack,
        (pixels * gathered if merged else met * padded[1]) + slack,
    )
    chosen = (kind, block.rows, block.width)
    together, drive = _drivers(out.dtype)
    shares = shares_for(out.nbytes, chunks)
    flat = out.reshape(out.size)
    if shares == 1:
        copies = (workspace(size, out.dtype) for size in sizes)
        together(work // chunks, grad, x, flat, *copies, 0, chunks, layout, chosen)
        return
    workers = max(1, min(threads_for(work), shares, 24 * 2**20 // (sum(sizes) * out.itemsize)))
    copies = (workspace(size, out.dtype, workers) for size in sizes)
    partial = np.empty((shares, out.size), out.dtype)
    drive(work, grad, x, partial, *copies, chunks, layout, chosen)
    add_shares(partial, flat)
