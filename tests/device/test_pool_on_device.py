"""Pooling, padding and enlargement on the device against the CPU."""

import numpy as np
import pytest
from on_device import DTYPES, SIMULATED, sizes, tolerance

from numgd import nn
from numgd.kernels.cpu.layers import pool as cpu
from numgd.kernels.cuda.layers import pool as cuda
from numgd.nn import functional as F
from numgd.nn.layers.layer import Place

IMAGES = sizes((2, 5, 6), (8, 55, 63))
DEEP = sizes((1, 4, 4, 3), (4, 20, 24, 17))
DILATED = {"kernel_size": 2, "dilation": 2}


def drawn(seed, dtype, *shape):
    """Whole numbers of which many are equal, a NaN and an infinite window."""
    x = np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)
    x[0, 1, 1, 0] = np.nan
    x[0, -2:, -2:] = -np.inf
    return x


def normal(seed, dtype, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": (1, 0, 1, 1), "ceil_mode": True},
    {"kernel_size": (3, 2), "stride": 1},
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("windows", WINDOWS)
def test_maximum_and_its_gradient(device, windows, channels, dtype):
    """The same numbers and positions, also of equal numbers and NaN, and sums in the same order."""
    x = drawn(1, dtype, *IMAGES, channels)
    expected, places = F.max_pool2d(x, **windows, return_indices=True)
    y, found = F.max_pool2d(device.put(x), **windows, return_indices=True)
    np.testing.assert_array_equal(y.copy_to_host(), expected)
    np.testing.assert_array_equal(found.copy_to_host(), places)
    grad = normal(2, dtype, *expected.shape)
    out = device.empty(x.shape, dtype)
    F.max_pool2d_backward(device.put(grad), device.put(x), **windows, indices=found, out=out)
    np.testing.assert_allclose(
        out.copy_to_host(), F.max_pool2d_backward(grad, x, **windows, indices=places), **tolerance(dtype, 4)
    )


def test_maximum_without_places(device):
    x = drawn(1, np.float32, *IMAGES, 4)
    out = device.empty((x.shape[0], x.shape[1] // 2, x.shape[2] // 2, 4), np.float32)
    F.max_pool2d(device.put(x), 2, out=out)
    np.testing.assert_array_equal(out.copy_to_host(), F.max_pool2d(x, 2))


def test_four_channels_whose_addresses_do_not_suit(device):
    x = normal(1, np.float32, 1, 4, 4, 4)
    shifted = device.put(np.concatenate([[0.0], x.ravel()]).astype(np.float32))[1:].reshape(x.shape)
    np.testing.assert_array_equal(F.max_pool2d(shifted, 2).copy_to_host(), F.max_pool2d(x, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("windows", [WINDOWS[0], {**WINDOWS[1], "count_include_pad": False}])
def test_average_and_its_gradient(device, windows, channels, dtype):
    x = normal(1, dtype, *IMAGES, channels)
    expected = F.avg_pool2d(x, **windows)
    y = F.avg_pool2d(device.put(x), **windows)
    np.testing.assert_allclose(y.copy_to_host(), expected, **tolerance(dtype, 8))
    grad = normal(2, dtype, *expected.shape)
    out = device.empty(x.shape, dtype)
    F.avg_pool2d_backward(device.put(grad), device.put(x), **windows, out=out)
    np.testing.assert_allclose(
        out.copy_to_host(), F.avg_pool2d_backward(grad, x, **windows), **tolerance(dtype, 8)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", sizes([(2, 5, 5, 4), (1, 9, 2, 3)], [(16, 31, 29, 512), (3, 90, 77, 19)]))
def test_average_of_large_windows(device, shape, dtype):
    """The sums are divided among threads, and do not depend on the run."""
    x = normal(1, dtype, *shape)
    there = device.put(x)
    y = F.global_avg_pool2d(there).copy_to_host()
    np.testing.assert_allclose(y, x.mean((1, 2), dtype=np.float64), **tolerance(dtype, 4))
    np.testing.assert_array_equal(F.global_avg_pool2d(there).copy_to_host(), y)
    grad = normal(2, dtype, *y.shape)
    found = F.global_avg_pool2d_backward(device.put(grad), there)
    np.testing.assert_allclose(
        found.copy_to_host(), F.global_avg_pool2d_backward(grad, x), **tolerance(dtype, 4)
    )


def test_adaptive_average(device):
    x = normal(1, np.float32, 1, 7, 5, 4)
    grad = normal(2, np.float32, 1, 2, 3, 4)
    y, g = F.adaptive_avg_pool2d(x, (2, 3)), F.adaptive_avg_pool2d_backward(grad, x, (2, 3))
    there = device.put(x)
    found = (
        F.adaptive_avg_pool2d(there, (2, 3)),
        F.adaptive_avg_pool2d_backward(device.put(grad), there, (2, 3)),
    )
    for one, expected in zip(found, (y, g), strict=True):
        np.testing.assert_allclose(one.copy_to_host(), expected, **tolerance(np.float32, 8))


def test_signals(device):
    x = normal(1, np.float32, 2, 9, 3)
    y, places = F.max_pool1d(x, 3, 2, return_indices=True)
    found, found_places = F.max_pool1d(device.put(x), 3, 2, return_indices=True)
    np.testing.assert_array_equal(found.copy_to_host(), y)
    np.testing.assert_array_equal(found_places.copy_to_host(), places)
    g = F.max_pool1d_backward(device.put(y), device.put(x), 3, 2, indices=found_places)
    np.testing.assert_allclose(g.copy_to_host(), F.max_pool1d_backward(y, x, 3, 2), rtol=1e-6)
    a = F.avg_pool1d(device.put(x), 2)
    np.testing.assert_allclose(a.copy_to_host(), F.avg_pool1d(x, 2), rtol=1e-6)
    g = F.avg_pool1d_backward(device.put(F.avg_pool1d(x, 2)), device.put(x), 2)
    np.testing.assert_allclose(g.copy_to_host(), F.avg_pool1d_backward(F.avg_pool1d(x, 2), x, 2), rtol=1e-6)


def test_volumes(device):
    x = normal(1, np.float32, *DEEP, 2)
    there, how = device.put(x), {"kernel_size": 2, "stride": (1, 2, 1)}
    y, places = F.max_pool3d(x, **how, return_indices=True)
    found, found_places = F.max_pool3d(there, **how, return_indices=True)
    np.testing.assert_array_equal(found.copy_to_host(), y)
    np.testing.assert_array_equal(found_places.copy_to_host(), places)
    np.testing.assert_array_equal(F.max_pool3d(there, **how).copy_to_host(), y)
    grad = normal(2, np.float32, *y.shape)
    g = F.max_pool3d_backward(device.put(grad), there, **how, indices=found_places)
    expected = F.max_pool3d_backward(grad, x, **how, indices=places)
    np.testing.assert_allclose(g.copy_to_host(), expected, **tolerance(np.float32, 4))
    a = F.avg_pool3d(there, **how)
    np.testing.assert_allclose(a.copy_to_host(), F.avg_pool3d(x, **how), **tolerance(np.float32, 8))
    g = F.avg_pool3d_backward(device.put(grad), there, **how)
    expected = F.avg_pool3d_backward(grad, x, **how)
    np.testing.assert_allclose(g.copy_to_host(), expected, **tolerance(np.float32, 8))


def test_scatter(device):
    """Several gradients have one place, and are added in order."""
    grad = normal(1, np.float32, 2, 5, 3)
    places = np.random.default_rng(2).integers(0, 3, grad.shape).astype(np.int32)
    expected, out = np.empty((2, 4, 3), np.float32), device.empty((2, 4, 3), np.float32)
    cpu.scatter(grad, places, expected)
    cuda.scatter(device.put(grad), device.put(places), out)
    np.testing.assert_array_equal(out.copy_to_host(), expected)


def test_enlargement(device):
    x, grad = normal(1, np.float32, 2, 2, 3, 4), normal(2, np.float32, 2, 6, 6, 4)
    np.testing.assert_array_equal(F.upsample(device.put(x), (3, 2)).copy_to_host(), F.upsample(x, (3, 2)))
    found = F.upsample_backward(device.put(grad), device.put(x), (3, 2)).copy_to_host()
    np.testing.assert_allclose(found, F.upsample_backward(grad, x, (3, 2)), **tolerance(np.float32, 8))


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize("channels", [1, 4])
def test_padding(device, channels, mode):
    x, sides = normal(1, np.float32, 2, 2, 3, channels), (1, 3, 4, 2)
    expected = F.pad(x, sides, 7.0, mode=mode)
    np.testing.assert_array_equal(F.pad(device.put(x), sides, 7.0, mode=mode).copy_to_host(), expected)
    grad = normal(2, np.float32, *expected.shape)
    found = F.pad_backward(device.put(grad), device.put(x), sides, mode=mode)
    expected = F.pad_backward(grad, x, sides, mode=mode)
    np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32, 8))


@pytest.mark.parametrize(
    "layer", [nn.MaxPool2d(2), nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(3), nn.GlobalAvgPool2d()], ids=repr
)
def test_layers(device, layer):
    """Forward, and backward with what forward keeps."""
    x, found = normal(1, np.float32, 2, 4, 5, 4), []
    y = np.zeros((2, *layer.output_shape(x.shape[1:])), np.float32)
    kept = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layer.kept(x.shape).items()}
    for put in (np.array, device.put):
        at = Place(
            (x.shape,), (put(x),), put(y), {}, {}, {}, {name: put(array) for name, array in kept.items()},
            put(normal(2, np.float32, *y.shape)), (put(np.full_like(x, np.nan)),), None, True, None, 0,
        )  # fmt: skip
        layer.forward(at)
        layer.backward(at)
        found.append((at.y, at.grad_x[0]))
    for expected, there in zip(*found, strict=True):
        np.testing.assert_allclose(there.copy_to_host(), expected, **tolerance(np.float32, 8))


@pytest.mark.parametrize("place", [-1, 5, 12, 2**31 - 1])
def test_places_outside_their_windows_are_refused(device, place):
    x, grad = normal(1, np.float32, 1, 3, 4, 1), np.ones((1, 1, 2, 1), np.float32)
    places = np.array([0, place], np.int32).reshape(grad.shape)
    with pytest.raises(ValueError, match="indices has entries outside"):
        F.max_pool2d_backward(device.put(grad), device.put(x), 2, indices=device.put(places))
    assert cuda.places_within(
        device.put(places * 0 + 1), *[np.array([[0], [2]])] * 2, 4
    ) == cpu.places_within(places[:, :, :1] * 0 + 1, *[np.array([[0], [2]])] * 2, 4)


def test_what_is_refused_on_the_device(device):
    x, grad = device.put(normal(1, np.float32, 1, 4, 4, 1)), normal(2, np.float32, 1, 2, 2, 1)
    for pooling in (F.max_pool2d, F.avg_pool2d):
        with pytest.raises(ValueError, match="dilation must be 1 for arrays on a device; it is 2"):
            pooling(x, **DILATED)
    with pytest.raises(TypeError, match="grad is on the host, but x is on a device"):
        F.max_pool2d_backward(grad, x, 2)
    with pytest.raises(TypeError, match="indices is on the host, but"):
        F.max_pool2d_backward(device.put(grad), x, 2, indices=np.zeros((1, 2, 2, 1), np.int32))
    with pytest.raises(TypeError, match="grad is on the host, but x is on a device"):
        F.avg_pool2d_backward(grad, x, 2)
    with pytest.raises(TypeError, match="out is on the host, but x is on a device"):
        F.avg_pool2d(x, 2, out=grad)
    with pytest.raises(TypeError, match="x must be float32 or float64; its dtype is float16"):
        F.avg_pool2d(device.put(np.ones((1, 2, 2, 1), np.float16)), 2)


@pytest.mark.parametrize("shape", [(0, 4, 4, 4), (2, 4, 4, 0)])
def test_no_images_or_channels(device, shape):
    x = np.ones(shape, np.float32)
    there = device.put(x)
    for of in (lambda a: F.max_pool2d(a, 2), lambda a: F.avg_pool2d(a, 2), F.global_avg_pool2d):
        assert tuple(of(there).shape) == of(x).shape


@pytest.mark.skipif(SIMULATED, reason="too large for the simulator")
def test_large_images(device):
    x = normal(1, np.float32, 64, 112, 112, 64)
    np.testing.assert_array_equal(
        F.max_pool2d(device.put(x), 3, 2, 1).copy_to_host(), F.max_pool2d(x, 3, 2, 1)
    )
