"""Depthwise convolution, kernels three pixels wide at stride one: a line of results stays in registers.

A vector holds neighbouring channels.  Every number of the image is loaded once for the three results of a
line that it enters, from where it is; a line's ends, beyond which there is no image, have their own blocks.
Pixels of many channels lie pages apart, in few sets of the cache: vectors begin with lines of the cache where
they can, so that each takes one.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.micro_kernels import any_of, lanes_of, line_block, line_reduce, register_bytes
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.conv import depthwise
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.depthwise import first_channel
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.shares import MEMORY, SHARES
from numgd.kernels.cpu.layers.fused import PIECES

SUMMED = 512
"""Results whose products are summed together, for the gradient of the weights: sums of sums lose less."""


def _sizes():
    """Results of a long and of a short block."""
    return (7, 4) if register_bytes() == 32 else (14, 7)


def _sizes_apart():
    """Those of blocks that may not overlap."""
    return (*_sizes(), 1)


ENDS = ((False, False), (True, False), (False, True), (True, True))


def _kinds(dtype, sizes):
    """The compiled blocks: of each size, within a line, at its left end, at its right end, and all of it."""
    return tuple((size, lanes_of(dtype), *ends) for size in sizes for ends in ENDS)


class Lines(NamedTuple):
    """How lines of results meet the kernel's rows."""

    tall: int  # rows of the kernel
    dilation: int
    top: int
    left: int


@by_shape
def _plan(kernel, wide, geometry, apart=False):
    """The `Lines`, and the blocks that cover a line of so many results: their kinds and where they begin.

    No two blocks hold the same result where they are to be `apart`.
    """
    top, _, left, right = geometry.padding
    sizes = _sizes_apart() if apart else _sizes()
    if apart:
        chosen, begins = [], []
        while (done := sum(sizes[kind] for kind in chosen)) < wide:
            chosen.append(next(kind for kind, size in enumerate(sizes) if size <= wide - done))
            begins.append(done)
    else:
        chosen, begins = depthwise.cover(wide, sizes)
    kinds = [
        len(ENDS) * kind + ENDS.index((left == 1 and begin == 0, right == 1 and begin + sizes[kind] == wide))
        for kind, begin in zip(chosen, begins, strict=True)
    ]
    return Lines(kernel[0], geometry.dilation[0], top, left), np.array(kinds), np.array(begins)


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    lanes = lanes_of(np.dtype(np.float32))
    channels, geometry = layer.in_channels, layer.geometry
    if channels != geometry.groups or channels != layer.out_channels or channels < lanes:
        return f"it takes as many groups as channels in and out, and at least {lanes}"
    if layer.kernel[1] != 3 or geometry.stride != (1, 1) or geometry.dilation[1] != 1:
        return "it takes kernels three wide, stride 1 and dilation 1 to the right"
    if max(geometry.padding[2:]) > 1:
        return "it takes padding of at most 1 on the left and on the right"
    return None


def _back(source):
    """By how much blocks of channels begin earlier, so that those of the image begin with a cache line."""
    lanes, size = lanes_of(source.dtype), source.itemsize
    if source.shape[3] % lanes:
        return 0
    return source.ctypes.data % (lanes * size) // size


