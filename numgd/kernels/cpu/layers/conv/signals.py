"""Convolutions of signals (batch, length, channels), which are those of images of height one.

Of width one they would take longer: neighbouring positions are read together along the width only.
"""

from numgd.kernels.cpu.layers.conv import choose
from numgd.kernels.cpu.layers.conv.geometry import Geometry


def _of_images(geometry):
    """The geometry of images of height one."""
    stride, dilation, padding, groups = geometry
    return Geometry((1, *stride), (1, *dilation), (0, 0, *padding), groups)


def layer_of(weight, geometry):
    """As `choose.layer_of`, for weights of shape `weight`, (out, k, in / groups)."""
    return choose.layer_of((weight[0], 1, *weight[1:]), _of_images(geometry))


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve; parameters as for `choose.forward`, with arrays of one axis less."""
    arrays = x[:, None], weight[:, None], bias, out[:, None]
    choose.forward(*arrays, _of_images(geometry), activation, algorithm, packed_cache)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """The transposed convolution of `grad`, plus `bias`."""
    arrays = grad[:, None], weight[:, None], bias, out[:, None]
    choose.gradient_of_input(*arrays, _of_images(geometry), activation, algorithm, packed_cache)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """The gradient of the weights."""
    choose.gradient_of_weight(grad[:, None], x[:, None], out[:, None], _of_images(geometry), algorithm)
