"""An ONNX graph as a network."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from numgd.nn.containers import Graph
from numgd.nn.exchange.onnx.operators import COMPUTED, READERS
from numgd.nn.exchange.onnx.operators.elementwise import OPERATORS, layer_of
from numgd.nn.exchange.onnx.package import REAL, package
from numgd.nn.exchange.onnx.tensors import Pooled, Value, is_tensor
from numgd.nn.layers import Add
from numgd.nn.network.network import Network

MOST_NUMBERS = 2**28
"""Numbers that a value of one sample consists of at most."""

INPUT = "input"
"""What `Graph` calls the input."""


@dataclass(eq=False)
class Part:
    """A node of the network's graph."""

    layer: Any
    sources: tuple
    arrays: dict


class Reader:
    """Reads the nodes of a graph in order.

    Parameters
    ----------
    graph : onnx.GraphProto
    opset : int
    folder : pathlib.Path
        Where files with the numbers of large tensors are.
    """

    def __init__(self, graph, opset, folder):
        self.onnx, self.graph, self.opset, self.folder = package(), graph, opset, folder
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        if graph.sparse_initializer:
            raise ValueError("it has sparse initializers, which are not read")
        self.constants, self.tensors, self.parts = {}, {}, {}
        self.uses = Counter(name for node in graph.node for name in node.input)
        self.uses.update(value.name for value in graph.output)
        self.input = self._only("input", [v for v in graph.input if v.name not in self.initializers])
        self.output = self._only("output", graph.output)
        self.dtype, self.batch, shape = self._described(self.input)
        self.input_shape = self._put_input(shape)

    def network(self, dtype):
        """The network; `dtype` is that of the input if it is None."""
        for proto in self.graph.node:
            self._read(Node(self, proto))
        output = self.tensor(self.output.name)
        if isinstance(output, np.ndarray):
            raise ValueError(f"its output {self.output.name!r} is constant")
        output = output.settle()
        if output.order is not None:
            raise ValueError(
                f"its output {self.output.name!r} is a flattened image with channels first, which numgd does "
                "not give: put a dense layer after it, or leave the image as it is"
            )
        parts = self._needed(output.source)
        if not parts:
            raise ValueError("it has no layers: its output is its input")
        graph = Graph(**{name: (part.layer, *part.sources) for name, part in parts.items()})
        network = Network(graph, self.input_shape, dtype=self.dtype if dtype is None else dtype)
        network.load_state_dict(
            {f"{name}.{own}": array for name, part in parts.items() for own, array in part.arrays.items()}
        )
        return network

    def _needed(self, source):
        """The parts that lead to one, in order."""
        wanted, found = {source}, []
        for name, part in reversed(self.parts.items()):
            if name in wanted:
                wanted.update(part.sources)
                found.append((name, part))
        return dict(reversed(found))

    # The input ---------------------------------------------------------------------------------------------

    @staticmethod
    def _only(what, given):
        names = [value.name for value in given]
        if len(names) != 1:
            listed = ": " + ", ".join(map(repr, names)) if names else ""
            raise ValueError(f"a network has one {what}; this model has {len(names)}{listed}")
        return given[0]

    def _described(self, value):
        """The dtype, the size of the batch if it is fixed, and the shape without it."""
        tensor = value.type.tensor_type
        try:
            dtype = np.dtype(self.onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        except (KeyError, ValueError):
            dtype = f"no. {tensor.elem_type}"
        if dtype not in REAL:
            raise ValueError(f"its input {value.name!r} has dtype {dtype}; networks take float32 and float64")
        sizes = [d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in tensor.shape.dim]
        if len(sizes) not in (2, 4):
            raise ValueError(
                f"its input {value.name!r} has shape {_listed(sizes)}: only (batch, features) and (batch, "
                "channels, height, width) are read"
            )
        if any(not isinstance(size, int) or size < 1 for size in sizes[1:]):
            raise ValueError(
                f"its input {value.name!r} has shape {_listed(sizes)}: only the batch, the first axis, may "
                "have any size"
            )
        return dtype, sizes[0], tuple(sizes[1:])

    def _put_input(self, shape):
        """Make the input a value; returns its shape in the network."""
        last = len(shape) == 3 and self._transposed_first(self.input.name)
        own = shape if last or len(shape) == 1 else (*shape[1:], shape[0])
        self.tensors[self.input.name] = Value(INPUT, self.input.name, _checked_size(own), last)
        return own

    def _transposed_first(self, name):
        """Whether images are transposed to channels first before anything but functions of single numbers."""
        reached = {name}
        for node in self.graph.node:
            if reached.intersection(node.input):
                if node.op_type == "Transpose":
                    return any(list(own.ints) == [0, 3, 1, 2] for own in node.attribute)
                if node.op_type in OPERATORS or node.op_type == "Identity":
                    reached.update(node.output)
        return False

    # Nodes and tensors -------------------------------------------------------------------------------------

    def _read(self, node):
        try:
            found = self._result(node)
            node.check_all_read()
            self._put(node.output, found)
        except (ImportError, MemoryError, NodeError):
            raise
        except Exception as error:  # of damaged models, attributes may be anything
            raise node.error(str(error) or type(error).__name__) from error

    def _result(self, node):
        """What the result of a node is: an array if it is constant, or a tensor."""
        own = node.domain in ("", "ai.onnx")
        arrays = [node.given(i) for i in range(node.number_of_inputs)]
        if own and node.operator in COMPUTED and all(isinstance(one, np.ndarray) for one in arrays):
            return np.asarray(COMPUTED[node.operator](node, *arrays))
        if own and node.operator in READERS:
            return READERS[node.operator](node)
        name = f"{node.domain}.{node.operator}" if node.domain else node.operator
        raise ValueError(f"numgd has no layer for the operator {name}")

    def _put(self, name, found):
        if name in self.tensors or name in self.constants or name in self.initializers:
            raise ValueError(f"its result {name!r} exists already")
        (self.constants if isinstance(found, np.ndarray) else self.tensors)[name] = found

    def tensor(self, name):
        """An array if a tensor is constant, else a value, maybe one to be settled."""
        if name in self.tensors:
            return self.tensors[name]
        if name not in self.constants:
            if name not in self.initializers:
                raise ValueError(f"{name!r} is neither input, nor constant, nor the result of a node before")
            self.constants[name] = self.array(self.initializers[name])
        return self.constants[name]

    def array(self, tensor):
        """The numbers of a constant tensor."""
        helper = self.onnx.external_data_helper
        if helper.uses_external_data(tensor):
            helper.load_external_data_for_tensor(tensor, str(self.folder))
        return np.asarray(self.onnx.numpy_helper.to_array(tensor))

    def free_name(self, wanted):
        """A name for a part that no other has."""
        name = re.sub(r"\W+", "_", wanted).strip("_") or "node"
        found, number = name, 1
        while found in self.parts or found == INPUT:
            number += 1
            found = f"{name}_{number}"
        return found


class NodeError(ValueError):
    """What is wrong with a node, which the message names."""


class Node:
    """A node of a model, being read.

    Attributes
    ----------
    operator, name, domain, output : str
        The output is the first one.
    """

    def __init__(self, reader, proto):
        self.reader, self._proto = reader, proto
        self.operator, self.domain = proto.op_type, proto.domain
        self.output = proto.output[0] if proto.output else ""
        self.name = proto.name or self.output
        self._unread = {own.name: own for own in proto.attribute}

    def error(self, text):
        """An error that names the node."""
        return NodeError(f"node {self.name!r} ({self.operator}): {text}")

    # What it takes -----------------------------------------------------------------------------------------

    @property
    def opset(self):
        """The version of the operators."""
        return self.reader.opset

    @property
    def number_of_inputs(self):
        """With those left out between others."""
        return len(self._proto.input)

    @property
    def named_attributes(self):
        """Names of the attributes that are not read yet."""
        return tuple(self._unread)

    def attribute(self, name, default=None):
        """An attribute: a number, text, a tuple of numbers, or a tensor."""
        if name not in self._unread:
            return default
        value = self.reader.onnx.helper.get_attribute_value(self._unread.pop(name))
        if isinstance(value, bytes):
            return value.decode()
        return value if isinstance(value, int | float) or hasattr(value, "dims") else tuple(value)

    def require(self, name, only):
        """Raise ValueError unless an attribute has the only value that numgd has, or is left out."""
        value = self.attribute(name, only)
        if value != only:
            raise ValueError(f"attribute {name} is {value!r}; numgd has only {only!r}")

    def check_all_read(self):
        """Raise ValueError for an attribute, or a second result, that numgd does not have."""
        for name in self.named_attributes:
            raise ValueError(f"numgd does not have the attribute {name}, which is {self.attribute(name)!r}")
        for output in self._proto.output[1:]:
            if self.reader.uses[output]:
                raise ValueError(f"its further result {output!r} is used, which numgd does not have")

    def given(self, i):
        """Input i: an array if it is constant, a tensor, or None if it is left out."""
        if i >= self.number_of_inputs or not self._proto.input[i]:
            return None
        return self.reader.tensor(self._proto.input[i])

    def tensor(self, i=0):
        """Input i, which must not be constant; maybe to be settled."""
        found = self.given(i)
        if not is_tensor(found):
            raise ValueError(f"input {i} must depend on the model's input; it is constant or missing")
        return found

    def value(self, i=0):
        """Input i as a value of the network."""
        return self.tensor(i).settle()

    def value_or_pooled(self, i=0):
        """Input i as a value of the network, or means over whole images, which this node may flatten."""
        tensor = self.tensor(i)
        return tensor if isinstance(tensor, Pooled) else tensor.settle()

    def values(self):
        """All inputs as values of the network."""
        return [self.value(i) for i in range(self.number_of_inputs)]

    def image(self, i=0):
        """Input i, which must be images with channels first."""
        return self.checked_image(self.value(i))

    def checked_image(self, value):
        """The value, which must be images with channels first in the model."""
        if len(value.shape) != 3 or value.last:
            shape = ", ".join(map(str, value.model_shape))
            raise ValueError(f"takes images (batch, channels, height, width), got (batch, {shape})")
        return value

    def constant(self, i, default=None):
        """Input i, which must be constant."""
        found = self.given(i)
        if found is None:
            return default
        if not isinstance(found, np.ndarray):
            raise ValueError(f"input {i}, {self._proto.input[i]!r}, must be constant")
        return found

    def weights(self, i, axes=1):
        """Input i, which must be constant real numbers."""
        found = self.constant(i)
        if found is None:
            raise ValueError(f"input {i} is missing")
        if found.dtype not in REAL:
            raise ValueError(
                f"{self._proto.input[i]!r} has dtype {found.dtype}; networks have float32 and float64"
            )
        if found.ndim != axes:
            raise ValueError(f"{self._proto.input[i]!r} has shape {found.shape}; numgd takes {axes} axes")
        return found

    def optional_weights(self, i):
        """As `weights`; None if the input is left out."""
        return None if self.given(i) is None else self.weights(i)

    def integers(self, name, i, default=None):
        """A list of integers, which is an attribute in old opsets and input i in new ones."""
        found = self.attribute(name, self.constant(i))
        return default if found is None else tuple(int(number) for number in np.atleast_1d(found))

    # What it is in the network -----------------------------------------------------------------------------

    def add(self, layer, *values, last=None, order=None, **arrays):
        """Add a layer to the network.

        Parameters
        ----------
        layer : Layer
        *values : Value
        last, order
            Of the result; see `Value`.  By default channels are last if they are in the first input.
        **arrays : array or None
            Parameters and states.

        Returns
        -------
        Value
        """
        arrays = {name: array for name, array in arrays.items() if array is not None}
        shapes = [value.shape for value in values]
        shape = _checked_size(tuple(layer.output_shape(*shapes)))
        for name, own in (layer.parameters(*shapes) | layer.states(*shapes)).items():
            if name not in arrays:
                raise ValueError(f"{name} is missing")
            if arrays[name].shape != own.shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}, {layer!r} takes {own.shape}")
        name = self.reader.free_name(self.name)
        self.reader.parts[name] = Part(layer, tuple(value.source for value in values), arrays)
        last = len(shape) == 3 and (values[0].last if last is None else last)
        return Value(name, self.output, shape, last, order)

    def sum_of(self, values):
        """The sum of values; raises ValueError if there are none: this node is no sum."""
        if not values:
            raise self.error(f"numgd has no layer that computes this{self._with_numbers()}")
        first = values[0]
        if any(value.last != first.last or not _same(value.order, first.order) for value in values):
            raise self.error("its inputs are ordered differently: with channels first and channels last")
        return self.add(Add(), *values, order=first.order)

    def function_of(self, tensor, curve):
        """A function of a tensor's numbers; None if numgd does not have it."""
        found = layer_of(curve)
        if found is None:
            return None
        value, (layer, numbers) = tensor.settle(), found
        if layer is None:
            return value
        arrays = {name: np.full(value.shape[-1], number) for name, number in numbers.items()}
        return self.add(layer, value, order=value.order, **arrays)

    def _with_numbers(self):
        """Its constants and attributes, for an error."""
        get = self.reader.onnx.helper.get_attribute_value
        constants = filter(_is_number, map(self.given, range(self.number_of_inputs)))
        found = [str(float(one.reshape(()))) for one in constants]
        found += [f"{own.name} = {get(own)}" for own in self._proto.attribute]
        return f" with {', '.join(found)}" if found else ""

    def same(self, tensor):
        """A tensor that this node leaves as it is."""
        alone = isinstance(tensor, Value) and self.part_before(tensor) is not None
        return replace(tensor, tensor=self.output) if alone else tensor

    def part_before(self, value):
        """The part whose result is a value that nothing but this node takes; else None."""
        alone = value.tensor in self._proto.input and self.reader.uses[value.tensor] == 1
        return self.reader.parts.get(value.source) if alone else None


def _checked_size(shape):
    """The shape; raises ValueError if a sample of it takes an absurd amount of memory."""
    if prod(shape) > MOST_NUMBERS:
        raise ValueError(f"a value has shape {shape}; at most {MOST_NUMBERS} numbers are read")
    return shape


def _is_number(one):
    return isinstance(one, np.ndarray) and one.size == 1


def _same(order, other):
    return order is other or (order is not None and other is not None and np.array_equal(order, other))


def _listed(sizes):
    return f"({', '.join(map(str, sizes))})"
