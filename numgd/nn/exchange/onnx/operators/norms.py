"""Batch, group and layer norm, and softmax."""

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.package import shortest
from numgd.nn.exchange.onnx.tensors import Grouped
from numgd.nn.layers import BatchNorm, GroupNorm, LayerNorm, Softmax

_EPS = 1e-5
"""That of ONNX, if a node states none."""


def _eps_of(node):
    return shortest(node.attribute("epsilon", _EPS))


def _stash_type(at):
    """In what mean and variance are computed: ONNX's number of the network's dtype."""
    return at.writer.onnx.helper.np_dtype_to_tensor_dtype(at.dtype)


# Batch norm: in ONNX, momentum is the weight of the running statistics, here that of the batch -------------


def write_batch_norm(layer, at):
    """BatchNormalization."""
    arrays = map(at.array, ("gamma", "beta", "running_mean", "running_variance"))
    return at.add("BatchNormalization", at.x[0], *arrays, epsilon=layer.eps, momentum=1 - layer.momentum)


def read_batch_norm(node):
    """BatchNormalization."""
    node.require("training_mode", 0)
    node.require("spatial", 1)
    value = node.value()
    if value.channel_axis != 1:
        raise ValueError("takes axis 1 as channels, but in its input channels are last")
    names = "gamma", "beta", "running_mean", "running_variance"
    arrays = {name: value.own_order(node.weights(i)) for i, name in enumerate(names, 1)}
    momentum = round(1 - shortest(node.attribute("momentum", 0.9)), 9)  # 1 − 0.9 is not quite 0.1
    return node.add(BatchNorm(momentum, _eps_of(node)), value, order=value.order, **arrays)


# Group norm ------------------------------------------------------------------------------------------------


def write_group_norm(layer, at):
    """GroupNormalization, which has numbers per channel from opset 21 on; before, as PyTorch writes it."""
    if at.opset >= 21:
        arrays = at.array("gamma"), at.array("beta")
        groups = {"num_groups": layer.groups, "stash_type": _stash_type(at)}
        return at.add("GroupNormalization", at.x[0], *arrays, epsilon=layer.eps, **groups)
    *pixels, channels = at.shape
    ones, zeros = at.constant(np.ones(layer.groups, at.dtype)), at.constant(np.zeros(layer.groups, at.dtype))
    grouped = at.add_beside("groups", "Reshape", at.x[0], at.constant(np.array([0, layer.groups, -1])))
    normed = at.add("InstanceNormalization", grouped, ones, zeros, epsilon=layer.eps)
    again = at.add("Reshape", normed, at.constant(np.array([0, channels, *pixels])))
    gamma, beta = (at.array(name, lambda a: a.reshape(-1, *(1,) * len(pixels))) for name in ("gamma", "beta"))
    return at.add("Add", at.add("Mul", again, gamma), beta)


def read_group_norm(node):
    """GroupNormalization."""
    value, groups = node.value(), node.attribute("num_groups")
    node.attribute("stash_type")
    arrays = [node.weights(1), node.weights(2)]
    if node.opset < 21:  # one number per group
        arrays = [np.repeat(array, value.shape[-1] // groups) for array in arrays]
    return _group_norm(node, value, groups, *arrays)


def read_instance_norm(node):
    """InstanceNormalization: each channel, or group of channels, is normalised by itself."""
    tensor, scale, bias = node.tensor(), node.weights(1), node.weights(2)
    if not isinstance(tensor, Grouped):
        return _group_norm(node, node.image(), tensor.settle().shape[-1], scale, bias)
    members = tensor.value.shape[-1] // tensor.groups
    arrays = np.repeat(scale, members), np.repeat(bias, members)
    return Grouped(node, _group_norm(node, tensor.value, tensor.groups, *arrays), tensor.groups)


def _group_norm(node, value, groups, gamma, beta):
    if value.channel_axis != 1 or value.order is not None:
        raise ValueError("takes axis 1 as channels, but in its input they are in another order")
    return node.add(GroupNorm(groups, _eps_of(node)), value, gamma=gamma, beta=beta)


# Layer norm ------------------------------------------------------------------------------------------------


def write_layer_norm(layer, at):
    """LayerNormalization, with channels last."""
    x, arrays = at.channels_last(at.x[0]), (at.array("gamma"), at.array("beta"))
    attributes = {"axis": -1, "epsilon": layer.eps, "stash_type": _stash_type(at)}
    return at.channels_first(at.add("LayerNormalization", x, *arrays, **attributes))


def read_layer_norm(node):
    """LayerNormalization over the channels."""
    value, scale, bias = node.value(), node.weights(1), node.optional_weights(2)
    axis = node.attribute("axis", -1)
    axes = value.axes
    if axis % axes != value.channel_axis or value.channel_axis != axes - 1:
        raise ValueError(
            f"attribute axis is {axis}, of (batch, {', '.join(map(str, value.model_shape))}): numgd "
            "normalises the channels only, if they are last"
        )
    node.attribute("stash_type")
    bias = np.zeros_like(scale) if bias is None else bias
    arrays = {"gamma": value.own_order(scale), "beta": value.own_order(bias)}
    return node.add(LayerNorm(_eps_of(node)), value, order=value.order, **arrays)


# Softmax ---------------------------------------------------------------------------------------------------


def write_softmax(layer, at):
    """Softmax over the channels."""
    return at.add("Softmax", at.x[0], axis=1)


def read_softmax(node):
    """Softmax over the channels; before opset 13 over all axes from one on."""
    value = node.value()
    axis, axes = node.attribute("axis", -1 if node.opset >= 13 else 1), value.axes
    of_all = node.opset < 13 and axis % axes < axes - 1
    if axis % axes != value.channel_axis or of_all:
        raise ValueError(
            f"attribute axis is {axis}, of (batch, {', '.join(map(str, value.model_shape))}): numgd has "
            "the softmax over channels only"
        )
    return node.add(Softmax(), value, order=value.order)


EXCHANGES = (
    Exchange(BatchNorm, write_batch_norm, {"BatchNormalization": read_batch_norm}),
    Exchange(
        GroupNorm,
        write_group_norm,
        {"GroupNormalization": read_group_norm, "InstanceNormalization": read_instance_norm},
    ),
    Exchange(LayerNorm, write_layer_norm, {"LayerNormalization": read_layer_norm}),
    Exchange(Softmax, write_softmax, {"Softmax": read_softmax}),
)
