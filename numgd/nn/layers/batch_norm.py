"""Batch norm."""

from dataclasses import dataclass
from math import nan

import numpy as np

from numgd.foundations.ranges import Positive, UnitInterval, one_of
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import batch_norm as kernels
from numgd.kernels.layers import columns, memory
from numgd.nn.functional.columns import ByColumns
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, State, with_channels


@dataclass(frozen=True, eq=False)
class BatchNorm(Layer):
    """γ (x − μ) / √(σ² + ε) + β for each channel, the last axis.

    In training μ and σ² are those of the batch, else running averages of them.

    Parameters
    ----------
    momentum : float
        Weight of a batch in the running averages.
    eps : float
        ε.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.
    gamma : {'ones', 'zeros'}
        What γ starts with; zeros at the end of a residual branch make the block start as the identity.

    Notes
    -----
    Source: S. Ioffe and C. Szegedy, Batch normalization, ICML (2015).

    Examples
    --------
    >>> from numgd import nn
    >>> list(nn.Network(nn.BatchNorm(), input_shape=(3,)).named_states())
    ['batchnorm.running_mean', 'batchnorm.running_variance']
    """

    momentum: UnitInterval = 0.1
    eps: Positive = 1e-5
    activation: ActivationName = None
    gamma: one_of("ones", "zeros") = "ones"

    fuses = ("relu",)
    takes_batch_statistics = True
    keeps_features = True

    def output_shape(self, *shapes):
        return with_channels(shapes)

    def parameters(self, *shapes):
        channels = shapes[0][-1:]
        return {"gamma": Parameter(channels, self.gamma, False), "beta": Parameter(channels, "zeros", False)}

    def states(self, *shapes):
        return {"running_mean": State(shapes[0][-1:], 0.0), "running_variance": State(shapes[0][-1:], 1.0)}

    def kept(self, *shapes):
        return {"statistics": ((3, shapes[0][-1]), np.dtype(np.float64))}

    def reads_of(self, activation):
        return "x"  # where the ReLU was zero is computed again

    def check_batch(self, shape):
        """Raise for a batch with a single value per channel."""
        if np.prod(shape[:-1]) == 1:
            raise ValueError(
                "has one value per channel in a batch of one: in training batch norm needs several, since "
                "the variance of one is not defined"
            )

    def fold(self, at, weight, bias, new_weight, new_bias):
        """The parameters of a linear layer that includes this norm, in inference."""
        rows = len(weight), -1
        kernels.fold(
            weight.reshape(rows), bias, at.parameters["gamma"], at.parameters["beta"],
            at.states["running_mean"], at.states["running_variance"], self.eps, new_weight.reshape(rows),
            new_bias,
        )  # fmt: skip

    def forward(self, at):
        x, layout = at.x[0], _layout(at.x[0])
        statistics = at.kept.get("statistics")
        if statistics is None:
            statistics = memory.scratch(x, (3, x.shape[-1]), np.dtype(np.float64))
        mean, inverse = statistics[0], statistics[2]
        gamma, beta = at.parameters["gamma"], at.parameters["beta"]
        by_channel = layout.by_channel(layout.coefficients)[0]
        running = at.states["running_mean"], at.states["running_variance"]
        if at.training:
            columns.moments(layout.of(x), layout.block, layout.partial)
            partial = layout.by_channel(layout.partial)[0]
            kernels.prepare(
                partial, layout.rows, layout.block, self.eps, self.momentum, statistics[:2], inverse,
                *running, gamma, beta, by_channel,
            )  # fmt: skip
        else:
            kernels.constant(*running, self.eps, mean, inverse)
            kernels.forward(mean, inverse, gamma, beta, by_channel)
        floor = x.dtype.type(nan if at.activation is None else 0)
        large = at.y.nbytes >= LARGE
        columns.affine(layout.of(x), layout.block, layout.coefficients, floor, large, layout.of(at.y))

    def backward(self, at):
        (x,), (grad_x,), layout = at.x, at.grad_x, _layout(at.x[0])
        relu = at.activation is not None
        statistics = at.kept["statistics"]
        mean, inverse = statistics[0], statistics[2]
        gamma, beta = at.parameters["gamma"], at.parameters["beta"]
        coefficients, grad, flat = layout.coefficients, layout.of(at.grad), layout.of(x)
        by_channel = layout.by_channel(coefficients)[0]
        kernels.forward(mean, inverse, gamma, beta, by_channel)
        columns.sums(relu, grad, flat, layout.block, coefficients, layout.partial)
        partial = layout.by_channel(layout.partial)[0]
        slopes = at.gradients["gamma"], at.gradients["beta"]
        kernels.backward(partial, float(layout.count), mean, inverse, gamma, by_channel, *slopes)
        if grad_x is not None:
            large = x.nbytes >= LARGE
            columns.gradient(relu, grad, flat, layout.block, coefficients, large, layout.of(grad_x))


def _layout(x):
    return ByColumns(x, 1, memory.scratch)
