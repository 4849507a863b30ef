"""Elementwise operations, softmax, cross-entropy, dropout and small layers on a device."""

import numpy as np
import pytest
from on_device import DTYPES, sizes, tolerance

from numgd.kernels.cpu.layers import concatenate as cpu_concatenate
from numgd.kernels.cpu.layers import cross_entropy as cpu_cross_entropy
from numgd.kernels.cpu.layers import distances as cpu_distances
from numgd.kernels.cpu.layers import dropout as cpu_dropout
from numgd.kernels.cpu.layers import elementwise as cpu_elementwise
from numgd.kernels.cpu.layers import map_criterion as cpu_map_criterion
from numgd.kernels.cpu.layers import shortcut as cpu_shortcut
from numgd.kernels.cpu.layers import softmax as cpu_softmax
from numgd.kernels.cuda.layers import (
    concatenate,
    cross_entropy,
    distances,
    dropout,
    elementwise,
    map_criterion,
    places,
    shortcut,
    softmax,
    transpose,
)
from numgd.scalars import ACTIVATIONS, LOSSES

random = np.random.default_rng(22)

COUNT = sizes(77, 100_003)  # some fours, and some left over


def numbers(count, dtype, low=-3.0, high=3.0):
    """Random numbers, with the special ones among them."""
    return random.uniform(low, high, count).astype(dtype)


def arguments_of(kind, count, dtype):
    """x and y for a loss."""
    record = LOSSES[kind]
    x = numbers(count, dtype, *((0.01, 0.99) if record.x else (0.1, 3)))
    if record.target == "probability":
        return x, numbers(count, dtype, 0, 1)
    y = numbers(count, dtype, 0.1, 3)
    return x, np.sign(y - dtype(1)).astype(dtype) if record.target == "sign" else y


