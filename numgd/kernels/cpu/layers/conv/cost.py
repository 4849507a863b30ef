"""How long an algorithm takes for a convolution: counts of what it does, at measured rates.

The counts follow from shapes and from the blocks of the micro-kernels, and so from the registers of the
processor.  Only ratios of times matter, and of these only those of algorithms that are close to each other.
"""

from typing import NamedTuple

import numpy as np

from numgd.jit.micro_kernels import vector_registers
from numgd.kernels.cpu.layers.conv.algorithm import Layer
from numgd.kernels.cpu.layers.conv.geometry import ceil_divide
from numgd.kernels.cpu.layers.conv.packing import block_for

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = OPERATIONS = ("forward", "input_gradient", "weight_gradient")


class Task(NamedTuple):
    """An operation of a convolution."""

    operation: str
    layer: Layer
    batch: int
    height: int  # of the result of the convolution
    width: int

    @property
    def pixels(self):
        """Number of pixels of the results."""
        return self.batch * self.height * self.width

    @property
    def image_pixels(self):
        """Number of pixels of the image, apart from its borders."""
        down, across = self.layer.geometry.stride
        return self.pixels * down * across

    @property
    def taps(self):
        """Number of taps of the kernel."""
        return self.layer.kernel[0] * self.layer.kernel[1]

    @property
    def weights(self):
        """Number of weights."""
        return self.taps * self.layer.in_channels * self.layer.out_channels // self.layer.geometry.groups


class Work(NamedTuple):
    """What an algorithm does; as `RATES`, the nanoseconds that each takes on one core."""

    steps: float = 0.0  # multiply-adds of vectors in micro-kernels
    starts: float = 0.0  # sequences of steps
    entries: float = 0.0  # addresses found
    moved: float = 0.0  # numbers copied, transformed or added outside of micro-kernels
    packed: float = 0.0  # weights packed
    calls: float = 1.0  # of a driver, with what Python does before

    def __add__(self, other):
        return Work(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def time(self):
        """Nanoseconds on one core."""
        return sum(count * rate for count, rate in zip(self, RATES, strict=True))


RATES = Work(steps=0.2, starts=10.0, entries=0.5, moved=0.6, packed=1.2, calls=30_000.0)


def by_vectors():
    """What a number counts as of `Work.moved` where whole vectors are added or transformed.

    With AVX2 the counts of Winograd's transforms and of folding needed no correction; AVX-512 has twice as
    many registers of twice the size.
    """
    return 0.3 if vector_registers() == 32 else 1.0


def copied(task, band_numbers, channels):
    """Numbers copied in bands of about `band_numbers`, which overlap by what a kernel spans beyond a step."""
    geometry, kernel = task.layer.geometry, task.layer.kernel
    step, extent = geometry.stride[0], geometry.extent(kernel)[0]
    row = max(1, task.width * geometry.stride[1] * channels)
    band = min(max(1, (band_numbers // row - extent) // step + 1), max(1, task.height))
    rows = ((band - 1) * step + extent) / band  # for each row of results
    return task.batch * task.height * rows * task.width * geometry.stride[1] * task.layer.in_channels


def by_blocks(rows, groups, columns, taps, depth):
    """The steps and starts of sums over `depth` products at each tap, for a matrix of rows by columns."""
    _, block = block_for(columns, np.dtype(np.float32))
    blocks = ceil_divide(rows, block.rows) * groups * ceil_divide(columns, block.width)
    steps = blocks * taps * depth * max(block.products, block.loads)
    return Work(steps=steps, starts=blocks * taps, calls=0.0)
