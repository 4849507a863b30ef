"""Convolutions to measure, and the arguments of the functions of numgd's algorithms."""

from typing import NamedTuple

import numpy as np

from numgd.kernels.cpu.layers.conv.geometry import Geometry


class Shape(NamedTuple):
    """A convolution of square images with square kernels and half of the kernel as padding."""

    batch: int
    size: int
    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    groups: int = 1

    def __str__(self):
        parts = [f"{self.kernel}×{self.kernel}", f"{self.batch}×{self.size}²"]
        parts.append(f"{self.in_channels}→{self.out_channels}")
        parts += [f"stride {self.stride}"] * (self.stride > 1) + [f"{self.groups} groups"] * (self.groups > 1)
        return " ".join(parts)


def arrays_of(shape):
    """The arguments of the functions of algorithms, by operation."""
    rng = np.random.default_rng(1)
    padding = (shape.kernel // 2,) * 4
    geometry = Geometry((shape.stride,) * 2, (1, 1), padding, shape.groups)
    height, width = geometry.result((shape.size,) * 2, (shape.kernel,) * 2)
    x, weight, grad = (
        rng.normal(size=size).astype(np.float32)
        for size in (
            (shape.batch, shape.size, shape.size, shape.in_channels),
            (shape.out_channels, shape.kernel, shape.kernel, shape.in_channels // shape.groups),
            (shape.batch, height, width, shape.out_channels),
        )
    )
    bias, none = np.zeros(shape.out_channels, np.float32), np.zeros(shape.in_channels, np.float32)
    out, to_x, to_weight = np.empty_like(grad), np.empty_like(x), np.empty_like(weight)
    return {
        "forward": (x, weight, bias, out, geometry),
        "input_gradient": (grad, weight, none, to_x, geometry),
        "weight_gradient": (grad, x, to_weight, geometry),
    }
