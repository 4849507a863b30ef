"""Functions of convolutions and dense layers, given arrays of a device."""

import numpy as np
import pytest
from on_device import DTYPES, tolerance

from numgd.kernels.machines import on_device
from numgd.nn import functional as F


def normal(dtype, *shapes):
    """Arrays of normally distributed numbers."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def compare(device, function, *arrays, **options):
    """Both machines' results of a function; returns the device's."""
    expected = function(*arrays, **options)
    there = {
        name: device.put(value) if isinstance(value, np.ndarray) else value for name, value in options.items()
    }
    found = function(*(device.put(array) for array in arrays), **there)
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for one, other in pairs:
        if other is None:
            assert one is None
            continue
        assert on_device(one)
        np.testing.assert_allclose(one.copy_to_host(), other, **tolerance(other.dtype, 200))
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "size", "kernel"),
    [("conv1d", (7,), (3,)), ("conv2d", (5, 4), (3, 2)), ("conv3d", (3, 4, 3), (2, 2, 2))],
)
def test_convolutions(device, name, size, kernel, dtype):
    function, backward = getattr(F, name), getattr(F, f"{name}_backward")
    x, weight, bias = normal(dtype, (2, *size, 3), (4, *kernel, 3), (4,))
    y = function(x, weight, bias, padding=1, activation="relu")
    compare(device, function, x, weight, bias, padding=1, activation="relu")
    compare(device, backward, np.ones_like(y), x, weight, padding=1, activation="relu", y=y)
    compare(device, function, x, weight)


def test_transposed_convolutions(device):
    x, weight, bias = normal(np.float64, (2, 3, 3, 4), (4, 3, 3, 2), (2,))
    y = F.conv2d_transpose(x, weight, bias, stride=2)
    compare(device, F.conv2d_transpose, x, weight, bias, stride=2)
    compare(device, F.conv2d_transpose_backward, np.ones_like(y), x, weight, stride=2)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_dense(device, activation):
    x, weight, bias, grad = normal(np.float64, (2, 3, 5), (4, 5), (4,), (2, 3, 4))
    y = F.dense(x, weight, bias, activation=activation)
    compare(device, F.dense, x, weight, bias, activation=activation)
    compare(device, F.dense, x, weight)
    given = {} if activation is None else {"y": y}
    compare(device, F.dense_backward, grad, x, weight, activation=activation, **given)


def test_memory_for_results(device):
    x, weight = normal(np.float32, (1, 4, 4, 2), (3, 3, 3, 2))
    out = device.empty((1, 2, 2, 3), np.float32)
    assert F.conv2d(device.put(x), device.put(weight), out=out) is out
    np.testing.assert_allclose(out.copy_to_host(), F.conv2d(x, weight), **tolerance(np.float32))


def test_arrays_on_different_machines_are_refused(device):
    x, weight = normal(np.float32, (1, 4, 4, 2), (3, 3, 3, 2))
    with pytest.raises(TypeError, match="weight is on the host, but x is on a device"):
        F.conv2d(device.put(x), weight)
    with pytest.raises(TypeError, match="gamma is on the host, but x is on a device"):
        F.batch_norm(device.put(x), np.ones(2, np.float32), training=True)
    with pytest.raises(TypeError, match="no packed form"):
        F.pack_weight(device.put(weight))


def test_flatten_and_concatenate(device):
    x, y = normal(np.float32, (2, 3, 4), (2, 3, 2))
    compare(device, F.flatten, x)
    compare(device, F.flatten_backward, np.ones((2, 12), np.float32), x)
    found = F.concatenate([device.put(x), device.put(y)])
    np.testing.assert_array_equal(found.copy_to_host(), np.concatenate([x, y], axis=-1))
    parts = F.concatenate_backward(found, [device.put(x), device.put(y)])
    for part, whole in zip(parts, (x, y), strict=True):
        np.testing.assert_array_equal(part.copy_to_host(), whole)


def test_many_arrays_in_a_list(device):
    parts = normal(np.float32, *[(2, 1)] * 12)
    found = F.concatenate([device.put(part) for part in parts])
    np.testing.assert_array_equal(found.copy_to_host(), np.concatenate(parts, axis=-1))
    with pytest.raises(TypeError, match=r"arrays\[1\] is on the host, but arrays\[0\] is on a device"):
        F.concatenate([device.put(parts[0]), *parts[1:]])
