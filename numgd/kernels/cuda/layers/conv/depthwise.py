"""Depthwise convolution: each channel of the result is that of one channel, with weights of its own.

There is no matrix product: each thread computes four neighbouring channels of a few pixels.  Numbers are read
from memory once and again from the cache for each tap, weights from shared memory.
"""

from functools import cache

import numpy as np
from numba import from_dtype

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide
from numgd.kernels.cuda import target
from numgd.kernels.cuda.layers.conv import products
from numgd.kernels.cuda.layers.conv.operands import carried, finished, offset_of, split, within
from numgd.kernels.cuda.layers.conv.sweeps import Sweep, backward_sweeps, forward_sweep
from numgd.kernels.cuda.memory import scratch
from numgd.kernels.cuda.target import cuda, kernel, launch, load4, store4

ACROSS, DOWN = (2, 4) if target.SIMULATED else (8, 16)
"""Threads of a block: neighbouring quadruples of channels, and pixels."""

STRIP = 4 * ACROSS
"""Channels of a block."""

MOST_TAPS = 64
"""Maximum number of taps, whose weights are in shared memory."""

BLOCKS = 4 if target.SIMULATED else 132 * 16
"""Number of blocks that keep a GPU busy."""


def applies(weight, geometry):
    """Whether weights of a shape (out, kz, ky, kx, in / groups) are those of a depthwise convolution."""
    taps = weight[1] * weight[2] * weight[3]
    return geometry.groups == weight[0] and geometry.groups > 1 and weight[4] == 1 and taps <= MOST_TAPS


def forward(x, weight, bias, out, geometry, activation):
    """The convolution of volumes."""
    sweep = forward_sweep(*products.shapes(x, weight, out), geometry)
    _sweep_over(sweep, x, weight, bias, out, activation)


def gradient_of_input(grad, weight, bias, out, geometry, activation):
    """The transposed convolution of volumes."""
    for sweep in backward_sweeps(*products.shapes(grad, weight, out), geometry):
        _sweep_over(sweep, grad, weight, bias, out, activation)


