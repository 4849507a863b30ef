"""The hyperbolic tangent with LeCun's scales."""

from dataclasses import dataclass

from numgd.kernels.layers import elementwise, memory
from numgd.nn.layers.layer import Layer, one_input

AMPLITUDE, SLOPE = 1.7159, 2 / 3
"""Of the scaled tanh: its value at 1 is 1, and its curvature is largest there."""


@dataclass(frozen=True, eq=False)
class ScaledTanh(Layer):
    """1.7159 tanh(2/3 x) of every element.

    Notes
    -----
    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998), section II.B and appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn
    >>> nn.Network(nn.ScaledTanh(), input_shape=(3,))(np.array([[-1.0, 0.0, 1.0]])).round(3)
    array([[-1.,  0.,  1.]], dtype=float32)
    """

    keeps_features = True

    def output_shape(self, *shapes):
        return one_input(shapes, None, "")

    def _scaled(self, x):
        """2/3 x as a vector, by the leaky ReLU of slope 1, which is the identity."""
        vector, scaled = x.reshape(-1), memory.scratch(x, (x.size,), x.dtype)
        elementwise.values("leaky_relu", vector, vector, elementwise.one(x), x.size + 1, SLOPE, 1.0, scaled)
        return scaled

    def forward(self, at):
        x = self._scaled(at.x[0])
        elementwise.values("tanh", x, x, elementwise.one(x), x.size + 1, AMPLITUDE, 0.0, at.y.reshape(-1))

    def backward(self, at):
        x, grad, grad_x = self._scaled(at.x[0]), at.grad.reshape(-1), at.grad_x[0].reshape(-1)
        elementwise.derivatives("tanh", x, x, grad, 1, AMPLITUDE * SLOPE, 0.0, grad_x)
