"""The layers and the loss that models need, against NumPy and SciPy, and their arguments."""

import numpy as np
import pytest
from scipy.signal import correlate2d
from scipy.special import logsumexp

from numgd import nn
from numgd.nn.layers import (
    AdaptiveAvgPool2d,
    ChannelScale,
    ConnectedConv2d,
    PaddedShortcut,
    RadialBasis,
    Scale,
    ScaledTanh,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_channel_scale():
    network = nn.Network(ChannelScale(), (5, 4, 3), dtype=np.float64)
    network.parameters[:] = drawn(6)
    X, (gamma, beta) = drawn(7, 5, 4, 3, seed=1), network.named_parameters().values()
    np.testing.assert_allclose(network(X), X * gamma + beta, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-15), (np.float32, 5e-7)])
def test_scaled_tanh(dtype, bound):
    X = np.array([[-np.inf, -50, -1, -1e-9, 0, 0.3, 1, np.inf, np.nan]])
    found = nn.Network(ScaledTanh(), (9,), dtype=dtype)(X)
    np.testing.assert_allclose(found, 1.7159 * np.tanh(2 / 3 * X), rtol=2 * bound, atol=1e-300)


def test_connected_convolution_takes_only_its_connections():
    table = [[1], [2, 0], [0, 1, 2]]
    network = nn.Network(ConnectedConv2d(table, (3, 2)), (6, 5, 3), dtype=np.float64)
    weight, bias = network.named_parameters().values()
    bias[:] = drawn(3)
    X, kernels = drawn(2, 6, 5, 3, seed=1), iter(weight)
    expected = np.zeros((2, 4, 4, 3)) + bias
    for k, row in enumerate(table):
        for channel in row:
            kernel = next(kernels)
            for image, result in zip(X, expected, strict=True):
                result[..., k] += correlate2d(image[..., channel], kernel, "valid")
    np.testing.assert_allclose(network(X), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(7, 6), (6, 7), (1, 1), (64, 64)])  # the last one on several threads
def test_padded_shortcut(stride, size):
    network = nn.Network(PaddedShortcut(5, stride), (*size, 3))
    X = drawn(3, *size, 3).astype(np.float32)
    picked = X[:, ::stride, ::stride]
    expected = np.concatenate([picked, np.zeros((*picked.shape[:3], 2))], axis=-1)
    np.testing.assert_array_equal(network(X), expected)


