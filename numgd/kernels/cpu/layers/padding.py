"""Padding of images (N, H, W, C) with a value, or with rows and columns of the image.

`sides` are (top, bottom, left, right).  To continue the image, `rows` (H + top + bottom,) and `columns` hold
the pixel of the image that each one of the result repeats; they are None for padding with a value.
"""

import numpy as np


def pad(x, sides, value, rows, columns, out):
    """out (N, H + top + bottom, W + left + right, C): the images with their padding."""
    top, _, left, _ = sides
    height, width = x.shape[1:3]
    inside = out[:, top : top + height]
    inside[:, :, left : left + width] = x
    if rows is None:
        out[:, :top] = out[:, top + height :] = value
        inside[:, :, :left] = inside[:, :, left + width :] = value
        return
    places = _outside(columns, left, width)
    inside[:, :, places] = x[:, :, columns[places]]
    places = _outside(rows, top, height)
    out[:, places] = inside[:, rows[places]]


def pad_gradient(grad, sides, rows, columns, out):
    """out (N, H, W, C): for each pixel, the sum of the gradients of where it is in the result."""
    top, _, left, _ = sides
    height, width = out.shape[1:3]
    inside = grad[:, top : top + height]
    if rows is None:
        np.copyto(out, inside[:, :, left : left + width])
        return
    inside = inside.copy()
    for place in _outside(rows, top, height):
        inside[:, rows[place]] += grad[:, place]
    np.copyto(out, inside[:, :, left : left + width])
    for place in _outside(columns, left, width):
        out[:, :, columns[place]] += inside[:, :, place]


def _outside(sources, before, length):
    """Places along an axis of the result that lie outside the image."""
    return np.r_[:before, before + length : sources.size]
