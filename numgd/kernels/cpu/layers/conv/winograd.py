"""Winograd's algorithm for kernels of 3×3 at stride one: F(2×2, 3×3) and F(4×4, 3×3).

A tile of m×m results is ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` of the kernel g and the (m + 2)×(m + 2) pixels d that
it meets; summed over channels, the products ⊙ are (m + 2)² matrix products over tiles, a quarter of the
multiplications for m = 4 (Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2016, equation
12 and sections 4.1 to 4.3).  Each thread takes some tiles at a time through all stages, within its cache.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.micro_kernels import any_of, gather_block, lanes_of, sandwich_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import block_for, blocks_of, cached, portions
from numgd.kernels.cpu.layers.conv.winograd_matrices import INPUT, KERNEL, RESULT, SCRATCH, TRANSFORMED
from numgd.kernels.cpu.layers.conv.winograd_weight_gradient import weight_gradient
from numgd.kernels.cpu.layers.fused import finish

DEPTH = 64  # input channels whose weights are transformed together


WORTHWHILE_CHANNELS = 16
"""Channels per group, in or out, below which the transforms cost more than the algorithm saves."""

WEIGHT_TILES = 24
"""Tiles whose products take as long as the transform of the weights."""


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    kernel, geometry = layer.kernel, layer.geometry
    if kernel != (3, 3):
        return f"its kernel is 3×3, not {kernel[0]}×{kernel[1]}"
    if geometry.stride != (1, 1) or geometry.dilation != (1, 1):
        return "it takes stride 1 and dilation 1"
    return None


@cache
def _weight_driver(dtype, m):
    """Transformed weights, packed: ``U[ξ, g, b, c, n]``, for column n of block b in group g.

    A line more lies between the numbers of each ξ: at powers of two they would share the cache's sets.
    """
    lanes = lanes_of(dtype)
    sandwich = sandwich_block(from_dtype(dtype), lanes, KERNEL[m])
    single = sandwich_block(from_dtype(dtype), 1, KERNEL[m])

    @portable
    def transform(item, weight, transposed, portion, per_group, width, packed):
        # weight is (out, 9, in / groups); transposed, columns are input channels and the kernel is turned by
        # 180°.
        depth = per_group if transposed else weight.shape[2]
        first, columns = portion.column, portion.columns
        blocks = (columns + width - 1) // width
        parts = (depth + DEPTH - 1) // DEPTH
        zero = weight.dtype.type(0.0)
        group = item // (blocks * parts)
        block, begin = item // parts % blocks, item % parts * DEPTH
        above = (portion.group + group) * per_group
        count = min(DEPTH, depth - begin)
        wide = min(width, columns - block * width)
        origin = first + block * width
        square = np.empty(9 * DEPTH * width, weight.dtype)
        table = np.empty(9, np.int64)
        for tap in range(9):
            panel = borrow(square)[tap * DEPTH * width : (tap + 1) * DEPTH * width]
            table[tap] = address_of(panel)
            if wide < width:
                panel[:] = zero
            if transposed:
                for k in range(count):
                    source = borrow(weight)[above + begin + k, 8 - tap, origin : origin + wide]
                    target = panel[k * width : k * width + wide]
                    for n in range(wide):
                        target[n] = source[n]
            else:
                for low in range(0, count, 16):  # in squares, so that both sides stay in the cache
                    for n in range(wide):
                        source = borrow(weight)[above + origin + n, tap, begin + low : begin + count]
                        target = panel[low * width + n :]
                        for k in range(min(16, count - low)):
                            target[k * width] = source[k]
        pitch = portion.groups * blocks * depth * width + lanes
        start = ((group * blocks + block) * depth + begin) * width
        whole = count * width // lanes * lanes
        for n in range(0, whole, lanes):
            sandwich(table, 0, n, packed, start + n, pitch)
        for n in range(whole, count * width):
            single(table, 0, n, packed, start + n, pitch)
        square[0] = zero  # held until here

    @compiled(f"conv-winograd-weight-{m}-{dtype}")
    def drive(weight, transposed, portion, per_group, width, packed):
        depth = per_group if transposed else weight.shape[2]
        blocks = (portion.columns + width - 1) // width
        parts = (depth + DEPTH - 1) // DEPTH
        parallel_for(
            transform, portion.groups * blocks * parts, packed.size, weight, transposed, portion, per_group,
            width, packed,
        )  # fmt: skip

    return drive


class Tiling(NamedTuple):
    """Which tiles there are, and how many a thread takes at a time."""

    down: int
    across: int
    top: int
    left: int
    tiles: int  # at a time, a multiple of the micro-kernel's rows
    workers: int


@cache
def _driver(dtype, m):
    """The loop over tiles."""
    real = from_dtype(dtype)
    lanes = lanes_of(dtype)
    alpha = m + 2
    points = alpha * alpha
    gather = any_of(gather_block, real, blocks_of(dtype))
    before, before_single = sandwich_block(real, lanes, INPUT[m]), sandwich_block(real, 1, INPUT[m])
    after, after_single = sandwich_block(real, lanes, RESULT[m]), sandwich_block(real, 1, RESULT[m])

    @portable
    def take(
        worker, source, packed, bias, zeros, out, scratch, tiling, portion, per_group, block, activation
    ):
        kind, rows, width = block
        batch, height, line, whole_depth = source.shape
        results = out.shape[3]
        size = source.itemsize
        count = tiling.tiles
        panels = (portion.columns + width - 1) // width
        wide = portion.groups * panels * width
        depth = whole_depth // (results // per_group)
        channels = portion.groups * depth
        skipped = portion.group * depth
        # A line more between the squares' numbers, as for the weights.
        weight_pitch = wide * depth + lanes
        pitch, product_pitch = count * channels + lanes, count * wide + lanes
        per_image = tiling.down * tiling.across
        total = batch * per_image
        strips = (total + count - 1) // count
        base = address_of(source)
        nothing = address_of(zeros)
        flat = out.reshape(-1)
        memory = borrow(scratch)[worker]
        images = memory[: points * pitch]
        products = memory[points * pitch : points * (pitch + product_pitch)]
        finished = memory[points * (pitch + product_pitch) :]
        table = np.empty(max(points, count), np.int64)
        for strip in range(worker, strips, tiling.workers):
            first = strip * count
            present = min(count, total - first)
            for t in range(present):
                tile = first + t
                image = tile // per_image
                y = tile % per_image // tiling.across * m - tiling.top
                x = tile % tiling.across * m - tiling.left
                for i in range(alpha):
                    for j in range(alpha):
                        inside = 0 <= y + i < height and 0 <= x + j < line
                        place = ((image * height + y + i) * line + x + j) * whole_depth * size
                        table[i * alpha + j] = base + place if inside else nothing
                if channels >= lanes:
                    for c in range(0, channels - lanes + 1, lanes):
                        before(table, 0, skipped + c, images, t * channels + c, pitch)
                    if channels % lanes:  # the last vector overlaps with the one before
                        c = channels - lanes
                        before(table, 0, skipped + c, images, t * channels + c, pitch)
                else:
                    for c in range(channels):
                        before_single(table, 0, skipped + c, images, t * channels + c, pitch)
            blocks = (present + rows - 1) // rows
            for t in range(blocks * rows):
                table[t] = address_of(images) + min(t, present - 1) * channels * size
            for point in range(points):
                for panel in range(portion.groups * panels):
                    for b in range(blocks):
                        gather(
                            kind,
                            table,
                            b * rows,
                            1,
                            depth,
                            point * pitch + panel // panels * depth,
                            packed,
                            point * weight_pitch + panel * depth * width,
                            products,
                            point * product_pitch + b * rows * wide + panel * width,
                            wide,
                        )
            for t in range(present):
                for point in range(points):
                    table[point] = address_of(products) + (point * product_pitch + t * wide) * size
                whole = wide // lanes * lanes
                for c in range(0, whole, lanes):
                    after(table, 0, c, finished, c, wide)
                for c in range(whole, wide):
                    after_single(table, 0, c, finished, c, wide)
                tile = first + t
                y, x = tile % per_image // tiling.across * m, tile % tiling.across * m
                for i in range(min(m, out.shape[1] - y)):
                    for j in range(min(m, out.shape[2] - x)):
                        pixel = (tile // per_image * out.shape[1] + y + i) * out.shape[2] + x + j
                        for group in range(portion.groups):
                            start = (i * m + j) * wide + group * panels * width
                            to = (portion.group + group) * per_group + portion.column
                            place = pixel * results + to
                            columns = portion.columns
                            finish(activation, finished, start, bias, to, flat, place, columns)

    @compiled(f"conv-winograd-{m}-{dtype}")
    def drive(work, source, packed, bias, zeros, out, scratch, tiling, portion, per_group, block, activation):
        parallel_for(
            take, tiling.workers, work, source, packed, bias, zeros, out, scratch, tiling, portion, per_group,
            block, activation,
        )  # fmt: skip

    return drive


def _convolve(m, source, weight, bias, out, padding, groups, transposed, activation, packed_cache):
    """All portions of one convolution."""
    if out.size == 0:
        return
    dtype = out.dtype
    depth, per_group = source.shape[3] // groups, out.shape[3] // groups
    flat = weight.reshape(weight.shape[0], 9, weight.shape[3])
    kind, block = block_for(per_group, dtype)
    points = (m + 2) ** 2
    zeros = np.zeros(max(1, source.shape[3]), dtype)
    down, across = ceil_divide(out.shape[1], m), ceil_divide(out.shape[2], m)
    total = out.shape[0] * down * across
    work = work_of(out.size, 9 * depth)
    for portion in portions(groups, per_group, points * depth, block, dtype.itemsize, TRANSFORMED):
        panels = portion.groups * ceil_divide(portion.columns, block.width)

        def make(portion=portion, panels=panels):
            packed = workspace(points * (panels * depth * block.width + lanes_of(dtype)), dtype)
            rows = weight.shape[0] // groups
            _weight_driver(dtype, m)(flat, transposed, portion, rows, block.width, packed)
            return packed

        packed = scratch = None  # the last portion's memory is free before there is another's
        packed = cached(packed_cache, ("winograd", m, transposed, portion), make)
        channels = portion.groups * depth
        per_tile = points * (channels + panels * block.width) * dtype.itemsize
        workers = max(
            1, min(threads_for(work), ceil_divide(total, block.rows), SCRATCH // (per_tile * block.rows))
        )
        most = max(1, min(SCRATCH // workers // per_tile, TILES) // block.rows) * block.rows
        needed = ceil_divide(ceil_divide(total, workers), block.rows) * block.rows
        tiles = min(most, needed)
        lanes = lanes_of(dtype)
        length = (
            points * (tiles * (channels + panels * block.width) + 2 * lanes) + m * m * panels * block.width
        )
        scratch = workspace(length, dtype, workers)
        tiling = Tiling(down, across, padding[0], padding[2], tiles, workers)
        chosen = (kind, block.rows, block.width)
        _driver(dtype, m)(
            work, source, packed, bias, zeros, out, scratch, tiling, portion, per_group, chosen, activation
        )


TILES = 48
"""Tiles that a thread takes at a time at most."""


def forward(m, x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve by F(m×m, 3×3); other parameters as of `direct.forward`."""
    _convolve(m, x, weight, bias, out, geometry.padding, geometry.groups, False, activation, packed_cache)


