"""Local response normalisation: each number is divided by a power of a sum of squares over nearby channels.

y_c = x_c s_c^-β with s_c = k + α/n Σ x², summed over n channels around c, with zeros beyond the ends:
A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet classification with deep convolutional neural networks,
NeurIPS (2012), section 3.3, with α divided by n as in Caffe and PyTorch.
"""

import math

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable

_PIXELS = 64


@portable
def inverse_power(s, beta):
    """s^-β, computed for β = 3/4 and 1/2 by square roots; both have one dtype."""
    real = type(s)
    if beta == real(0.75):
        root = math.sqrt(s)
        return real(1) / (root * math.sqrt(root))
    if beta == real(0.5):
        return real(1) / math.sqrt(s)
    if beta == real(1):
        return real(1) / s
    return s ** (-beta)


@portable
def _powers(s, beta, out):
    """out = s^-β, in a loop for each kind of β, which vectorises."""
    real = s.dtype.type
    if beta == 0.75:
        for c in range(s.size):
            out[c] = inverse_power(s[c], real(0.75))
    elif beta == 0.5:
        for c in range(s.size):
            out[c] = inverse_power(s[c], real(0.5))
    elif beta == 1.0:
        for c in range(s.size):
            out[c] = inverse_power(s[c], real(1))
    else:
        for c in range(s.size):
            out[c] = inverse_power(s[c], real(beta))


@portable
def _window_sums(padded, size, out):
    """out[c] = Σ padded[c : c + size]."""
    for c in range(out.size):
        out[c] = padded[c]
    for k in range(1, size):
        shifted = padded[k:]
        for c in range(out.size):
            out[c] += shifted[c]


@portable
def _scales(pixel, size, alpha, k, padded, s):
    """Compute s for a pixel; `padded` receives the squares, between zeros that stay unchanged."""
    real = pixel.dtype.type
    before = size // 2
    squares = padded[before : before + pixel.size]
    for c in range(pixel.size):
        squares[c] = pixel[c] * pixel[c]
    _window_sums(padded, size, s)
    factor = real(alpha / size)
    for c in range(pixel.size):
        s[c] = real(k) + factor * s[c]


@portable
def _tasks(x):
    return (x.shape[0] + _PIXELS - 1) // _PIXELS


@portable
def _forward_task(task, x, size, alpha, beta, k, out):
    channels = x.shape[1]
    padded = np.zeros(channels + size - 1, x.dtype)
    memory = np.empty((2, channels), x.dtype)
    s, powers = borrow(memory)[0], borrow(memory)[1]
    for i in range(task * _PIXELS, min((task + 1) * _PIXELS, x.shape[0])):
        pixel, result = borrow(x)[i], borrow(out)[i]
        _scales(pixel, size, alpha, k, borrow(padded), s)
        _powers(s, beta, powers)
        for c in range(channels):
            result[c] = pixel[c] * powers[c]


@compiled("local_response_norm-forward")
def forward(x, size, alpha, beta, k, out):
    """out (pixels, C) from x (pixels, C)."""
    parallel_for(_forward_task, _tasks(x), 8 * x.size, x, size, alpha, beta, k, out)


@portable
def _backward_task(task, grad, x, size, alpha, beta, k, out):
    channels = x.shape[1]
    real = x.dtype.type
    padded, products = np.zeros((2, channels + size - 1), x.dtype)
    memory = np.empty((3, channels), x.dtype)
    s, powers, sums = borrow(memory)[0], borrow(memory)[1], borrow(memory)[2]
    after = (size - 1) // 2
    centre = borrow(products)[after : after + channels]
    factor = real(2.0 * alpha * beta / size)
    for i in range(task * _PIXELS, min((task + 1) * _PIXELS, x.shape[0])):
        pixel, slope, result = borrow(x)[i], borrow(grad)[i], borrow(out)[i]
        _scales(pixel, size, alpha, k, borrow(padded), s)
        _powers(s, beta, powers)
        for c in range(channels):
            centre[c] = slope[c] * pixel[c] * powers[c] / s[c]
        _window_sums(borrow(products), size, sums)
        for c in range(channels):
            result[c] = slope[c] * powers[c] - factor * pixel[c] * sums[c]


@compiled("local_response_norm-backward")
def backward(grad, x, size, alpha, beta, k, out):
    """out = ∂y_c s_c^-β - 2 α β/n x_c Σ ∂y_j x_j s_j^(-β - 1), summed over all j whose window contains c."""
    parallel_for(_backward_task, _tasks(x), 16 * x.size, grad, x, size, alpha, beta, k, out)
