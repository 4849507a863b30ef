"""Depthwise convolution with kernels three pixels wide at stride one: rows of results stay in registers.

A vector holds neighbouring channels.  Every number of the image is loaded once, without a copy, for the three
results of a row that it contributes to.  The ends of a row, beyond which there is no image, have their own
blocks.  Pixels with many channels are memory pages apart and compete for few sets of the cache: vectors are
aligned to cache lines where possible, so that each occupies only one line.
"""

from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import any_of, lanes_of, line_block, line_reduce, vector_registers
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow, fetch
from numgd.jit.portable import compiled, portable
from numgd.jit.program import scratch
from numgd.jit.streaming import LARGE, finish_streams, stream
from numgd.kernels.cpu.layers.conv import depthwise
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.depthwise import first_channel
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.shares import MAX_BYTES, MAX_SHARES
from numgd.kernels.cpu.layers.fused import PIECES

MAX_SUMMED = 512
"""Maximum number of results in a partial sum of the weight gradient, which limits rounding errors."""


BEYOND_CACHE = 2**21
"""Bytes of all images from which on rows are prefetched.

The vectors of neighbouring pixels are too far apart for the processor's own prefetching.
"""


def line_sizes():
    """Number of results in a long and in a short block."""
    return (7, 4) if vector_registers() == 16 else (14, 7)


def disjoint_sizes():
    """Number of results in each size of block, for blocks that must not overlap."""
    return (*line_sizes(), 1)


ENDS = ((False, False), (True, False), (False, True), (True, True))


def line_blocks(dtype, sizes):
    """The compiled blocks of each size: inside a row, at its left end, at its right end, and a whole row."""
    return tuple((size, lanes_of(dtype), *ends) for size in sizes for ends in ENDS)


class Lines(NamedTuple):
    """How rows of results read rows of the image."""

    kernel_height: int  # rows of the kernel
    dilation: int
    top: int
    left: int


@by_shape
def _plan(kernel, out_width, geometry, disjoint=False):
    """The `Lines`, and the kinds and first results of the blocks that cover a row of results.

    With `disjoint`, no two blocks contain the same result.
    """
    top, _, left, right = geometry.padding
    sizes = disjoint_sizes() if disjoint else line_sizes()
    if disjoint:
        chosen, begins = [], []
        while (done := sum(sizes[kind] for kind in chosen)) < out_width:
            chosen.append(next(kind for kind, size in enumerate(sizes) if size <= out_width - done))
            begins.append(done)
    else:
        chosen, begins = depthwise.cover(out_width, sizes)
    kinds = [
        len(ENDS) * kind
        + ENDS.index((left == 1 and begin == 0, right == 1 and begin + sizes[kind] == out_width))
        for kind, begin in zip(chosen, begins, strict=True)
    ]
    return Lines(kernel[0], geometry.dilation[0], top, left), np.array(kinds), np.array(begins)


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    lanes = lanes_of(np.dtype(np.float32))
    channels, geometry = layer.in_channels, layer.geometry
    if channels != geometry.groups or channels != layer.out_channels or channels < lanes:
        return f"it requires groups of one channel, as many out as in, and at least {lanes}"
    if layer.kernel[1] != 3 or geometry.stride != (1, 1) or geometry.dilation[1] != 1:
        return "it requires kernels three pixels wide, stride 1 and horizontal dilation 1"
    if max(geometry.padding[2:]) > 1:
        return "it requires horizontal padding of at most 1"
    return None


def _lead(source):
    """Number of channels by which blocks begin early, to align them to cache lines in the image."""
    lanes, size = lanes_of(source.dtype), source.itemsize
    if source.shape[3] % lanes:
        return 0
    return source.ctypes.data % (lanes * size) // size


