"""Dense layers: weight · x + bias."""

from dataclasses import dataclass

import numpy as np

from numgd.foundations.ranges import Count, Flag
from numgd.jit.program import scratch
from numgd.kernels.cpu.layers import elementwise
from numgd.kernels.cpu.layers.conv import choose
from numgd.kernels.cpu.layers.conv.bias_gradient import bias_gradient
from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.cpu.layers.transpose import transpose
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, one_input
from numgd.nn.layers.shared import before_activation, zero_bias

MOST_ROWS = 4096
"""Samples up to which the gradient of weights is one matrix product; beyond, sums of that many are added."""

FEW_ROWS = 4
"""Samples up to which weights are read in the order in which they lie: packing them would take longer."""

_POINT = Geometry((1, 1), (1, 1), (0, 0, 0, 0), 1)


def _pixels(array):
    """Rows as images of one pixel."""
    return array.reshape(array.shape[0], 1, 1, array.shape[-1])


def _few_rows(x, weight, bias, out, activation):
    """out = activation(x · weightᵀ + bias), with the roles of x and the weights exchanged."""
    samples, features = out.shape
    columns = scratch((features, samples), out.dtype)
    none = np.zeros(samples, out.dtype)
    fresh = {}  # x stands where weights do, but differs from run to run
    choose.forward(_pixels(weight), x[:, None, None], none, _pixels(columns), _POINT, packed_cache=fresh)
    transpose(columns.reshape(-1), features, samples, out.reshape(-1))
    for row in out:
        elementwise.add(row, bias, row, activation)


def _gradient_of_weight(grad, x, out):
    """out = gradᵀ · x, where `grad` has the shape of pixels."""
    samples, features = len(x), grad.shape[3]
    if samples > MOST_ROWS:
        choose.gradient_of_weight(grad, _pixels(x), out[:, None, None], _POINT)
        return
    transposed = scratch((features, samples), grad.dtype)
    transpose(grad.reshape(-1), samples, features, transposed.reshape(-1))
    none = zero_bias(x, axis=1)
    choose.gradient_of_input(_pixels(transposed), x[:, None, None], none, _pixels(out), _POINT)


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """y = weight · x + bias over vectors.

    Parameters
    ----------
    features : int
        Length of y.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.
    bias : bool
    initialiser : str
        Of the weights (features, inputs), by its name in `numgd.nn.initialisers`; biases start at 0.

    Notes
    -----
    It is computed as a convolution of images with one pixel: the micro-kernels run at the rate of the BLAS,
    add the bias and apply the activation in registers, and share numgd's threads.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Dense(3), input_shape=(4,)).parameters.size
    15
    """

    features: Count
    activation: ActivationName = None
    bias: Flag = True
    initialiser: InitialiserName = "he_uniform"

    fuses = tuple(name for name in CODES if name)
    absorbs_norm = True

    def output_shape(self, *shapes):
        one_input(shapes, 1, "vectors, (features,): put Flatten before it")
        return (self.features,)

    def parameters(self, *shapes):
        found = {"weight": Parameter((self.features, shapes[0][0]), self.initialiser)}
        if self.bias:
            found["bias"] = Parameter((self.features,), "zeros", False)
        return found

    def forward(self, at):
        weight, bias = at.parameters["weight"], at.parameters.get("bias")
        bias = zero_bias(weight) if bias is None else bias
        if len(at.x[0]) <= FEW_ROWS and at.activation in elementwise.SUMS:
            _few_rows(at.x[0], weight, bias, at.y, at.activation)
            return
        code = CODES[at.activation]
        choose.forward(_pixels(at.x[0]), weight[:, None, None], bias, _pixels(at.y), _POINT, code)

    def backward(self, at):
        (x,), (grad_x,), weight = at.x, at.grad_x, at.parameters["weight"]
        grad = _pixels(before_activation(at))
        if grad_x is not None:
            none = zero_bias(weight, axis=1)
            choose.gradient_of_input(grad, weight[:, None, None], none, _pixels(grad_x), _POINT)
        _gradient_of_weight(grad, x, at.gradients["weight"])
        if self.bias:
            bias_gradient(grad, at.gradients["bias"])

    def multiply_adds(self, *shapes):
        return self.features * shapes[0][0]
