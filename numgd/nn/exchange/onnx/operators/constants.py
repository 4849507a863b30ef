"""Constants, and what models compute from shapes before they reshape."""

from math import prod

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange

BATCH = -(2**40)
"""Stands for the size of the batch in shapes."""

MOST_NUMBERS = 2**16
"""Numbers that a constant which a model computes has at most."""


def read_constant(node):
    """Constant."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        value = node.attribute(name)
        if value is not None:
            return node.reader.array(value) if name == "value" else np.array(value)
    raise ValueError("it has none of the attributes value, value_float(s) and value_int(s)")


def read_shape(node):
    """Shape, with a stand-in for the batch."""
    tensor = node.tensor()
    value = tensor.value if hasattr(tensor, "value") else tensor.settle()
    shape = (BATCH, *value.model_shape)
    return np.array(shape[node.attribute("start", 0) : node.attribute("end")])


def computed(compute):
    """A reader of an operator that is only read of constants: ``compute(node, *arrays)``."""

    def read(node):
        arrays = [node.constant(i) for i in range(node.number_of_inputs)]
        if prod(max(1, array.size) for array in arrays) > MOST_NUMBERS:  # whatever is broadcast
            raise ValueError("it computes constants of more numbers than are read")
        return np.asarray(compute(node, *arrays))

    return read


def _cast(node, array):
    node.attribute("saturate"), node.attribute("round_mode")
    return array.astype(node.reader.onnx.helper.tensor_dtype_to_np_dtype(node.attribute("to")))


def _gather(node, array, indices):
    return np.take(array, indices, node.attribute("axis", 0))


def _unsqueeze(node, array, axes=None):
    return np.expand_dims(array, tuple(node.attribute("axes", axes)))


def _concat(node, *arrays):
    return np.concatenate(arrays, node.attribute("axis"))


gather, cast, unsqueeze, concat = map(computed, (_gather, _cast, _unsqueeze, _concat))

EXCHANGES = (Exchange(read={"Constant": read_constant, "Shape": read_shape, "Gather": gather, "Cast": cast}),)
