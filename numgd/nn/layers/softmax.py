"""Softmax."""

from dataclasses import dataclass

from numgd.kernels.layers import softmax as kernels
from numgd.nn.layers.layer import Layer, with_channels


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """exp(x) / Σ exp(x) over the last axis.

    Notes
    -----
    The loss 'cross_entropy' contains it: a network that is trained with it ends without a softmax, and
    `Network.predict_proba` applies one.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Softmax()
    Softmax()
    """

    reads = "x"
    keeps_features = True

    def output_shape(self, *shapes):
        return with_channels(shapes)

    def forward(self, at):
        kernels.softmax(at.x[0].reshape(-1), at.x[0].shape[-1], at.y.reshape(-1))

    def backward(self, at):
        (x,), (grad_x,) = at.x, at.grad_x
        kernels.softmax_backward(at.grad.reshape(-1), x.reshape(-1), x.shape[-1], grad_x.reshape(-1))
