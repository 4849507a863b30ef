"""Winograd's algorithm for kernels of 3×3 at stride one: F(2×2, 3×3) and F(4×4, 3×3).

A tile of m×m results is ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` of the kernel g and the (m + 2)×(m + 2) pixels d that
it reads.  Summed over channels, the products ⊙ are (m + 2)² matrix products over tiles, with a quarter of the
multiplications for m = 4 (Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2016, equation
12 and sections 4.1 to 4.3).  Each thread takes a few tiles at a time, within its cache, through all stages.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import any_of, gather_block, lanes_of, sandwich_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.cost import INPUT_GRADIENT, WEIGHT_GRADIENT, Work, by_blocks, by_vectors
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import block_for, blocks_of, cached, portions
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient_work
from numgd.kernels.cpu.layers.conv.winograd_matrices import INPUT, KERNEL, RESULT, SCRATCH, TRANSFORMED
from numgd.kernels.cpu.layers.conv.winograd_weight_gradient import weight_gradient
from numgd.kernels.cpu.layers.fused import finish

FEWEST_CHANNELS = 8
"""Channels per group, in or out, below which the vectors of transforms and products are not full."""

DEPTH = 64  # input channels whose weights are transformed together


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    kernel, geometry = layer.kernel, layer.geometry
    if kernel != (3, 3):
        return f"it requires a kernel of 3×3, not {kernel[0]}×{kernel[1]}"
    if geometry.stride != (1, 1) or geometry.dilation != (1, 1):
        return "it requires stride 1 and dilation 1"
    return None


@made_once
def _weight_driver(dtype, m):
    """Transform and pack weights: ``U[ξ, g, b, c, n]``, for column n of block b in group g.

    An extra vector separates the numbers of each ξ: at a distance of a power of two they would compete for
    the same sets of the cache.
    """
    lanes = lanes_of(dtype)
    sandwich = sandwich_block(from_dtype(dtype), lanes, KERNEL[m])
    single = sandwich_block(from_dtype(dtype), 1, KERNEL[m])

    @portable
    def transform(item, weight, transposed, portion, group_channels, block_width, packed):
        # `weight` is (out, 9, in / groups).  If transposed, columns are input channels and the kernel is
        # rotated by 180°.
        depth = group_channels if transposed else weight.shape[2]
        first, columns = portion.column, portion.columns
        blocks = (columns + block_width - 1) // block_width
        parts = (depth + DEPTH - 1) // DEPTH
        zero = weight.dtype.type(0.0)
        group = item // (blocks * parts)
        block, begin = item // parts % blocks, item % parts * DEPTH
        first_row = (portion.group + group) * group_channels
        count = min(DEPTH, depth - begin)
        used = min(block_width, columns - block * block_width)
        origin = first + block * block_width
        square = np.empty(9 * DEPTH * block_width, weight.dtype)
        table = np.empty(9, np.int64)
        for tap in range(9):
            panel = borrow(square)[tap * DEPTH * block_width : (tap + 1) * DEPTH * block_width]
            table[tap] = address_of(panel)
            if used < block_width:
                panel[:] = zero
            if transposed:
                for k in range(count):
                    source = borrow(weight)[first_row + begin + k, 8 - tap, origin : origin + used]
                    target = panel[k * block_width : k * block_width + used]
                    for n in range(used):
                        target[n] = source[n]
            else:
                for low in range(0, count, 16):  # in squares, so that source and target stay in the cache
                    for n in range(used):
                        source = borrow(weight)[first_row + origin + n, tap, begin + low : begin + count]
                        target = panel[low * block_width + n :]
                        for k in range(min(16, count - low)):
                            target[k * block_width] = source[k]
        pitch = portion.groups * blocks * depth * block_width + lanes
        start = ((group * blocks + block) * depth + begin) * block_width
        whole = count * block_width // lanes * lanes
        for n in range(0, whole, lanes):
            sandwich(table, 0, n, packed, start + n, pitch)
        for n in range(whole, count * block_width):
            single(table, 0, n, packed, start + n, pitch)
        square[0] = zero  # keeps `square` alive until here

    @compiled(f"conv-winograd-weight-{m}-{dtype}")
    def drive(weight, transposed, portion, group_channels, block_width, packed):
        depth = group_channels if transposed else weight.shape[2]
        blocks = (portion.columns + block_width - 1) // block_width
        parts = (depth + DEPTH - 1) // DEPTH
        parallel_for(
            transform, portion.groups * blocks * parts, packed.size, weight, transposed, portion,
            group_channels, block_width, packed,
        )  # fmt: skip

    return drive


class Tiling(NamedTuple):
    """The tiles, and how many of them a thread processes at a time."""

    down: int
    across: int
    top: int
    left: int
    tiles: int  # at a time, a multiple of the micro-kernel's rows
    workers: int


class Sizes(NamedTuple):
    """The sizes that determine the layout of a thread's scratch memory."""

    depth: int  # input channels of a group
    channels: int  # input channels of the portion
    first_channel: int  # of the portion
    panels: int  # blocks of output channels in a group
    columns: int  # output channels of the portion, rounded up to whole blocks
    weight_pitch: int  # numbers from one point of the transformed weights to the next
    pitch: int  # from one point of the transformed images to the next
    product_pitch: int  # from one point of the products to the next


