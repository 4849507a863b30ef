"""Convolutions as sweeps over pixels: which results are computed, and which pixels and weights each reads.

Images are volumes of depth one here, so that all have three axes.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from numgd.kernels.cpu.layers.conv.addresses import classes
from numgd.kernels.cpu.layers.conv.geometry import by_shape


class Axis(NamedTuple):
    """One axis of a sweep.

    Result i of `count` lies at ``start + i · step`` and reads, with tap j of `taps`, the source at ``i ·
    source_step + shift + j · tap_step`` and the weights at ``weight_start + j · weight_step``.
    """

    start: int
    step: int
    count: int
    source_step: int
    taps: int
    shift: int
    tap_step: int
    weight_start: int
    weight_step: int


class Sweep(NamedTuple):
    """All that a kernel must know of a sweep, as int32; axes are depth (z), height (y) and width (x)."""

    batch: int
    groups: int
    parts: int  # of a sum; each block adds up one
    slices: int  # of a part
    all_slices: int
    row_tiles: int
    column_tiles: int
    rows: int  # of the result as a matrix, in a group
    columns: int
    depth: int  # numbers in a sum
    channels: int  # of the source, in a group
    source_channels: int
    source_z: int
    source_y: int
    source_x: int
    result_channels: int
    result_z: int
    result_y: int
    result_x: int
    start_z: int
    start_y: int
    start_x: int
    step_z: int
    step_y: int
    step_x: int
    count_z: int
    count_y: int
    count_x: int
    source_step_z: int
    source_step_y: int
    source_step_x: int
    taps_z: int
    taps_y: int
    taps_x: int
    shift_z: int
    shift_y: int
    shift_x: int
    tap_step_z: int
    tap_step_y: int
    tap_step_x: int
    kernel: int  # taps of the whole kernel
    first_tap: int
    weight_step_z: int
    weight_step_y: int
    weight_step_x: int


def _forward_axes(kernel, result, geometry):
    """The axes of a convolution."""
    before = geometry.padding[::2]
    for size, count, step, dilation, first in zip(
        kernel, result, geometry.stride, geometry.dilation, before, strict=True
    ):
        yield Axis(0, 1, count, step, size, -first, dilation, 0, 1)


def _backward_axes(kernel, result, geometry):
    """For each axis, those of the sweeps of a transposed convolution: positions that the same taps read."""
    before = geometry.padding[::2]
    for size, whole, step, dilation, first in zip(
        kernel, result, geometry.stride, geometry.dilation, before, strict=True
    ):
        found = []
        for start, count, reached in classes(whole, step, dilation, first, size):
            (tap, place), (other, further) = (reached + 2 * [(0, 0)])[0], (reached + 2 * [(0, 0)])[1]
            several = len(reached) > 1
            found.append(
                Axis(
                    start, step, count, 1, len(reached), place, further - place if several else 0,
                    tap, other - tap if several else 0,
                )
            )  # fmt: skip
        yield found


def _sweep(axes, batch, weight, source, result, groups, transposed):
    """The sweep over axes; `source` and `result` are shapes (depth, height, width, channels)."""
    taps = [axis.taps for axis in axes]
    if 0 in taps:  # nothing is read; later axes must not be empty, since k is divided by their lengths
        taps = [0, 1, 1]
    kernel = weight[1:4]
    strides = kernel[1] * kernel[2], kernel[2], 1
    channels = weight[0] // groups if transposed else weight[4]
    by_field = [[getattr(axis, field) for axis in axes] for field in Axis._fields]
    start, step, count, source_step, _, shift, tap_step, weight_start, weight_step = by_field
    return Sweep(
        batch=batch, groups=groups, parts=1, slices=0, all_slices=0, row_tiles=0, column_tiles=0,
        rows=batch * int(np.prod(count)),
        columns=weight[4] if transposed else weight[0] // groups,
        depth=int(np.prod(taps)) * channels,
        channels=channels,
        source_channels=source[3], **_named("source", source[:3]),
        result_channels=result[3], **_named("result", result[:3]),
        **_named("start", start), **_named("step", step), **_named("count", count),
        **_named("source_step", source_step), **_named("taps", taps), **_named("shift", shift),
        **_named("tap_step", tap_step),
        kernel=int(np.prod(kernel)),
        first_tap=int(np.dot(weight_start, strides)),
        **_named("weight_step", [a * b for a, b in zip(weight_step, strides, strict=True)]),
    )  # fmt: skip


def _named(name, numbers):
    return {f"{name}_{axis}": number for axis, number in zip("zyx", numbers, strict=True)}


@by_shape
def forward_sweep(source, weight, result, geometry):
    """The sweep of a convolution, from shapes (batch, depth, height, width, channels)."""
    axes = tuple(_forward_axes(weight[1:4], result[1:4], geometry))
    return _sweep(axes, result[0], weight, source[1:], result[1:], geometry.groups, False)


@by_shape
def backward_sweeps(source, weight, result, geometry):
    """The sweeps of a transposed convolution, from shapes (batch, depth, height, width, channels)."""
    axes = _backward_axes(weight[1:4], result[1:4], geometry)
    return tuple(
        _sweep(chosen, result[0], weight, source[1:], result[1:], geometry.groups, True)
        for chosen in product(*axes)
    )


@by_shape
def weight_sweep(source, weight, result, geometry):
    """The sweep whose products of results and sources are summed over pixels, for the gradient of weights."""
    sweep = forward_sweep(source, weight, result, geometry)
    return sweep._replace(rows=sweep.columns, columns=sweep.depth, depth=sweep.rows)
