"""Layer norm."""

from dataclasses import dataclass
from functools import partial

from numgd.foundations.ranges import Positive
from numgd.kernels.layers import columns, memory
from numgd.kernels.layers import layer_norm as kernels
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, with_channels
from numgd.nn.layers.shared import as_rows


@dataclass(frozen=True, eq=False)
class LayerNorm(Layer):
    """γ (x − μ) / √(σ² + ε) + β over the last axis of each sample, with its own mean and variance.

    Parameters
    ----------
    eps : float
        ε.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.

    Notes
    -----
    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization (2016).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.LayerNorm(), input_shape=(5,)).parameters.size
    10
    """

    eps: Positive = 1e-5
    activation: ActivationName = None

    keeps_features = True

    def output_shape(self, *shapes):
        return with_channels(shapes)

    def parameters(self, *shapes):
        channels = shapes[0][-1:]
        return {"gamma": Parameter(channels, "ones", False), "beta": Parameter(channels, "zeros", False)}

    def forward(self, at):
        parameters = at.parameters["gamma"], at.parameters["beta"]
        kernels.forward(as_rows(at.x[0]), *parameters, self.eps, as_rows(at.y))

    def backward(self, at):
        x, gamma = as_rows(at.x[0]), at.parameters["gamma"]
        grad_x = memory.scratch(x, x.shape, x.dtype) if at.grad_x[0] is None else as_rows(at.grad_x[0])
        own = columns.beside(x)
        sums = own.partial_sums(1, *x.shape, partial(memory.scratch, x))[0]
        block = own.block_rows(*x.shape)
        kernels.backward(as_rows(at.grad), x, gamma, self.eps, block, sums, grad_x)
        flat = sums.reshape(sums.shape[0], -1)
        columns.add_up(flat, 0, at.gradients["beta"])
        columns.add_up(flat, gamma.size, at.gradients["gamma"])