@cache
def _transform_input(dtype, m):
    """Portable function that transforms the pixels of one tile."""
    real, lanes = from_dtype(dtype), lanes_of(dtype)
    alpha = m + 2
    sandwich, sandwich_single = sandwich_block(real, lanes, INPUT[m]), sandwich_block(real, 1, INPUT[m])

    @portable
    def transform_input(t, tile, source, zeros, table, images, tiling, sizes):
        _, height, width, in_channels = source.shape
        channels, first_channel, pitch = sizes.channels, sizes.first_channel, sizes.pitch
        per_image = tiling.down * tiling.across
        image = tile // per_image
        y = tile % per_image // tiling.across * m - tiling.top
        x = tile % tiling.across * m - tiling.left
        source_address, zero_address = address_of(source), address_of(zeros)
        for i in range(alpha):
            for j in range(alpha):
                within = 0 <= y + i < height and 0 <= x + j < width
                place = ((image * height + y + i) * width + x + j) * in_channels * source.itemsize
                table[i * alpha + j] = source_address + place if within else zero_address
        if channels >= lanes:
            for c in range(0, channels - lanes + 1, lanes):
                sandwich(table, 0, first_channel + c, images, t * channels + c, pitch)
            if channels % lanes:  # the last vector overlaps the one before
                c = channels - lanes
                sandwich(table, 0, first_channel + c, images, t * channels + c, pitch)
        else:
            for c in range(channels):
                sandwich_single(table, 0, first_channel + c, images, t * channels + c, pitch)

    return transform_input


@cache
def _multiply(dtype, m):
    """Portable function that multiplies transformed tiles by transformed weights."""
    gather = any_of(gather_block, from_dtype(dtype), blocks_of(dtype))
    points = (m + 2) ** 2

    @portable
    def multiply(present, packed, table, images, products, groups, sizes, block):
        kind, rows, block_width = block
        depth, panels, columns = sizes.depth, sizes.panels, sizes.columns
        blocks = (present + rows - 1) // rows
        for t in range(blocks * rows):
            table[t] = address_of(images) + min(t, present - 1) * sizes.channels * images.itemsize
        for point in range(points):
            for panel in range(groups * panels):
                for b in range(blocks):
                    gather(
                        kind,
                        table,
                        b * rows,
                        1,
                        depth,
                        point * sizes.pitch + panel // panels * depth,
                        packed,
                        point * sizes.weight_pitch + panel * depth * block_width,
                        products,
                        point * sizes.product_pitch + b * rows * columns + panel * block_width,
                        columns,
                    )

    return multiply