@portable
def _meet(table, source, image, y, begin, lines):
    """Fill the table with the rows of an image that results of row y meet; the first, and how many."""
    _, height, line, channels = source.shape
    first = y - lines.top
    low = 0 if first >= 0 else (-first + lines.dilation - 1) // lines.dilation
    high = min(lines.tall, max(low, (height - 1 - first) // lines.dilation + 1 if first < height else low))
    for t in range(low, high):
        row = image * height + first + t * lines.dilation
        table[t - low] = address_of(source) + (row * line + begin - lines.left) * channels * source.itemsize
    return low, max(0, high - low)


@cache
def _driver(dtype):
    """The loop over lines of results."""
    lanes = lanes_of(dtype)
    convolve = any_of(
        line_block, from_dtype(dtype), tuple((*kind, PIECES) for kind in _kinds(dtype, _sizes()))
    )

    @portable
    def take(worker, source, packed, bias, out, kinds, begins, lines, back, workers, activation):
        batch, count_y, count_x, channels = out.shape
        size = source.itemsize
        panels = (channels + back + lanes - 1) // lanes
        items = batch * count_y
        table = np.empty(lines.tall, np.int64)
        for item in range(worker * items // workers, (worker + 1) * items // workers):
            image, y = item // count_y, item % count_y
            for b in range(kinds.size):
                skipped, taps = _meet(table, source, image, y, begins[b], lines)
                target = address_of(out) + (item * count_x + begins[b]) * channels * size
                for panel in range(panels):
                    shift = first_channel(panel, lanes, back, channels)
                    place = (panel * lines.tall + skipped) * 3 * lanes
                    convolve(
                        kinds[b], table, taps, shift, channels, packed, place, bias, shift,
                        target + shift * size, channels, activation,
                    )  # fmt: skip

    @compiled(f"conv-depthwise-lines-{dtype}")
    def drive(work, source, packed, bias, out, kinds, begins, lines, back, workers, activation):
        parallel_for(
            take, workers, work, source, packed, bias, out, kinds, begins, lines, back, workers, activation
        )

    return drive


def _run(source, weight, bias, out, geometry, transposed, activation, packed_cache):
    """One convolution, with the kernel turned by 180° where `transposed`."""
    if out.size == 0:
        return
    taps = np.arange(weight.shape[1] * 3)[:: -1 if transposed else 1]
    lines, kinds, begins = _plan(weight.shape[1:3], out.shape[2], geometry)
    back = _back(source)
    packed = depthwise.packed_weights(weight, taps, False, packed_cache, back)
    work = work_of(out.size, 3 * lines.tall)
    workers = min(threads_for(work), out.shape[0] * out.shape[1])
    _driver(out.dtype)(work, source, packed, bias, out, kinds, begins, lines, back, workers, activation)


def _too_short(out):
    return out.shape[2] < _sizes()[1]


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve; parameters as of `direct.forward`."""
    if _too_short(out):
        depthwise.forward(x, weight, bias, out, geometry, activation, packed_cache)
    else:
        _run(x, weight, bias, out, geometry, False, activation, packed_cache)


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as of `direct.input_gradient`."""
    mirrored = geometry.mirrored(weight.shape[1:3])
    if _too_short(out) or min(mirrored.padding) < 0 or max(mirrored.padding[2:]) > 1:
        depthwise.input_gradient(grad, weight, bias, out, geometry, activation, packed_cache)
    else:
        _run(grad, weight, bias, out, mirrored, True, activation, packed_cache)


@cache
def _weight_driver(dtype):
    """The loop over lines of results, for the gradient of the weights."""
    lanes = lanes_of(dtype)
    reduce = any_of(line_reduce, from_dtype(dtype), _kinds(dtype, _sizes_apart()))

    @portable
    def take(worker, grad, x, partial, sums, kinds, begins, lines, back):
        # partial is (shares, blocks of channels · taps · lanes), sums (workers, the same).
        batch, count_y, count_x, channels = grad.shape
        size = x.itemsize
        zero = x.dtype.type(0.0)
        panels = (channels + back + lanes - 1) // lanes
        shares, workers = partial.shape[0], sums.shape[0]
        items = batch * count_y
        together = max(1, SUMMED // count_x)
        table = np.empty(lines.tall, np.int64)
        total = borrow(sums)[worker][: partial.shape[1]]
        for share in range(worker * shares // workers, (worker + 1) * shares // workers):
            collected = borrow(partial)[share]
            first, last = share * items // shares, (share + 1) * items // shares
            for i in range(collected.size):
                collected[i] = zero
            for begin in range(first, last, together):
                for i in range(total.size):
                    total[i] = zero
                for item in range(begin, min(begin + together, last)):
                    image, y = item // count_y, item % count_y
                    for b in range(kinds.size):
                        skipped, taps = _meet(table, x, image, y, begins[b], lines)
                        slopes = address_of(grad) + (item * count_x + begins[b]) * channels * size
                        for panel in range(panels):
                            shift = first_channel(panel, lanes, back, channels)
                            place = (panel * lines.tall + skipped) * 3 * lanes
                            reduce(kinds[b], slopes, table, taps, shift, channels, total, place)
                for i in range(total.size):
                    collected[i] += total[i]

    @compiled(f"conv-depthwise-lines-weight-gradient-{dtype}")
    def drive(work, grad, x, partial, sums, kinds, begins, lines, back):
        parallel_for(take, sums.shape[0], work, grad, x, partial, sums, kinds, begins, lines, back)

    return drive


def weight_gradient(grad, x, out, geometry):
    """The gradient of the weights; parameters as of `weight_gradient.weight_gradient`."""
    dtype, channels, tall = out.dtype, out.shape[0], out.shape[1]
    lines, kinds, begins = _plan(out.shape[1:3], grad.shape[2], geometry, apart=True)
    lanes, back = lanes_of(dtype), _back(x)
    total = ceil_divide(channels + back, lanes) * tall * 3 * lanes
    shares = max(1, min(SHARES, grad.shape[0] * grad.shape[1], MEMORY // (total * dtype.itemsize)))
    partial = np.empty((shares, total), dtype)
    work = work_of(grad.size, 3 * tall)
    sums = workspace(total, dtype, min(threads_for(work), shares))
    _weight_driver(dtype)(work, grad, x, partial, sums, kinds, begins, lines, back)
    depthwise.put_weights(partial, out, back)


ALGORITHM = ConvAlgorithm(
    name="depthwise_lines",
    summary="one group per channel, kernels three wide, stride 1: rows of results stay in registers",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    priority=40,
    worthwhile=lambda layer, batch, height, width: True,
)
