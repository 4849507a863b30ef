"""The order of features where images are flattened with channels first, as in other libraries."""

from itertools import accumulate, pairwise
from math import prod

import numpy as np


def channels_first_order(shape):
    """Where the numbers of an image, flattened with channels first, lie if they are flattened with them last.

    None if both orders are the same.
    """
    *pixels, channels = shape
    if prod(pixels) == 1 or channels == 1:
        return None
    return np.moveaxis(np.arange(prod(shape)).reshape(shape), -1, 0).ravel()


def side_by_side(orders, lengths):
    """The order of concatenated features; None stands for their own."""
    if all(order is None for order in orders):
        return None
    ranges = pairwise(accumulate(lengths, initial=0))
    return np.concatenate(
        [
            np.arange(first, end) if order is None else first + order
            for order, (first, end) in zip(orders, ranges, strict=True)
        ]
    )
