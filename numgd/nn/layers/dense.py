"""Dense layers: weight · x + bias."""

from dataclasses import dataclass

from numgd.foundations.ranges import Count, Flag
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.layers import bias_gradient, linear
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers.layer import ActivationName, Layer, Parameter, one_input
from numgd.nn.layers.shared import before_activation, zero_bias


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """y = weight · x + bias over vectors.

    Parameters
    ----------
    features : int
        Length of y.
    activation : str, optional
        Applied to the result: a name in `numgd.scalars.ACTIVATIONS`.
    bias : bool
    initialiser : str
        Of the weights (features, inputs), by its name in `numgd.nn.initialisers`; biases start at 0.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.Dense(3), input_shape=(4,)).parameters.size
    15
    """

    features: Count
    activation: ActivationName = None
    bias: Flag = True
    initialiser: InitialiserName = "he_uniform"

    fuses = tuple(name for name in CODES if name)
    absorbs_norm = True

    def output_shape(self, *shapes):
        one_input(shapes, 1, "vectors, (features,): put Flatten before it")
        return (self.features,)

    def parameters(self, *shapes):
        found = {"weight": Parameter((self.features, shapes[0][0]), self.initialiser)}
        if self.bias:
            found["bias"] = Parameter((self.features,), "zeros", False)
        return found

    def forward(self, at):
        weight, bias = at.parameters["weight"], at.parameters.get("bias")
        bias = zero_bias(weight) if bias is None else bias
        linear.forward(at.x[0], weight, bias, at.y, CODES[at.activation])

    def backward(self, at):
        (x,), (grad_x,), grad = at.x, at.grad_x, before_activation(at)
        if grad_x is not None:
            linear.gradient_of_input(grad, at.parameters["weight"], grad_x)
        linear.gradient_of_weight(grad, x, at.gradients["weight"])
        if self.bias:
            bias_gradient(grad.reshape(len(x), 1, 1, self.features), at.gradients["bias"])

    def multiply_adds(self, *shapes):
        return self.features * shapes[0][0]
