"""A factor and a bias for each channel."""

from dataclasses import dataclass

import numpy as np

from numgd.jit.streaming import LARGE
from numgd.kernels.layers import batch_norm as kernels
from numgd.kernels.layers import columns, memory
from numgd.nn.functional.columns import ByColumns
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers.layer import Layer, Parameter, with_channels


@dataclass(frozen=True, eq=False)
class ChannelScale(Layer):
    """γ x + β for each channel, the last axis.

    Parameters
    ----------
    initialiser : str
        Of γ (channels,), by its name in `numgd.nn.initialisers`; β (channels,) starts at 0.

    Raises
    ------
    ValueError
        For an unknown initialiser; in a network, for inputs without an axis of channels.

    Notes
    -----
    After `AvgPool2d` it is the trainable subsampling of Y. LeCun, L. Bottou, Y. Bengio and P. Haffner,
    Gradient-based learning applied to document recognition, Proceedings of the IEEE 86 (1998), section II.B.
    It is computed as a batch norm whose statistics are fixed at mean 0 and variance 1.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.ChannelScale(), input_shape=(8, 8, 3)).parameters
    array([1., 1., 1., 0., 0., 0.], dtype=float32)
    """

    initialiser: InitialiserName = "ones"

    keeps_features = True

    def output_shape(self, *shapes):
        return with_channels(shapes)

    def parameters(self, *shapes):
        channels = shapes[0][-1:]
        return {
            "gamma": Parameter(channels, self.initialiser, False),
            "beta": Parameter(channels, "zeros", False),
        }

    def _prepared(self, at):
        """The layout of x with coefficients, and the fixed mean and 1 / deviation."""
        layout, channels = ByColumns(at.x[0], 1, memory.scratch), at.x[0].shape[-1]
        mean, inverse = (
            memory.constant(at.x[0], (channels,), number, np.dtype(np.float64)) for number in (0.0, 1.0)
        )
        by_channel = layout.by_channel(layout.coefficients)[0]
        kernels.forward(mean, inverse, at.parameters["gamma"], at.parameters["beta"], by_channel)
        return layout, mean, inverse

    def forward(self, at):
        x, large = at.x[0], at.y.nbytes >= LARGE
        layout, _, _ = self._prepared(at)
        no_floor = x.dtype.type(np.nan)
        columns.affine(layout.of(x), layout.block, layout.coefficients, no_floor, large, layout.of(at.y))

    def backward(self, at):
        (x,), (grad_x,), large = at.x, at.grad_x, at.x[0].nbytes >= LARGE
        layout, mean, inverse = self._prepared(at)
        coefficients, grad, flat = layout.coefficients, layout.of(at.grad), layout.of(x)
        columns.sums(False, grad, flat, layout.block, coefficients, layout.partial)
        kernels.backward(
            layout.by_channel(layout.partial)[0], 0.0, mean, inverse, at.parameters["gamma"],
            layout.by_channel(coefficients)[0], at.gradients["gamma"], at.gradients["beta"],
        )  # fmt: skip
        if grad_x is not None:
            columns.gradient(False, grad, flat, layout.block, coefficients, large, layout.of(grad_x))
