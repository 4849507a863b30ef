"""Launch shapes of kernels over images: threads beside each other take neighbouring channels and pixels."""

import numpy as np

from numgd.jit.portable import portable
from numgd.kernels.cuda import target


def above(count):
    """The smallest power of two that is not below a count."""
    return 1 << max(count - 1, 0).bit_length()


def of_rows(rows, elements):
    """Blocks and threads for rows of elements: threads (x, y) are elements and rows, with grid strides."""
    across = min(above(elements), target.THREADS)
    down = target.THREADS // across
    blocks = (-(-elements // across), -(-rows // down))
    return tuple(min(number, target.MOST_BLOCKS) for number in blocks), (across, down)


@portable
def divided(number, by):
    """Quotient and remainder of numbers below 2³²: divisions of 64 bits take several times as long."""
    quotient = np.int64(np.uint32(number) // np.uint32(by))
    return quotient, number - quotient * by
