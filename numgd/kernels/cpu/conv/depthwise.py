"""Depthwise convolution and narrow groups: a vector holds neighbouring channels, whole groups of them.

Where each group has as many output as input channels, and few, a channel of the result depends on the
channels of its own group alone.  They stand in the same vector: the micro-kernel turns each of a group's
channels to all lanes of the group and multiplies by the weights of that channel.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype, prange

from numgd.jit.micro_kernels import gather_lanes_any, lanes_of, reduce_lanes_any, register_bytes
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import ELEMENTWISE_FLAGS, THREADED_FLAGS, compiled
from numgd.kernels.cpu.conv.addresses import fill, phases, whole_sweep
from numgd.kernels.cpu.conv.epilogue import finish
from numgd.kernels.cpu.conv.geometry import ceil_divide, threads
from numgd.kernels.cpu.conv.packing import remembered

ROWS = 12 if register_bytes() != 32 else 6
"""Pixels of a block."""

PARTS = 128
"""Parts that the lines of results are dealt into for the gradient of the weights."""

PARTIAL = 24 * 2**20
"""Bytes that their sums may take."""

CHAIN = 512
"""Pixels that are summed before the sum is added to others, and of a line at a time."""


def widths_of(dtype):
    """Channels of a group for which there are micro-kernels."""
    return tuple(width for width in (1, 2, 4, 8) if width < lanes_of(dtype))


def taps_for(width):
    """Taps whose sums the registers hold together."""
    registers = 16 if register_bytes() == 32 else 32
    return max(1, min(9, (registers - 6) // (width + 1)))


def reason_against(kernel, inside, outside, geometry):
    """Why this algorithm does not apply, or None."""
    lanes = lanes_of(np.dtype(np.float32))
    width = inside // geometry.groups
    if inside != outside or width not in (1, 2, 4) or inside < lanes:
        return (
            f"it takes groups of 1, 2 or 4 channels, as many in as out, and at least {lanes} channels; "
            f"there are {inside} in, {outside} out and {geometry.groups} groups"
        )
    return None


@compiled("conv-depthwise-pack", ELEMENTWISE_FLAGS)
def _pack(weight, taps, transposed, lanes, packed):
    """``packed[b, t, j, n]`` for lane n of block b and channel j of its group.

    `weight` is (out, taps, width).
    """
    channels, _, width = weight.shape
    blocks = (channels + lanes - 1) // lanes
    for block in prange(blocks):
        first = min(block * lanes, channels - lanes)
        for t in range(taps.size):
            for j in range(width):
                place = ((block * taps.size + t) * width + j) * lanes
                for n in range(lanes):
                    channel = first + n
                    if transposed:
                        value = weight[channel // width * width + j, taps[t], channel % width]
                    else:
                        value = weight[channel, taps[t], j]
                    packed[place + n] = value


@cache
def _driver(dtype):
    """The loop over strips of pixels."""
    lanes = lanes_of(dtype)
    widths = widths_of(dtype)
    gather = gather_lanes_any(from_dtype(dtype), ROWS, lanes, widths)

    @compiled(f"conv-depthwise-{dtype}", THREADED_FLAGS)
    def drive(source, packed, bias, zeros, out, dy, dx, sweep, kind, width, straight, activation):
        batch, _, _, channels = source.shape
        taps = dy.size
        size = source.itemsize
        pixels = batch * sweep.count_y * sweep.count_x
        blocks = (pixels + ROWS - 1) // ROWS
        strips = (blocks + sweep.strip - 1) // sweep.strip
        panels = (channels + lanes - 1) // lanes
        base, nothing = address_of(source), address_of(zeros)
        flat = out.reshape(-1)
        for strip in prange(strips):
            first = strip * sweep.strip
            count = min(sweep.strip, blocks - first)
            table = np.empty(max(1, count * taps * ROWS), np.int64)
            targets = np.empty(count * ROWS, np.int64)
            sums = np.empty(ROWS * channels, source.dtype)
            fill(
                table, targets, base, nothing, source.shape, size, out.shape,
                first * ROWS, count, ROWS, pixels, dy, dx, sweep,
            )  # fmt: skip
            for b in range(count):
                present = min(ROWS, pixels - (first + b) * ROWS)
                # Blocks of pixels that lie together are written where they belong.
                direct = straight and present == ROWS
                for panel in range(panels):
                    shift = min(panel * lanes, channels - lanes)
                    place = panel * taps * width * lanes
                    entry = b * taps * ROWS
                    if direct:
                        start = (first + b) * ROWS * channels + shift
                        gather(kind, table, entry, taps, shift, packed, place, flat, start, channels)
                    else:
                        gather(kind, table, entry, taps, shift, packed, place, sums, shift, channels)
                if not direct:
                    for m in range(present):
                        to = targets[b * ROWS + m]
                        finish(sums, m * channels, bias, 0, flat, to, channels, activation)

    return drive


def _run(source, weight, bias, out, taps, transposed, sweep, activation, kept):
    """One sweep; `taps` is (indices into the kernel, dy, dx)."""
    if out.size == 0 or sweep.count_y <= 0 or sweep.count_x <= 0:
        return
    chosen, dy, dx = taps
    dtype = out.dtype
    channels = out.shape[3]
    width = weight.shape[3]
    lanes = lanes_of(dtype)

    def make():
        packed = np.empty(ceil_divide(channels, lanes) * chosen.size * width * lanes, dtype)
        flat = weight.reshape(channels, -1, width)
        _pack(flat, chosen, transposed, lanes, packed)
        return packed

    packed = remembered(kept, ("depthwise", transposed, chosen.tobytes()), make)
    blocks = ceil_divide(source.shape[0] * sweep.count_y * sweep.count_x, ROWS)
    strip = max(1, min(8, ceil_divide(blocks, 8 * threads())))
    together = (
        sweep.step_y == sweep.step_x == 1
        and sweep.count_y == out.shape[1]
        and (sweep.count_x == out.shape[2])
    )
    straight = together and activation == 0 and not bias.any()
    zeros = np.zeros(channels, dtype)
    kind = widths_of(dtype).index(width)
    _driver(dtype)(
        source, packed, bias, zeros, out, dy, dx, sweep._replace(strip=strip), kind, width,
        straight, activation,
    )  # fmt: skip


def forward(x, weight, bias, out, geometry, activation=0, kept=None):
    """Convolve; parameters as of `direct.forward`."""
    taps, sweep = whole_sweep(out.shape, weight.shape, geometry)
    _run(x, weight, bias, out, taps, False, sweep, activation, kept)


def input_gradient(grad, weight, bias, out, geometry, activation=0, kept=None):
    """The gradient of the input; parameters as of `direct.input_gradient`."""
    for taps, sweep in phases(out.shape, weight.shape, geometry):
        _run(grad, weight, bias, out, taps, True, sweep, activation, kept)


class Lines(NamedTuple):
    """The geometry of lines of results, and how they are dealt out."""

    stride_y: int
    stride_x: int
    low: int  # results of a line from low to high meet the image with all taps
    high: int
    parts: int
    chain: int  # lines that are summed before the sum is added to others


@cache
def _weight_driver(dtype):
    """The loop over lines of results."""
    lanes = lanes_of(dtype)
    widths = widths_of(dtype)
    together = tuple(taps_for(width) for width in widths)
    most = max(together)
    reduce = reduce_lanes_any(from_dtype(dtype), together, lanes, widths)

    @compiled(f"conv-depthwise-weight-gradient-{dtype}", THREADED_FLAGS)
    def drive(grad, x, out, zeros, partial, dy, dx, lines, kind, width, tap_count):
        # partial is (parts, blocks of channels, taps, width, lanes); out (channels, taps, width)
        batch, height, line, channels = x.shape
        count_y, count_x = grad.shape[1:3]
        size = x.itemsize
        zero = x.dtype.type(0.0)
        taps = dy.size
        groups = (taps + tap_count - 1) // tap_count
        panels = (channels + lanes - 1) // lanes
        block = tap_count * width * lanes
        from_x, from_grad, nothing = address_of(x), address_of(grad), address_of(zeros)
        total = batch * count_y
        for part in prange(lines.parts):
            sums = np.zeros(panels * groups * block, x.dtype)
            table = np.empty(most, np.int64)
            collected = borrow(partial)[part]
            collected[:] = zero
            begin, end = part * total // lines.parts, (part + 1) * total // lines.parts
            for row in range(begin, end):
                image, y = row // count_y, row % count_y
                for group in range(groups):
                    at = 0
                    while at < count_x:
                        # Results at the borders one by one, with zeros for what lies outside.
                        length = min(CHAIN, max(1, lines.high - at)) if at >= lines.low else 1
                        for t in range(tap_count):
                            tap = group * tap_count + t
                            table[t] = nothing
                            if tap < taps:
                                iy = y * lines.stride_y + dy[tap]
                                ix = at * lines.stride_x + dx[tap]
                                if 0 <= iy < height and 0 <= ix < line:
                                    table[t] = from_x + ((image * height + iy) * line + ix) * channels * size
                        slopes = from_grad + (row * count_x + at) * channels * size
                        step = lines.stride_x * channels
                        for panel in range(panels):
                            shift = min(panel * lanes, channels - lanes)
                            start = (panel * groups + group) * block
                            reduce(kind, slopes, channels, table, 0, shift, length, step, sums, start)
                        at += length
                if (row - begin) % lines.chain == lines.chain - 1 or row == end - 1:
                    for i in range(sums.size):
                        collected[i] += sums[i]
                        sums[i] = zero
        for panel in prange(panels):
            first = min(panel * lanes, channels - lanes)
            for tap in range(taps):
                for j in range(width):
                    place = ((panel * groups * tap_count + tap) * width + j) * lanes
                    for n in range(lanes):
                        value = zero
                        for part in range(lines.parts):
                            value += partial[part, place + n]
                        out[first + n, tap, j] = value

    return drive


def weight_gradient(grad, x, out, geometry):
    """The gradient of the weights; parameters as of `weight_gradient.weight_gradient`."""
    dtype = out.dtype
    channels, _, _, width = out.shape
    lanes = lanes_of(dtype)
    (taps, dy, dx), _ = whole_sweep(grad.shape, out.shape, geometry)
    count = taps_for(width)
    length = ceil_divide(channels, lanes) * ceil_divide(taps.size, count) * count * width * lanes
    lines = grad.shape[0] * grad.shape[1]
    parts = max(1, min(PARTS, lines, PARTIAL // (length * dtype.itemsize)))
    right = geometry.stride[1]
    low = max(0, ceil_divide(-int(dx.min()), right))
    high = min(grad.shape[2], (x.shape[2] - 1 - int(dx.max())) // right + 1)
    plan = Lines(*geometry.stride, low, max(low, high), parts, max(1, CHAIN // grad.shape[2]))
    partial = np.empty((parts, length), dtype)
    kind = widths_of(dtype).index(width)
    zeros = np.zeros(min(CHAIN, grad.shape[2]) * right * channels, dtype)
    flat = out.reshape(channels, -1, width)
    _weight_driver(dtype)(grad, x, flat, zeros, partial, dy, dx, plan, kind, width, count)
