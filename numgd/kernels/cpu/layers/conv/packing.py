"""Packs weights in the order in which micro-kernels read them, in portions that fit into the workspace."""

from functools import cache
from typing import NamedTuple

import numpy as np

from numgd.jit.micro_kernels import lanes_of, register_bytes, rows_for
from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable
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


@portable
def _pack_item(item, weight, taps, transposed, portion, group_channels, block_width, packed):
    depth = group_channels if transposed else weight.shape[2]
    blocks = (portion.columns + block_width - 1) // block_width
    zero = weight.dtype.type(0.0)
    group = item // (blocks * taps.size)
    block = item // taps.size % blocks
    tap = taps[item % taps.size]
    first = portion.column + block * block_width
    count = min(block_width, portion.column + portion.columns - first)
    place = item * depth * block_width
    origin = (portion.group + group) * group_channels
    panel = packed[place : place + depth * block_width]
    if count < block_width:
        panel[:] = zero
    if transposed:
        for k in range(depth):
            source = weight[origin + k, tap]
            for n in range(count):
                panel[k * block_width + n] = source[first + n]
    else:
        for begin in range(0, depth, 16):  # in squares, so that source and target stay in the cache
            for n in range(count):
                source = weight[origin + first + n, tap]
                for k in range(begin, min(begin + 16, depth)):
                    panel[k * block_width + n] = source[k]


@compiled("conv-pack", ELEMENTWISE_FLAGS)
def _pack(weight, taps, transposed, portion, group_channels, block_width, packed):
    """Fill ``packed[g, b, t, k, n]``: the weight of column n of block b in group g, at tap t and row k.

    `weight` is (out, taps, in / groups).  Taps are the chosen ones.  Columns are output channels and
    rows are input channels, or the reverse if `transposed`.
    """
    blocks = (portion.columns + block_width - 1) // block_width
    parallel_for(
        _pack_item, portion.groups * blocks * taps.size, packed.size, weight, taps, transposed, portion,
        group_channels, block_width, packed,
    )  # fmt: skip


@compiled("conv-copy-rows", ELEMENTWISE_FLAGS)
def copy_rows(source, target):
    """Copy the rows of a matrix to the start of those of a wider one."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


def pack(weight, taps, transposed, portion, groups, block):
    """The packed weights of a portion; see `_pack`."""
    group_channels = weight.shape[0] // groups
    depth = group_channels if transposed else weight.shape[2]
    blocks = ceil_divide(portion.columns, block.width)
    packed = workspace(portion.groups * blocks * taps.size * depth * block.width, weight.dtype)
    _pack(weight, taps, transposed, portion, group_channels, block.width, packed)
    return packed


def padded_bias(bias, block):
    """A bias followed by zeros, so that a whole block can be read from any channel onwards."""
    found = np.zeros(bias.size + block.width, bias.dtype)
    copy_rows(bias.reshape(1, -1), found.reshape(1, -1))
    return found


def cached(packed_cache, key, make):
    """The result of ``make()``, which is kept in `packed_cache` unless that is None."""
    if packed_cache is None:
        return make()
    if key not in packed_cache:
        packed_cache[key] = make()
    return packed_cache[key]
