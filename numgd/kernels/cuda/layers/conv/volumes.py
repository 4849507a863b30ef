"""Convolutions of volumes (batch, depth, height, width, channels); images and signals are flat volumes."""

from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.layers.conv import depthwise, products, winograd
from numgd.kernels.cuda.layers.conv.limits import check_sizes
from numgd.kernels.machines import on_device


def _algorithm(source, weight, result, geometry, name=None):
    """The module that computes a convolution, by its shapes or by its name on the CPU."""
    if depthwise.applies(weight.shape, geometry):
        return depthwise
    wanted = (
        name.startswith("winograd") if name else winograd.is_faster(source.shape, result.shape, result.dtype)
    )
    return winograd if wanted and winograd.applies(source.shape, weight.shape, geometry) else products


def _there(bias):
    """The bias on the device; callers may give one of zeros in the host's memory."""
    return bias if on_device(bias) else target.constant(bias)


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve `x` with `weight`, add `bias` and apply the activation."""
    if out.size:
        check_sizes(x, weight, out)
        chosen = _algorithm(x, weight, out, geometry, algorithm)
        chosen.forward(x, weight, _there(bias), out, geometry, activation)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Write the transposed convolution of `grad`, plus `bias`, to `out`."""
    if out.size:
        check_sizes(out, weight, grad)
        chosen = _algorithm(grad, weight, out, geometry, algorithm)
        chosen.gradient_of_input(grad, weight, _there(bias), out, geometry, activation)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """Write the gradient of the weights to `out`."""
    if out.size == 0:
        return
    if grad.size == 0:
        memory.fill(out, 0)
        return
    check_sizes(x, out, grad)
    if depthwise.applies(out.shape, geometry):
        depthwise.gradient_of_weight(grad, x, out, geometry)
    else:
        products.gradient_of_weight(grad, x, out, geometry)
