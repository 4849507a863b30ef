"""Convolutions and matrix products on a device give what the CPU gives."""

from typing import NamedTuple

import numpy as np
import pytest
from on_device import DTYPES, sizes, tolerance

from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.cuda.layers.conv import products, winograd
from numgd.kernels.cuda.layers.tiles import Tile
from numgd.kernels.layers import bias_gradient, convolution, linear, signals, volumes


class Case(NamedTuple):
    """A convolution of images, or of signals or volumes."""

    name: str
    batch: int
    size: tuple
    channels: tuple  # in, out
    kernel: tuple
    stride: tuple = (1, 1)
    dilation: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)
    groups: int = 1
    activation: str | None = None

    @property
    def geometry(self):
        return Geometry(self.stride, self.dilation, self.padding, self.groups)

    def arrays(self, dtype):
        """x, weight, the bias of results, a gradient of the results, the bias of a transposed convolution."""
        inputs, outputs = self.channels
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.batch, *self.size, inputs))
        weight = rng.standard_normal((outputs, *self.kernel, inputs // self.groups))
        result = self.geometry.result(self.size, self.kernel)
        grad = rng.standard_normal((self.batch, *result, outputs))
        drawn = x, weight, rng.standard_normal(outputs), grad, rng.standard_normal(inputs)
        return tuple(array.astype(dtype) for array in drawn)


IMAGES = [
    Case("3x3", *sizes((1, (3, 6), (4, 20)), (5, (31, 28), (64, 132))), (3, 3), padding=(1, 1, 1, 1),
         activation="relu6"),
    Case("stride 2", *sizes((2, (5, 4), (4, 4)), (3, (30, 29), (68, 72))), (3, 2), (2, 2),
         padding=(1, 0, 0, 1), activation="relu"),
    Case("odd channels, dilation", *sizes((1, (6, 5), (3, 5)), (3, (40, 37), (3, 33))), (2, 3), (1, 2),
         (2, 1), (2, 0, 1, 3), activation="leaky_relu"),
    Case("kernel smaller than the stride", *sizes((1, (7, 6), (4, 4)), (2, (33, 27), (32, 32))), (1, 2),
         (3, 3)),
    Case("1x1", *sizes((1, (5, 4), (20, 4)), (4, (14, 15), (256, 60))), (1, 1)),
    Case("groups", *sizes((1, (4, 4), (8, 16)), (3, (21, 22), (128, 192))), (2, 2), groups=2),
    Case("groups of odd channels", *sizes((1, (3, 4), (6, 10)), (3, (11, 12), (66, 30))), (2, 2),
         padding=(0, 1, 1, 0), groups=2, activation="relu"),
]  # fmt: skip

DEPTHWISE = [
    Case("3x3", *sizes((1, (3, 4), (4, 4)), (3, (29, 30), (72, 72))), (3, 3), padding=(1, 1, 1, 1), groups=8,
         activation="relu6"),
    Case("stride 2, odd channels", *sizes((2, (5, 4), (5, 5)), (3, (28, 27), (35, 35))), (3, 2), (2, 2),
         padding=(1, 0, 0, 1), groups=5),
    Case("dilation", *sizes((1, (4, 5), (4, 4)), (3, (28, 27), (64, 64))), (2, 2), dilation=(2, 1), groups=4),
    Case("two results a channel", *sizes((1, (4, 3), (3, 6)), (3, (18, 17), (40, 80))), (2, 2), groups=3),
]  # fmt: skip
DEPTHWISE = [case._replace(groups=case.channels[0]) for case in DEPTHWISE]

VOLUMES = [
    Case("volumes", *sizes((1, (3, 4, 3), (4, 4)), (2, (9, 14, 15), (32, 64))), (2, 3, 2), (1, 2, 1),
         (2, 1, 1), (1, 1, 0, 1, 1, 0), activation="relu"),
    Case("groups", *sizes((1, (3, 2, 3), (2, 4)), (2, (9, 8, 7), (6, 8))), (2, 1, 2), (1, 1, 1), (1, 1, 1),
         (0, 0, 0, 0, 1, 1), groups=2),
]  # fmt: skip

SIGNALS = [
    Case("signals", *sizes((2, (7,), (3, 5)), (3, (301,), (12, 40))), (3,), (2,), (1,), (1, 1),
         activation="relu"),
]  # fmt: skip

FAMILIES = [
    *((convolution, case) for case in IMAGES),
    *((convolution, case._replace(name=f"depthwise {case.name}")) for case in DEPTHWISE),
    *((volumes, case) for case in VOLUMES),
    *((signals, case) for case in SIGNALS),
]


def check(found, expected, products, dtype):
    """Compare sums of a number of products."""
    np.testing.assert_allclose(
        found.copy_to_host(), expected, **tolerance(dtype, 20 + 4 * np.sqrt(products)), verbose=True
    )


IN_FLOAT64 = "stride 2", "groups of odd channels", "volumes", "depthwise 3x3"
"""What the simulator, which is slow, runs in float64 as well."""


@pytest.mark.parametrize(
    ("family", "case", "dtype"),
    [
        pytest.param(family, case, dtype, id=f"{case.name}-{dtype.__name__}")
        for family, case in FAMILIES
        for dtype in DTYPES
        if dtype == np.float32 or case.name in sizes(IN_FLOAT64, [case.name for _, case in FAMILIES])
    ],
)
def test_convolution(device, family, case, dtype):
    x, weight, bias, grad, other_bias = case.arrays(dtype)
    code, geometry = CODES[case.activation], case.geometry
    on_device = [device.put(array) for array in (x, weight, bias, grad, other_bias)]
    products = weight[0].size

    expected, found = np.empty_like(grad), device.empty(grad.shape, dtype)
    family.forward(x, weight, bias, expected, geometry, code)
    family.forward(*on_device[:3], found, geometry, code)
    check(found, expected, products, dtype)

    expected, found = np.empty_like(x), device.empty(x.shape, dtype)
    family.gradient_of_input(grad, weight, other_bias, expected, geometry, code)
    family.gradient_of_input(on_device[3], on_device[1], on_device[4], found, geometry, code)
    check(found, expected, weight[..., 0].size, dtype)

    expected, found = np.empty_like(weight), device.empty(weight.shape, dtype)
    family.gradient_of_weight(grad, x, expected, geometry)
    family.gradient_of_weight(on_device[3], on_device[0], found, geometry)
    check(found, expected, grad[..., 0].size, dtype)


TILES = sizes(
    [Tile(32, 32, 4, 8, 4, 2, 4), Tile(32, 16, 4, 4, 4, 4, 2), Tile(64, 64, 4, 8, 8, 4, 4)],
    list(products.TILES[4]),
)


@pytest.mark.parametrize("parts", sizes([2], [1, 3]))
@pytest.mark.parametrize("tile", TILES, ids=lambda tile: f"{tile.rows}x{tile.columns}")
def test_every_tile_and_sums_in_parts(device, monkeypatch, tile, parts):
    monkeypatch.setattr(products, "plan", lambda *_: (tile, parts))
    case = Case("", *sizes((1, (4, 10), (12, 8)), (3, (31, 28), (68, 132))), (1, 2), activation="relu6")
    x, weight, bias, grad, _ = case.arrays(np.float32)
    on_device = [device.put(array) for array in (x, weight, bias, grad)]

    expected, found = np.empty_like(grad), device.empty(grad.shape, np.float32)
    convolution.forward(x, weight, bias, expected, case.geometry, CODES["relu6"])
    convolution.forward(*on_device[:3], found, case.geometry, CODES["relu6"])
    check(found, expected, weight[0].size, np.float32)

    expected, found = np.empty_like(weight), device.empty(weight.shape, np.float32)
    convolution.gradient_of_weight(grad, x, expected, case.geometry)
    convolution.gradient_of_weight(on_device[3], on_device[0], found, case.geometry)
    check(found, expected, grad[..., 0].size, np.float32)


def test_a_batch_that_is_computed_in_parts_and_a_bias_in_the_hosts_memory(device, monkeypatch):
    case = Case("", *sizes((3, (3, 3), (3, 5)), (5, (21, 22), (32, 64))), (2, 2))
    x, weight, _, grad, _ = case.arrays(np.float32)
    monkeypatch.setattr(products, "MOST_PIXELS", 2 * x[0, ..., 0].size)
    zeros = np.zeros(grad.shape[3], np.float32)
    expected, found = np.empty_like(grad), device.empty(grad.shape, np.float32)
    convolution.forward(x, weight, zeros, expected, case.geometry)
    convolution.forward(device.put(x), device.put(weight), zeros, found, case.geometry)
    check(found, expected, weight[0].size, np.float32)

    zeros = np.zeros(x.shape[3], np.float32)
    expected, found = np.empty_like(x), device.empty(x.shape, np.float32)
    convolution.gradient_of_input(grad, weight, zeros, expected, case.geometry)
    convolution.gradient_of_input(device.put(grad), device.put(weight), zeros, found, case.geometry)
    check(found, expected, weight[..., 0].size, np.float32)


@pytest.mark.parametrize("dtype", sizes([np.float32], DTYPES))
def test_winograd(device, monkeypatch, dtype):
    monkeypatch.setattr(winograd, "MOST_SCRATCH", sizes(2**12, 2**22))  # in several parts of the batch
    case = Case("", *sizes((3, (3, 4), (4, 8)), (5, (31, 28), (64, 132))), (3, 3), padding=(1, 0, 2, 1))
    x, weight, bias, grad, other_bias = case.arrays(dtype)
    on_device = [device.put(array) for array in (x, weight, bias, grad, other_bias)]

    expected, found = np.empty_like(grad), device.empty(grad.shape, dtype)
    convolution.forward(x, weight, bias, expected, case.geometry, CODES["relu"])
    convolution.forward(*on_device[:3], found, case.geometry, CODES["relu"], "winograd_2")
    check(found, expected, 4 * weight[0].size, dtype)

    expected, found = np.empty_like(x), device.empty(x.shape, dtype)
    convolution.gradient_of_input(grad, weight, other_bias, expected, case.geometry)
    convolution.gradient_of_input(
        on_device[3], on_device[1], on_device[4], found, case.geometry, 0, "winograd_2"
    )
    check(found, expected, 4 * weight[..., 0].size, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", sizes([1, 18], [1, 3, 130, 5000]))
def test_linear(device, rows, dtype):
    inputs, outputs = sizes((20, 7), (1030, 517))
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((rows, inputs)), rng.standard_normal((outputs, inputs))
    bias, grad = rng.standard_normal(outputs), rng.standard_normal((rows, outputs))
    x, weight, bias, grad = (array.astype(dtype) for array in (x, weight, bias, grad))
    on_device = [device.put(array) for array in (x, weight, bias, grad)]

    expected, found = np.empty_like(grad), device.empty(grad.shape, dtype)
    linear.forward(x, weight, bias, expected, CODES["relu"])
    linear.forward(*on_device[:3], found, CODES["relu"])
    check(found, expected, inputs, dtype)

    expected, found = np.empty_like(x), device.empty(x.shape, dtype)
    linear.gradient_of_input(grad, weight, expected)
    linear.gradient_of_input(on_device[3], on_device[1], found)
    check(found, expected, outputs, dtype)

    expected, found = np.empty_like(weight), device.empty(weight.shape, dtype)
    linear.gradient_of_weight(grad, x, expected)
    linear.gradient_of_weight(on_device[3], on_device[0], found)
    check(found, expected, rows, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", sizes([3, 12, 20], [1, 3, 64, 130, 1000]))
def test_bias_gradient(device, channels, dtype):
    shape = (*sizes((3, 11, 1), (7, 33, 30)), channels)
    grad = np.random.default_rng(2).standard_normal(shape).astype(dtype)
    found = device.empty((channels,), dtype)
    bias_gradient(device.put(grad), found)
    expected = np.sum(grad, (0, 1, 2), np.float64)
    np.testing.assert_allclose(
        found.copy_to_host(), expected, **tolerance(dtype, 2 if dtype == np.float32 else 100)
    )
