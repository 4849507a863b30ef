"""Kernels of pooling, padding and enlargement as machine code."""

from functools import cache

import numpy as np
import pytest
from cuda_builds import accesses, built, check_build, dry

from numgd.kernels.cuda.layers import padding, pool
from numgd.nn.functional.windows import windows_of

SUMS = ("shared_average",)
"""Kernels that add up in float64."""

STREAMING = {
    "maximum", "maximum_gradient", "maximum_gradient_of_volumes", "average", "average_gradient",
    "shared_average", "repeat", "pad", "pad_gradient",
}  # fmt: skip


def drive(dtype, channels):
    """Every driver of images once."""
    x, y = dry(np.zeros((2, 6, 6, channels), dtype)), dry(np.zeros((2, 3, 3, channels), dtype))
    places = dry(np.zeros(y.shape, np.int32))
    (rows,), (columns,) = windows_of((6, 6), 2, 2, 0, 1, False)
    bounds, containing = (rows.windows.bounds, columns.windows.bounds), rows.windows.containing
    counts = rows.windows.counts, columns.windows.counts
    pool.maximum(x, *bounds, True, False, y, places)
    pool.maximum_gradient(y, places, containing, bounds[1], False, x)
    pool.average(x, *bounds, *counts, False, y)
    pool.average_gradient(y, containing, bounds[1], *counts, False, x)
    whole, one = np.array([[0], [6]]), np.array([36.0])
    pool.average(x, whole, whole, one, one, False, dry(np.zeros((2, 1, 1, channels), dtype)))
    volumes = dry(np.zeros((2, 6, 6, 6, channels), dtype)), dry(np.zeros((2, 3, 3, 3, channels), dtype))
    deep_places = dry(np.zeros(volumes[1].shape, np.int32))
    pool.maximum_gradient_of_volumes(volumes[1], deep_places, (containing,) * 3, volumes[0])
    pool.repeat(y, 2, 2, x)
    sources = np.array([1, 0, 1, 2, 1, 0])
    padding.pad(y, (1, 2, 1, 2), 0.0, sources, sources, x)
    padding.pad_gradient(x, (1, 2, 1, 2), sources, sources, y)


def drive_places(dtype):
    """The drivers that take single numbers."""
    grad, places = dry(np.zeros((2, 3, 4), dtype)), dry(np.zeros((2, 3, 4), np.int32))
    pool.scatter(grad, places, dry(np.zeros((2, 9, 4), dtype)))
    pool.places_within(places.reshape(2, 3, 1, 4), np.array([[0, 1, 2], [1, 2, 3]]), np.array([[0], [3]]), 3)
    pool.places_in_planes(places, 3)
    pool.places_in_volumes(places.reshape(2, 1, 3, 4), dry(np.zeros((2, 1, 3, 4), np.int32)), None, 3)


@cache
def kernels(dtype, channels, arch):
    return built(lambda: drive(np.dtype(dtype), channels), arch)


SLOW = [(np.float32, 3), (np.float64, 4), (np.float64, 3)]


@pytest.mark.parametrize("arch", [90, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("dtype", "channels"), [(np.float32, 4), *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_kernels(dtype, channels, arch):
    found = {made.kernel.py_func.__name__: (made, build) for made, build in kernels(dtype, channels, arch)}
    assert set(found) - {"_fill"} == STREAMING
    for name, (made, build) in found.items():
        check_build(made, build, dtype, in_float64=name in SUMS)
        print(name, build.registers, "registers", accesses(build.ptx))
        if channels % 4 == 0 and name in STREAMING:
            assert 16 in accesses(build.ptx)["ld"] and accesses(build.ptx)["st"] == {16}, name


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_kernels_of_single_numbers(dtype):
    for made, build in built(lambda: drive_places(np.dtype(dtype))):
        check_build(made, build, dtype)
