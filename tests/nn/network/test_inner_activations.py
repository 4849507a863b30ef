"""Outputs of inner layers: each one against a network of that layer alone."""

from dataclasses import replace

import numpy as np
import pytest
from nn.network.models import MODELS

from numgd import nn
from numgd.nn.network import network as networks

ACTIVATIONS = {
    None: lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
}


def made(name, batch=5):
    shape, model = MODELS[name]
    network, random = nn.Network(model, shape, dtype=np.float64, seed=3), np.random.default_rng(4)
    network.parameters += 0.1 * random.normal(size=network.parameters.size)
    network.state[:] = random.uniform(0.5, 1.5, network.state.size)
    return network, random.normal(size=(batch, *shape))


def alone(network, node, x):
    """What a network of one layer, with the parameters that it has in another network, makes of x."""
    layer = replace(node.layer, activation=None) if node.layer.activation is not None else node.layer
    single = nn.Network(layer, x.shape[1:], dtype=np.float64)
    (only,) = single.wiring.nodes
    for of, own in ((network.parameters_of, single.parameters_of), (network.states_of, single.states_of)):
        for key, values in of(node).items():
            own(only)[key][...] = values
    return ACTIVATIONS[node.activation](single(x))


@pytest.mark.parametrize("name", MODELS)
def test_each_layer_against_a_network_of_its_own(name):
    network, X = made(name)
    expected, vectors = network(X), [network.parameters, network.gradient, network.state]
    before = [vector.copy() for vector in vectors]
    found = network.activations(X)
    nodes = network.wiring.needed(training=False)
    assert list(found) == [node.path for node in nodes]
    values = {0: X} | {node.output: found[node.path] for node in nodes}
    np.testing.assert_allclose(values[network.wiring.output], expected, rtol=1e-9, atol=1e-12)
    for node in nodes:
        assert found[node.path].shape == (5, *network.wiring.shapes[node.output])
        if len(node.inputs) == 1:
            wanted = alone(network, node, values[node.inputs[0]])
            np.testing.assert_allclose(found[node.path], wanted, rtol=1e-9, atol=1e-12, err_msg=node.path)
    for vector, kept in zip(vectors, before, strict=True):
        np.testing.assert_array_equal(vector, kept)
    np.testing.assert_array_equal(network(X), expected)


def normed():
    parts = nn.Conv2d(4, 3), nn.BatchNorm(activation="relu"), nn.Dropout(0.5), nn.Flatten(), nn.Dense(2)
    return nn.Network(nn.Sequential(*parts), (6, 6, 2), dtype=np.float64)


def test_training_takes_the_statistics_of_the_batch():
    network, X = normed(), 3.0 + np.random.default_rng(0).normal(size=(300, 6, 6, 2))
    state = network.state.copy()
    found = network.activations(X, training=True)
    x = found["0"]
    centred = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(found["1"], np.maximum(centred, 0.0), rtol=1e-9, atol=1e-12)
    dropped = found["2"] == 0
    assert 0.45 < dropped[found["1"] > 0].mean() < 0.55
    np.testing.assert_allclose(found["2"][~dropped], 2 * found["1"][~dropped])
    assert not np.array_equal(found["2"], network.activations(X, "2", training=True, seed=1)["2"])
    inference = network.activations(X)
    np.testing.assert_array_equal(inference["2"], inference["1"])
    np.testing.assert_array_equal(network.state, state)


def test_chosen_layers_in_chunks(monkeypatch):
    network, X = normed(), np.random.default_rng(0).normal(size=(20, 6, 6, 2))
    whole = network.activations(X)
    monkeypatch.setattr(networks, "CHUNK", 7)
    network = normed()
    found = network.activations(X, ["4", "0"])
    assert network.chunk == 7 and list(found) == ["0", "4"]
    for path, values in found.items():
        np.testing.assert_allclose(values, whole[path], rtol=1e-12)
    with network.frozen():
        np.testing.assert_array_equal(network.activations(X, "4")["4"], found["4"])
        with pytest.raises(RuntimeError, match="frozen"):
            network.activations(X, training=True)


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_pass_of_training_changes_nothing(kind, monkeypatch):
    network, X = normed(), np.random.default_rng(0).normal(size=(20, 6, 6, 2))
    state, expected = network.state.copy(), network(X)

    def run(self):
        network.state += 1
        raise kind

    with monkeypatch.context() as patched, pytest.raises(kind):
        patched.setattr(networks.Plan, "run", run)
        network.activations(X, training=True)
    np.testing.assert_array_equal(network.state, state)
    np.testing.assert_array_equal(network(X), expected)


X = np.zeros((3, 6, 6, 2))
REFUSED = {
    "shape": (lambda n: n.activations(X[..., :1]), ValueError, r"X must have shape \(N, 6, 6, 2\)"),
    "no samples": (lambda n: n.activations(X[:0]), ValueError, "X contains no samples"),
    "unknown": (
        lambda n: n.activations(X, "3.conv"),
        ValueError,
        "layers: the network has no layer '3.conv'",
    ),
    "nothing like it": (lambda n: n.activations(X, "zzz"), ValueError, "there is '0', '1', '2', '3', '4'"),
    "number": (lambda n: n.activations(X, 3), TypeError, "layers must be paths of layers, such as '0'"),
    "numbers": (lambda n: n.activations(X, [3]), TypeError, "layers must be paths"),
    "none": (lambda n: n.activations(X, []), ValueError, "layers must not be empty"),
    "flag": (lambda n: n.activations(X, training=2), TypeError, "training"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call(normed())
