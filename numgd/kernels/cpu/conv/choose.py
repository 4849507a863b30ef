"""Which algorithm computes a convolution: chosen by its shape, or named."""

from numgd.kernels.cpu.conv import direct, pointwise, weight_gradient

ALGORITHMS = {"direct": direct, "pointwise": pointwise}
"""Algorithms by name; what one of them lacks, the direct one computes."""


def reason_against(algorithm, kernel, inside, outside, geometry):
    """Why a named algorithm does not apply to a convolution, or None."""
    return ALGORITHMS[algorithm].reason_against(kernel, inside, outside, geometry)


def _applies(algorithm, kernel, inside, outside, geometry):
    return reason_against(algorithm, kernel, inside, outside, geometry) is None


def choose(kernel, inside, outside, image, geometry):
    """Name of the algorithm for a kernel (kh, kw), numbers of channels, and the result's height and width."""
    if _applies("pointwise", kernel, inside, outside, geometry):
        return "pointwise"
    return "direct"


def _module(algorithm, weight, result, geometry):
    kernel = weight.shape[1:3]
    inside, outside = weight.shape[3] * geometry.groups, weight.shape[0]
    return ALGORITHMS[algorithm or choose(kernel, inside, outside, result.shape[1:3], geometry)]


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, kept=None):
    """Convolve `x` with `weight`, add `bias`, apply the activation, into `out`; see `direct.forward`."""
    if out.size:
        _module(algorithm, weight, out, geometry).forward(x, weight, bias, out, geometry, activation, kept)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, kept=None):
    """The transposed convolution of `grad`, plus `bias`, into `out`; see `direct.input_gradient`."""
    if out.size:
        module = _module(algorithm, weight, grad, geometry)
        function = getattr(module, "input_gradient", direct.input_gradient)
        function(grad, weight, bias, out, geometry, activation, kept)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """The gradient of the weights into `out`; see `weight_gradient.weight_gradient`."""
    if out.size == 0:
        return
    if grad.size == 0:
        out[:] = 0
        return
    module = _module(algorithm, out, grad, geometry)
    getattr(module, "weight_gradient", weight_gradient.weight_gradient)(grad, x, out, geometry)