@cache
def _transform_result(dtype, m):
    """Portable function that transforms the products of one tile and writes its results."""
    real, lanes = from_dtype(dtype), lanes_of(dtype)
    points = (m + 2) ** 2
    sandwich, sandwich_single = sandwich_block(real, lanes, RESULT[m]), sandwich_block(real, 1, RESULT[m])

    @portable
    def transform_result(
        t, tile, table, products, finished, bias, out, tiling, portion, group_channels, block_width, sizes,
        activation,
    ):  # fmt: skip
        columns = sizes.columns
        flat = out.reshape(-1)
        for point in range(points):
            place = point * sizes.product_pitch + t * columns
            table[point] = address_of(products) + place * products.itemsize
        whole = columns // lanes * lanes
        for c in range(0, whole, lanes):
            sandwich(table, 0, c, finished, c, columns)
        for c in range(whole, columns):
            sandwich_single(table, 0, c, finished, c, columns)
        per_image = tiling.down * tiling.across
        y, x = tile % per_image // tiling.across * m, tile % tiling.across * m
        for i in range(min(m, out.shape[1] - y)):
            for j in range(min(m, out.shape[2] - x)):
                pixel = (tile // per_image * out.shape[1] + y + i) * out.shape[2] + x + j
                for group in range(portion.groups):
                    start = (i * m + j) * columns + group * sizes.panels * block_width
                    to = (portion.group + group) * group_channels + portion.column
                    place = pixel * out.shape[3] + to
                    finish(activation, finished, start, bias, to, flat, place, portion.columns)

    return transform_result


@made_once
def _driver(dtype, m):
    """The loop over tiles."""
    lanes = lanes_of(dtype)
    points = (m + 2) ** 2
    transform_input, multiply = _transform_input(dtype, m), _multiply(dtype, m)
    transform_result = _transform_result(dtype, m)

    @portable
    def do_strips(
        worker, source, packed, bias, zeros, out, scratch, tiling, portion, group_channels, block, activation
    ):
        block_width = block[2]
        count = tiling.tiles
        panels = (portion.columns + block_width - 1) // block_width
        columns = portion.groups * panels * block_width
        depth = source.shape[3] // (out.shape[3] // group_channels)
        channels = portion.groups * depth
        # As for the weights, an extra vector separates the points.
        sizes = Sizes(
            depth, channels, portion.group * depth, panels, columns, columns * depth + lanes,
            count * channels + lanes, count * columns + lanes,
        )  # fmt: skip
        total = source.shape[0] * tiling.down * tiling.across
        strips = (total + count - 1) // count
        memory = borrow(scratch)[worker]
        images = memory[: points * sizes.pitch]
        products = memory[points * sizes.pitch : points * (sizes.pitch + sizes.product_pitch)]
        finished = memory[points * (sizes.pitch + sizes.product_pitch) :]
        table = np.empty(max(points, count), np.int64)
        for strip in range(worker, strips, tiling.workers):
            first = strip * count
            present = min(count, total - first)
            for t in range(present):
                transform_input(t, first + t, source, zeros, table, images, tiling, sizes)
            multiply(present, packed, table, images, products, portion.groups, sizes, block)
            for t in range(present):
                transform_result(
                    t, first + t, table, products, finished, bias, out, tiling, portion, group_channels,
                    block_width, sizes, activation,
                )  # fmt: skip

    @compiled(f"conv-winograd-{m}-{dtype}")
    def drive(
        work, source, packed, bias, zeros, out, scratch, tiling, portion, group_channels, block, activation
    ):
        parallel_for(
            do_strips, tiling.workers, work, source, packed, bias, zeros, out, scratch, tiling, portion,
            group_channels, block, activation,
        )  # fmt: skip

    return drive


def _convolve(m, source, weight, bias, out, padding, groups, transposed, activation, packed_cache):
    """All portions of one convolution."""
    if out.size == 0:
        return
    dtype = out.dtype
    lanes = lanes_of(dtype)
    depth, group_channels = source.shape[3] // groups, out.shape[3] // groups
    flat = weight.reshape(weight.shape[0], 9, weight.shape[3])
    kind, block = block_for(group_channels, dtype)
    points = (m + 2) ** 2
    zeros = np.zeros(max(1, source.shape[3]), dtype)
    down, across = ceil_divide(out.shape[1], m), ceil_divide(out.shape[2], m)
    total = out.shape[0] * down * across
    work = work_of(out.size, 9 * depth)
    for portion in portions(groups, group_channels, points * depth, block, dtype.itemsize, TRANSFORMED):
        panels = portion.groups * ceil_divide(portion.columns, block.width)

        def make(portion=portion, panels=panels):
            packed = workspace(points * (panels * depth * block.width + lanes), dtype)
            rows = weight.shape[0] // groups
            _weight_driver(dtype, m)(flat, transposed, portion, rows, block.width, packed)
            return packed

        packed = scratch = None  # free the last portion's memory before allocating the next
        packed = cached(packed_cache, ("winograd", m, transposed, portion), make)
        channels = portion.groups * depth
        per_tile = points * (channels + panels * block.width) * dtype.itemsize
        workers = max(
            1, min(threads_for(work), ceil_divide(total, block.rows), SCRATCH // (per_tile * block.rows))
        )
        most = max(1, min(SCRATCH // workers // per_tile, MAX_TILES) // block.rows) * block.rows
        needed = ceil_divide(ceil_divide(total, workers), block.rows) * block.rows
        tiles = min(most, needed)
        length = (
            points * (tiles * (channels + panels * block.width) + 2 * lanes) + m * m * panels * block.width
        )
        scratch = workspace(length, dtype, workers)
        tiling = Tiling(down, across, padding[0], padding[2], tiles, workers)
        chosen = (kind, block.rows, block.width)
        _driver(dtype, m)(
            work, source, packed, bias, zeros, out, scratch, tiling, portion, group_channels, chosen,
            activation,
        )  # fmt: skip


MAX_TILES = 48
"""Maximum number of tiles that a thread processes at a time."""


def forward(m, x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve by F(m×m, 3×3); other parameters as for `direct.forward`."""
    _convolve(m, x, weight, bias, out, geometry.padding, geometry.groups, False, activation, packed_cache)


def input_gradient(m, grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input: a convolution with the kernel rotated by 180°."""
    padding = geometry.mirrored((3, 3)).padding
    _convolve(m, grad, weight, bias, out, padding, geometry.groups, True, activation, packed_cache)


def _work(m, task):
    layer, groups = task.layer, task.layer.geometry.groups
    columns, depth = layer.out_channels // groups, layer.in_channels // groups
    if min(columns, depth) < FEWEST_CHANNELS:
        return None
    points = (m + 2) ** 2
    tiles = task.batch * ceil_divide(task.height, m) * ceil_divide(task.width, m)
    if task.operation == WEIGHT_GRADIENT:
        if groups != 1:
            return weight_gradient_work(task)
        sums = by_blocks(layer.out_channels, 1, layer.in_channels, points, tiles)
    elif task.operation == INPUT_GRADIENT:
        sums = by_blocks(tiles, groups, depth, points, columns)
    else:
        sums = by_blocks(tiles, groups, columns, points, depth)
    channels = layer.in_channels, layer.out_channels
    transformed = tiles * points * sum(_transformed(task.operation, count) for count in channels)
    return sums + Work(moved=transformed, packed=points * task.weights / 9)


def _transformed(operation, channels):
    """What the transforms of one number of each channel count as of `Work.moved`."""
    lanes = lanes_of(np.dtype(np.float32))
    rest = channels % lanes
    if operation == WEIGHT_GRADIENT:  # measured with AVX-512; a rest goes number by number
        return channels * (4.0 if rest else 0.8)
    return (channels - rest) * by_vectors() + rest


ALGORITHM_2 = ConvAlgorithm(
    name="winograd_2",
    summary="3×3 kernels at stride 1: F(2×2, 3×3)",
    reason_against=reason_against,
    forward=partial(forward, 2),
    input_gradient=partial(input_gradient, 2),
    weight_gradient=partial(weight_gradient, 2),
    work=partial(_work, 2),
)

ALGORITHM_4 = ConvAlgorithm(
    name="winograd_4",
    summary="3×3 kernels at stride 1: F(4×4, 3×3), which rounds a little more in float32",
    reason_against=reason_against,
    forward=partial(forward, 4),
    input_gradient=partial(input_gradient, 4),
    weight_gradient=partial(weight_gradient, 4),
    work=partial(_work, 4),
)
