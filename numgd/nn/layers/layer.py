"""What a layer is: shapes, parameters, and how values and gradients are computed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

from numgd.foundations.ranges import check_fields, one_of
from numgd.scalars import ACTIVATIONS

ActivationName = one_of(None, *ACTIVATIONS)


class Parameter(NamedTuple):
    """An array of numbers that training changes."""

    shape: tuple
    initialiser: Any  # a name in `numgd.nn.initialisers.INITIALISERS`, or a function like those
    decays: bool = True  # whether weight decay applies to it where biases and norms are left out


class State(NamedTuple):
    """An array that a layer updates itself, such as running statistics."""

    shape: tuple
    initial: float


class Place(NamedTuple):
    """What a layer computes with at its place in a network, for one batch size.

    Attributes
    ----------
    shapes : tuple of tuples
        Of the inputs, with the batch.
    x : tuple of arrays
        The inputs; of `backward`, if the layer reads them.
    y : array
        The output, likewise.
    parameters, gradients, states, kept : dict
        Arrays by name.
    grad : array or None
        The gradient of the output.
    grad_x : tuple of arrays or None
        Memory for the gradients of the inputs, None for those that are not needed.
    activation : str or None
        The activation that is applied to the result by the way.
    training : bool
    words : (2,) uint64 array
        The seed of the present step, and 0.
    number : int
        The number of the layer in its network.
    """

    shapes: tuple
    x: tuple
    y: Any
    parameters: dict
    gradients: dict
    states: dict
    kept: dict
    grad: Any
    grad_x: tuple
    activation: str | None
    training: bool
    words: Any
    number: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer(ABC):
    """An operation of a network; a description, which can be used in several places.

    Shapes are those of one sample, without the batch.

    Attributes
    ----------
    reads : str
        What `backward` reads besides the gradient: 'x', 'y', both or nothing.
    fuses : tuple of str
        The activations that can be applied to the result by the way.
    activation : str or None
        The activation of the result.
    absorbs_norm : bool
        Whether the layer is linear with weights (channels, …), so that in inference a batch norm of its
        result can be part of them.
    overwrites : bool
        Whether `forward` can write the output over the input.
    shares_gradient : bool
        Whether all inputs have one gradient, which is that before the activation.
    keeps_features : bool
        Whether number i of a vector stays at its place, as in activations and in norms of all features: the
        features of the result are ordered as those of the inputs.
    splits_gradient : bool
        Whether the gradients of the inputs are the channels of that of the output, side by side; `backward`
        is then not called.
    takes_batch_statistics : bool
        Whether in training a result depends on the other samples of its batch.  Such a layer has a method
        ``check_batch(shape)``, which raises ValueError for batches that are too small.
    """

    reads = "x"
    fuses = ()
    activation = None
    absorbs_norm = False
    overwrites = False
    shares_gradient = False
    splits_gradient = False
    keeps_features = False
    takes_batch_statistics = False

    def __post_init__(self):
        check_fields(self)

    @abstractmethod
    def output_shape(self, *shapes):
        """The shape of the output for inputs of these shapes; raises ValueError if they do not fit."""

    def parameters(self, *shapes):
        """`Parameter` by name."""
        return {}

    def states(self, *shapes):
        """`State` by name."""
        return {}

    def kept(self, *shapes):
        """Shape and dtype, by name, of what `forward` keeps for `backward`; shapes here include the batch."""
        return {}

    @abstractmethod
    def forward(self, at):
        """Compute ``at.y``; not called where the layer `passes`."""

    @abstractmethod
    def backward(self, at):
        """Compute ``at.grad_x``, where needed, and ``at.gradients``; likewise."""

    def multiply_adds(self, *shapes):
        """Number of multiply-adds of `forward` for one sample, of convolutions and matrix products."""
        return 0

    def reads_of(self, activation):
        """What `backward` reads with a fused activation."""
        return self.reads if activation is None else "".join(sorted({*self.reads, "y"}))

    def passes(self, training):
        """Whether the output is the input itself, in another shape at most."""
        return False

    def connect(self, wiring, inputs, path):
        """Add the layer to a network; returns the number of its output."""
        result = wiring.add(self, inputs, path)
        return result if self.activation is None else wiring.activate(self.activation, result, path)


def with_channels(shapes):
    """The only input's shape, which must have an axis of channels, the last one."""
    shape = one_input(shapes, None, "")
    if not shape:
        raise ValueError("takes an axis of channels, got shape ()")
    return shape


def one_input(shapes, axes, wants):
    """The only input's shape, which must have a number of axes."""
    if len(shapes) != 1:
        raise ValueError(f"takes one input, got {len(shapes)}")
    if axes is not None and len(shapes[0]) != axes:
        raise ValueError(f"takes {wants}, got shape {shapes[0]}")
    return shapes[0]
