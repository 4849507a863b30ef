"""Maxima over windows of images."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numgd.foundations.ranges import Flag
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import memory, pool
from numgd.nn.layers.layer import Layer
from numgd.nn.layers.windowed import Windowed


@dataclass(frozen=True, eq=False)
class MaxPool2d(Windowed, Layer):
    """The largest number of each channel in each window, as in `numgd.nn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair
    stride : int or pair, optional
        By default `kernel_size`.
    padding : int, pair, four integers, 'same', 'same_lower' or 'valid'
    ceil_mode : bool
        Whether an incomplete window at the end is included.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.MaxPool2d(2), input_shape=(8, 8, 3)).output_shape
    (4, 4, 3)
    """

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: Flag = False

    reads = ""

    def kept(self, *shapes):
        places = (shapes[0][0], *self.output_shape(shapes[0][1:]))
        return {"places": (places, np.dtype(np.int32))}

    def forward(self, at):
        (x,), y = at.x, at.y
        rows, columns = self.windows(x.shape[1:])
        places = at.kept["places"] if at.training else memory.constant(x, (0, 0, 0, 0), 0, np.dtype(np.int32))
        pool.maximum(x, rows.bounds, columns.bounds, at.training, y.nbytes >= LARGE, y, places)

    def backward(self, at):
        grad_x = at.grad_x[0]
        rows, columns = self.windows(grad_x.shape[1:])
        large = grad_x.nbytes >= LARGE
        pool.maximum_gradient(at.grad, at.kept["places"], rows.containing, columns.bounds, large, grad_x)
