"""Axes of images and orders of features: in ONNX channels come first, here last."""

from math import prod

import numpy as np


def to_channels_first(axes):
    """The permutation from (batch, …, channels) to (batch, channels, …), for arrays with a number of axes."""
    return (0, axes - 1, *range(1, axes - 1))


def to_channels_last(axes):
    """The permutation from (batch, channels, …) to (batch, …, channels)."""
    return (0, *range(2, axes), 1)


def permuted(shape, permutation):
    """A shape with its axes permuted."""
    return tuple(shape[axis] for axis in permutation)


def channels_first_order(shape):
    """Where the numbers of an image, flattened with channels first, lie if they are flattened with them last.

    None if both orders are the same.
    """
    *pixels, channels = shape
    if channels == 1 or prod(pixels) == 1:
        return None
    return np.moveaxis(np.arange(prod(shape)).reshape(shape), -1, 0).ravel()


def side_by_side(orders, lengths):
    """The order of concatenated features; None as the order of a part means its own."""
    if all(order is None for order in orders):
        return None
    firsts = np.cumsum([0, *lengths[:-1]])
    return np.concatenate(
        [
            first + (np.arange(length) if order is None else order)
            for order, first, length in zip(orders, firsts, lengths, strict=True)
        ]
    )
