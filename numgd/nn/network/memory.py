"""Memory of the values of a network, planned once: values share memory if they are never needed together."""

from bisect import insort
from math import prod

import numpy as np

from numgd.kernels.layers import memory

LINE = 64  # bytes of a cache line
FOREVER = 2**62


class Block:
    """A range of memory, needed from one time to another."""

    def __init__(self):
        self.nbytes, self.first, self.last, self.offset = 0, FOREVER, -1, None


class Tensor:
    """A value with its memory, which is there once the memory has been planned."""

    def __init__(self, shape, dtype, block=None):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.block = Block() if block is None else block
        nbytes = prod(self.shape) * self.dtype.itemsize
        self.block.nbytes = max(self.block.nbytes, -(-max(nbytes, 1) // LINE) * LINE)
        self.array = None

    def viewed(self, shape):
        """The same memory in another shape."""
        return Tensor(shape, self.dtype, self.block)

    def use(self, time):
        """Note that the value is needed at a time."""
        self.block.first, self.block.last = min(self.block.first, time), max(self.block.last, time)


def allocate(tensors, like):
    """Give all tensors their arrays, where an array lives; returns the number of bytes.

    Blocks are placed from the largest to the smallest, each at the lowest address where it meets no block
    that is needed at the same time.
    """
    blocks = {id(tensor.block): tensor.block for tensor in tensors}.values()
    placed, size = [], 0
    for block in sorted(blocks, key=lambda block: (-block.nbytes, block.first)):
        start = 0
        for other in placed:  # in the order of their addresses
            if other.first <= block.last and block.first <= other.last:
                if start + block.nbytes <= other.offset:
                    break
                start = max(start, other.offset + other.nbytes)
        block.offset = start
        insort(placed, block, key=lambda other: other.offset)
        size = max(size, start + block.nbytes)
    whole = memory.zeros(like, (size + LINE,), np.dtype(np.uint8))
    origin = memory.misaligned(whole, LINE)
    for tensor in tensors:
        first = origin + tensor.block.offset
        nbytes = prod(tensor.shape) * tensor.dtype.itemsize
        tensor.array = whole[first : first + nbytes].view(tensor.dtype).reshape(tensor.shape)
    return size + LINE
