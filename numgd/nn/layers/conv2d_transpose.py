"""Transposed convolutions of images."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from numgd.foundations.ranges import Count, Flag
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.layers import bias_gradient, convolution, memory
from numgd.nn.functional.checks import Size, pair_of
from numgd.nn.functional.conv import shaped_transposed
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, one_input
from numgd.nn.layers.shared import before_activation


@dataclass(frozen=True, eq=False)
class Conv2dTranspose(Layer):
    """A transposed convolution, as `numgd.nn.functional.conv2d_transpose` computes it.

    Parameters
    ----------
    channels : int
        Of the result, a multiple of `groups`.
    kernel_size : int or pair
    stride, dilation, output_padding : int or pair
    padding : int, pair, four integers or 'valid'
    groups : int
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.
    bias : bool
    initialiser : str
        Of the weights (in, kh, kw, channels / groups), by its name in `numgd.nn.initialisers`.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Conv2dTranspose(6, 2, stride=2), input_shape=(4, 4, 1)).output_shape
    (8, 8, 6)
    """

    channels: Count
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    output_padding: Any = 0
    dilation: Any = 1
    groups: Count = 1
    activation: ActivationName = None
    bias: Flag = True
    initialiser: InitialiserName = "he_uniform"

    fuses = tuple(name for name in CODES if name)

    @cached_property
    def _kernel(self):
        return pair_of("kernel_size", self.kernel_size, Size)

    def __post_init__(self):
        super().__post_init__()
        self._kernel  # noqa: B018  checked when it is first computed
        if self.channels % self.groups:
            raise ValueError(f"channels {self.channels} is not a multiple of groups={self.groups}")

    def _geometry(self, shape):
        """The geometry for images of a shape, the shape of the weights and that of the result."""
        weight = (shape[2], *self._kernel, self.channels // self.groups)
        geometry, result = shaped_transposed(
            (1, *shape), weight, self.stride, self.padding, self.output_padding, self.dilation, self.groups
        )
        return geometry, weight, result[1:]

    def output_shape(self, *shapes):
        return self._geometry(one_input(shapes, 3, "images, (height, width, channels)"))[2]

    def parameters(self, *shapes):
        found = {"weight": Parameter(self._geometry(shapes[0])[1], self.initialiser)}
        if self.bias:
            found["bias"] = Parameter((self.channels,), "zeros", False)
        return found

    def forward(self, at):
        bias = at.parameters.get("bias")
        bias = memory.constant(at.y, (self.channels,), 0, at.y.dtype) if bias is None else bias
        geometry, code = self._geometry(at.x[0].shape[1:])[0], CODES[at.activation]
        convolution.gradient_of_input(at.x[0], at.parameters["weight"], bias, at.y, geometry, code)

    def backward(self, at):
        (x,), (grad_x,), grad = at.x, at.grad_x, before_activation(at)
        geometry = self._geometry(x.shape[1:])[0]
        if grad_x is not None:
            none = memory.constant(x, x.shape[3:], 0, x.dtype)
            convolution.forward(grad, at.parameters["weight"], none, grad_x, geometry)
        # The convolution maps the result here to x: its input is grad, and x is the gradient of its result.
        convolution.gradient_of_weight(x, grad, at.gradients["weight"], geometry)
        if self.bias:
            bias_gradient(grad, at.gradients["bias"])

    def multiply_adds(self, *shapes):
        return prod(shapes[0]) * prod(self._geometry(shapes[0])[1][1:])