def gradient_of_weight(grad, x, out, geometry):
    """The gradient of the weights of volumes."""
    sweep = forward_sweep(*products.shapes(x, out, grad), geometry)
    strips, taps = ceil_divide(sweep.result_channels, STRIP), sweep.kernel
    parts = max(1, min(BLOCKS // (strips * taps), sweep.rows // (4 * DOWN)))
    slices = ceil_divide(sweep.rows, parts)
    parts = ceil_divide(sweep.rows, slices)
    s = sweep._replace(parts=parts, slices=slices, column_tiles=strips)
    sums = scratch(out, (parts, out.size), out.dtype)
    wide = sweep.result_channels % 4 == 0 and target.can_load4(grad, x)
    launch(
        _make_weight_gradient(out.dtype, wide), (strips * taps * parts, ACROSS * DOWN),
        products.flat(grad), products.flat(x), products.flat(sums), Sweep(*map(np.int32, s)),
    )  # fmt: skip
    products.add_parts(sums, out, products.pieces_of(out.dtype, 0))


def _sweep_over(sweep, source, weight, bias, out, activation):
    strips = ceil_divide(sweep.result_channels, STRIP)
    rows = ceil_divide(ceil_divide(sweep.rows, max(1, BLOCKS // strips)), DOWN) * DOWN
    row_tiles = ceil_divide(sweep.rows, rows)
    s = sweep._replace(slices=rows, row_tiles=row_tiles, column_tiles=strips)
    wide = sweep.result_channels % 4 == 0 and target.can_load4(source, out)
    launch(
        _make_forward(out.dtype, wide), (strips * row_tiles, ACROSS * DOWN),
        products.flat(source), products.flat(weight), products.flat(bias), products.flat(out),
        *products.pieces_of(out.dtype, activation), Sweep(*map(np.int32, s)),
    )  # fmt: skip


def _make_load(dtype, wide):
    """A function that loads four neighbouring numbers of which `left` exist."""
    zero = dtype.type(0)

    @portable
    def load_some(array, place, left):
        return (
            array[np.uint64(place)] if left > 0 else zero,
            array[np.uint64(place + 1)] if left > 1 else zero,
            array[np.uint64(place + 2)] if left > 2 else zero,
            array[np.uint64(place + 3)] if left > 3 else zero,
        )

    @portable
    def load_all(array, place, left):
        return load4(array, place)

    return load_some, load_all if wide else load_some


@cache
def _make_forward(dtype, wide):
    """The kernel of a sweep."""
    real, zero = from_dtype(dtype), dtype.type(0)
    load_some, load = _make_load(dtype, wide)
    across, down, strip, threads = ACROSS, DOWN, STRIP, ACROSS * DOWN
    capacity, alignment = MOST_TAPS * STRIP, target.SHARED_ALIGNMENT

    @kernel
    def convolve(source, weight, bias, out, slope, ceiling, s):
        shared = cuda.shared.array(capacity, real, alignment)
        thread = np.int32(cuda.threadIdx.x)
        channels = s.result_channels
        tile, first_channel = cuda.blockIdx.x // s.column_tiles, cuda.blockIdx.x % s.column_tiles * strip
        for i in range(thread, s.taps_z * s.taps_y * s.taps_x * strip, threads):
            c, jx, jy, jz = split(np.int32(i), np.int32(strip), s.taps_x, s.taps_y)
            tap = s.first_tap + jz * s.weight_step_z + jy * s.weight_step_y + jx * s.weight_step_x
            channel = first_channel + c
            shared[i] = weight[channel * s.kernel + tap] if channel < channels else zero
        cuda.syncthreads()
        mine = thread % across * 4
        channel = first_channel + mine
        left = channels - channel
        last = min((tile + 1) * s.slices, s.rows) if left > 0 else 0
        for row in range(tile * s.slices + thread // across, last, down):
            x, y, z, n = split(np.int32(row), s.count_x, s.count_y, s.count_z)
            base = np.int64(n) * (s.source_z * s.source_y * s.source_x * channels)
            a, b, c, d = load_some(bias, channel, left)
            z0, y0 = z * s.source_step_z + s.shift_z, y * s.source_step_y + s.shift_y
            x0 = x * s.source_step_x + s.shift_x
            tap = mine
            for jz in range(s.taps_z):
                for jy in range(s.taps_y):
                    for jx in range(s.taps_x):
                        zz = np.int32(z0 + jz * s.tap_step_z)
                        yy = np.int32(y0 + jy * s.tap_step_y)
                        xx = np.int32(x0 + jx * s.tap_step_x)
                        if within(zz, yy, xx, s):
                            place = base + offset_of(zz, yy, xx, np.int32(channel), s)
                            e, f, g, h = load(source, place, left)
                            p, q, r, t = load4(shared, tap)
                            a += e * p
                            b += f * q
                            c += g * r
                            d += h * t
                        tap += strip
            a, b = finished(a, slope, ceiling), finished(b, slope, ceiling)
            c, d = finished(c, slope, ceiling), finished(d, slope, ceiling)
            z, y, x = z * s.step_z + s.start_z, y * s.step_y + s.start_y, x * s.step_x + s.start_x
            pixel = ((np.int64(n) * s.result_z + z) * s.result_y + y) * s.result_x + x
            place = pixel * channels + channel
            if wide:
                store4(out, place, (a, b, c, d))
            else:
                out[np.uint64(place)] = a
                if left > 1:
                    out[np.uint64(place + 1)] = b
                if left > 2:
                    out[np.uint64(place + 2)] = c
                if left > 3:
                    out[np.uint64(place + 3)] = d

    return convolve


@cache
def _make_weight_gradient(dtype, wide):
    """The kernel of the gradient of weights: a block sums the products of one tap over some pixels."""
    real, zero = from_dtype(dtype), dtype.type(0)
    _, load = _make_load(dtype, wide)
    across, down, strip = ACROSS, DOWN, STRIP
    shape = 4, ACROSS * DOWN

    @kernel
    def sum_products(grad, source, out, s):
        sums = cuda.shared.array(shape, real)
        thread = np.int32(cuda.threadIdx.x)
        channels = s.result_channels
        tap, tile, part, _ = split(np.int32(cuda.blockIdx.x), s.kernel, s.column_tiles, s.parts)
        jx, jy, jz, _ = split(tap, s.taps_x, s.taps_y, s.taps_z)
        z0, y0 = s.shift_z + jz * s.tap_step_z, s.shift_y + jy * s.tap_step_y
        x0 = s.shift_x + jx * s.tap_step_x
        channel = np.int32(tile * strip + thread % across * 4)
        left = channels - channel
        first, last = part * s.slices + thread // across, min((part + 1) * s.slices, s.rows)
        x, y, z, n = split(np.int32(first), s.count_x, s.count_y, s.count_z)
        a, b, c, d = zero, zero, zero, zero
        for row in range(first, last if left > 0 else 0, down):
            zz = np.int32(z * s.source_step_z + z0)
            yy = np.int32(y * s.source_step_y + y0)
            xx = np.int32(x * s.source_step_x + x0)
            if within(zz, yy, xx, s):
                base = np.int64(n) * (s.source_z * s.source_y * s.source_x * channels)
                e, f, g, h = load(source, base + offset_of(zz, yy, xx, channel, s), left)
                p, q, r, t = load(grad, np.int64(row) * channels + channel, left)
                a += e * p
                b += f * q
                c += g * r
                d += h * t
            x, y, z, n = carried(np.int32(x + down), y, z, n, s.count_x, s.count_y, s.count_z)
        sums[0, thread], sums[1, thread], sums[2, thread], sums[3, thread] = a, b, c, d
        cuda.syncthreads()
        if thread < strip:  # each adds up one channel
            channel = np.int32(tile * strip + thread)
            if channel < channels:
                total = zero
                for k in range(down):
                    total += sums[thread % 4, k * across + thread // 4]
                out[(np.int64(part) * channels + channel) * s.kernel + tap] = total

    return sum_products
