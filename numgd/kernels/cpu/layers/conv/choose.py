"""Select the algorithm of a convolution, by shape or by name, and run it."""

import math

import numpy as np

from numgd.jit.program import is_recording
from numgd.kernels.cpu.layers import conv
from numgd.kernels.cpu.layers.conv.algorithm import Layer
from numgd.kernels.cpu.layers.conv.cost import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, Task
from numgd.kernels.cpu.layers.conv.geometry import by_shape

MAX_PRODUCTS = 2e10
"""Multiplications between two checks for signals: a few tenths of a second on one core."""


@by_shape
def choose(operation, layer, batch, height, width):
    """The algorithm for an operation of a `Layer` whose result has the given batch size, height and width."""
    task = Task(operation, layer, batch, height, width)
    applying = (
        algorithm
        for algorithm in conv.ALGORITHMS.values()
        if algorithm.work is not None and algorithm.reason_against(layer) is None
    )
    works = [(algorithm, work) for algorithm in applying if (work := algorithm.work(task)) is not None]
    return min(works, key=lambda item: item[1].time)[0]


def layer_of(weight, geometry):
    """The `Layer` for weights of shape `weight`, (out, kh, kw, in / groups)."""
    return Layer(weight[1:3], weight[3] * geometry.groups, weight[0], geometry)


def _algorithm_for(operation, name, weight, result, geometry):
    """The named algorithm, or the one chosen by the shapes of weights and result."""
    if name is not None:
        return conv.ALGORITHMS[name]
    return choose(operation, layer_of(weight, geometry), *result[:3])


def batch_slices(batch, result, weight):
    """Slices of the batch between which Python checks for signals: one slice unless the work is large.

    `result` and `weight` are shapes.
    """
    products = math.prod(result[1:]) * math.prod(weight[1:])
    size = batch if is_recording() else max(1, int(MAX_PRODUCTS // max(products, 1)))
    return [slice(first, min(first + size, batch)) for first in range(0, batch, size)]


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve `x` with `weight`, add `bias` and apply the activation; see `direct.forward`."""
    if out.size:
        chosen = _algorithm_for(FORWARD, algorithm, weight.shape, out.shape, geometry)
        for part in batch_slices(len(x), out.shape, weight.shape):
            chosen.forward(x[part], weight, bias, out[part], geometry, activation, packed_cache)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Write the transposed convolution of `grad`, plus `bias`, to `out`; see `direct.input_gradient`."""
    if out.size:
        chosen = _algorithm_for(INPUT_GRADIENT, algorithm, weight.shape, grad.shape, geometry)
        for part in batch_slices(len(grad), grad.shape, weight.shape):
            chosen.input_gradient(grad[part], weight, bias, out[part], geometry, activation, packed_cache)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """Write the gradient of the weights to `out`; see `weight_gradient.weight_gradient`."""
    if out.size == 0:
        return
    if grad.size == 0:
        out[:] = 0
        return
    chosen = _algorithm_for(WEIGHT_GRADIENT, algorithm, out.shape, grad.shape, geometry)
    first, *others = batch_slices(len(x), grad.shape, out.shape)
    chosen.weight_gradient(grad[first], x[first], out, geometry)
    for part in others:
        addend = np.empty_like(out)
        chosen.weight_gradient(grad[part], x[part], addend, geometry)
        out += addend
