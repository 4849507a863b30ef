"""Shortcuts of residual blocks that take every s-th pixel and append channels of zeros, and padding."""

from dataclasses import replace

import numpy as np

from numgd.nn.exchange.onnx.layouts import to_channels_last
from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.tensors import Padded
from numgd.nn.layers import PaddedShortcut


def write_padded_shortcut(layer, at):
    """Slice of the pixels, Pad of the channels."""
    height, width, channels = at.shape
    result = at.x[0]
    if layer.stride > 1:
        ends, steps = np.array([height, width]), np.array([layer.stride] * 2)
        numbers = (np.zeros(2, np.int64), ends, np.array([2, 3]), steps)
        result = at.add("Slice", result, *map(at.constant, numbers))
    if layer.channels > channels:
        pads = np.array([0, 0, 0, 0, 0, layer.channels - channels, 0, 0])
        result = at.add("Pad", result, at.constant(pads))
    return result


def read_slice(node):
    """Slice that takes every s-th row and column."""
    image = node.image()
    starts, ends = node.integers("starts", 1), node.integers("ends", 2)
    axes = [axis % 4 for axis in node.integers("axes", 3, tuple(range(len(starts))))]
    steps = node.integers("steps", 4, (1,) * len(starts))
    sizes = (None, *image.model_shape)
    cut = zip(axes, starts, ends, strict=True)
    whole = all(axis and start == 0 and end >= sizes[axis] for axis, start, end in cut)
    step = dict(zip(axes, steps, strict=True))
    if not whole or step.get(2, 1) != step.get(3, 1) or step.get(1, 1) != 1 or min(steps) < 1:
        raise ValueError(
            f"takes starts {starts}, ends {ends}, axes {tuple(axes)} and steps {steps}; numgd takes every "
            "s-th row and column only"
        )
    return node.add(PaddedShortcut(image.shape[2], step.get(2, 1)), image)


def read_pad(node):
    """Pad of an image: for the next layer, or with channels of zeros."""
    value, pads, number = node.value(), _pads(node), _number(node)
    if node.attribute("mode", "constant") != "constant":
        raise ValueError("attribute mode is not 'constant', the only padding that numgd has")
    if len(pads) != 8 or len(value.shape) != 3 or min(pads) < 0:
        raise ValueError(f"pads are {pads}; numgd pads images only, with numbers from 0 on")
    before, after = pads[:4], pads[4:]
    if not value.last:
        before, after = ([side[axis] for axis in to_channels_last(4)] for side in (before, after))
    sides = (before[1], after[1], before[2], after[2])
    if before[0] or after[0] or before[3] or (after[3] and (any(sides) or number != 0)):
        raise ValueError(f"pads are {pads}; numgd appends to rows and columns, or zeros as channels")
    if not after[3]:
        return Padded(node, value, sides, number) if any(sides) else value
    part, channels = node.part_before(value), value.shape[2] + after[3]
    if part is not None and isinstance(part.layer, PaddedShortcut):
        part.layer = replace(part.layer, channels=channels)
        return replace(value, tensor=node.output, shape=(*value.shape[:2], channels))
    return node.add(PaddedShortcut(channels, 1), value)


def _pads(node):
    """Numbers of pixels before and after all four axes."""
    pads, axes = node.integers("pads", 1, ()), node.integers("axes", 3)
    if axes is None:
        return pads
    found = np.zeros((2, 4), int)
    found[:, [axis % 4 for axis in axes]] = np.reshape(pads, (2, -1))
    return tuple(int(n) for n in found.ravel())


def _number(node):
    number = node.constant(2)
    return float(node.attribute("value", 0.0) if number is None else number.reshape(()))


EXCHANGES = (Exchange(PaddedShortcut, write_padded_shortcut, {"Slice": read_slice, "Pad": read_pad}),)
