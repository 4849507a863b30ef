"""Sums of values, as at the end of residual blocks."""

from dataclasses import dataclass

from numgd.kernels.layers import elementwise
from numgd.nn.layers.layer import ActivationName, Layer
from numgd.nn.layers.shared import apply_slope


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """The sum of two or more inputs of one shape.

    Parameters
    ----------
    activation : str, optional
        Applied to the sum: a name in `numgd.scalars.ACTIVATIONS`.

    Examples
    --------
    >>> from numgd import nn
    >>> graph = nn.Graph(a=nn.Dense(3), b=(nn.Dense(3), "input"), sum=(nn.Add(), "a", "b"))
    >>> nn.Network(graph, input_shape=(2,)).output_shape
    (3,)
    """

    activation: ActivationName = None

    reads = ""
    fuses = ("relu",)
    shares_gradient = True
    keeps_features = True

    def output_shape(self, *shapes):
        if len(shapes) < 2 or any(shape != shapes[0] for shape in shapes):
            raise ValueError(f"takes two or more inputs of one shape, got {', '.join(map(str, shapes))}")
        return shapes[0]

    def forward(self, at):
        y = at.y.reshape(-1)
        first, *others, last = (x.reshape(-1) for x in at.x)
        for x in others:
            elementwise.add(first, x, y)
            first = y
        elementwise.add(first, last, y, at.activation)

    def backward(self, at):
        apply_slope(at.activation, at.y, at.grad, next(g for g in at.grad_x if g is not None))
