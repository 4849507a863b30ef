"""Convolutions of images (batch, height, width, channels) on the device."""

from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cuda.layers.conv import volumes


def of_volumes(geometry):
    """The geometry of volumes with one axis more, of length one."""
    stride, dilation, padding, groups = geometry
    return Geometry((1, *stride), (1, *dilation), (0, 0, *padding), groups)


def deeper(array):
    """Images as volumes of depth one; weights likewise."""
    return array.reshape(array.shape[0], 1, *array.shape[1:])


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve `x` with `weight`, add `bias` and apply the activation."""
    volumes.forward(deeper(x), deeper(weight), bias, deeper(out), of_volumes(geometry), activation, algorithm)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Write the transposed convolution of `grad`, plus `bias`, to `out`."""
    volumes.gradient_of_input(
        deeper(grad), deeper(weight), bias, deeper(out), of_volumes(geometry), activation, algorithm
    )


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """Write the gradient of the weights to `out`."""
    volumes.gradient_of_weight(deeper(grad), deeper(x), deeper(out), of_volumes(geometry))
