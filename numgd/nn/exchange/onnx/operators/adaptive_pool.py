"""Means over a given number of parts of images: products with matrices, along the height and the width."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.tensors import Lazy
from numgd.nn.layers import AdaptiveAvgPool2d


def write_adaptive_avg_pool(layer, at):
    """AveragePool if all parts have one size; else products with the matrices of the means."""
    rows, columns = layer.windows(at.shape)
    sizes = [at.shape[0] // rows.number, at.shape[1] // columns.number]
    if at.shape[:2] == (rows.number * sizes[0], columns.number * sizes[1]):
        return at.add("AveragePool", at.x[0], kernel_shape=sizes, strides=sizes)
    of_rows, of_columns = _means(rows).astype(at.dtype), _means(columns).astype(at.dtype)
    result = at.add_beside("rows", "MatMul", at.constant(of_rows), at.x[0])
    return at.add("MatMul", result, at.constant(of_columns.T))


def _means(windows):
    """The matrix (windows, pixels) whose products are the means over windows along an axis."""
    pixels, (first, end) = np.arange(windows.length), windows.bounds[:, :, None]
    return ((pixels >= first) & (pixels < end)) / windows.counts[:, None]


class RowMeans(Lazy):
    """A matrix times images, which may be the first step of such a pool."""

    def __init__(self, node, value, matrix):
        self.node, self.value, self.matrix = node, value, matrix

    def times(self, node, matrix):
        """The product with a matrix on the right; raises ValueError if the two are not those of a pool."""
        layer = AdaptiveAvgPool2d((self.matrix.shape[0], matrix.shape[1]))
        rows, columns = layer.windows(self.value.shape)
        for found, windows in ((self.matrix, rows), (matrix.T, columns)):
            if found.shape != (windows.number, windows.length) or not np.allclose(found, _means(windows)):
                raise ValueError("multiplies rows and columns of images by other numbers than those of means")
        return node.add(layer, self.value)

    def _make(self):
        raise self.node.error("multiplies the rows of images, which numgd does not have")


EXCHANGES = (Exchange(AdaptiveAvgPool2d, write_adaptive_avg_pool),)
