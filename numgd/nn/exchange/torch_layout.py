"""The names, axes and orders of features that the arrays of a network have in PyTorch.

Weights of convolutions are (out, in / groups, kh, kw) there, and (in, out / groups, kh, kw) if transposed.
Features of a flattened image are ordered as (channels, height, width), which concerns the columns of dense
layers and the arrays of norms.  Arrays of norms are called weight, bias, running_mean and running_var.  Paths
follow from those here by the `torch_names` of the containers.  Layers that PyTorch does not have keep their
arrays as they are.
"""

import re

import numpy as np

from numgd.nn.containers.container import Container
from numgd.nn.exchange.feature_order import channels_first_order, side_by_side
from numgd.nn.exchange.places import Place
from numgd.nn.layers import (
    BatchNorm,
    Concatenate,
    Conv2d,
    Conv2dTranspose,
    Dense,
    Flatten,
    GroupNorm,
    LayerNorm,
)

CHANNELS_SECOND = (0, 3, 1, 2)
"""From (out, kh, kw, in) to (out, in, kh, kw); of transposed convolutions, 'out' is 'in' and vice versa."""

NAMES_OF_NORMS = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}
"""What PyTorch calls the arrays of norms.  The running variance is the unbiased one in both."""


def torch_layout(network):
    """`Place` by the names that the arrays have in PyTorch.

    Raises
    ------
    ValueError
        If two arrays get one name, or a layer mixes flattened features that have another order in PyTorch.
    """
    orders, found = feature_orders(network.wiring), {}
    for node in network.wiring.nodes:
        for name, array in (network.parameters_of(node) | network.states_of(node)).items():
            place = Place(f"{node.path}.{name}", *_arranged(node, name, array, orders.get(node.inputs[0])))
            in_torch = torch_name(network.model, node, name)
            if in_torch in found:
                raise ValueError(
                    f"{found[in_torch].own!r} and {place.own!r} would both be {in_torch!r} in PyTorch "
                    "by the torch_names of the model"
                )
            found[in_torch] = place
    return found


def torch_name(model, node, name):
    """The name of a node's array in PyTorch: by `torch_names`, and of norms by what they have."""
    full = _renamed(model, f"{node.path}.{name}")
    if not isinstance(node.layer, BatchNorm | GroupNorm | LayerNorm):
        return full
    path, dot, last = full.rpartition(".")
    return path + dot + NAMES_OF_NORMS.get(last, last)


def _renamed(part, name):
    """A name within a part by its `torch_names`, after those of the parts in it."""
    own, dot, rest = name.partition(".")
    if isinstance(part, Container) and own in part.parts:
        name = own + dot + _renamed(part.parts[own], rest)
    for pattern, replacement in getattr(part, "torch_names", ()):
        name = re.sub(pattern, replacement, name)
    return name


def _arranged(node, name, array, order):
    """A view with PyTorch's axes, and the order of its features."""
    if isinstance(node.layer, Conv2d | Conv2dTranspose) and name == "weight":
        return array.transpose(CHANNELS_SECOND), None
    of_result = isinstance(node.layer, Dense) and name == "bias"
    if order is None or of_result or array.shape[-1:] != order.shape:
        return array, None
    return array, order


# The order of flattened features ---------------------------------------------------------------------------


def feature_orders(wiring):
    """The values whose features have another order in PyTorch, with the places that those have here.

    `Flatten` lays the numbers of an image out as (height, width, channels), PyTorch as (channels, height,
    width).  Layers that keep features at their places pass this on; it ends at a dense layer.

    Returns
    -------
    dict of int to (features,) array

    Raises
    ------
    ValueError
        If another layer takes such features: with the same weights it would compute something else.
    """
    orders = {}
    for node in wiring.nodes:
        given = [orders.get(value) for value in node.inputs]
        order = _order_after(node, given, [wiring.shapes[value] for value in node.inputs])
        if order is not None:
            orders[node.output] = order
    return orders


def _order_after(node, given, shapes):
    """The order of a node's features, None for that of PyTorch."""
    if isinstance(node.layer, Flatten) and len(shapes[0]) == 3:
        return channels_first_order(shapes[0])
    if isinstance(node.layer, Dense) or all(order is None for order in given):
        return None
    if isinstance(node.layer, Concatenate):
        return side_by_side(given, [length for (length,) in shapes])
    same = all(np.array_equal(order, given[0]) for order in given)
    if not same or not node.layer.keeps_features:
        raise ValueError(
            f"{node.path}: {node.layer!r} takes features of a flattened image, which have another order in "
            "PyTorch: with the same weights the layer would compute something else there"
        )
    return given[0]