@pytest.mark.parametrize("size", [1, 3, (4, 2), (9, 8), (11, 20)])
def test_adaptive_avg_pool(size):
    """The definition, part by part; with more parts than pixels some pixels are in several."""
    network, X = nn.Network(AdaptiveAvgPool2d(size), (9, 8, 3), dtype=np.float64), drawn(2, 9, 8, 3)
    rows, columns = (size, size) if isinstance(size, int) else size

    def part(i, number, length):
        return slice(i * length // number, -(-(i + 1) * length // number))

    expected = [
        [X[:, part(i, rows, 9), part(j, columns, 8)].mean((1, 2)) for j in range(columns)]
        for i in range(rows)
    ]
    np.testing.assert_allclose(network(X), np.moveaxis(expected, 2, 0), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("factor", [0.17, -3.0, 1.0, 0.0])
@pytest.mark.parametrize("shape", [(5,), (70, 70, 9)])  # the second on several threads
def test_scale(factor, shape, dtype):
    """A single multiplication, of the input and, in place, of an inner value."""
    X = drawn(3, *shape).astype(dtype)
    expected = X * dtype(factor)
    np.testing.assert_array_equal(nn.Network(Scale(factor), shape, dtype=dtype)(X), expected)
    inner = nn.Sequential(nn.Activation("relu"), Scale(factor))
    np.testing.assert_array_equal(nn.Network(inner, shape, dtype=dtype)(X), np.maximum(X, 0) * dtype(factor))


def test_radial_basis():
    prototypes = drawn(4, 9)
    network = nn.Network(RadialBasis(prototypes, 0.5), (9,), dtype=np.float64)
    X = drawn(6, 9, seed=1)
    expected = 0.5 * ((X[:, None] - prototypes) ** 2).sum(-1)
    np.testing.assert_allclose(network(X), expected, rtol=1e-13)
    prototypes[:] = 0  # the layer has a copy
    np.testing.assert_allclose(network(X), expected, rtol=1e-13)
    assert network.parameters.size == 0


@pytest.mark.parametrize("rubbish", [0.0, 3.0, -2.0, 1e4])
def test_map_criterion(rubbish):
    """Its value against SciPy, and its gradient against differences."""
    loss, z, y = nn.MAPCriterion(rubbish), -10 * drawn(6, 4) ** 2, np.array([0, 3, 2, 1, 1, 0])
    z[0] = -800.0  # e⁻⁸⁰⁰ is 0

    def expected(z):
        with_rubbish = np.concatenate([z, np.full((6, 1), -rubbish)], axis=1)
        return np.mean(logsumexp(with_rubbish, axis=1) - z[np.arange(6), y])

    assert loss.value(z, y) * loss.scale(z.shape) == pytest.approx(expected(z), rel=1e-13)
    found, direction = np.full_like(z, np.nan), drawn(6, 4, seed=1)
    loss.gradient(z, y, found)
    slope = (expected(z + 1e-6 * direction) - expected(z - 1e-6 * direction)) / 2e-6
    assert np.vdot(found, direction) == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_map_criterion_without_rubbish_is_the_cross_entropy():
    model = nn.Sequential(nn.Dense(3), RadialBasis(drawn(4, 3), -1.0))
    network = nn.Network(model, (5,), dtype=np.float64)
    X, y = drawn(8, 5, seed=1), np.arange(8) % 4
    value = network.loss_and_gradient(X, y, nn.MAPCriterion(1e9))
    gradient = network.gradient.copy()
    assert network.loss_and_gradient(X, y, "cross_entropy") == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(network.gradient, gradient, rtol=1e-9, atol=1e-12)


def test_lenet_1998_learns_with_either_loss():
    """Bars at ten places, with noise."""
    y = np.arange(80) % 10
    X = 0.1 * drawn(80, 32, 32, 1)
    for image, label in zip(X, y, strict=True):
        image[4:28, 2 + 3 * label] += 1.0
    for loss in ("cross_entropy", nn.MAPCriterion(30.0)):
        network = nn.Network(nn.models.lenet5("1998"), (32, 32, 1))
        network.fit(X, y, loss=loss, epochs=50, batch_size=16)
        assert (network.predict_labels(X) == y).mean() > 0.9


def in_network(layer, shape):
    return nn.Network(layer, shape)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ChannelScale("what"), ValueError, "initialiser must be"),
        (lambda: PaddedShortcut(0), ValueError, "channels must be"),
        (lambda: PaddedShortcut(4, 1.5), TypeError, "stride must be an integer"),
        (lambda: in_network(PaddedShortcut(4), (3, 3, 5)), ValueError, "at most 4 channels, got"),
        (lambda: in_network(PaddedShortcut(4), (3,)), ValueError, "takes images"),
        (lambda: AdaptiveAvgPool2d(0), ValueError, "output_size must"),
        (lambda: AdaptiveAvgPool2d((2, 2, 2)), ValueError, "output_size must"),
        (lambda: AdaptiveAvgPool2d(2.5), TypeError, "output_size must"),
        (lambda: in_network(AdaptiveAvgPool2d(2), (3,)), ValueError, "takes images"),
        (lambda: Scale(np.nan), ValueError, "factor must be finite"),
        (lambda: Scale("2"), TypeError, "factor must be a number"),
        (lambda: RadialBasis([1, 2]), ValueError, "prototypes must be a matrix"),
        (lambda: RadialBasis([[1, 2], [1]]), ValueError, "prototypes must be a matrix"),
        (lambda: RadialBasis([["a"]]), TypeError, "prototypes must be real numbers"),
        (lambda: RadialBasis([[1j]]), TypeError, "prototypes must be real numbers"),
        (lambda: RadialBasis([[np.nan]]), ValueError, "prototypes must be finite"),
        (lambda: RadialBasis(np.zeros((0, 3))), ValueError, "prototypes must be a matrix"),
        (lambda: RadialBasis([[1]], np.inf), ValueError, "factor must be finite"),
        (lambda: in_network(RadialBasis([[1, 2]]), (3,)), ValueError, "vectors of 2 features, got"),
        (lambda: in_network(RadialBasis([[1, 2]]), (2, 2, 2)), ValueError, "put Flatten before it"),
        (lambda: ConnectedConv2d(3, 3), TypeError, "connections must be a sequence of sequences"),
        (lambda: ConnectedConv2d([1, 2], 3), TypeError, "connections must be a sequence of sequences"),
        (lambda: ConnectedConv2d([], 3), ValueError, "connections must have at least one row"),
        (lambda: ConnectedConv2d([[0], []], 3), ValueError, r"connections\[1\] must name"),
        (lambda: ConnectedConv2d([[0, 0]], 3), ValueError, r"connections\[0\] must name"),
        (lambda: ConnectedConv2d([[0, -1]], 3), ValueError, r"connections\[0\]\[1\] must be"),
        (lambda: ConnectedConv2d([[0.5]], 3), TypeError, r"connections\[0\]\[0\] must be an integer"),
        (lambda: ConnectedConv2d([[0]], 0), ValueError, "kernel_size"),
        (lambda: in_network(ConnectedConv2d([[0, 3]], 3), (5, 5, 3)), ValueError, "takes channel 3"),
        (lambda: nn.MAPCriterion(np.inf), ValueError, "rubbish must be finite"),
        (lambda: nn.MAPCriterion("1"), TypeError, "rubbish must be a number"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_labels_of_the_map_criterion_are_checked():
    network = nn.Network(RadialBasis(np.eye(3)), (3,))
    with pytest.raises(ValueError, match="labels from 0 to 2; one is 3"):
        network.loss_and_gradient(np.zeros((2, 3)), [0, 3], nn.MAPCriterion(1.0))
    with pytest.raises(TypeError, match="integer labels"):
        network.loss_and_gradient(np.zeros((2, 3)), [0.0, 1.0], nn.MAPCriterion(1.0))
