"""Where the windows of a pooling lie along the axes of signals, images and volumes."""

import math
from copy import copy
from functools import cached_property, lru_cache
from types import NoneType
from typing import NamedTuple

import numpy as np

from numgd.nn.functional.checks import Size, integers_of
from numgd.nn.functional.sides import padding_of

_SHORT = 4096
"""Windows along axes of at most this length are kept; finding them takes as long as pooling a small image."""


class Windows:
    """Along one axis: where windows start and stop within the image, and the size that each counts as."""

    def __init__(self, length, starts, stops, counts):
        self.bounds = np.stack([np.maximum(starts, 0), np.minimum(stops, length)])
        self.counts = counts.astype(np.float64)
        self.number = starts.size
        self.length = length

    def counted(self, counts):
        """The same windows, counted as other sizes."""
        windows = copy(self)
        windows.counts = counts
        return windows

    def counted_in_image(self):
        """The same windows, counted without padding."""
        return self.counted((self.bounds[1] - self.bounds[0]).astype(np.float64))

    @cached_property
    def containing(self):
        """For each position in the image, the first window that contains it and the next that does not."""
        places = np.arange(self.length)
        first = np.searchsorted(self.bounds[1], places, side="right")
        return np.stack([first, np.searchsorted(self.bounds[0], places, side="right")])


class Phase(NamedTuple):
    """Windows along an axis that take every d-th pixel, from the same one on: as windows among these pixels.

    Dilated windows form several phases, all others one, of all pixels.
    """

    pixels: slice  # of the image
    results: slice
    windows: Windows


ALL = slice(0, None, 1)
"""All pixels, or all results."""


def _sliding(name, length, size, stride, before, after, dilation, ceil_mode):
    """Phases of windows of one size.

    As in PyTorch, the last one starts in the image or in the padding before it.
    """
    padded, extent = before + length + after, dilation * (size - 1) + 1
    room = padded - extent
    if room < 0:
        spanned = f"kernel_size {size}" if dilation == 1 else f"kernel_size {size} with dilation {dilation}"
        raise ValueError(f"{spanned} is larger than the padded {name} of x, {padded}")
    number = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    if ceil_mode and (number - 1) * stride >= before + length:
        number -= 1
    all_starts = np.arange(number) * stride - before
    phases, period = [], dilation // math.gcd(dilation, stride)
    for k in range(min(period, number)):
        starts = all_starts[k::period]
        first = int(starts[0] % dilation)
        within = (starts - first) // dilation
        windows = Windows(
            len(range(first, length, dilation)),
            within,
            within + size,
            np.minimum(size, -(-(length + after - starts) // dilation)),
        )
        if (windows.bounds[0] >= windows.bounds[1]).any():
            raise ValueError(
                f"a window of kernel_size {size} with dilation {dilation} contains only padding, no pixel of "
                f"x, along the {name}, {length}"
            )
        pixels = ALL if dilation == 1 else slice(first, None, dilation)
        phases.append(Phase(pixels, ALL if period == 1 else slice(k, None, period), windows))
    return tuple(phases)


_kept = lru_cache(256)(_sliding)


AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""Names of the axes of signals, images and volumes."""


def windows_of(size, kernel_size, stride, padding, dilation, ceil_mode):
    """The phases of the windows along each axis of signals, images or volumes of a size, checked."""
    usual = type(kernel_size) is type(padding) is type(dilation) is int and type(stride) in (int, NoneType)
    if usual and max(size) <= _SHORT:
        return _kept_windows(size, kernel_size, stride, padding, dilation, ceil_mode)
    return _windows(size, kernel_size, stride, padding, dilation, ceil_mode)


def _windows(image, kernel_size, stride, padding, dilation, ceil_mode):
    how = Windowing.of(image, kernel_size, stride, padding, dilation)
    axes = AXES[len(image)], image, how.size, how.stride, how.padding[::2], how.padding[1::2], how.dilation
    return tuple(
        (_kept if axis[1] <= _SHORT else _sliding)(*axis, bool(ceil_mode)) for axis in zip(*axes, strict=True)
    )


_kept_windows = lru_cache(256)(_windows)


class Windowing(NamedTuple):
    """How windows lie in an image, a number for each axis."""

    size: tuple
    stride: tuple
    padding: tuple  # before and after each axis
    dilation: tuple

    @classmethod
    def of(cls, image, kernel_size, stride, padding, dilation):
        """From the arguments of a pooling of images of a size (h, w), checked; for any axes."""
        axes = len(image)
        size = integers_of("kernel_size", kernel_size, Size, axes)
        stride = size if stride is None else integers_of("stride", stride, Size, axes)
        dilation = integers_of("dilation", dilation, Size, axes)
        extent = tuple(d * (n - 1) + 1 for d, n in zip(dilation, size, strict=True))
        sides = padding_of(padding, image, stride, extent)
        if any(2 * max(added) > n for *added, n in zip(sides[::2], sides[1::2], extent, strict=True)):
            spanned = "×".join(map(str, extent))
            raise ValueError(f"padding {padding} is more than half of the window, {spanned}")
        return cls(size, stride, sides, dilation)


def number_of(phases):
    """Number of windows along an axis."""
    if len(phases) == 1:
        return phases[0].windows.number
    return sum(phase.windows.number for phase in phases)
