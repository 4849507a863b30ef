"""Shapes: flattening, transposing, and what leaves a value as it is."""

from dataclasses import replace
from math import prod

from numgd.nn.exchange.feature_order import channels_first_order
from numgd.nn.exchange.onnx.layouts import to_channels_first, to_channels_last
from numgd.nn.exchange.onnx.operators.constants import BATCH
from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.tensors import Grouped, Pooled, Value
from numgd.nn.layers import Dropout, Flatten, GlobalAvgPool2d


def write_flatten(layer, at):
    """Flatten; where the order of features matters and is not known by a dense layer, with channels last."""
    if len(at.shape) == 1:
        return at.x[0]
    known = at.order is not None or channels_first_order(at.shape) is None
    return at.add("Flatten", at.x[0] if known else at.channels_last(at.x[0]))


def write_dropout(layer, at):
    """Nothing, in inference."""
    return at.x[0]


def flattened(node, tensor):
    """A tensor as vectors."""
    if isinstance(tensor, Pooled):
        return node.add(GlobalAvgPool2d(), tensor.value)
    value = tensor.settle()
    if len(value.shape) == 1:
        return value
    order = None if value.last else channels_first_order(value.shape)
    return node.add(Flatten(), value, order=order)


def read_flatten(node):
    """Flatten of all axes but the batch."""
    tensor, axis = node.value_or_pooled(), node.attribute("axis", 1)
    if axis % (len(tensor.model_shape) + 1) != 1:
        raise ValueError(f"attribute axis is {axis}; numgd flattens all axes but the batch")
    return flattened(node, tensor)


def read_squeeze(node):
    """Squeeze of the height and the width, which are 1."""
    tensor, axes = node.value_or_pooled(), node.integers("axes", 1, ())
    shape, found = (None, *tensor.model_shape), {axis % 4 for axis in axes}
    if len(shape) != 4 or found != ({1, 2} if tensor.last else {2, 3}) or {shape[i] for i in found} != {1}:
        raise ValueError(
            f"axes are {axes or 'not given'}; numgd squeezes only height and width, both at once"
        )
    return flattened(node, tensor)


def read_reshape(node):
    """Reshape that flattens, that divides channels into groups for a norm, or that changes nothing."""
    node.require("allowzero", 0)
    tensor, target = node.tensor(), node.integers("shape", 1)
    value = tensor.value if isinstance(tensor, Grouped) else node.value_or_pooled()
    shape = value.model_shape
    given = (tensor.groups, -1) if isinstance(tensor, Grouped) else shape
    wanted = _resolved(node, target, given, prod(shape))
    if wanted == shape:
        return node.same(value)
    if isinstance(value, Value) and not isinstance(tensor, Grouped) and _is_grouping(value, wanted):
        return Grouped(node, value, wanted[0])
    if len(wanted) == 1 and not isinstance(tensor, Grouped):
        return flattened(node, value)
    raise ValueError(
        f"gives (batch, {', '.join(map(str, wanted))}) from (batch, {', '.join(map(str, shape))}); of "
        "changes of shape, numgd has only that to vectors"
    )


def _is_grouping(value, wanted):
    """Whether a shape divides the channels, which are the first axis, into groups."""
    first = not value.last and value.order is None
    return first and len(wanted) == 2 and value.shape[-1] % wanted[0] == 0


def _resolved(node, target, given, size):
    """The shape without the batch that a target stands for."""
    if not target or target[0] not in (0, -1, BATCH, node.reader.batch):
        raise ValueError(f"its shape is {_shown(target)}; the batch must remain the first axis")
    wanted = [given[i] if n == 0 and i < len(given) else n for i, n in enumerate(target[1:])]
    if wanted.count(-1) > (target[0] != -1):
        raise ValueError(f"its shape is {_shown(target)}, which leaves open several axes")
    known = prod(n for n in wanted if n != -1)
    if min(wanted, default=1) < -1 or known < 1 or size % known or (-1 not in wanted and known != size):
        raise ValueError(f"its shape is {_shown(target)}, but it takes {size} numbers")
    return tuple(size // known if n == -1 else n for n in wanted)


def _shown(target):
    return tuple("batch" if n == BATCH else n for n in target)


def read_transpose(node):
    """Transpose of images between channels first and last."""
    value = node.value()
    axes = value.axes
    order = node.attribute("perm", tuple(range(axes))[::-1])
    if order == tuple(range(axes)):
        return value
    if axes == 4 and order == (to_channels_first if value.last else to_channels_last)(axes):
        return replace(value, last=not value.last)
    before = ", ".join(map(str, value.model_shape))
    raise ValueError(
        f"attribute perm is {order}, of (batch, {before}); numgd has channels first and channels last only"
    )


def read_same(node):
    """What is the same in inference."""
    return node.given(0)


def read_dropout(node):
    """Dropout, which matters if the network is trained again."""
    ratio = node.constant(1)
    p = float(node.attribute("ratio", 0.5) if ratio is None else ratio.reshape(()))
    node.attribute("seed")
    value = node.value()
    return node.add(Dropout(p), value, order=value.order)


EXCHANGES = (
    Exchange(
        Flatten,
        write_flatten,
        {
            "Flatten": read_flatten,
            "Reshape": read_reshape,
            "Squeeze": read_squeeze,
            "Transpose": read_transpose,
            "Identity": read_same,
        },
    ),
    Exchange(Dropout, write_dropout, {"Dropout": read_dropout}, elementwise=True),
)
