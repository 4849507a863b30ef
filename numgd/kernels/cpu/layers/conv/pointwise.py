"""1×1 kernels at stride one: the convolution is a matrix product, computed by the BLAS."""

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.fused import finish


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    kernel, geometry = layer.kernel, layer.geometry
    if kernel != (1, 1):
        return f"it requires a kernel of 1×1, not {kernel[0]}×{kernel[1]}"
    if geometry.stride != (1, 1) or geometry.groups != 1 or any(geometry.padding):
        return "it requires stride 1, one group and no padding"
    return None


@portable
def _finish_pixel(pixel, flat, bias, activation):
    channels = bias.size
    finish(activation, flat, pixel * channels, bias, 0, flat, pixel * channels, channels)


@compiled("conv-pointwise-finish", ELEMENTWISE_FLAGS)
def finish_pixels(out, bias, activation):
    """Add the bias to `out` (pixels, channels) and apply the activation, in place."""
    parallel_for(_finish_pixel, out.shape[0], out.size, out.reshape(-1), bias, activation)


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve; parameters as for `direct.forward`."""
    pixels = out.reshape(-1, out.shape[3])
    np.matmul(x.reshape(-1, x.shape[3]), weight.reshape(weight.shape[0], -1).T, out=pixels)
    if activation or bias.any():
        finish_pixels(pixels, bias, activation)


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as for `direct.input_gradient`."""
    pixels = out.reshape(-1, out.shape[3])
    np.matmul(grad.reshape(-1, grad.shape[3]), weight.reshape(weight.shape[0], -1), out=pixels)
    if activation or bias.any():
        finish_pixels(pixels, bias, activation)


def weight_gradient(grad, x, out, geometry):
    """The gradient of the weights; parameters as for `weight_gradient.weight_gradient`."""
    np.matmul(grad.reshape(-1, grad.shape[3]).T, x.reshape(-1, x.shape[3]), out=out.reshape(out.shape[0], -1))


ALGORITHM = ConvAlgorithm(
    name="pointwise",
    summary="1×1 kernels at stride 1: one matrix product by the BLAS",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
)