# Maps and sums ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations(device, kind):
    dtype = np.float32
    x = numbers(21, dtype)
    x[:5] = 0, np.inf, -np.inf, np.nan, -0.0
    grad, parameter = numbers(21, dtype), ACTIVATIONS[kind].default
    given = device.put(x)
    for part, weights, repeat in (("values", np.ones(1, dtype), 22), ("derivatives", grad, 1)):
        out, expected = device.empty(x.shape, dtype), np.empty_like(x)
        getattr(elementwise, part)(kind, given, given, device.put(weights), repeat, 2.0, parameter, out)
        getattr(cpu_elementwise, part)(kind, x, x, weights, repeat, 2.0, parameter, expected)
        np.testing.assert_allclose(out.copy_to_host(), expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("kind", LOSSES)
def test_losses(device, kind):
    dtype, parameter = np.float64, LOSSES[kind].default
    x, y = arguments_of(kind, 21, dtype)
    weights = numbers(7, dtype, 0, 2)
    given = device.put(x), device.put(y), device.put(weights), 3
    out, expected = device.empty(x.shape, dtype), np.empty_like(x)
    elementwise.derivatives(kind, *given, 0.5, parameter, out)
    cpu_elementwise.derivatives(kind, x, y, weights, 3, 0.5, parameter, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, rtol=1e-12, atol=1e-14)
    total = elementwise.total(kind, *given, parameter).copy_to_host()
    np.testing.assert_allclose(total, cpu_elementwise.total(kind, x, y, weights, 3, parameter), rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("repeat", [1, 3, 5, None])
@pytest.mark.parametrize("first", [0, 1])
def test_weights_and_alignment(device, dtype, repeat, first):
    count = COUNT // 15 * 15
    x, y = numbers(count, dtype), numbers(count, dtype)
    weights = numbers(1 if repeat is None else count // repeat, dtype, 0, 2)
    repeat = repeat or count + 1
    whole, out, expected = device.empty(count + first, dtype), device.empty(count, dtype), np.empty_like(x)
    whole[first:].copy_to_device(x)
    given = whole[first:], device.put(y), device.put(weights), repeat
    elementwise.values("mse", *given, -1.5, 0.0, out)
    cpu_elementwise.values("mse", x, y, weights, repeat, -1.5, 0.0, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype, 4))
    if first == 0:
        wanted = np.repeat(weights, min(repeat, count)).astype(float) @ (x.astype(float) - y) ** 2
        np.testing.assert_allclose(elementwise.total("mse", *given, 0.0).copy_to_host()[0], wanted, rtol=1e-5)


def test_sums_of_many_blocks_are_equal_from_run_to_run(device):
    x = numbers(sizes(700, 1_000_003), np.float32)
    given = device.put(x)
    totals = [
        elementwise.total("l1", given, given, elementwise.one(given), x.size + 1, 0.0).copy_to_host()[0]
        for _ in range(2)
    ]
    assert totals[0] == totals[1] == 0
    zeros = device.put(np.zeros_like(x))
    first, second = (
        elementwise.total("l1", given, zeros, elementwise.one(given), x.size + 1, 0.0).copy_to_host()[0]
        for _ in range(2)
    )
    assert first == second
    np.testing.assert_allclose(first, np.abs(x.astype(float)).sum(), rtol=1e-12)


def test_values_in_place_and_nothing(device):
    x = device.put(np.array([-1.0, 2.0, -3.0, 4.0, 5.0]))
    elementwise.values("relu", x, x, elementwise.one(x), 6, 1.0, 0.0, x)
    np.testing.assert_array_equal(x.copy_to_host(), [0, 2, 0, 4, 5])
    empty = device.empty(0, np.float64)
    elementwise.values("relu", empty, empty, elementwise.one(x), 1, 1.0, 0.0, empty)
    assert elementwise.total("mse", empty, empty, elementwise.one(x), 1, 0.0).copy_to_host()[0] == 0


@pytest.mark.parametrize("activation", [None, "relu"])
def test_add(device, activation):
    x, y = numbers(COUNT, np.float32), numbers(COUNT, np.float32)
    out, expected = device.put(x), np.empty_like(x)
    elementwise.add(out, device.put(y), out, activation)
    cpu_elementwise.add(x, y, expected, activation)
    np.testing.assert_array_equal(out.copy_to_host(), expected)


def test_counts_of_invalid_numbers(device):
    x = np.array([0.0, 1.0, 1.5, -0.25, np.nan, np.inf, -1.0])
    for kind in elementwise.INVALID:
        found = elementwise.count_invalid(kind, device.put(x))
        assert found == cpu_elementwise.count_invalid(kind, x)
    for labels, within in (([0, 3, 2], True), ([0, 4], False), ([-1, 1], False), ([], True)):
        given = device.put(np.array(labels, np.int64))
        assert cross_entropy.labels_within(given, 4) is within


@pytest.mark.parametrize("columns", [3, 40])
def test_totals_of_rows(device, columns):
    rows, kind = 5, "binary_cross_entropy_with_logits"
    x, y = arguments_of(kind, rows * columns, np.float32)
    weights, out = numbers(rows, np.float32, 0, 2), device.empty(rows, np.float32)
    expected = np.empty(rows, np.float32)
    given = device.put(x), device.put(y), columns, device.put(weights), 1
    elementwise.totals_of_rows(kind, *given, 0.3, 0.0, out)
    cpu_elementwise.totals_of_rows(kind, x, y, columns, weights, 1, 0.3, 0.0, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, rtol=2e-6)


# Softmax ----------------------------------------------------------------------------------------------------

SHAPES = sizes([(19, 3), (5, 20), (3, 150)], [(1000, 10), (700, 100), (300, 1000), (5, 50_000)])


def logits(rows, columns, dtype):
    """Rows of logits, with infinite numbers and NaN in some."""
    x = random.normal(0, 5, (rows, columns)).astype(dtype)
    x[0, 1], x[1, :], x[2, 2] = np.inf, -np.inf, np.nan
    x[3 % rows, 0] += 200 if rows > 3 else 0
    return x.reshape(-1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(device, dtype, shape, name):
    x, grad = logits(*shape, dtype), random.normal(size=np.prod(shape)).astype(dtype)
    given, slopes = device.put(x), device.put(grad)
    out, expected = device.empty(x.shape, dtype), np.empty_like(x)
    getattr(softmax, name)(given, shape[1], out)
    getattr(cpu_softmax, name)(x, shape[1], expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype))
    out = device.empty(x.shape, dtype)
    getattr(softmax, f"{name}_backward")(slopes, given, shape[1], out)
    getattr(cpu_softmax, f"{name}_backward")(grad, x, shape[1], expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype, 200))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labelled", [True, False])
def test_cross_entropy(device, dtype, shape, smoothing, labelled):
    rows, columns = shape
    x = random.normal(0, 5, rows * columns).astype(dtype)
    if labelled:
        targets = random.integers(0, columns, rows)
    else:
        targets = random.uniform(0, 2 / columns, rows * columns).astype(dtype)
    many = rows + 1 if smoothing else 1
    weights = numbers(1 if smoothing else rows, dtype, 0, 2)
    given = device.put(x), device.put(targets), columns, device.put(weights), many
    here = x, targets, columns, weights, many
    for size in (0, rows):
        terms, expected = device.empty(size, dtype), np.empty(size, dtype)
        total = cross_entropy.cross_entropy(*given, smoothing, terms).copy_to_host()[0]
        wanted = cpu_cross_entropy.cross_entropy(*here, smoothing, expected)
        np.testing.assert_allclose(total, wanted, **tolerance(dtype))
        np.testing.assert_allclose(terms.copy_to_host(), expected, **tolerance(dtype))
    out, expected = device.empty(x.shape, dtype), np.empty_like(x)
    cross_entropy.cross_entropy_backward(*given, 0.7, smoothing, out)
    cpu_cross_entropy.cross_entropy_backward(*here, 0.7, smoothing, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype))


