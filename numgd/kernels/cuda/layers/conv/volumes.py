"""Convolutions of volumes (batch, depth, height, width, channels); images and signals are flat volumes."""

from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers.conv import depthwise, products
from numgd.kernels.cuda.layers.conv.limits import check_sizes


def _algorithm(weight, geometry):
    """The module that computes a convolution."""
    return depthwise if depthwise.applies(weight.shape, geometry) else products


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve `x` with `weight`, add `bias` and apply the activation."""
    if out.size:
        check_sizes(x, weight, out)
        _algorithm(weight, geometry).forward(x, weight, bias, out, geometry, activation)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Write the transposed convolution of `grad`, plus `bias`, to `out`."""
    if out.size:
        check_sizes(out, weight, grad)
        _algorithm(weight, geometry).gradient_of_input(grad, weight, bias, out, geometry, activation)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """Write the gradient of the weights to `out`."""
    if out.size == 0:
        return
    if grad.size == 0:
        memory.fill(out, 0)
        return
    check_sizes(x, out, grad)
    _algorithm(out, geometry).gradient_of_weight(grad, x, out, geometry)
