"""Networks on a device give what they give on the CPU."""

import copy

import numpy as np
import pytest
from on_device import DTYPES, sizes, tolerance

import numgd
from numgd import nn
from numgd.kernels.cuda import target
from numgd.kernels.machines import on_device

SIZE, BATCH = sizes((12, 3), (28, 64))


def lenet(dtype, size=SIZE):
    """A LeNet, narrow under the simulator."""
    maps = sizes((2, 3, 8), (6, 16, 120))
    model = nn.Sequential(
        nn.Conv2d(maps[0], 3, padding=1, activation="tanh"), nn.MaxPool2d(2),
        nn.Conv2d(maps[1], 3, activation="relu"), nn.AvgPool2d(2), nn.Flatten(),
        nn.Dense(maps[2], activation="relu"), nn.Dropout(0.25), nn.Dense(4),
    )  # fmt: skip
    return nn.Network(model, input_shape=(size, size, 1), dtype=dtype, seed=3)


def data(dtype, batch=BATCH, size=SIZE):
    """Images and labels."""
    rng = np.random.default_rng(5)
    return rng.normal(size=(batch, size, size, 1)).astype(dtype), rng.integers(0, 4, batch)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_of_a_lenet(dtype):
    host, moved = lenet(dtype), lenet(dtype).to("cuda")
    assert moved.device == "cuda"
    assert on_device(moved.parameters)
    X, y = data(dtype)
    one, other = numgd.Adam(learning_rate=0.01), numgd.Adam(learning_rate=0.01)
    for seed in (7, 8):  # the first step records the launches, the second makes them again
        expected = host.loss_and_gradient(X, y, "cross_entropy", seed)
        found = moved.loss_and_gradient(X, y, "cross_entropy", seed)
        np.testing.assert_allclose(found, expected, **tolerance(dtype, 100))
        np.testing.assert_allclose(moved.gradient.copy_to_host(), host.gradient, **tolerance(dtype, 500))
        one.step(host.parameters, host.gradient)
        other.step(moved.parameters, moved.gradient)
    np.testing.assert_allclose(moved.parameters.copy_to_host(), host.parameters, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(moved(X), lenet_like(moved)(X), **tolerance(dtype, 500))


def lenet_like(network):
    """A network on the host with the weights of another one."""
    found = lenet(network.dtype)
    found.load_state_dict(network.state_dict())
    return found


def test_residual_blocks_and_batch_norm():
    block = nn.Sequential(nn.Conv2d(4, 3, padding=1, bias=False), nn.BatchNorm(activation="relu"))
    model = nn.Sequential(
        nn.Conv2d(4, 3, stride=2, padding=1, bias=False), nn.BatchNorm(), nn.Residual(block),
        nn.Concat(nn.Conv2d(4, 1), nn.Conv2d(2, 1, activation="relu")), nn.GlobalAvgPool2d(), nn.Dense(3),
    )  # fmt: skip
    size, batch = sizes((6, 3), (32, 32))
    host = nn.Network(model, input_shape=(size, size, 3), dtype=np.float64, seed=1)
    moved = copy.deepcopy(host).to("cuda")
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(batch, size, size, 3)), rng.integers(0, 3, batch)
    for _ in range(2):
        expected = host.loss_and_gradient(X, y, "cross_entropy")
        np.testing.assert_allclose(moved.loss_and_gradient(X, y, "cross_entropy"), expected, rtol=1e-10)
        np.testing.assert_allclose(moved.gradient.copy_to_host(), host.gradient, rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(moved.state.copy_to_host(), host.state, rtol=1e-10)
    np.testing.assert_allclose(moved(X), host(X), rtol=1e-9)
    with moved.frozen():  # batch norms are part of the convolutions
        np.testing.assert_allclose(moved(X), host(X), rtol=1e-9)


def test_fit_and_back():
    X, y = np.random.default_rng(0).normal(size=(12, 2)), None
    y = (X[:, 0] > X[:, 1]).astype(int)
    found = []
    for device in ("cpu", "cuda"):
        network = nn.Network(nn.Sequential(nn.Dense(3, activation="tanh"), nn.Dense(2)), input_shape=(2,))
        network.to(device)
        options = {
            "epochs": 2,
            "batch_size": 4,
            "optimizer": numgd.Adam(learning_rate=0.05),
            "progress": False,
        }
        result = network.fit(
            X, y, loss="cross_entropy", validation_data=(X, y), metrics=["accuracy"], **options
        )
        assert network.to("cpu").device == "cpu"
        assert isinstance(network.parameters, np.ndarray)
        found.append((result.history.loss, network.parameters.copy()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def test_parameters_can_be_assigned_and_saved(tmp_path):
    network = lenet(np.float32).to("cuda")
    numbers = np.linspace(-1.0, 1.0, network.parameters.size, dtype=np.float32)
    network.parameters = numbers
    np.testing.assert_array_equal(network.parameters.copy_to_host(), numbers)
    network.save(tmp_path / "weights.npz")
    other = lenet(np.float32).to("cuda")
    other.load(tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.parameters.copy_to_host(), numbers)
    assert copy.deepcopy(other).device == "cuda"


def test_an_objective_computes_derivatives_of_vectors_on_the_device():
    X = np.random.default_rng(3).normal(size=(4, 2))
    network = nn.Network(nn.Dense(1), input_shape=(2,), dtype=np.float64)
    objective = network.objective("mse", X, X[:, :1])
    x, p = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])
    wanted = objective.jac(x), objective.hessp(x, p)
    network.to("cuda")
    found = objective.jac(target.to_device(x)), objective.hessp(target.to_device(x), target.to_device(p))
    for array, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(array.copy_to_host(), right, rtol=1e-6)
    with pytest.raises(TypeError, match="x and p must both"):
        objective.hessp(target.to_device(x), p)


def test_samples_and_labels_on_the_device(device):
    network = lenet(np.float32).to("cuda")
    X, y = data(np.float32)
    expected = network.loss_and_gradient(X, y, "cross_entropy", 3)
    gradient = network.gradient.copy_to_host()
    assert network.loss_and_gradient(device.put(X), device.put(y), "cross_entropy", 3) == expected
    np.testing.assert_array_equal(network.gradient.copy_to_host(), gradient)
    outputs = network(device.put(X))
    assert on_device(outputs)
    np.testing.assert_array_equal(outputs.copy_to_host(), network(X))
    with pytest.raises(ValueError, match="y must be labels from 0 to 3; one is 4"):
        network.loss_and_gradient(device.put(X), device.put(y * 0 + 4), "cross_entropy")
    with pytest.raises(TypeError, match="X and y must live on the host, from where batches are copied"):
        network.fit(device.put(X), y, loss="cross_entropy")
    with pytest.raises(TypeError, match="X lives on a device, but the network on the host"):
        lenet(np.float32)(device.put(X))
