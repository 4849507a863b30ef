"""A network as an ONNX model in memory."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import numgd
from numgd.nn.exchange.feature_order import channels_first_order
from numgd.nn.exchange.onnx.layouts import to_channels_first, to_channels_last
from numgd.nn.exchange.onnx.operators import EXCHANGES
from numgd.nn.exchange.onnx.operators.elementwise import FORMULAS
from numgd.nn.exchange.onnx.package import package
from numgd.nn.layers import Dense, Flatten
from numgd.scalars import ACTIVATIONS

INPUT, OUTPUT, BATCH = "input", "output", "batch"
"""Names of the input, the output and the first axis of both."""


class Writer:
    """The nodes and numbers of a model, layer by layer.

    Parameters
    ----------
    network : Network
    channels_last : bool
        Whether the images that the model takes and gives are (batch, height, width, channels).
    opset : int
    """

    def __init__(self, network, channels_last, opset):
        self.onnx, self.network, self.opset = package(), network, opset
        self.channels_last = channels_last
        self.nodes, self.initializers = [], []
        self._taken = {INPUT, OUTPUT, *network.named_parameters(), *network.named_states()}
        self._consumers = network.wiring.consumers(training=False)
        self._orders = {}  # of values that are flattened images with channels first

    def model(self):
        """The whole model."""
        wiring, helper = self.network.wiring, self.onnx.helper
        names = {0: self._transposed(INPUT, wiring.shapes[0], to_channels_first)}
        for node in wiring.needed(training=False):
            names[node.output] = self._layer(node, [names[value] for value in node.inputs])
        last = self._transposed(names[wiring.output], wiring.shapes[wiring.output], to_channels_last)
        self._rename(last, OUTPUT)
        graph = helper.make_graph(
            self.nodes,
            type(self.network.model).__name__,
            [self._described(INPUT, wiring.shapes[0])],
            [self._described(OUTPUT, wiring.shapes[wiring.output])],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="numgd",
            producer_version=numgd.__version__,
        )

    def _layer(self, node, names):
        """Add a layer with its activation; returns the name of the result."""
        shapes = [self.network.wiring.shapes[value] for value in node.inputs]
        exchange = EXCHANGES[type(node.layer)]
        order = self._orders.get(node.inputs[0])
        if isinstance(node.layer, Flatten) and len(shapes[0]) > 1:
            order = channels_first_order(shapes[0]) if self._only_dense_takes(node.output) else None
            self._orders[node.output] = order
        elif exchange.elementwise:
            self._orders[node.output] = order
        arrays = self.network.parameters_of(node) | self.network.states_of(node)
        at = Place(self, node.path, names, shapes, order, arrays)
        result = exchange.write(node.layer, at)
        if node.activation is not None:
            at = Place(self, f"{node.path}.{node.activation}", [result], shapes, None, {})
            result = FORMULAS[node.activation](at, result, ACTIVATIONS[node.activation].default)
        return result

    def _only_dense_takes(self, value):
        """Whether only dense layers take a vector, maybe after elementwise layers."""
        return all(
            node is not None
            and (
                type(node.layer) is Dense
                or (EXCHANGES[type(node.layer)].elementwise and self._only_dense_takes(node.output))
            )
            for node in self._consumers[value]
        )

    def _transposed(self, name, shape, permutation):
        """The input or the output as the graph has it inside, or outside."""
        if not self.channels_last or len(shape) < 2:
            return name
        return self.add("transpose", "Transpose", name, perm=permutation(len(shape) + 1))

    def _rename(self, name, new):
        """Give a value another name; the input, or what is the output of no node, is copied."""
        if not any(name in node.output for node in self.nodes):
            name = self.add("identity", "Identity", name)
        for node in self.nodes:
            node.input[:] = [new if other == name else other for other in node.input]
            node.output[:] = [new if other == name else other for other in node.output]

    def _described(self, name, shape):
        axes = shape if self.channels_last or len(shape) < 2 else (shape[-1], *shape[:-1])
        return self.onnx.helper.make_tensor_value_info(name, self._type, (BATCH, *axes))

    @property
    def _type(self):
        return self.onnx.helper.np_dtype_to_tensor_dtype(self.network.dtype)

    def add(self, path, operator, *inputs, **attributes):
        """Add a node; returns the name of its result.  Numbers among the inputs become constants."""
        try:
            self.onnx.defs.get_schema(operator, self.opset)
        except self.onnx.defs.SchemaError:
            raise ValueError(
                f"{path}: it is written as the operator {operator}, which opset {self.opset} lacks"
            ) from None
        names = [self._constant_of(path, given) for given in inputs]
        name = self._free(path)
        self.nodes.append(self.onnx.helper.make_node(operator, names, [name], name, **attributes))
        return name

    def _constant_of(self, path, given):
        if isinstance(given, str):
            return given
        return self.put(self._free(f"{path}.constant"), np.array(given, self.network.dtype))

    def put(self, name, array):
        """Add numbers under a name; returns the name."""
        self.initializers.append(self.onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def constant(self, path, array):
        """Add numbers under a new name; returns the name."""
        return self.put(self._free(f"{path}.constant"), array)

    def _free(self, wanted):
        """A name that nothing has yet."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


@dataclass
class Place:
    """A layer at its place, being written.

    Attributes
    ----------
    writer : Writer
    path : str
    x : list of str
        Names of the inputs.
    shapes : list of tuple
        Theirs here: without the batch, channels last.
    order : array or None
        Where the features of the first input lie here, if they are ordered otherwise.
    arrays : dict
        Parameters and states by name.
    """

    writer: Any
    path: str
    x: list
    shapes: list
    order: Any
    arrays: dict = field(repr=False)

    @property
    def opset(self):
        """The version of the operators."""
        return self.writer.opset

    @property
    def dtype(self):
        """That of the network."""
        return self.writer.network.dtype

    @property
    def shape(self):
        """That of the first input."""
        return self.shapes[0]

    def add(self, operator, *inputs, **attributes):
        """Add a node; returns the name of its result.  Numbers among the inputs become constants."""
        return self.writer.add(self.path, operator, *inputs, **attributes)

    def array(self, name, change=lambda array: array):
        """The name of a parameter or state, added after a change; "" if the layer has none of that name."""
        if name not in self.arrays:
            return ""
        return self.writer.put(f"{self.path}.{name}", change(self.arrays[name]))

    def constant(self, array):
        """The name of an array, added."""
        return self.writer.constant(self.path, array)

    def add_beside(self, name, operator, *inputs, **attributes):
        """As `add`; the node has a name of its own besides the layer's, which another node gets."""
        return self.writer.add(f"{self.path}.{name}", operator, *inputs, **attributes)

    def channels_last(self, name):
        """A value transposed to (batch, …, channels)."""
        return self._transposed(name, to_channels_last)

    def channels_first(self, name):
        """A value transposed back."""
        return self._transposed(name, to_channels_first)

    def _transposed(self, name, permutation):
        if len(self.shape) == 1:
            return name
        return self.add_beside("transpose", "Transpose", name, perm=permutation(len(self.shape) + 1))
