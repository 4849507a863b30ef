"""Activations as layers of their own."""

from dataclasses import dataclass

from numgd.foundations.ranges import checked, one_of
from numgd.kernels.layers import elementwise
from numgd.nn.layers.layer import Layer, one_input
from numgd.nn.layers.shared import apply_slope
from numgd.scalars import ACTIVATIONS

Name = one_of(*ACTIVATIONS)


@dataclass(frozen=True, eq=False)
class Activation(Layer):
    """An activation of every element.

    Parameters
    ----------
    kind : str
        A name in `numgd.scalars.ACTIVATIONS`: 'relu', 'sigmoid', 'tanh', 'gelu', …
    parameter : float, optional
        Of the activation, such as the slope of 'leaky_relu'; by default the usual one.

    Notes
    -----
    After a layer that can apply it by the way (`Layer.fuses`), it takes no pass of its own.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Activation("tanh")
    Activation(kind='tanh', parameter=None)
    """

    kind: Name
    parameter: float | None = None

    keeps_features = True

    def __post_init__(self):
        super().__post_init__()
        record = ACTIVATIONS[self.kind]
        if self.parameter is None:
            return
        if record.range is None:
            raise ValueError(f"activation {self.kind!r} has no parameter; parameter is {self.parameter!r}")
        object.__setattr__(self, "parameter", checked("parameter", self.parameter, record.range))

    @property
    def reads(self):
        return "y" if self.keeps_slope else "x"

    @property
    def number(self):
        """The parameter as a number."""
        return ACTIVATIONS[self.kind].default if self.parameter is None else self.parameter

    @property
    def keeps_slope(self):
        """Whether the gradient follows from the result."""
        return ACTIVATIONS[self.kind].keeps_slope and not self.number < 0

    @property
    def overwrites(self):
        return self.keeps_slope

    @property
    def by_default(self):
        """The name of the activation if its parameter is the usual one, else None."""
        return self.kind if self.number == ACTIVATIONS[self.kind].default else None

    def output_shape(self, *shapes):
        return one_input(shapes, None, "")

    def forward(self, at):
        x, y = at.x[0].reshape(-1), at.y.reshape(-1)
        elementwise.values(self.kind, x, x, elementwise.one(x), x.size + 1, 1.0, self.number, y)

    def backward(self, at):
        from_what = at.y if self.keeps_slope else at.x[0]
        apply_slope(self.kind, from_what, at.grad, at.grad_x[0], self.number)
