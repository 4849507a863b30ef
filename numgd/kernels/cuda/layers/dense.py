"""A dense layer over rows: x (N, C), weight (D, C), out (N, D)."""

import math

from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers import elementwise, linear
from numgd.kernels.cuda.layers.conv.bias_gradient import bias_gradient


def forward(x, weight, bias, floor, out):
    """out = max(x · weightᵀ + bias, floor), without a bias if it is None, without a floor if it is NaN."""
    bias = memory.constant(out, out.shape[1:], 0, out.dtype) if bias is None else bias
    linear.forward(x, weight, bias, out, CODES[None if math.isnan(floor) else "relu"])


def backward(grad, x, weight, y, floor, grad_x, grad_weight, grad_bias):
    """The gradients of `forward`, whose result is y; without a floor y is not read."""
    if not math.isnan(floor):
        slopes, grad = grad, memory.scratch(grad, grad.shape, grad.dtype)
        vectors = y.reshape(y.size), y.reshape(y.size), slopes.reshape(y.size)
        elementwise.derivatives("relu", *vectors, 1, 1.0, 0.0, grad.reshape(y.size))
    bias_gradient(grad, grad_bias)
    linear.gradient_of_input(grad, weight, grad_x)
    linear.gradient_of_weight(grad, x, grad_weight)
