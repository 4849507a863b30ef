"""Which algorithm computes a convolution: chosen by its shape, or named."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np

from numgd.kernels.cpu.layers.conv import (
    depthwise,
    depthwise_lines,
    direct,
    few_channels,
    pointwise,
    weight_gradient,
    winograd,
    winograd_weight_gradient,
)
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide


def _winograd(m):
    """Winograd's algorithm for one size of tiles, in the form of a module."""
    return SimpleNamespace(
        reason_against=winograd.reason_against,
        forward=partial(winograd.forward, m),
        input_gradient=partial(winograd.input_gradient, m),
        weight_gradient=partial(winograd_weight_gradient.weight_gradient, m),
    )


ALGORITHMS = {
    "direct": direct,
    "pointwise": pointwise,
    "few_channels": few_channels,
    "depthwise": depthwise,
    "depthwise_lines": depthwise_lines,
    "winograd_2": _winograd(2),
    "winograd_4": _winograd(4),
}
"""Algorithms by name; what one of them lacks, the direct one computes.

A kernel of one pixel is left to the direct algorithm, whose micro-kernel is then that of a matrix product: it
is as fast as the BLAS, adds bias and activation on the way, and has no second set of threads, which would go
on spinning beside ours.
"""

WINOGRAD_CHANNELS = 16
"""Channels on either side of a group below which transforming costs more than Winograd's algorithm saves."""


TILES_FOR_WEIGHTS = 24
"""Tiles whose products take as long as the transform of the weights."""

PRODUCTS = 2e10
"""Multiplications between two looks at signals: some tenths of a second on one core."""


def reason_against(algorithm, kernel, inside, outside, geometry):
    """Why a named algorithm does not apply to a convolution, or None."""
    return ALGORITHMS[algorithm].reason_against(kernel, inside, outside, geometry)


@by_shape
def choose(kernel, inside, outside, batch, result, geometry):
    """Name of the algorithm for a kernel (kh, kw), numbers of channels, and the result's batch and (h, w)."""

    def applies(algorithm):
        return reason_against(algorithm, kernel, inside, outside, geometry) is None

    for algorithm in ("depthwise_lines", "depthwise"):
        if applies(algorithm):
            return algorithm
    if inside <= few_channels.CHANNELS and kernel[1] > 1 and applies("few_channels"):
        return "few_channels"
    if applies("winograd_4") and min(inside, outside) >= WINOGRAD_CHANNELS * geometry.groups:
        # Products for a pair of channels; transforming the weights costs as much as some tiles.
        tiles = batch * ceil_divide(result[0], 4) * ceil_divide(result[1], 4)
        if 1.3 * 36 * (tiles + TILES_FOR_WEIGHTS) < 9 * batch * result[0] * result[1]:
            return "winograd_4"
    return "direct"


def _module(algorithm, weight, result, geometry):
    kernel = weight[1:3]
    inside, outside = weight[3] * geometry.groups, weight[0]
    return ALGORITHMS[algorithm or choose(kernel, inside, outside, result[0], result[1:3], geometry)]


def blocks(images, result, weight):
    """Slices of a batch between which Python looks at signals: of a large one many, of others one.

    `result` and `weight` are shapes.
    """
    each = math.prod(result[1:]) * math.prod(weight[1:])
    together = max(1, int(PRODUCTS // max(each, 1)))
    return [slice(first, min(first + together, images)) for first in range(0, images, together)]


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, kept=None):
    """Convolve `x` with `weight`, add `bias`, apply the activation, into `out`; see `direct.forward`."""
    if out.size:
        module = _module(algorithm, weight.shape, out.shape, geometry)
        for block in blocks(len(x), out.shape, weight.shape):
            module.forward(x[block], weight, bias, out[block], geometry, activation, kept)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, kept=None):
    """The transposed convolution of `grad`, plus `bias`, into `out`; see `direct.input_gradient`."""
    if out.size:
        module = _module(algorithm, weight.shape, grad.shape, geometry)
        function = getattr(module, "input_gradient", direct.input_gradient)
        for block in blocks(len(grad), grad.shape, weight.shape):
            function(grad[block], weight, bias, out[block], geometry, activation, kept)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """The gradient of the weights into `out`; see `weight_gradient.weight_gradient`."""
    if out.size == 0:
        return
    if grad.size == 0:
        out[:] = 0
        return
    module = _module(algorithm, out.shape, grad.shape, geometry)
    function = getattr(module, "weight_gradient", weight_gradient.weight_gradient)
    first, *others = blocks(len(x), grad.shape, out.shape)
    function(grad[first], x[first], out, geometry)
    for block in others:
        part = np.empty_like(out)
        function(grad[block], x[block], part, geometry)
        out += part
