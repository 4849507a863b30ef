"""Several values: sums and channels side by side."""

from numgd.nn.exchange.feature_order import side_by_side
from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.layers import Add, Concatenate


def write_add(layer, at):
    """Add of two values, Sum of more."""
    return at.add("Add" if len(at.x) == 2 else "Sum", *at.x)


def write_concatenate(layer, at):
    """Concat."""
    return at.add("Concat", *at.x, axis=1)


def read_concat(node):
    """Concat of channels."""
    values, axis = node.values(), node.attribute("axis")
    first = values[0]
    if axis % first.axes != first.channel_axis or any(v.last != first.last for v in values):
        raise ValueError(f"attribute axis is {axis}; numgd concatenates channels only")
    order = side_by_side([v.order for v in values], [v.shape[-1] for v in values])
    return node.add(Concatenate(), *values, order=order)


EXCHANGES = (
    Exchange(Add, write_add),
    Exchange(Concatenate, write_concatenate, {"Concat": read_concat}),
)