@portable
def _rows_read(table, source, image, y, begin, lines):
    """Fill the table with the image rows that result row y reads; return the first tap, and their number."""
    _, height, width, channels = source.shape
    first = y - lines.top
    low = 0 if first >= 0 else (-first + lines.dilation - 1) // lines.dilation
    high = min(
        lines.kernel_height, max(low, (height - 1 - first) // lines.dilation + 1 if first < height else low)
    )
    for t in range(low, high):
        row = image * height + first + t * lines.dilation
        table[t - low] = address_of(source) + (row * width + begin - lines.left) * channels * source.itemsize
    return low, max(0, high - low)


@portable
def _fetch(address, length):
    """Prefetch `length` bytes."""
    for place in range(address, address + length, 64):
        fetch(place)


@made_once
def _driver(dtype):
    """The loop over rows of results."""
    lanes = lanes_of(dtype)
    convolve = any_of(
        line_block, from_dtype(dtype), tuple((*kind, PIECES) for kind in line_blocks(dtype, line_sizes()))
    )

    long, short = line_sizes()

    @portable
    def do_lines(worker, source, packed, bias, out, kinds, begins, lines, lead, large, workers, activation):
        batch, out_height, out_width, channels = out.shape
        size = source.itemsize
        panels = (channels + lead + lanes - 1) // lanes
        items = batch * out_height
        table = np.empty(lines.kernel_height, np.int64)
        far = source.size * size >= BEYOND_CACHE
        scratch, results = np.empty(long * channels if large else 0, out.dtype), borrow(out.reshape(-1))
        for item in range(worker * items // workers, (worker + 1) * items // workers):
            image, y = item // out_height, item % out_height
            for b in range(kinds.size):
                first_tap, taps = _rows_read(table, source, image, y, begins[b], lines)
                begin = (item * out_width + begins[b]) * channels
                target = address_of(scratch) if large else address_of(out) + begin * size
                if far and taps > 0:  # what this block of the next row reads first
                    _fetch(table[taps - 1] + source.shape[2] * channels * size, long * channels * size)
                for panel in range(panels):
                    shift = first_channel(panel, lanes, lead, channels)
                    place = (panel * lines.kernel_height + first_tap) * 3 * lanes
                    convolve(
                        kinds[b], table, taps, shift, channels, packed, place, bias, shift,
                        target + shift * size, channels, activation,
                    )  # fmt: skip
                if large:
                    count = (long if kinds[b] < len(ENDS) else short) * channels
                    stream(results[begin : begin + count], borrow(scratch)[:count])
        finish_streams()

    @compiled(f"conv-depthwise-lines-{dtype}")
    def drive(work, source, packed, bias, out, kinds, begins, lines, lead, large, workers, activation):
        parallel_for(
            do_lines, workers, work, source, packed, bias, out, kinds, begins, lines, lead, large, workers,
            activation,
        )  # fmt: skip

    return drive


def _run(source, weight, bias, out, geometry, transposed, activation, packed_cache):
    """One convolution, with the kernel rotated by 180° if `transposed`."""
    if out.size == 0:
        return
    taps = np.arange(weight.shape[1] * 3)[:: -1 if transposed else 1]
    lines, kinds, begins = _plan(weight.shape[1:3], out.shape[2], geometry)
    lead = _lead(source)
    packed = depthwise.packed_weights(weight, taps, False, packed_cache, lead)
    work = work_of(out.size, 3 * lines.kernel_height)
    workers = min(threads_for(work), out.shape[0] * out.shape[1])
    large = out.nbytes >= LARGE
    _driver(out.dtype)(
        work, source, packed, bias, out, kinds, begins, lines, lead, large, workers, activation
    )


def _too_short(out):
    return out.shape[2] < line_sizes()[1]


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve; parameters as for `direct.forward`."""
    if _too_short(out):
        depthwise.forward(x, weight, bias, out, geometry, activation, packed_cache)
    else:
        _run(x, weight, bias, out, geometry, False, activation, packed_cache)


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as for `direct.input_gradient`."""
    mirrored = geometry.mirrored(weight.shape[1:3])
    if _too_short(out) or min(mirrored.padding) < 0 or max(mirrored.padding[2:]) > 1:
        depthwise.input_gradient(grad, weight, bias, out, geometry, activation, packed_cache)
    else:
        _run(grad, weight, bias, out, mirrored, True, activation, packed_cache)


@made_once
def _weight_driver(dtype):
    """The loop over rows of results, for the gradient of the weights."""
    lanes = lanes_of(dtype)
    reduce = any_of(line_reduce, from_dtype(dtype), line_blocks(dtype, disjoint_sizes()))

    @portable
    def do_lines(worker, grad, x, partial, sums, kinds, begins, lines, lead):
        # `partial` is (shares, blocks of channels · taps · lanes), `sums` (workers, the same).
        batch, out_height, out_width, channels = grad.shape
        size = x.itemsize
        zero = x.dtype.type(0.0)
        panels = (channels + lead + lanes - 1) // lanes
        shares, workers = partial.shape[0], sums.shape[0]
        items = batch * out_height
        together = max(1, MAX_SUMMED // out_width)
        table = np.empty(lines.kernel_height, np.int64)
        total = borrow(sums)[worker][: partial.shape[1]]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            share_sums = borrow(partial)[share]
            first, last = share * items // shares, (share + 1) * items // shares
            for i in range(share_sums.size):
                share_sums[i] = zero
            for begin in range(first, last, together):
                for i in range(total.size):
                    total[i] = zero
                for item in range(begin, min(begin + together, last)):
                    image, y = item // out_height, item % out_height
                    for b in range(kinds.size):
                        first_tap, taps = _rows_read(table, x, image, y, begins[b], lines)
                        grad_address = address_of(grad) + (item * out_width + begins[b]) * channels * size
                        for panel in range(panels):
                            shift = first_channel(panel, lanes, lead, channels)
                            place = (panel * lines.kernel_height + first_tap) * 3 * lanes
                            reduce(kinds[b], grad_address, table, taps, shift, channels, total, place)
                for i in range(total.size):
                    share_sums[i] += total[i]

    @compiled(f"conv-depthwise-lines-weight-gradient-{dtype}")
    def drive(work, grad, x, partial, sums, kinds, begins, lines, lead):
        parallel_for(do_lines, sums.shape[0], work, grad, x, partial, sums, kinds, begins, lines, lead)

    return drive


def weight_gradient(grad, x, out, geometry):
    """The gradient of the weights; parameters as for `weight_gradient.weight_gradient`."""
    dtype, channels, kernel_height = out.dtype, out.shape[0], out.shape[1]
    lines, kinds, begins = _plan(out.shape[1:3], grad.shape[2], geometry, disjoint=True)
    lanes, lead = lanes_of(dtype), _lead(x)
    total = ceil_divide(channels + lead, lanes) * kernel_height * 3 * lanes
    shares = max(1, min(MAX_SHARES, grad.shape[0] * grad.shape[1], MAX_BYTES // (total * dtype.itemsize)))
    partial = scratch((shares, total), dtype)
    work = work_of(grad.size, 3 * kernel_height)
    sums = workspace(total, dtype, min(threads_for(work), shares))
    _weight_driver(dtype)(work, grad, x, partial, sums, kinds, begins, lines, lead)
    depthwise.write_weights(partial, out, lead)


ALGORITHM = ConvAlgorithm(
    name="depthwise_lines",
    summary="one group per channel, kernels three wide, stride 1: rows of results stay in registers",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    work=depthwise.vectors_work,
)
