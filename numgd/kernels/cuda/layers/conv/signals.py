"""Convolutions of signals (batch, length, channels), which are those of images of height one."""

from numgd.kernels.cuda.layers.conv import choose
from numgd.kernels.cuda.layers.conv.choose import deeper, of_volumes


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve `x` with `weight`, add `bias` and apply the activation."""
    choose.forward(deeper(x), deeper(weight), bias, deeper(out), of_volumes(geometry), activation, algorithm)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Write the transposed convolution of `grad`, plus `bias`, to `out`."""
    choose.gradient_of_input(
        deeper(grad), deeper(weight), bias, deeper(out), of_volumes(geometry), activation, algorithm
    )


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """Write the gradient of the weights to `out`."""
    choose.gradient_of_weight(deeper(grad), deeper(x), deeper(out), of_volumes(geometry))
