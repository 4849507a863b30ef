"""Networks whose parameters stay the same for a while, and dense layers of few samples."""

import copy

import numpy as np
import pytest
from nn.network.models import MODELS

import numgd
from numgd import nn


def drawn(network, batch, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, *network.input_shape)).astype(network.dtype)


def network_of(name, dtype=np.float32):
    shape, model = MODELS[name]
    network = nn.Network(model, shape, dtype=dtype)
    random = np.random.default_rng(1)
    network.parameters = network.parameters + 0.1 * random.normal(size=network.parameters.size)
    network.state = 0.5 + random.random(network.state.size)
    return network


def classifier():
    model = nn.Sequential(nn.Conv2d(4, 3, bias=False), nn.BatchNorm(), nn.Flatten(), nn.Dense(3))
    return nn.Network(model, (5, 5, 2))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [1, 6])
def test_outputs_are_the_same(name, batch):
    """Also for other samples than those with which the pass was recorded."""
    network = network_of(name)
    with network.frozen():
        network(drawn(network, batch, seed=3))
        found = [network(drawn(network, batch, seed)).copy() for seed in range(2)]
    for seed in range(2):
        np.testing.assert_array_equal(found[seed], network(drawn(network, batch, seed)))


def test_changes_count_again_after_the_block():
    network = classifier()
    X = drawn(network, 2)
    with network.frozen():
        before = network(X)
    network.parameters *= 2
    network.state += 1
    after = network(X)
    assert not np.allclose(before, after)
    with network.frozen():
        np.testing.assert_array_equal(network(X), after)


def test_what_would_change_parameters_raises():
    network = classifier()
    X, arrays = drawn(network, 4), network.state_dict()
    with network.frozen():
        with network.frozen():
            pass
        for change in (
            lambda: network.loss_and_gradient(X, [0, 1, 2, 0], "cross_entropy"),
            lambda: network.load_state_dict(arrays),
            lambda: network.reset(3),
            lambda: network.fit(X, [0, 1, 2, 0], loss="cross_entropy", epochs=1),
            lambda: network.objective("cross_entropy", X, [0, 1, 2, 0])(np.zeros(network.parameters.size)),
            lambda: setattr(network, "parameters", np.zeros(network.parameters.size)),
            lambda: setattr(network, "state", network.state + 1),
        ):
            with pytest.raises(RuntimeError, match="frozen"):
                change()
        for view in (
            network.parameters,
            network.state,
            *network.named_parameters().values(),
            *network.named_states().values(),
        ):
            with pytest.raises(ValueError, match="read-only"):
                view[...] = 0
        with pytest.raises(ValueError, match="read-only"):
            network.parameters *= 2
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, arrays[name])
    network.fit(X, [0, 1, 2, 0], loss="cross_entropy", optimizer=numgd.SGD(0.1), epochs=1)
    assert any((array != arrays[name]).any() for name, array in network.state_dict().items())


def test_an_error_in_the_block_ends_it():
    network = classifier()
    with pytest.raises(KeyError), network.frozen():
        raise KeyError
    network.parameters[:] = 0


def test_copies_of_a_frozen_network_are_not_frozen():
    network = classifier()
    with network.frozen():
        other = copy.deepcopy(network)
        other.parameters[:] = 0
    assert network.parameters.any()


def test_prediction_in_the_block():
    network = classifier()
    X = drawn(network, 10)
    expected = network.predict(X)
    with network.frozen() as same:
        assert same is network
        np.testing.assert_allclose(network.predict(X, batch_size=1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu"])
@pytest.mark.parametrize("bias", [True, False])
def test_dense_of_few_samples(dtype, activation, bias):
    layer = nn.Dense(37, activation=activation, bias=bias)
    network = nn.Network(layer, (53,), dtype=dtype)
    network.parameters = np.random.default_rng(0).normal(size=network.parameters.size)
    parameters = network.named_parameters()
    for batch in range(1, 8):
        X = drawn(network, batch, seed=batch)
        expected = X.astype(float) @ parameters["dense.weight"].astype(float).T
        if bias:
            expected += parameters["dense.bias"]
        if activation is not None:
            expected = np.where(expected > 0, expected, 0.01 * expected if activation == "leaky_relu" else 0)
        bound = 1e-5 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(network(X), expected, rtol=bound, atol=10 * bound)
