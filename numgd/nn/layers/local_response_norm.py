"""Local response norm."""

from dataclasses import dataclass

from numgd.foundations.ranges import Count, NonNegative, Positive
from numgd.kernels.layers import local_response_norm as kernels
from numgd.nn.functional.local_response_norm import window
from numgd.nn.layers.layer import Layer, with_channels
from numgd.nn.layers.shared import as_rows


@dataclass(frozen=True, eq=False)
class LocalResponseNorm(Layer):
    """x / (k + α/n Σ x²)^β, with the sum over n neighbouring channels.

    Parameters
    ----------
    size : int
        n.
    alpha, beta, k : float

    Notes
    -----
    Source: A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet classification with deep convolutional
    neural networks, NeurIPS (2012), section 3.3, where α is α/n here.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.LocalResponseNorm(5).alpha
    0.0001
    """

    size: Count
    alpha: NonNegative = 1e-4
    beta: NonNegative = 0.75
    k: Positive = 1.0

    def output_shape(self, *shapes):
        return with_channels(shapes)

    def _constants(self, at):
        return window(at.x[0].shape[-1], self.size, self.alpha, self.beta, self.k)

    def forward(self, at):
        kernels.forward(as_rows(at.x[0]), *self._constants(at), as_rows(at.y))

    def backward(self, at):
        rows = as_rows(at.grad), as_rows(at.x[0])
        kernels.backward(*rows, *self._constants(at), as_rows(at.grad_x[0]))
