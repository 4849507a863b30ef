"""Convolutions of images."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from numgd.foundations.ranges import Count, Flag
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.layers import bias_gradient, convolution, memory
from numgd.nn.functional.checks import Size, pair_of
from numgd.nn.functional.conv import shaped
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, one_input
from numgd.nn.layers.shared import before_activation, zero_bias


@dataclass(frozen=True, eq=False)
class Conv2d(Layer):
    """A convolution of images (height, width, channels), as `numgd.nn.functional.conv2d` computes it.

    Parameters
    ----------
    channels : int
        Of the result.
    kernel_size : int or pair
    stride, dilation : int or pair
    padding : int, pair, four integers, 'same', 'same_lower' or 'valid'
    groups : int or 'depthwise'
        Number of groups of channels; 'depthwise' for one per channel of the input.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.
    bias : bool
    initialiser : str
        Of the weights (channels, kh, kw, in / groups), by its name in `numgd.nn.initialisers`.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Conv2d(6, 5), input_shape=(28, 28, 1)).output_shape
    (24, 24, 6)
    """

    channels: Count
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: Any = 1
    activation: ActivationName = None
    bias: Flag = True
    initialiser: InitialiserName = "he_uniform"

    fuses = tuple(name for name in CODES if name)
    absorbs_norm = True

    @cached_property
    def _kernel(self):
        return pair_of("kernel_size", self.kernel_size, Size)

    def __post_init__(self):
        super().__post_init__()
        self._kernel  # noqa: B018  checked when it is first computed

    def _geometry(self, shape):
        """The geometry for images of a shape, and the shape of the result."""
        groups = self._groups(shape)
        weight = (self.channels, *self._kernel, max(1, shape[2] // groups))
        geometry, result = shaped((1, *shape), weight, self.stride, self.padding, self.dilation, groups)
        return geometry, weight, result[1:]

    def _groups(self, shape):
        return shape[2] if self.groups == "depthwise" else self.groups

    def output_shape(self, *shapes):
        return self._geometry(one_input(shapes, 3, "images, (height, width, channels)"))[2]

    def parameters(self, *shapes):
        found = {"weight": Parameter(self._geometry(shapes[0])[1], self.initialiser)}
        if self.bias:
            found["bias"] = Parameter((self.channels,), "zeros", False)
        return found

    def forward(self, at):
        weight, bias = at.parameters["weight"], at.parameters.get("bias")
        bias = zero_bias(weight) if bias is None else bias
        geometry = self._geometry(at.x[0].shape[1:])[0]
        convolution.forward(at.x[0], weight, bias, at.y, geometry, CODES[at.activation])

    def backward(self, at):
        (x,), (grad_x,), grad = at.x, at.grad_x, before_activation(at)
        geometry = self._geometry(x.shape[1:])[0]
        if grad_x is not None:
            none = memory.constant(x, x.shape[3:], 0, x.dtype)
            convolution.gradient_of_input(grad, at.parameters["weight"], none, grad_x, geometry)
        convolution.gradient_of_weight(grad, x, at.gradients["weight"], geometry)
        if self.bias:
            bias_gradient(grad, at.gradients["bias"])

    def multiply_adds(self, *shapes):
        _, weight, result = self._geometry(shapes[0])
        return prod(result) * prod(weight[1:])
