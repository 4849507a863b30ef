"""Random convolutions for the tests, and the definition of a convolution."""

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """Arguments of a convolution."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None
    stride: tuple
    padding: tuple  # (top, bottom, left, right)
    dilation: tuple
    groups: int

    @property
    def options(self):
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }


def random_case(rng, dtype, channels=65, pixels=14):
    """A convolution of random shape, with a maximal number of channels."""
    stride = tuple(rng.integers(1, 4, 2).tolist())
    dilation = tuple(rng.integers(1, 3, 2).tolist())
    kernel = tuple(rng.integers(1, 6, 2).tolist())
    kind = rng.integers(5)
    if kind == 0:  # shapes that Winograd's algorithm accepts
        stride = dilation = (1, 1)
        kernel = (3, 3)
    if kind == 1:
        stride, kernel = (1, 1), (1, 1)
    padding = tuple(rng.integers(0, 4, 4).tolist()) if rng.integers(3) else (0, 0, 0, 0)
    groups = int(rng.choice([1, 1, 1, 2, 4]))
    if kind == 2:  # depthwise and narrow groups
        width = int(rng.choice([1, 1, 2, 4, 8]))
        groups = int(rng.integers(1, max(2, channels // width + 1)))
        in_channels = out_channels = groups * width
        if width == 1 and rng.integers(3) == 0:
            out_channels *= 2
    else:
        in_channels = groups * int(rng.integers(1, max(2, channels // groups + 1)))
        out_channels = groups * int(rng.integers(1, max(2, channels // groups + 1)))
    smallest = [
        max(1, d * (k - 1) + 1 - before - after)
        for d, k, before, after in zip(dilation, kernel, padding[::2], padding[1::2], strict=True)
    ]
    size = [low + int(rng.integers(0, pixels)) for low in smallest]
    batch = int(rng.integers(1, 4))

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    return Case(
        draw(batch, *size, in_channels),
        draw(out_channels, *kernel, in_channels // groups),
        draw(out_channels) if rng.integers(2) else None,
        stride,
        padding,
        dilation,
        groups,
    )


def _patches(case):
    """x at every tap: (kh, kw, batch, height', width', in), in float64."""
    top, bottom, left, right = case.padding
    padded = np.pad(case.x.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))
    kernel = case.weight.shape[1:3]
    count = [
        (padded.shape[1 + i] - case.dilation[i] * (kernel[i] - 1) - 1) // case.stride[i] + 1 for i in range(2)
    ]
    slices = {}
    for k in range(kernel[0]):
        for l in range(kernel[1]):
            start = (k * case.dilation[0], l * case.dilation[1])
            slices[k, l] = tuple(
                slice(start[i], start[i] + (count[i] - 1) * case.stride[i] + 1, case.stride[i])
                for i in range(2)
            )
    return padded, slices


def convolution(case):
    """The convolution by its definition, in float64."""
    padded, slices = _patches(case)
    batch, in_channels, out_channels = case.x.shape[0], case.x.shape[3], case.weight.shape[0]
    per, into = in_channels // case.groups, out_channels // case.groups
    total = 0.0
    for (k, l), where in slices.items():
        part = padded[:, where[0], where[1]]
        pieces = [
            part[..., g * per : (g + 1) * per]
            @ case.weight[g * into : (g + 1) * into, k, l].astype(np.float64).T
            for g in range(case.groups)
        ]
        total = total + np.concatenate(pieces, axis=-1)
    assert total.shape[0] == batch
    return total if case.bias is None else total + case.bias


def gradients(case, grad):
    """The gradients of ``sum(grad * convolution(case))`` for x, weight and bias, in float64."""
    padded, slices = _patches(case)
    grad = grad.astype(np.float64)
    in_channels, out_channels = case.x.shape[3], case.weight.shape[0]
    per, into = in_channels // case.groups, out_channels // case.groups
    to_padded, to_weight = np.zeros_like(padded), np.zeros(case.weight.shape)
    for (k, l), where in slices.items():
        for g in range(case.groups):
            ins, outs = slice(g * per, (g + 1) * per), slice(g * into, (g + 1) * into)
            part = padded[:, where[0], where[1], ins]
            to_weight[outs, k, l] = np.tensordot(grad[..., outs], part, axes=((0, 1, 2), (0, 1, 2)))
            to_padded[:, where[0], where[1], ins] += grad[..., outs] @ case.weight[outs, k, l].astype(float)
    top, _, left, _ = case.padding
    to_x = to_padded[:, top : top + case.x.shape[1], left : left + case.x.shape[2]]
    return to_x, to_weight, grad.sum(axis=(0, 1, 2))


def relative_error(given, reference):
    """‖given − reference‖ / ‖reference‖."""
    assert given.shape == reference.shape
    size = np.linalg.norm(reference)
    return np.linalg.norm(given - reference) / (size if size else 1.0)
