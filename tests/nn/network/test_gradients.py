"""Gradients of every layer and container against differences, and passes against memory that is spoilt."""

import numpy as np
import pytest
from nn.network.models import MODELS

from numgd import nn

BATCH = 5


def made(name, dtype=np.float64, seed=0):
    shape, model = MODELS[name]
    network = nn.Network(model, shape, dtype=dtype, seed=seed)
    random = np.random.default_rng(seed + 1)
    network.parameters += 0.1 * random.normal(size=network.parameters.size)  # biases and γ too
    X = random.normal(size=(BATCH, *shape))
    y = random.integers(0, 3, (BATCH, *network.output_shape[:-1]))
    return network, X, y


@pytest.mark.parametrize("name", MODELS)
def test_gradient_against_differences(name):
    network, X, y = made(name)

    def loss():
        return network.loss_and_gradient(X, y, "cross_entropy", seed=7)

    loss()
    gradient = network.gradient.copy()
    start, step = network.parameters.copy(), 1e-6
    random = np.random.default_rng(2)
    # Each array along a direction of its own: an error in a small one would not show among large ones.
    for key, view in network.named_parameters().items():
        direction = random.normal(size=view.shape)
        values = []
        for sign in (1, -1):
            view += sign * step * direction
            values.append(loss())
            network.parameters[:] = start
        expected = (values[0] - values[1]) / (2 * step)
        found = np.vdot(direction, _of(network, gradient, key))
        assert found == pytest.approx(expected, rel=2e-6, abs=2e-8), key


def _of(network, gradient, key):
    """A named part of a gradient."""
    network.gradient[:] = gradient
    return network.named_gradients()[key]


@pytest.mark.parametrize("name", MODELS)
def test_passes_do_not_depend_on_what_is_in_memory(name):
    network, X, y = made(name, np.float32)
    expected = network.loss_and_gradient(X, y, "cross_entropy", seed=7), network.gradient.copy()
    outputs = network(X)
    for plan in network._plans.values():
        for tensor in plan._tensors:
            if tensor.array.dtype.kind == "f":
                tensor.array[...] = np.nan
    network.gradient[:] = np.nan
    for states in network.named_states().values():
        states[...] = 1.0
    assert network.loss_and_gradient(X, y, "cross_entropy", seed=7) == expected[0]
    np.testing.assert_array_equal(network.gradient, expected[1])
    if not network.named_states():
        np.testing.assert_array_equal(network(X), outputs)


@pytest.mark.parametrize("name", MODELS)
def test_a_recorded_pass_follows_weights_and_data(name):
    """A second network with other weights and data, given those of the first, computes the same."""
    network, X, y = made(name)
    other, other_X, other_y = made(name, seed=5)
    other.loss_and_gradient(other_X, other_y, "cross_entropy", seed=1)
    other(other_X)
    other.parameters[:], other.state[:] = network.parameters, network.state
    assert other.loss_and_gradient(X, y, "cross_entropy", seed=7) == network.loss_and_gradient(
        X, y, "cross_entropy", seed=7
    )
    np.testing.assert_array_equal(other.gradient, network.gradient)
    np.testing.assert_array_equal(other.state, network.state)
    np.testing.assert_array_equal(other(X), network(X))
