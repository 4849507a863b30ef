"""How kernels and windows lie in images: the attributes of ONNX, and the arguments of layers."""

from numgd.nn.exchange.onnx.tensors import Padded
from numgd.nn.functional.sides import padding_of

NAMED_PADDING = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}
"""What values of the attribute auto_pad are called here."""


def window_attributes(kernel, stride, padding, dilation):
    """Attributes; ONNX orders the padding (top, bottom, left, right) as (top, left, bottom, right)."""
    return {
        "kernel_shape": list(kernel),
        "strides": list(stride),
        "pads": [*padding[::2], *padding[1::2]],
        "dilations": list(dilation),
    }


def read_window(node, kernel=None):
    """`kernel_size`, `stride`, `padding` and `dilation` of a layer.

    Parameters
    ----------
    node : Node
    kernel : tuple, optional
        That of the weights; without, it is an attribute.
    """
    stated = node.attribute("kernel_shape", kernel)
    if stated is None or (kernel is not None and stated != tuple(kernel)):
        raise ValueError(f"attribute kernel_shape is {stated}; the weights have {kernel}")
    stride, dilation = _pair(node, "strides"), _pair(node, "dilations")
    pads, named = node.attribute("pads", (0,) * 4), node.attribute("auto_pad", "NOTSET")
    if len(stated) != 2 or len(pads) != 4:
        raise ValueError(f"attributes kernel_shape {stated} and pads {pads} must have two and four numbers")
    if min(pads) < 0:
        raise ValueError(f"attribute pads is {pads}; numgd has no negative padding")
    if named != "NOTSET" and named not in NAMED_PADDING:
        raise ValueError(f"attribute auto_pad is {named!r}; ONNX has no such padding")
    padding = NAMED_PADDING.get(named, (pads[0], pads[2], pads[1], pads[3]))
    return simple(stated), simple(stride), simple(padding), simple(dilation)


def read_padded_image(node):
    """The image that a node takes, the padding by a node before it, and the number that this consists of."""
    tensor = node.tensor()
    if isinstance(tensor, Padded):
        return node.checked_image(tensor.value), tensor.sides, tensor.number
    return node.image(), (0,) * 4, 0.0


def added_padding(padding, sides, shape, kernel, stride, dilation):
    """The padding of a layer together with that before it, of images of a shape."""
    if not any(sides):
        return padding
    kernel, stride, dilation = map(_both, (kernel, stride, dilation))
    padded = shape[0] + sides[0] + sides[1], shape[1] + sides[2] + sides[3]
    extent = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    own = padding_of(padding, padded, stride, extent)
    return simple(tuple(a + b for a, b in zip(own, sides, strict=True)))


def simple(numbers):
    """One number if all are the same."""
    return numbers[0] if isinstance(numbers, tuple) and len(set(numbers)) == 1 else numbers


def _both(number):
    return number if isinstance(number, tuple) else (number, number)


def _pair(node, name):
    found = node.attribute(name, (1, 1))
    if not isinstance(found, tuple) or len(found) != 2:
        raise ValueError(f"attribute {name} is {found!r}; it must have two numbers")
    return found
