"""The numbers that describe a convolution, and what follows from them."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

by_shape = lru_cache(1024)
"""Marks what follows from shapes alone: small convolutions take no longer than working it out does."""

WORKSPACE = 56 * 2**20
"""Bytes that a convolution may hold beyond its arguments and results."""


class Geometry(NamedTuple):
    """How the kernel moves over the image."""

    stride: tuple  # (down, right)
    dilation: tuple
    padding: tuple  # (top, bottom, left, right)
    groups: int

    def extent(self, kernel):
        """Height and width that a kernel (kh, kw) covers in the image."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, kernel, strict=True))

    def result(self, image, kernel):
        """Height and width of the result for an image (h, w)."""
        top, bottom, left, right = self.padding
        down, across = self.stride
        tall, wide = self.extent(kernel)
        return (
            (image[0] + top + bottom - tall) // down + 1,
            (image[1] + left + right - wide) // across + 1,
        )

    def mirrored(self, kernel):
        """At stride one: the geometry of the convolution that is the gradient of the input."""
        top, bottom, left, right = self.padding
        tall, wide = self.extent(kernel)
        return self._replace(padding=(tall - 1 - top, tall - 1 - bottom, wide - 1 - left, wide - 1 - right))


def work_of(results, products):
    """The work of so many results, each a sum of so many products, as `numgd.jit.parallel` counts it."""
    return results * (1 + products // 8)


def ceil_divide(a, b):
    """a / b, rounded up."""
    return -(-a // b)


def workspace(count, dtype, workers=None):
    """Memory that begins at a cache line, a row for each of so many workers: vectors do not cross lines."""
    line = 64 // dtype.itemsize
    count = ceil_divide(count, line) * line
    raw = np.empty((workers or 1) * count + line, dtype)
    skipped = -raw.ctypes.data % 64 // dtype.itemsize
    found = raw[skipped : skipped + (workers or 1) * count]
    return found if workers is None else found.reshape(workers, count)