def test_cross_entropy_of_infinite_logits(device):
    x = np.array([[np.inf, 0, 1], [0, -np.inf, 1], [np.nan, 0, 1], [1, 2, -np.inf]])
    labels = np.array([0, 1, 2, 0])
    for smoothing in (0.0, 0.1):
        terms, expected = device.empty(4, np.float64), np.empty(4)
        given = device.put(x.reshape(-1)), device.put(labels), 3, device.put(np.ones(1)), 5
        cross_entropy.cross_entropy(*given, smoothing, terms)
        cpu_cross_entropy.cross_entropy(x.reshape(-1), labels, 3, np.ones(1), 5, smoothing, expected)
        np.testing.assert_allclose(terms.copy_to_host(), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_map_criterion(device, dtype):
    z, labels = numbers((sizes(35, 5000), 3), dtype), random.integers(0, 3, sizes(35, 5000))
    given = device.put(z), device.put(labels), 1.5
    np.testing.assert_allclose(
        map_criterion.value(*given).copy_to_host()[0], cpu_map_criterion.value(z, labels, 1.5), rtol=1e-12
    )
    out, expected = device.empty(z.shape, dtype), np.empty_like(z)
    map_criterion.gradient(*given, 0.25, out)
    cpu_map_criterion.gradient(z, labels, 1.5, 0.25, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype))


# Dropout ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", [0, 1])
def test_the_mask_of_dropout_is_that_of_the_host(device, dtype, first):
    count = sizes(64 * 5 + 21, 1_000_021)
    x, expected = numbers(count, dtype, 1, 2), np.empty(count, dtype)
    seed, stream, threshold = np.uint64(2**63 + 5), np.uint64(7), np.uint64(round(0.3 * 2**32))
    numbers_of_step = stream, threshold, dtype(1 / 0.7)
    cpu_dropout.dropout(x, seed, *numbers_of_step, expected)
    whole = device.empty(count + first, dtype)
    whole[first:].copy_to_device(x)
    for apply, words in (
        (dropout.dropout, seed),
        (dropout.dropout_of_step, device.put(np.array([seed, 1], np.uint64))),
    ):
        out = device.empty(count, dtype)
        apply(whole[first:], words, *numbers_of_step, out)
        np.testing.assert_array_equal(out.copy_to_host(), expected)


# Small layers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_distances(device, dtype):
    x, prototypes = numbers((9, 7), dtype), numbers((4, 7), dtype)
    out, expected = device.empty((9, 4), dtype), np.empty((9, 4), dtype)
    distances.forward(device.put(x), prototypes, -0.5, out)
    cpu_distances.forward(x, prototypes, -0.5, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype))
    grad, out, expected = numbers((9, 4), dtype), device.empty((9, 7), dtype), np.empty((9, 7), dtype)
    distances.backward(device.put(grad), device.put(x), device.put(prototypes), -0.5, out)
    cpu_distances.backward(grad, x, prototypes, -0.5, expected)
    np.testing.assert_allclose(out.copy_to_host(), expected, **tolerance(dtype))


@pytest.mark.parametrize("columns, width, first", [(3, 8, 2), (4, 12, 8), (4, 12, 3)])
def test_ranges_of_columns(device, columns, width, first):
    narrow, wide = numbers((7, columns), np.float32), numbers((7, width), np.float32)
    out, expected = device.put(wide), wide.copy()
    concatenate.put(device.put(narrow), out, first)
    cpu_concatenate.put(narrow, expected, first)
    np.testing.assert_array_equal(out.copy_to_host(), expected)
    for added in (False, True):
        out, expected = device.put(narrow), narrow.copy()
        concatenate.take(device.put(wide), first, added, out)
        cpu_concatenate.take(wide, first, added, expected)
        np.testing.assert_array_equal(out.copy_to_host(), expected)


@pytest.mark.parametrize("channels", [(3, 5), (4, 8)])
def test_shortcut(device, channels):
    x = numbers((2, 5, 3, channels[0]), np.float32)
    out, expected = device.empty((2, 3, 2, channels[1]), np.float32), np.empty((2, 3, 2, channels[1]), "f4")
    shortcut.forward(device.put(x), 2, out)
    cpu_shortcut.forward(x, 2, expected)
    np.testing.assert_array_equal(out.copy_to_host(), expected)
    back, wanted = device.empty(x.shape, np.float32), np.empty_like(x)
    shortcut.backward(device.put(expected), 2, back)
    cpu_shortcut.backward(expected, 2, wanted)
    np.testing.assert_array_equal(back.copy_to_host(), wanted)


def test_places(device):
    values, where = numbers(5, np.float32), np.array([7, 0, 3, 10, 4])
    out, expected = device.empty(11, np.float32), np.zeros(11, np.float32)
    expected[where] = values
    places.put(device.put(values), where, out)
    np.testing.assert_array_equal(out.copy_to_host(), expected)
    back = device.empty(5, np.float32)
    places.take(out, device.put(where), back)
    np.testing.assert_array_equal(back.copy_to_host(), values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", sizes([(1, 5, 9), (3, 8, 2)], [(1, 1000, 333), (5, 64, 70)]))
def test_transposes(device, dtype, shape):
    x = numbers(shape, dtype)
    out = device.empty(x.size, dtype)
    transpose.transposes(device.put(x.reshape(-1)), *shape, out)
    np.testing.assert_array_equal(out.copy_to_host(), x.swapaxes(1, 2).reshape(-1))
