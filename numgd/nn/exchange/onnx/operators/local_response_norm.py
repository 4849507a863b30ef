"""Local response norm."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.package import shortest
from numgd.nn.layers import LocalResponseNorm


def write_local_response_norm(layer, at):
    """LRN for images and windows of odd size; else x / (a convolution of x²)^β."""
    if layer.size % 2 and len(at.shape) == 3:
        return at.add("LRN", at.x[0], size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k)
    band = at.constant(_band(layer, at.shape[-1]).astype(at.dtype))
    k = at.constant(np.full(at.shape[-1], layer.k, at.dtype))
    squares = at.add("Mul", at.x[0], at.x[0])
    if len(at.shape) == 1:
        base = at.add("Gemm", squares, band, k, transB=1)
    else:
        band = at.add("Unsqueeze", band, at.constant(np.arange(2, 1 + len(at.shape))))
        base = at.add("Conv", squares, band, k)
    return at.add("Div", at.x[0], at.add("Pow", base, layer.beta))


def _band(layer, channels):
    """The weights (channels, channels) of x² in the sums: α/n in a window, else 0."""
    apart = np.arange(channels) - np.arange(channels)[:, None]
    before = layer.size // 2
    inside = (apart >= -before) & (apart < layer.size - before)
    return np.where(inside, layer.alpha / layer.size, 0.0)


def read_local_response_norm(node):
    """LRN."""
    size = node.attribute("size")
    if size % 2 == 0:
        raise ValueError(f"attribute size is {size}; windows of even size lie otherwise in numgd")
    numbers = node.attribute("alpha", 1e-4), node.attribute("beta", 0.75), node.attribute("bias", 1.0)
    return node.add(LocalResponseNorm(size, *map(shortest, numbers)), node.image())


EXCHANGES = (Exchange(LocalResponseNorm, write_local_response_norm, {"LRN": read_local_response_norm}),)
