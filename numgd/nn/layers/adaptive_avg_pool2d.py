"""Means over a given number of parts of images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numgd.nn.functional.checks import Size, pair_of
from numgd.nn.functional.windows import Windows
from numgd.nn.layers.avg_pool2d import AvgPool2d
from numgd.nn.layers.layer import Layer
from numgd.nn.layers.windowed import Windowed


@dataclass(frozen=True, eq=False)
class AdaptiveAvgPool2d(Windowed, Layer):
    """The mean of each channel in each of h × w parts of the image, whatever its size.

    Parameters
    ----------
    output_size : int or pair
        h and w.

    Notes
    -----
    Along an axis of length n, part i of h starts at ⌊i n / h⌋ and stops before ⌈(i + 1) n / h⌉, as in
    PyTorch: parts overlap unless h divides n.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.AdaptiveAvgPool2d(4), input_shape=(14, 9, 3)).output_shape
    (4, 4, 3)
    """

    output_size: Any

    reads = ""

    @cached_property
    def _size(self):
        return pair_of("output_size", self.output_size, Size)

    def __post_init__(self):
        super().__post_init__()
        self._size  # noqa: B018  checked when it is first computed

    def windows(self, shape):
        """The parts along the height and the width of images of a shape."""
        return tuple(map(_parts, shape[:2], self._size))

    forward, backward = AvgPool2d.forward, AvgPool2d.backward


def _parts(length, number):
    edges = np.arange(number + 1) * length
    starts, stops = edges[:-1] // number, -(-edges[1:] // number)
    return Windows(length, starts, stops, stops - starts)
