"""Means over windows of images."""

from dataclasses import dataclass
from typing import Any

from numgd.foundations.ranges import Flag
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import pool
from numgd.nn.layers.layer import Layer
from numgd.nn.layers.windowed import Windowed


@dataclass(frozen=True, eq=False)
class AvgPool2d(Windowed, Layer):
    """The mean of each channel in each window, as in `numgd.nn.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair
    stride : int or pair, optional
        By default `kernel_size`.
    padding : int, pair, four integers, 'same', 'same_lower' or 'valid'
    ceil_mode : bool
        Whether an incomplete window at the end is included.
    count_include_pad : bool
        Whether the padding counts in the mean.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.AvgPool2d(2), input_shape=(8, 8, 3)).output_shape
    (4, 4, 3)
    """

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: Flag = False
    count_include_pad: Flag = True

    reads = ""

    def windows(self, shape):
        """As `Windowed.windows`, counted with or without the padding."""
        found = super().windows(shape)
        return found if self.count_include_pad else tuple(w.counted_in_image() for w in found)

    def forward(self, at):
        (x,), y = at.x, at.y
        rows, columns = self.windows(x.shape[1:])
        counts, large = (rows.counts, columns.counts), y.nbytes >= LARGE
        pool.average(x, rows.bounds, columns.bounds, *counts, large, y)

    def backward(self, at):
        grad_x = at.grad_x[0]
        rows, columns = self.windows(grad_x.shape[1:])
        counts, large = (rows.counts, columns.counts), grad_x.nbytes >= LARGE
        pool.average_gradient(at.grad, rows.containing, columns.bounds, *counts, large, grad_x)
