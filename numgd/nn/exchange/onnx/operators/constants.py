"""Constants, and what models compute from constants and from shapes."""

from math import prod

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange

BATCH = -(2**40)
"""Stands for the size of the batch in shapes."""

MOST_NUMBERS = 2**20
"""Numbers that a constant has at most if it is computed from fewer."""


def read_constant(node):
    """Constant."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        value = node.attribute(name)
        if value is not None:
            return node.reader.array(value) if name == "value" else np.array(value)
    raise ValueError("it has none of the attributes value, value_float(s) and value_int(s)")


def read_shape(node):
    """Shape, with a stand-in for the batch."""
    shape = (BATCH, *node.value_or_pooled().model_shape)
    return np.array(shape[node.attribute("start", 0) : node.attribute("end")])


EXCHANGES = (Exchange(read={"Constant": read_constant, "Shape": read_shape}),)


# Operators whose inputs are all constant: ``compute(node, *arrays)`` ----------------------------------------


def _limited(size):
    """Raise ValueError if a constant would become too large."""
    if size > MOST_NUMBERS:
        raise ValueError(f"it computes {size} constants from fewer; at most {MOST_NUMBERS} are read")


def _cast(node, array):
    node.attribute("saturate"), node.attribute("round_mode")
    return array.astype(node.reader.onnx.helper.tensor_dtype_to_np_dtype(node.attribute("to")))


def _concat(node, *arrays):
    _limited(sum(array.size for array in arrays))
    return np.concatenate(arrays, node.attribute("axis"))


def _filled(node, shape):
    _limited(prod(map(int, shape)))
    value = node.attribute("value")
    value = np.zeros(1, np.float32) if value is None else node.reader.array(value)
    return np.full(shape, value.reshape(()))


def _gather(node, array, indices):
    _limited(array.size * max(1, indices.size))
    return np.take(array, indices, node.attribute("axis", 0))


def _reshape(node, array, shape):
    node.require("allowzero", 0)
    return array.reshape([array.shape[i] if n == 0 else n for i, n in enumerate(shape)])


def _slice(node, array, starts, ends, axes=None, steps=None):
    axes, index = range(len(starts)) if axes is None else axes, [slice(None)] * array.ndim
    for axis, start, end, step in zip(
        axes, starts, ends, [1] * len(starts) if steps is None else steps, strict=True
    ):
        before_first = step < 0 and end < -array.shape[axis]
        index[axis] = slice(start, None if before_first else end, step)
    return array[tuple(index)]


def _squeeze(node, array, axes=None):
    axes = node.attribute("axes", axes)
    return np.squeeze(array, None if axes is None else tuple(axes))


def _transpose(node, array):
    return np.transpose(array, node.attribute("perm"))


def _unsqueeze(node, array, axes=None):
    return np.expand_dims(array, tuple(node.attribute("axes", axes)))


COMPUTED = {
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Gather": _gather,
    "Identity": lambda node, array: array,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""By the operator; those of single numbers are in `numgd.nn.exchange.onnx.operators.elementwise`."""
