"""Normalisations of device arrays against those of arrays in the host's memory."""

import numpy as np
import pytest
from on_device import DTYPES, sizes, tolerance

from numgd.kernels.cpu.layers import columns as on_cpu
from numgd.kernels.layers import batch_norm as kernels
from numgd.kernels.layers import columns, memory
from numgd.nn import functional as F
from numgd.nn.functional.columns import ByColumns

SHAPES = sizes(
    [(3, 3, 5, 8), (2, 9, 3), (4, 3, 3), (13, 6), (11, 20), (2, 1)],
    [(32, 28, 28, 64), (2, 9, 3), (64, 32, 32, 3), (1000, 10), (37, 2052), (64, 7, 7, 512), (100003, 16)],
)
"""Columns in fours, one by one, rows side by side, several blocks along columns, and few numbers."""


def drawn(shape, dtype, seed=0):
    """x, gradient, gamma, beta, running mean and variance."""
    rng = np.random.default_rng([seed, *shape])
    channels = shape[-1]
    x = rng.normal(rng.normal(0, 3, channels), rng.uniform(0.5, 2, channels), shape)
    vectors = rng.normal(size=(3, channels))
    found = (x, rng.normal(size=shape), *vectors, rng.uniform(0.5, 2, channels))
    return tuple(array.astype(dtype) for array in found)


def put(device, *arrays):
    """Copies on the device."""
    return [device.put(array) for array in arrays]


def same(found, wanted, factor=50, dtype=None):
    """Compare results on the device with those of the CPU; `dtype` is that of sums, by default their own."""
    found, wanted = (a if isinstance(a, tuple) else (a,) for a in (found, wanted))
    for one, other in zip(found, wanted, strict=True):
        assert memory.fetched(one) is not one and one.dtype == other.dtype, "on the device"
        limits = tolerance(other.dtype if dtype is None else dtype, factor)
        limits["atol"] *= max(1.0, float(np.max(np.abs(other), initial=0.0)))
        np.testing.assert_allclose(memory.fetched(one), other, **limits)


# Columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", sizes([(1, 23, 8), (2, 9, 3), (3, 7, 12)], [(1, 70001, 64), (5, 999, 6)]))
@pytest.mark.parametrize("dtype", DTYPES)
def test_columns(device, shape, dtype):
    parts, rows, width = shape
    rng = np.random.default_rng(3)
    x, grad = rng.normal(2, 1, shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    coefficients = rng.normal(size=(parts, 5, width)).astype(dtype)
    block = on_cpu.block_rows(rows, width)
    layout = ByColumns(device.put(x), parts, lambda like, shape, dtype: device.empty(shape, dtype))
    assert layout.side_by_side == 1 or (parts, rows, width) not in [(1, 23, 8), (3, 7, 12)]
    shape = layout.parts, layout.rows, layout.columns
    of_wide = np.tile(coefficients, layout.side_by_side)
    numbers = device.put(of_wide)
    given, slope, out = (
        device.put(x.reshape(shape)),
        device.put(grad.reshape(shape)),
        device.empty(shape, dtype),
    )
    for relu in (False, True):
        wanted = np.empty_like(x)
        on_cpu.gradient(relu, grad, x, block, coefficients, False, wanted)
        columns.gradient(relu, slope, given, layout.block, numbers, False, out)
        same(out.reshape(wanted.shape), wanted)
        columns.sums(relu, slope, given, layout.block, numbers, layout.partial)
        away = x.astype(np.float64) - coefficients[:, :1]
        above = away * coefficients[:, 1:2] + coefficients[:, 2:3] > 0
        passed = np.where(above, grad, 0) if relu else grad.astype(np.float64)
        found = layout.by_channel(layout.partial).copy_to_host().sum(axis=(1, 3))
        wanted = np.stack([passed.sum(axis=1), (passed * away).sum(axis=1)], axis=1)
        np.testing.assert_allclose(found, wanted, **tolerance(dtype, 500))
    for floor in (np.nan, 0.0):
        wanted = np.empty_like(x)
        on_cpu.affine(x, block, coefficients, dtype(floor), False, wanted)
        columns.affine(given, layout.block, numbers, dtype(floor), False, out)
        same(out.reshape(wanted.shape), wanted)
    flat = layout.partial.reshape(parts * layout.partial.shape[1], 2 * layout.columns)
    total = device.empty((layout.columns,), dtype)
    columns.add_up(flat, layout.columns, total)
    same(total, flat.copy_to_host()[:, layout.columns :].sum(axis=0).astype(dtype))


# Batch norm ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm(device, shape, dtype):
    x, grad, gamma, beta, mean, variance = drawn(shape, dtype)
    activation = "relu" if len(shape) > 2 else None
    running, others = (mean.copy(), variance.copy()), put(device, mean, variance)
    statistics, kept = np.empty((2, shape[-1])), device.empty((2, shape[-1]), np.float64)
    options = {"training": True, "momentum": 0.3, "activation": activation}
    wanted = F.batch_norm(x, gamma, beta, *running, statistics=statistics, **options)
    arrays = put(device, x, gamma, beta)
    out = device.empty(shape, dtype)
    same(F.batch_norm(*arrays, *others, statistics=kept, out=out, **options), wanted)
    same(kept, statistics, dtype=dtype)
    same(tuple(others), running)
    wanted = F.batch_norm_backward(grad, x, gamma, beta, statistics=statistics, activation=activation)
    results = tuple(device.empty(a.shape, dtype) for a in wanted)
    slope = device.put(grad)
    same(
        F.batch_norm_backward(slope, *arrays, statistics=kept, activation=activation, out=results),
        wanted,
        500,
    )
    again = F.batch_norm_backward(slope, *arrays, activation=activation)
    for one, other in zip(again, results, strict=True):
        np.testing.assert_array_equal(memory.fetched(one), memory.fetched(other))


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_one_launch_between_the_passes(device, shape):
    """`prepare` is bit for bit what it stands for."""
    x, _, gamma, beta, mean, variance = drawn(shape, np.float32)
    given, *vectors = put(device, x, gamma, beta)
    found = []
    for together in (True, False):
        layout = ByColumns(given, 1, lambda like, shape, dtype: device.put(np.zeros(shape, dtype)))
        moments, inverse = device.empty((2, shape[-1]), np.float64), device.empty(shape[-1:], np.float64)
        running = put(device, mean, variance)
        columns.moments(layout.of(given), layout.block, layout.partial)
        partial = layout.by_channel(layout.partial)[0]
        coefficients = layout.by_channel(layout.coefficients)[0]
        sizes_and_eps = layout.rows, layout.block, 1e-5
        if together:
            kernels.prepare(partial, *sizes_and_eps, 0.1, moments, inverse, *running, *vectors, coefficients)
        else:
            kernels.statistics(partial, *sizes_and_eps, moments, inverse)
            kernels.track(moments, float(layout.count), 0.1, *running)
            kernels.forward(moments[0], inverse, *vectors, coefficients)
        found.append([memory.fetched(a) for a in (moments, inverse, *running, layout.coefficients)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_with_running_statistics(device, dtype):
    x, grad, gamma, beta, mean, variance = drawn(SHAPES[0], dtype)
    arrays, running = put(device, x, gamma, beta), put(device, mean, variance)
    same(F.batch_norm(*arrays, *running), F.batch_norm(x, gamma, beta, mean, variance))
    wanted = F.batch_norm_backward(grad, x, gamma, beta, mean, variance, training=False)
    found = F.batch_norm_backward(device.put(grad), *arrays, *running, training=False)
    same(found, wanted, 500)


def test_batches_are_counted_on_the_device(device):
    x, _, gamma, beta, mean, variance = drawn((4, 4), np.float64)
    number, count = device.put(np.array(3)), np.array(3)
    running, others = (mean.copy(), variance.copy()), put(device, mean, variance)
    options = {"training": True, "momentum": None}
    F.batch_norm(x, gamma, beta, *running, num_batches_tracked=count, **options)
    F.batch_norm(*put(device, x, gamma, beta), *others, num_batches_tracked=number, **options)
    assert memory.fetched(number).item() == count == 4
    same(tuple(others), running)


def test_an_array_that_is_not_aligned(device):
    x, *_ = drawn((9, 8), np.float32)
    given = device.put(np.append(np.float32(0), x))[1:].reshape(x.shape)
    same(F.batch_norm(given, training=True), F.batch_norm(x, training=True))
    same(F.layer_norm(given), F.layer_norm(x))
    same(F.local_response_norm(given, 3), F.local_response_norm(x, 3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_numbers_have_exactly_their_mean(device, dtype):
    x = np.full(sizes((29, 4), (70001, 4)), 0.1, dtype)
    statistics = device.empty((2, 4), np.float64)
    out = F.batch_norm(device.put(x), training=True, statistics=statistics)
    np.testing.assert_array_equal(memory.fetched(statistics)[0], np.full(4, dtype(0.1), np.float64))
    np.testing.assert_array_equal(memory.fetched(out), np.zeros(x.shape, dtype))


def test_a_mean_far_from_zero(device):
    """The variance of float32 numbers near 10⁴, where a sum of their squares would have lost it."""
    x = np.random.default_rng(0).normal(1e4, 0.1, sizes((60, 4), (50000, 4))).astype(np.float32)
    statistics = device.empty((2, 4), np.float64)
    F.batch_norm(device.put(x), training=True, eps=1e-12, statistics=statistics)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(memory.fetched(statistics)[0], exact.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(memory.fetched(statistics)[1], 1 / exact.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fold_batch_norm(device, dtype):
    rng = np.random.default_rng(5)
    weight, vectors = rng.normal(size=(6, 3, 5)).astype(dtype), rng.normal(size=(4, 6)).astype(dtype)
    variance = rng.uniform(0.5, 2, 6).astype(dtype)
    given = put(device, weight, *vectors, variance)
    same(F.fold_batch_norm(*given), F.fold_batch_norm(weight, *vectors, variance))
    found = F.fold_batch_norm(given[0], None, None, None, *given[4:])
    same(found, F.fold_batch_norm(weight, None, None, None, vectors[3], variance))
    with pytest.raises(ValueError, match="variance must not be negative"):
        F.fold_batch_norm(*given[:5], device.put(-variance))


# The others ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, groups",
    sizes(
        [((2, 3, 3, 8), 2), ((3, 7, 6), 3), ((2, 2, 4), 1), ((2, 5), 5)],
        [((16, 28, 28, 64), 32), ((3, 7, 6), 3), ((64, 7, 7, 512), 1), ((128, 10), 10)],
    ),
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_group_norm(device, shape, groups, dtype):
    x, grad, gamma, beta, *_ = drawn(shape, dtype)
    activation = "relu" if len(shape) > 2 else None
    arrays, slope = put(device, x, gamma, beta), device.put(grad)
    out = device.empty(shape, dtype)
    wanted = F.group_norm(x, groups, gamma, beta, activation=activation)
    found = F.group_norm(arrays[0], groups, *arrays[1:], activation=activation, out=out)
    same(found, wanted)
    wanted = F.group_norm_backward(grad, x, groups, gamma, beta, activation=activation)
    results = tuple(device.empty(a.shape, dtype) for a in wanted)
    F.group_norm_backward(slope, arrays[0], groups, *arrays[1:], activation=activation, out=results)
    same(results, wanted, 500)


@pytest.mark.parametrize(
    "shape", sizes([(7, 5), (2, 3, 24), (9, 4), (1, 1)], [(1000, 5), (64, 128, 768), (33, 20000), (4096, 16)])
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm(device, shape, dtype):
    x, grad, gamma, beta, *_ = drawn(shape, dtype)
    x += dtype(50)
    arrays, out = put(device, x, gamma, beta), device.empty(shape, dtype)
    same(F.layer_norm(*arrays, out=out), F.layer_norm(x, gamma, beta))
    wanted = F.layer_norm_backward(grad, x, gamma)
    results = tuple(device.empty(a.shape, dtype) for a in wanted)
    same(F.layer_norm_backward(device.put(grad), *arrays[:2], out=results), wanted, 500)


@pytest.mark.parametrize(
    "size, beta, shape",
    sizes(
        [(5, 0.75, (3, 12)), (2, 0.5, (2, 2, 6)), (3, 1.0, (7, 1)), (40, 0.6, (2, 5))],
        [(5, 0.75, (64, 27, 27, 96)), (2, 0.5, (100, 6)), (3, 1.0, (7, 1)), (40, 0.6, (2, 500))],
    ),
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_local_response_norm(device, size, beta, shape, dtype):
    x, grad, *_ = drawn(shape, dtype)
    options = {"alpha": 0.3 * size, "beta": beta, "k": 0.5}
    given, slope, out = device.put(x), device.put(grad), device.empty(shape, dtype)
    same(F.local_response_norm(given, size, **options, out=out), F.local_response_norm(x, size, **options))
    wanted = F.local_response_norm_backward(grad, x, size, **options)
    same(F.local_response_norm_backward(slope, given, size, **options, out=out), wanted)


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("shape", SHAPES[1:4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_prelu(device, shape, one, dtype):
    x, grad, weight, *_ = drawn(shape, dtype)
    weight = weight[:1] if one else weight
    x.flat[0], x.flat[1] = np.inf, np.nan
    given, slopes, out = device.put(x), device.put(weight), device.empty(shape, dtype)
    same(F.prelu(given, slopes, out=out), F.prelu(x, weight))
    x.flat[1] = 0
    wanted = F.prelu_backward(grad, x, weight)
    results = tuple(device.empty(a.shape, dtype) for a in wanted)
    F.prelu_backward(device.put(grad), device.put(x), slopes, out=results)
    same(results, wanted, 500)


def test_empty_batches(device):
    x, weight = np.empty((0, 3), np.float32), np.ones(3, np.float32)
    given, slope, ones = put(device, x, x, weight)
    statistics = device.empty((2, 3), np.float64)
    F.batch_norm(given, training=True, statistics=statistics, eps=0.25)
    np.testing.assert_array_equal(memory.fetched(statistics), [[0.0] * 3, [2.0] * 3])
    for function in (F.batch_norm_backward, F.layer_norm_backward, F.prelu_backward):
        first, *others = function(slope, given, ones)
        assert first.shape == (0, 3)
        for other in others:
            np.testing.assert_array_equal(memory.fetched(other), np.zeros(3, np.float32))
    for found in (F.layer_norm(given), F.local_response_norm(given, 2), F.group_norm(given, 3)):
        assert found.shape == (0, 3)
