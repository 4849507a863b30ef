"""Direct convolution: every result is a sum over taps and channels, for any geometry.

A block of neighbouring results is summed in registers.  Its rows are pixels, whose taps are read through a
table of addresses.
"""

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import any_of, convolve_block
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of
from numgd.jit.portable import compiled, seldom
from numgd.kernels.cpu.layers.conv.addresses import fill, phases, whole_sweep
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.cost import INPUT_GRADIENT, WEIGHT_GRADIENT, Work, by_blocks
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide, work_of
from numgd.kernels.cpu.layers.conv.packing import block_for, blocks_of, cached, pack, padded_bias, portions
from numgd.kernels.cpu.layers.conv.weight_gradient import weight_gradient, weight_gradient_work
from numgd.kernels.cpu.layers.fused import PIECES


@made_once
def _driver(dtype):
    """The loop over strips of pixels and blocks of channels."""
    convolve = any_of(
        convolve_block, from_dtype(dtype), tuple((*block, PIECES) for block in blocks_of(dtype))
    )

    @seldom
    def do_item(item, source, packed, bias, zeros, out, dy, dx, sweep, portion, block, activation):
        kind, rows, block_width = block
        batch = source.shape[0]
        taps = dy.size
        itemsize = source.itemsize
        pixels = batch * sweep.count_y * sweep.count_x
        blocks = (pixels + rows - 1) // rows
        panels_per_group = (portion.columns + block_width - 1) // block_width
        columns = portion.groups * panels_per_group
        base = address_of(source)
        zero_address = address_of(zeros)
        strip, split = item // sweep.splits, item % sweep.splits
        first = strip * sweep.strip
        count = min(sweep.strip, blocks - first)
        table = np.empty(max(1, count * taps * rows), np.int64)
        targets = np.empty(count * rows, np.int64)
        fill(
            table, targets, base, zero_address, source.shape, itemsize, out.shape,
            first * rows, count, rows, pixels, dy, dx, sweep,
        )  # fmt: skip
        pace = (block_width + count - 1) // count  # the next panel comes from memory during all blocks
        for panel in range(split * columns // sweep.splits, (split + 1) * columns // sweep.splits):
            steps, place = taps * sweep.depth, panel * taps * sweep.depth * block_width
            group = portion.group + panel // panels_per_group
            begin = panel % panels_per_group * block_width
            to = group * sweep.group_channels + portion.column + begin
            for b in range(count):
                convolve(
                    kind, table, b * taps * rows, taps, sweep.depth, group * sweep.depth,
                    packed, place, place + steps * (block_width + b * pace), pace, bias, to, out, targets,
                    b * rows, to, min(block_width, portion.columns - begin), activation,
                )  # fmt: skip

    @compiled(f"conv-direct-{dtype}")
    def drive(items, work, source, packed, bias, zeros, out, dy, dx, sweep, portion, block, activation):
        parallel_for(
            do_item, items, work, source, packed, bias, zeros, out, dy, dx, sweep, portion, block, activation
        )

    return drive


def _run(source, weight, bias, out, taps, transposed, sweep, groups, activation, packed_cache):
    """All portions of one sweep; `taps` is (indices into the kernel, dy, dx)."""
    if out.size == 0 or sweep.count_y <= 0 or sweep.count_x <= 0:
        return
    chosen, dy, dx = taps
    kernel_height, kernel_width = weight.shape[1:3]
    weight = weight.reshape(weight.shape[0], kernel_height * kernel_width, weight.shape[3])
    kind, block = block_for(sweep.group_channels, out.dtype)
    drive = _driver(out.dtype)
    zeros = np.zeros(max(1, source.shape[3]), source.dtype)
    bias = padded_bias(bias, block)
    pixels = source.shape[0] * sweep.count_y * sweep.count_x
    blocks = ceil_divide(pixels, block.rows)
    work = work_of(pixels * groups * sweep.group_channels, chosen.size * sweep.depth)
    workers = threads_for(work)
    sweep = sweep._replace(strip=max(1, min(16, ceil_divide(blocks, 4 * workers))))
    strips = ceil_divide(blocks, sweep.strip)
    for portion in portions(groups, sweep.group_channels, chosen.size * sweep.depth, block, source.itemsize):
        key = ("direct", transposed, chosen.tobytes(), portion)
        packed = None  # free the last portion's memory before allocating the next

        def make(portion=portion):
            return pack(weight, chosen, transposed, portion, groups, block)

        packed = cached(packed_cache, key, make)
        columns = portion.groups * ceil_divide(portion.columns, block.width)
        splits = min(columns, ceil_divide(8 * workers, strips))
        drive(
            strips * splits,
            work,
            source,
            packed,
            bias,
            zeros,
            out,
            dy,
            dx,
            sweep._replace(splits=splits),
            portion,
            (kind, block.rows, block.width),
            activation,
        )


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve.

    Parameters
    ----------
    x : (batch, height, width, in) array
    weight : (out, kh, kw, in / groups) array
    bias : (out,) array
    out : (batch, height', width', out) array
        Overwritten.
    geometry : Geometry
    activation : int
        A code of `fused.CODES`.
    packed_cache : dict, optional
        Keeps packed weights from one call to the next.
    """
    taps, sweep = whole_sweep(out.shape, weight.shape, geometry)
    _run(x, weight, bias, out, taps, False, sweep, geometry.groups, activation, packed_cache)


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input, which is the transposed convolution; parameters as for `forward`."""
    for taps, sweep in phases(out.shape, weight.shape, geometry):
        _run(grad, weight, bias, out, taps, True, sweep, geometry.groups, activation, packed_cache)


def _work(task):
    if task.operation == WEIGHT_GRADIENT:
        return weight_gradient_work(task)
    layer, taps = task.layer, task.taps
    groups = layer.geometry.groups
    columns, depth = layer.out_channels // groups, layer.in_channels // groups
    pixels, sweeps = task.pixels, 1
    if task.operation == INPUT_GRADIENT:  # a sweep for each phase of the stride, with the taps that reach it
        sweeps = layer.geometry.stride[0] * layer.geometry.stride[1]
        taps = ceil_divide(taps, sweeps)
        columns, depth, pixels = depth, columns, task.image_pixels
    sums = by_blocks(pixels, groups, columns, taps, depth)
    return sums + Work(entries=pixels * taps, packed=task.weights, calls=sweeps)


ALGORITHM = ConvAlgorithm(
    name="direct",
    summary="any convolution: blocks of results are summed in registers, through tables of addresses",
    reason_against=lambda layer: None,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    work=_work,
)
"""Also used for 1×1 kernels, for which the micro-kernel computes a matrix product.

This is as fast as the BLAS and applies bias and activation in registers.  It also avoids the BLAS's own
threads, which would keep spinning next to numgd's.
"""
