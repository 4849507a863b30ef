"""The layers of a network in the order in which they are computed, and the values between them."""

from dataclasses import dataclass

from numgd.nn.layers import Activation, MaxPool2d

_RISING = ("relu", "relu6", "leaky_relu")
"""Activations that never fall: the largest result belongs to the largest number."""


@dataclass(eq=False)
class Node:
    """A layer at its place: the numbers of its input values and of its output."""

    layer: object
    path: str
    inputs: tuple
    output: int
    activation: str | None = None  # applied by the way

    @property
    def reads(self):
        """What its backward pass reads."""
        return self.layer.reads_of(self.activation)


class Wiring:
    """The nodes of a network.

    Parameters
    ----------
    input_shape : tuple
        Without the batch; the input is value 0.

    Attributes
    ----------
    nodes : list of Node
    shapes : list of tuple
        Of the values, without the batch.
    output : int
    auxiliary : dict
        The outputs that count in training only, with the weights of their losses.
    """

    def __init__(self, input_shape):
        self.nodes, self.shapes, self.auxiliary = [], [input_shape], {}
        self._paths = set()

    def add(self, layer, inputs, path):
        """Add a layer; returns the number of its output.  Raises ValueError if the shapes do not fit."""
        path = path or type(layer).__name__.lower()
        if path in self._paths:
            raise ValueError(f"{path}: two layers have this path; give one of them another name")
        self._paths.add(path)
        given = [self.shapes[i] for i in inputs]
        try:
            shape = tuple(layer.output_shape(*given))
        except ValueError as error:
            raise ValueError(f"{path}: {layer!r} {error}") from None
        self.shapes.append(shape)
        self.nodes.append(Node(layer, path, tuple(inputs), len(self.shapes) - 1))
        return self.nodes[-1].output

    def activate(self, kind, value, path):
        """Add the activation of the layer at a path."""
        return self.add(Activation(kind), (value,), f"{path}.{kind}" if path else kind)

    def finish(self, output):
        """Bring the nodes into the form in which they are computed; `output` is that of the network."""
        self.output = output
        paths = {node.output: node.path for node in self.nodes}
        for value in self.auxiliary:
            if self.shapes[value] != self.shapes[output]:
                raise ValueError(
                    f"{paths.get(value, 'input')}: an auxiliary classifier must have an output of the "
                    f"network's shape, {self.shapes[output]}; it has {self.shapes[value]}"
                )
        self.nodes = self.needed(training=True)
        self._activate_after_pools()
        self._fuse()

    def needed(self, training):
        """The nodes that a pass computes, in order."""
        wanted = {self.output, *self.auxiliary} if training else {self.output}
        found = []
        for node in reversed(self.nodes):
            if node.output in wanted:
                wanted.update(node.inputs)
                found.append(node)
        return found[::-1]

    def consumers(self, training=True):
        """For each value the nodes of a pass that take it; outputs count as taken."""
        found = {value: [] for value in range(len(self.shapes))}
        for node in self.needed(training):
            for value in node.inputs:
                found[value].append(node)
        for value in (self.output, *(self.auxiliary if training else ())):
            found[value].append(None)
        return found

    def _activate_after_pools(self):
        """Move activations that never fall behind a maximum over windows, where there are fewer numbers."""
        consumers = self.consumers()
        for i, node in enumerate(self.nodes):
            if not isinstance(node.layer, Activation) or node.layer.by_default not in _RISING:
                continue
            after = consumers[node.output]
            if len(after) == 1 and after[0] is not None and isinstance(after[0].layer, MaxPool2d):
                j = self.nodes.index(after[0])
                pool = after[0]
                source, between, result = node.inputs, node.output, pool.output
                pool.inputs, pool.output = source, between
                node.inputs, node.output = (between,), result
                self.shapes[between] = self.shapes[result]
                self.nodes[i], self.nodes[j] = pool, node
                consumers[between] = [node]

    def _fuse(self):
        """Let layers apply the activations that follow them, where they can."""
        producers = {node.output: node for node in self.nodes}
        consumers = self.consumers()
        kept = []
        for node in self.nodes:
            before = producers.get(node.inputs[0])
            kind = node.layer.by_default if isinstance(node.layer, Activation) else None
            if (
                kind is not None
                and before is not None
                and kind in before.layer.fuses
                and before.activation is None
                and len(consumers[before.output]) == 1
            ):
                before.activation, before.output = kind, node.output
                producers[node.output] = before
            else:
                kept.append(node)
        self.nodes = kept


def wired(model, input_shape):
    """The `Wiring` of a model for an input of a shape; raises TypeError or ValueError."""
    if not hasattr(model, "connect"):
        raise TypeError(f"model must be a layer or container; it is {model!r}")
    wiring = Wiring(input_shape)
    wiring.finish(model.connect(wiring, (0,), ""))
    return wiring
