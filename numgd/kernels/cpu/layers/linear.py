"""Matrix products of dense layers, over rows: x (N, C), weight (D, C), out (N, D).

They are computed as convolutions of images with one pixel: the micro-kernels run at the rate of the BLAS, add
the bias and apply the activation in registers, and share numgd's threads.
"""

import numpy as np

from numgd.jit.program import scratch
from numgd.kernels.cpu.layers import elementwise
from numgd.kernels.cpu.layers.conv import choose
from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.cpu.layers.transpose import transpose

MOST_ROWS = 4096
"""Samples up to which the gradient of weights is one matrix product; beyond, sums of that many are added."""

FEW_ROWS = 4
"""Samples up to which weights are read in the order in which they lie: packing them would take longer."""

_POINT = Geometry((1, 1), (1, 1), (0, 0, 0, 0), 1)
_SUMMED = {CODES[name]: name for name in elementwise.SUMS}


def forward(x, weight, bias, out, activation=0):
    """out = activation(x · weightᵀ + bias), with the code of a fused activation."""
    if len(x) <= FEW_ROWS and activation in _SUMMED:
        _few_rows(x, weight, bias, out, _SUMMED[activation])
    else:
        choose.forward(_pixels(x), weight[:, None, None], bias, _pixels(out), _POINT, activation)


def gradient_of_input(grad, weight, out):
    """out = grad · weight."""
    none = np.zeros(weight.shape[1], weight.dtype)
    choose.gradient_of_input(_pixels(grad), weight[:, None, None], none, _pixels(out), _POINT)


def gradient_of_weight(grad, x, out):
    """out = gradᵀ · x."""
    samples, features = grad.shape
    if samples > MOST_ROWS:
        choose.gradient_of_weight(_pixels(grad), _pixels(x), out[:, None, None], _POINT)
        return
    transposed = scratch((features, samples), grad.dtype)
    transpose(grad.reshape(-1), samples, features, transposed.reshape(-1))
    none = np.zeros(x.shape[1], x.dtype)
    choose.gradient_of_input(_pixels(transposed), x[:, None, None], none, _pixels(out), _POINT)


def _pixels(array):
    """Rows as images of one pixel."""
    return array.reshape(array.shape[0], 1, 1, array.shape[-1])


def _few_rows(x, weight, bias, out, activation):
    """As `forward`, with the roles of x and the weights exchanged."""
    samples, features = out.shape
    columns = scratch((features, samples), out.dtype)
    none = np.zeros(samples, out.dtype)
    fresh = {}  # x stands where weights do, but differs from run to run
    choose.forward(_pixels(weight), x[:, None, None], none, _pixels(columns), _POINT, packed_cache=fresh)
    transpose(columns.reshape(-1), features, samples, out.reshape(-1))
    for row in out:
        elementwise.add(row, bias, row, activation)
