"""Matrix products of dense layers, over rows: x (N, C), weight (D, C), out (N, D).

They are convolutions of images of one pixel, whose tiles are those of a matrix product.
"""

from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers.conv import choose

_POINT = Geometry((1, 1), (1, 1), (0, 0, 0, 0), 1)


def forward(x, weight, bias, out, activation=0):
    """out = activation(x · weightᵀ + bias), with the code of a fused activation."""
    choose.forward(_pixels(x), _pixels(weight), bias, _pixels(out), _POINT, activation)


def gradient_of_input(grad, weight, out):
    """out = grad · weight."""
    none = memory.constant(out, out.shape[1:], 0, out.dtype)
    choose.gradient_of_input(_pixels(grad), _pixels(weight), none, _pixels(out), _POINT)


def gradient_of_weight(grad, x, out):
    """out = gradᵀ · x."""
    choose.gradient_of_weight(_pixels(grad), _pixels(x), _pixels(out), _POINT)


def _pixels(array):
    """Rows as images of one pixel."""
    return array.reshape(array.shape[0], 1, 1, array.shape[1])
