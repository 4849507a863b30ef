"""Pooling."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.operators.shapes import flattened
from numgd.nn.exchange.onnx.operators.windows import (
    added_padding,
    read_padded_image,
    read_window,
    window_attributes,
)
from numgd.nn.exchange.onnx.tensors import Pooled
from numgd.nn.functional.windows import Windowing
from numgd.nn.layers import Activation, AvgPool2d, GlobalAvgPool2d, MaxPool2d

NOT_NEGATIVE = ("relu", "relu6", "sigmoid", "hardsigmoid", "softplus")
"""Activations before which a border of zeros does not change maxima."""


def _attributes(layer, at):
    how = Windowing.of(at.shape[:2], layer.kernel_size, layer.stride, layer.padding, 1)
    attributes = window_attributes(how.size, how.stride, how.padding, how.dilation)
    del attributes["dilations"]
    return attributes | {"ceil_mode": int(layer.ceil_mode)}


def write_max_pool(layer, at):
    """MaxPool."""
    return at.add("MaxPool", at.x[0], **_attributes(layer, at))


def write_avg_pool(layer, at):
    """AveragePool."""
    counted = int(layer.count_include_pad)
    return at.add("AveragePool", at.x[0], count_include_pad=counted, **_attributes(layer, at))


def write_global_avg_pool(layer, at):
    """GlobalAveragePool, whose result has the axes of an image still."""
    return at.add("Flatten", at.add("GlobalAveragePool", at.x[0]))


def _read(node):
    """The image, the padding before the node with its number, and the arguments of a layer."""
    image, sides, number = read_padded_image(node)
    kernel, stride, padding, dilation = read_window(node)
    if dilation != 1:
        raise ValueError(f"attribute dilations is {dilation}; numgd has pools without dilation only")
    own = padding
    padding = added_padding(padding, sides, image.shape, kernel, stride, 1)
    return image, sides, number, own, (kernel, stride, padding, bool(node.attribute("ceil_mode", 0)))


def read_max_pool(node):
    """MaxPool."""
    image, sides, number, _, how = _read(node)
    node.require("storage_order", 0)
    lowest = np.isneginf(number) or (number == 0 and _not_negative(node, image))
    if any(sides) and not lowest:
        raise ValueError(f"the padding before it consists of {number}, which changes maxima")
    return node.add(MaxPool2d(*how), image)


def _not_negative(node, image):
    part = node.reader.parts.get(image.source)
    return part is not None and isinstance(part.layer, Activation) and part.layer.kind in NOT_NEGATIVE


def read_avg_pool(node):
    """AveragePool."""
    image, sides, number, own, how = _read(node)
    counted = bool(node.attribute("count_include_pad", 0))
    if any(sides) and (number != 0 or (own not in (0, "valid") and not counted)):
        raise ValueError("the padding before it and its own do not count alike; numgd has one of them only")
    return node.add(AvgPool2d(*how, count_include_pad=counted or any(sides)), image)


def read_global_avg_pool(node):
    """GlobalAveragePool."""
    return Pooled(node, node.image())


def read_global_max_pool(node):
    """GlobalMaxPool, as one window."""
    image = node.image()
    return node.add(MaxPool2d(image.shape[:2]), image)


def read_mean(node):
    """ReduceMean over the height and the width."""
    value, axes = node.value(), node.integers("axes", 1, ())
    count = value.axes
    wanted = {1, 2} if value.last else {2, 3}
    if count != 4 or {axis % count for axis in axes} != wanted:
        raise ValueError(f"axes are {axes}; numgd has the mean over height and width only")
    node.require("noop_with_empty_axes", 0)
    pooled = Pooled(node, value)
    return pooled if node.attribute("keepdims", 1) else flattened(node, pooled)


EXCHANGES = (
    Exchange(MaxPool2d, write_max_pool, {"MaxPool": read_max_pool, "GlobalMaxPool": read_global_max_pool}),
    Exchange(AvgPool2d, write_avg_pool, {"AveragePool": read_avg_pool}),
    Exchange(
        GlobalAvgPool2d,
        write_global_avg_pool,
        {"GlobalAveragePool": read_global_avg_pool, "ReduceMean": read_mean},
    ),
)
