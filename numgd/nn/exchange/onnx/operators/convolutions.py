"""Convolutions and transposed convolutions."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.operators.windows import (
    added_padding,
    read_padded_image,
    read_window,
    simple,
    window_attributes,
)
from numgd.nn.functional.checks import Extra, pair_of
from numgd.nn.functional.conv import shaped, shaped_transposed
from numgd.nn.layers import ConnectedConv2d, Conv2d, Conv2dTranspose


def _spatial_last(weight):
    """(out, kh, kw, in) → (out, in, kh, kw); of transposed convolutions the two exchange their places."""
    return weight.transpose(0, 3, 1, 2)


def _spatial_between(weight):
    return weight.transpose(0, 2, 3, 1)


def write_conv(layer, at):
    """Conv."""
    groups = at.shape[2] if layer.groups == "depthwise" else layer.groups
    return _write_conv(layer, at, at.arrays["weight"], groups)


def write_connected_conv(layer, at):
    """Conv with zeros where the layer has no connections."""
    own = at.arrays["weight"]
    full = np.zeros((len(layer.connections), *own.shape[1:], at.shape[2]), own.dtype)
    kernels = iter(own)
    for result, channels in enumerate(layer.connections):
        for channel in channels:
            full[result, :, :, channel] = next(kernels)
    return _write_conv(layer, at, full, 1)


def _write_conv(layer, at, weight, groups):
    dilation = getattr(layer, "dilation", 1)
    how = layer.stride, layer.padding, dilation, groups
    geometry, _ = shaped((1, *at.shape), weight.shape, *how)
    attributes = window_attributes(weight.shape[1:3], geometry.stride, geometry.padding, geometry.dilation)
    weight = at.array("weight", lambda _: _spatial_last(weight))
    return at.add("Conv", at.x[0], *filter(None, (weight, at.array("bias"))), group=groups, **attributes)


def read_conv(node):
    """Conv."""
    image, sides, number = read_padded_image(node)
    if number != 0:
        raise ValueError(f"the padding before it consists of {number}; numgd pads with zeros")
    weight, bias, groups = node.weights(1, 4), node.optional_weights(2), node.attribute("group", 1)
    kernel, stride, padding, dilation = read_window(node, weight.shape[2:])
    padding = added_padding(padding, sides, image.shape, kernel, stride, dilation)
    if groups > 1 and groups == image.shape[2]:
        groups = "depthwise"
    layer = Conv2d(len(weight), kernel, stride, padding, dilation, groups, bias=bias is not None)
    return node.add(layer, image, weight=_spatial_between(weight), bias=bias)


def write_transposed(layer, at):
    """ConvTranspose."""
    weight = at.arrays["weight"]
    how = layer.stride, layer.padding, layer.output_padding, layer.dilation, layer.groups
    geometry, _ = shaped_transposed((1, *at.shape), weight.shape, *how)
    arrays = at.array("weight", _spatial_last), at.array("bias")
    return at.add(
        "ConvTranspose", at.x[0], *filter(None, arrays), group=layer.groups,
        output_padding=list(pair_of("output_padding", layer.output_padding, Extra)),
        **window_attributes(weight.shape[1:3], geometry.stride, geometry.padding, geometry.dilation),
    )  # fmt: skip


def read_transposed(node):
    """ConvTranspose."""
    image, weight, bias = node.image(), node.weights(1, 4), node.optional_weights(2)
    kernel, stride, padding, dilation = read_window(node, weight.shape[2:])
    groups, extra = node.attribute("group", 1), simple(node.attribute("output_padding", (0, 0)))
    layer = Conv2dTranspose(
        weight.shape[1] * groups, kernel, stride, padding, extra, dilation, groups, bias=bias is not None
    )
    return node.add(layer, image, weight=_spatial_between(weight), bias=bias)


EXCHANGES = (
    Exchange(Conv2d, write_conv, {"Conv": read_conv}),
    Exchange(ConnectedConv2d, write_connected_conv),
    Exchange(Conv2dTranspose, write_transposed, {"ConvTranspose": read_transposed}),
)
