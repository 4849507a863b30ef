"""Factors and addends for each channel."""

from dataclasses import replace

import numpy as np

from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.layers import ChannelScale, Conv2d, Conv2dTranspose, Dense, GroupNorm


def write_channel_scale(layer, at):
    """As a product and a sum, with numbers per channel."""

    def beside(array):
        return array.reshape(-1, *(1,) * (len(at.shape) - 1))

    return at.add("Add", at.add("Mul", at.x[0], at.array("gamma", beside)), at.array("beta", beside))


def read_per_channel(node, given):
    """A sum, difference, product or quotient of a value and numbers per channel."""
    if len(given) != 2 or node.operator not in ("Add", "Sub", "Mul", "Div"):
        raise ValueError("numgd has no layer that computes this with an array of constants")
    first = isinstance(given[0], np.ndarray)
    if first and node.operator == "Div":
        raise ValueError("numgd has no layer that divides by a value")
    value = given[1 if first else 0].settle()
    numbers = value.per_channel(given[0 if first else 1]).astype(np.float64)
    gamma, beta = np.ones_like(numbers), np.zeros_like(numbers)
    if node.operator == "Mul":
        gamma = numbers
    elif node.operator == "Div":
        gamma = 1 / numbers
    elif node.operator == "Add" or first:
        beta, gamma = numbers, gamma if node.operator == "Add" else -gamma
    else:
        beta = -numbers
    return scaled(node, value, gamma, beta)


def scaled(node, value, gamma, beta):
    """γ x + β: by the layer before, if it has no such numbers of its own yet, or by a layer."""
    part = node.part_before(value)
    if part is not None and _takes(part, gamma, beta):
        return replace(value, tensor=node.output)
    return node.add(ChannelScale(), value, order=value.order, gamma=gamma, beta=beta)


def _takes(part, gamma, beta):
    """Let a layer apply γ and β; returns whether it can."""
    layer, arrays = part.layer, part.arrays
    if isinstance(layer, Dense | Conv2d | Conv2dTranspose) and not layer.bias and (gamma == 1).all():
        part.layer = replace(layer, bias=True)
        arrays["bias"] = beta
        return True
    of_its_own = isinstance(layer, ChannelScale | GroupNorm) and (
        (arrays["gamma"] == 1).all() or not arrays["beta"].any()
    )
    if of_its_own:
        arrays["gamma"], arrays["beta"] = gamma * arrays["gamma"], gamma * arrays["beta"] + beta
    return of_its_own


EXCHANGES = (Exchange(ChannelScale, write_channel_scale),)