def input_gradient(m, grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input: a convolution with the kernel turned by 180°."""
    padding = geometry.mirrored((3, 3)).padding
    _convolve(m, grad, weight, bias, out, padding, geometry.groups, True, activation, packed_cache)


def _worthwhile(layer, batch, height, width):
    if min(layer.in_channels, layer.out_channels) < WORTHWHILE_CHANNELS * layer.geometry.groups:
        return False
    # Products for a pair of channels; transforming the weights costs as much as some tiles.
    tiles = batch * ceil_divide(height, 4) * ceil_divide(width, 4)
    return 1.3 * 36 * (tiles + WEIGHT_TILES) < 9 * batch * height * width


ALGORITHM_2 = ConvAlgorithm(
    name="winograd_2",
    summary="3×3 kernels at stride 1: F(2×2, 3×3)",
    reason_against=reason_against,
    forward=partial(forward, 2),
    input_gradient=partial(input_gradient, 2),
    weight_gradient=partial(weight_gradient, 2),
)

ALGORITHM_4 = ConvAlgorithm(
    name="winograd_4",
    summary="3×3 kernels at stride 1: F(4×4, 3×3), which rounds a little more in float32",
    reason_against=reason_against,
    forward=partial(forward, 4),
    input_gradient=partial(input_gradient, 4),
    weight_gradient=partial(weight_gradient, 4),
    priority=10,
    worthwhile=_worthwhile,
)
