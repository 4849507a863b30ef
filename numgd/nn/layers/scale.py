"""Multiples."""

from dataclasses import dataclass

from numgd.foundations.ranges import Finite
from numgd.kernels.layers import elementwise
from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class Scale(Layer):
    """A fixed factor times x.

    Parameters
    ----------
    factor : float

    Notes
    -----
    At the end of residual branches it makes the training of wide networks stable: C. Szegedy, S. Ioffe,
    V. Vanhoucke and A. Alemi, Inception-v4, Inception-ResNet and the impact of residual connections on
    learning, AAAI (2017), section 3.3.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Scale(0.5), input_shape=(3,))([[1, 2, 4]])
    array([[0.5, 1. , 2. ]], dtype=float32)
    """

    factor: Finite

    reads = ""
    overwrites = True
    keeps_features = True

    def output_shape(self, *shapes):
        return one_input(shapes, None, "")

    def passes(self, training):
        return self.factor == 1

    def forward(self, at):
        self._multiply(at.x[0].reshape(-1), at.y.reshape(-1))

    def backward(self, at):
        self._multiply(at.grad.reshape(-1), at.grad_x[0].reshape(-1))

    def _multiply(self, x, out):
        """out = factor · x, as a multiple of the activation whose slope is 1 on both sides of 0."""
        one = elementwise.one(x)
        elementwise.values("leaky_relu", x, x, one, x.size + 1, self.factor, 1.0, out)
