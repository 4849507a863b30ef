"""Group norm."""

from dataclasses import dataclass
from math import nan

import numpy as np

from numgd.foundations.ranges import Count, Positive
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import group_norm as kernels
from numgd.kernels.layers import memory
from numgd.nn.functional.columns import ByColumns
from numgd.nn.functional.group_norm import by_samples
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, one_input


@dataclass(frozen=True, eq=False)
class GroupNorm(Layer):
    """γ (x − μ) / √(σ² + ε) + β with the mean and variance of a group of channels of one sample.

    Parameters
    ----------
    groups : int
        Number of groups; it divides the number of channels.
    eps : float
        ε.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.

    Notes
    -----
    Source: Y. Wu and K. He, Group normalization, ECCV (2018).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.GroupNorm(2), input_shape=(8, 8, 4)).parameters.size
    8
    """

    groups: Count
    eps: Positive = 1e-5
    activation: ActivationName = None

    fuses = ("relu",)

    @property
    def keeps_features(self):
        return self.groups == 1

    def output_shape(self, *shapes):
        shape = one_input(shapes, None, "")
        if not shape or shape[-1] % self.groups:
            raise ValueError(f"takes a multiple of {self.groups} channels, got shape {shape}")
        return shape

    def parameters(self, *shapes):
        channels = shapes[0][-1:]
        return {"gamma": Parameter(channels, "ones", False), "beta": Parameter(channels, "zeros", False)}

    def reads_of(self, activation):
        return "x"  # where the ReLU was zero is computed again

    def forward(self, at):
        x, layout = at.x[0], ByColumns(at.x[0], len(at.x[0]), memory.scratch)
        statistics = memory.scratch(x, (2, len(x), self.groups), np.dtype(np.float64))
        floor = x.dtype.type(nan if at.activation is None else 0)
        kernels.forward(
            by_samples(x), layout.of(x), layout.block, self.eps, at.parameters["gamma"],
            at.parameters["beta"], floor, at.y.nbytes >= LARGE, layout.partial, statistics[0], statistics[1],
            layout.coefficients, layout.of(at.y),
        )  # fmt: skip

    def backward(self, at):
        x, layout = at.x[0], ByColumns(at.x[0], len(at.x[0]), memory.scratch)
        statistics = memory.scratch(x, (2, len(x), self.groups), np.dtype(np.float64))
        grad_x = memory.scratch(x, x.shape, x.dtype) if at.grad_x[0] is None else at.grad_x[0]
        kernels.backward(
            at.activation is not None,
            by_samples(x), layout.of(at.grad), layout.of(x), layout.block, self.eps, at.parameters["gamma"],
            at.parameters["beta"], x.nbytes >= LARGE, layout.partial, statistics[0], statistics[1],
            layout.coefficients, layout.of(grad_x), at.gradients["gamma"], at.gradients["beta"],
        )  # fmt: skip
