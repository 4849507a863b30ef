"""Packs weights in the order in which micro-kernels read them, in portions that fit into the workspace."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import (
    SQUARE,
    lanes_of,
    move_vector,
    register_bytes,
    rows_for,
    transpose_square,
)
from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable
from numgd.jit.program import preparing
from numgd.kernels.cpu.layers.conv.geometry import WORKSPACE, by_shape, ceil_divide, workspace


class Block(NamedTuple):
    """Size of a micro-kernel's block of sums: `rows` by `vectors` of `lanes` numbers."""

    rows: int
    vectors: int
    lanes: int

    @property
    def width(self):
        """Columns of the block."""
        return self.vectors * self.lanes

    @property
    def products(self):
        """Multiply-adds of vectors in one step of a block."""
        return self.rows * self.vectors

    @property
    def loads(self):
        """Loads in one step: a factor per row, and a vector per column."""
        return self.rows + self.vectors


ONE_TAP = np.zeros(1, np.int64)
"""The taps of weights that are packed as if all those of a channel belonged to one tap."""


class Portion(NamedTuple):
    """A range of groups, and a range of the output channels of each."""

    group: int
    groups: int
    column: int
    columns: int


@cache
def blocks_of(dtype):
    """The blocks that are compiled for a dtype: wide ones first, then those narrower than a register.

    Only registers of 64 bytes have narrower ones: many processors compute with these in two halves.
    """
    lanes = lanes_of(dtype)
    narrow = [lanes >> i for i in range(1, 5) if lanes >> i >= 4 and register_bytes() == 64]
    # The widest block that has as many rows, so that its loads are few compared with its products.
    widest = max(vectors for vectors in (2, 3, 4) if rows_for(vectors) >= vectors)
    return tuple(
        [Block(rows_for(vectors), vectors, lanes) for vectors in sorted({widest, 2, 1}, reverse=True)]
        + [Block(rows_for(1), 1, few) for few in narrow]
    )


@by_shape
def block_for(columns, dtype, whole=False):
    """The fastest block for a number of columns: its index in `blocks_of`, and the block.

    With `whole`, blocks narrower than a register are excluded.
    """
    lanes = lanes_of(np.dtype(dtype))

    def cost(item):
        block = item[1]
        share = max(0.5, block.lanes / lanes)  # one of two halves is saved
        return ceil_divide(columns, block.width) * share * max(block.products, block.loads) / block.rows

    found = enumerate(blocks_of(np.dtype(dtype)))
    return min((item for item in found if item[1].lanes == lanes or not whole), key=cost)


@by_shape
def portions(groups, columns, depth, block, itemsize, limit=WORKSPACE // 2):
    """Portions whose packed weights, with `depth` numbers per column, take at most `limit` bytes."""
    return tuple(_portions(groups, columns, depth, block, itemsize, limit))


def _portions(groups, columns, depth, block, itemsize, limit):
    panel = max(1, depth * block.width * itemsize)
    panels = ceil_divide(columns, block.width)
    if panel * panels <= limit:
        step = max(1, limit // max(1, panel * panels))
        for group in range(0, groups, step):
            yield Portion(group, min(step, groups - group), 0, columns)
        return
    step = max(1, limit // panel) * block.width
    for group in range(groups):
        for column in range(0, columns, step):
            yield Portion(group, 1, column, min(step, columns - column))


@made_once
def _packer(dtype):
    """The compiled function that fills ``packed[g, b, t, k, n]``: see `pack`."""
    lanes = lanes_of(dtype)
    move = move_vector(from_dtype(dtype), lanes)

    @portable
    def pack_item(item, flat, shape, taps, transposed, portion, group_channels, block_width, packed):
        _, all_taps, channels = shape
        depth = group_channels if transposed else channels
        blocks = (portion.columns + block_width - 1) // block_width
        group, block, tap = item // (blocks * taps.size), item // taps.size % blocks, taps[item % taps.size]
        first = portion.column + block * block_width
        count = min(block_width, portion.column + portion.columns - first)
        place = item * depth * block_width
        origin = (portion.group + group) * group_channels
        if count < block_width:
            packed[place : place + depth * block_width] = packed.dtype.type(0.0)
        if transposed:
            whole = count // lanes * lanes
            for k in range(depth):
                start, to = ((origin + k) * all_taps + tap) * channels + first, place + k * block_width
                for n in range(0, whole, lanes):
                    move(flat, start + n, packed, to + n)
                for n in range(whole, count):
                    packed[to + n] = flat[start + n]
        else:
            pitch = all_taps * channels
            start = ((origin + first) * all_taps + tap) * channels
            columns, rows = count // SQUARE * SQUARE, depth // SQUARE * SQUARE
            for k in range(0, rows, SQUARE):
                for n in range(0, columns, SQUARE):
                    to = place + k * block_width + n
                    transpose_square(flat, start + n * pitch + k, pitch, packed, to, block_width)
            for n in range(count):
                for k in range(rows if n < columns else 0, depth):
                    packed[place + k * block_width + n] = flat[start + n * pitch + k]

    @compiled(f"conv-pack-{dtype}", ELEMENTWISE_FLAGS)
    def drive(flat, shape, taps, transposed, portion, group_channels, block_width, packed):
        blocks = (portion.columns + block_width - 1) // block_width
        parallel_for(
            pack_item, portion.groups * blocks * taps.size, packed.size, flat, shape, taps, transposed,
            portion, group_channels, block_width, packed,
        )  # fmt: skip

    return drive


@compiled("conv-copy-rows", ELEMENTWISE_FLAGS)
def copy_rows(source, target):
    """Copy the rows of a matrix to the start of those of a wider one."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


def pack(weight, taps, transposed, portion, groups, block):
    """The packed weights of a portion, ``packed[g, b, t, k, n]``.

    That is the weight of column n of block b in group g, at tap t and row k.  `weight` is
    (out, taps, in / groups).  Taps are the chosen ones.  Columns are output channels and rows are input
    channels, or the reverse if `transposed`.
    """
    group_channels = weight.shape[0] // groups
    depth = group_channels if transposed else weight.shape[2]
    blocks = ceil_divide(portion.columns, block.width)
    packed = workspace(portion.groups * blocks * taps.size * depth * block.width, weight.dtype)
    drive = _packer(weight.dtype)
    drive(
        weight.reshape(weight.size),
        weight.shape,
        taps,
        transposed,
        portion,
        group_channels,
        block.width,
        packed,
    )
    return packed


def padded_bias(bias, block):
    """A bias followed by zeros, so that a whole block can be read from any channel onwards."""
    found = np.zeros(bias.size + block.width, bias.dtype)
    with preparing():
        copy_rows(bias.reshape(1, -1), found.reshape(1, -1))
    return found


def cached(packed_cache, key, make):
    """The result of ``make()``, which depends on weights only; `packed_cache`, if given, keeps it."""
    if packed_cache is None:
        with preparing():
            return make()
    if key not in packed_cache:
        packed_cache[key] = make()
    return packed_cache[key]
