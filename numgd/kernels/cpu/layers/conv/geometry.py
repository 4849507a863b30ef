"""The parameters of a convolution, and quantities that follow from them."""

from functools import lru_cache
from typing import NamedTuple

from numgd.jit.program import scratch

by_shape = lru_cache(1024)
"""Caches functions of shapes alone, which would take as long as a small convolution."""

WORKSPACE = 56 * 2**20
"""Memory that a convolution may allocate beyond its arguments and results, in bytes."""


class Geometry(NamedTuple):
    """How the kernel moves over the image; of signals and volumes, with one or three axes."""

    stride: tuple  # (down, right)
    dilation: tuple
    padding: tuple  # (top, bottom, left, right)
    groups: int

    def extent(self, kernel):
        """Size that a kernel (kh, kw) spans in the image, along each axis."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, kernel, strict=True))

    def result(self, image, kernel):
        """Size of the result for an image (h, w)."""
        before, after, extent = self.padding[::2], self.padding[1::2], self.extent(kernel)
        return tuple(
            (size + first + last - covered) // step + 1
            for size, first, last, covered, step in zip(
                image, before, after, extent, self.stride, strict=True
            )
        )

    def mirrored(self, kernel):
        """At stride one, the geometry of the convolution that computes the gradient of the input."""
        top, bottom, left, right = self.padding
        extent_y, extent_x = self.extent(kernel)
        return self._replace(
            padding=(extent_y - 1 - top, extent_y - 1 - bottom, extent_x - 1 - left, extent_x - 1 - right)
        )


def work_of(results, products):
    """The work of `results` sums of `products` products each, in the units of `numgd.jit.parallel`."""
    return results * (1 + products // 8)


def ceil_divide(a, b):
    """a / b, rounded up."""
    return -(-a // b)


def workspace(count, dtype, workers=None):
    """Memory aligned to cache lines, so that vectors do not cross lines; one row per worker."""
    cache_line = 64 // dtype.itemsize
    count = ceil_divide(count, cache_line) * cache_line
    return scratch((count,) if workers is None else (workers, count), dtype)
