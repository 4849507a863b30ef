"""Training, inference and gradients of whole networks against PyTorch in float64."""

from functools import cache

import numpy as np
import pytest

import numgd
from numgd import nn

torch = pytest.importorskip("torch")
from nn.network.in_torch import InTorch  # noqa: E402  it needs PyTorch
from nn.network.random_models import random_model  # noqa: E402

F = torch.nn.functional
STEPS, BATCH = 40, 6

IMAGE = (9, 8, 2)
NETS = {
    "conv": nn.Sequential(
        nn.Conv2d(6, 3, activation="relu"), nn.MaxPool2d(2), nn.Conv2d(8, 2, activation="tanh"),
        nn.AvgPool2d(2, 1), nn.Flatten(), nn.Dense(7, activation="sigmoid"), nn.Dense(4),
    ),
    "batch norm": nn.Sequential(
        nn.Conv2d(5, 3, bias=False), nn.BatchNorm(activation="relu"), nn.Conv2d(6, 3, activation="relu"),
        nn.BatchNorm(momentum=0.3), nn.Flatten(), nn.Dense(6), nn.BatchNorm(), nn.Dense(4),
    ),
    "residual": nn.Sequential(
        nn.Conv2d(4, 3, padding=1, activation="relu"),
        nn.Residual(nn.Sequential(
            nn.Conv2d(4, 3, padding=1, bias=False), nn.BatchNorm(activation="relu"),
            nn.Conv2d(4, 3, padding=1, bias=False), nn.BatchNorm(),
        ), activation="relu"),
        nn.Residual(nn.Conv2d(6, 3, padding=1, stride=2), nn.Conv2d(6, 1, stride=2), activation="relu"),
        nn.GlobalAvgPool2d(), nn.Dense(4),
    ),
    "other norms": nn.Sequential(
        nn.Conv2d(6, 3), nn.GroupNorm(3, activation="relu"), nn.Conv2d(4, 3), nn.LayerNorm(activation="gelu"),
        nn.LocalResponseNorm(3, alpha=0.1), nn.Flatten(), nn.Dense(4),
    ),
    "dropout": nn.Sequential(
        nn.Conv2d(6, 3, activation="relu"), nn.Dropout(0.2), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5),
        nn.Dense(9, activation="leaky_relu"), nn.Dropout(0.1), nn.Dense(4),
    ),
    "transposed": nn.Sequential(
        nn.Conv2d(8, 3, 2, activation="relu"), nn.Conv2dTranspose(3, 3, 2, activation="tanh"),
        nn.Conv2dTranspose(2, 2), nn.Flatten(), nn.Dense(4),
    ),
}  # fmt: skip
"""Networks for images, with four classes."""

OPTIMIZERS = {
    "sgd": (lambda: numgd.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (lambda: numgd.Momentum(0.02, momentum=0.9), lambda p: torch.optim.SGD(p, 0.02, 0.9)),
    "adam": (lambda: numgd.Adam(0.003, eps=1e-6), lambda p: torch.optim.Adam(p, 0.003, eps=1e-6)),
    "rmsprop": (
        lambda: numgd.RMSprop(0.001, decay=0.9, eps=1e-5),
        lambda p: torch.optim.RMSprop(p, 0.001, 0.9, 1e-5),
    ),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """PyTorch's threads would wait for work beside numgd's, which takes several times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def network_of(name):
    return nn.Network(NETS[name], IMAGE, dtype=np.float64)


def batches():
    random = np.random.default_rng(3)
    for _ in range(STEPS):
        yield random.normal(size=(BATCH, *IMAGE)), random.integers(0, 4, BATCH)


def started(name):
    """A network with its initial numbers, and its twin."""
    network = network_of(name)
    network.reset(4)
    for key, state in network.named_states().items():
        state[...] = 0.0 if key.endswith("mean") else 1.0
    return network, InTorch(network)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("name", NETS)
def test_training(name, kind):
    network, twin = started(name)
    ours, theirs = OPTIMIZERS[kind][0](), OPTIMIZERS[kind][1](twin.parameters.values())
    found, expected = [], []
    for seed, (X, y) in enumerate(batches()):
        found.append(network.loss_and_gradient(X, y, "cross_entropy", seed))
        ours.step(network.parameters, network.gradient)
        twin.seed = seed
        theirs.zero_grad()
        loss = F.cross_entropy(twin(X, training=True), torch.tensor(y))
        loss.backward()
        theirs.step()
        expected.append(loss.item())
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    for key, array in network.named_parameters().items():
        wanted = twin.parameters[key].detach().numpy()
        np.testing.assert_allclose(array, wanted, rtol=1e-6, atol=1e-8, err_msg=key)
    for key, state in network.named_states().items():
        np.testing.assert_allclose(state, twin.states[key].numpy(), rtol=1e-8, atol=1e-10, err_msg=key)
    X, _ = next(batches())
    with torch.no_grad():
        wanted = twin(X, training=False).numpy()
    np.testing.assert_allclose(network(X), wanted, rtol=1e-7, atol=1e-8)


ELEMENTWISE = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "smooth_l1": F.smooth_l1_loss,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "soft_margin": F.soft_margin_loss,
    "hinge_embedding": F.hinge_embedding_loss,
    "kl_div": lambda y, t: F.kl_div(y, t, reduction="sum") / y.numel(),
    "kl_div_log": lambda y, t: F.kl_div(y, t, reduction="sum", log_target=True) / y.numel(),
    "poisson_nll": lambda y, t: F.poisson_nll_loss(y, t, log_input=False, eps=1e-8),
    "poisson_nll_log": F.poisson_nll_loss,
    "hinge": lambda y, t: torch.relu(1 - y * t).mean(),
    "binary_cross_entropy": F.binary_cross_entropy,
}
"""PyTorch's form of the losses in `numgd.scalars.LOSSES`."""

LOSSES = {
    **{name: (nn.ElementwiseLoss(name), loss) for name, loss in ELEMENTWISE.items()},
    "huber 0.3": (nn.ElementwiseLoss("huber", 0.3), lambda y, t: F.huber_loss(y, t, delta=0.3)),
    "cross_entropy": (nn.CrossEntropy(), lambda y, t: F.cross_entropy(y, t)),
    "smoothed": (nn.CrossEntropy(0.2), lambda y, t: F.cross_entropy(y, t, label_smoothing=0.2)),
}


def test_every_loss_is_compared():
    from numgd.scalars import LOSSES as RECORDS

    assert set(ELEMENTWISE) == set(RECORDS)


@cache
def head(kind):
    return nn.Network(nn.Dense(4, activation=kind), (5,), dtype=np.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    ours, theirs = LOSSES[name]
    positive = name in ("binary_cross_entropy", "poisson_nll")
    network = head("sigmoid" if positive else None)
    random = np.random.default_rng(5)
    X = random.normal(size=(7, 5))
    if isinstance(ours, nn.CrossEntropy):
        y = random.integers(0, 4, 7)
    elif name in ("hinge", "soft_margin", "hinge_embedding"):
        y = random.choice([-1.0, 1.0], (7, 4))
    else:
        y = random.uniform(0.05, 0.95, (7, 4))
    loss = network.loss_and_gradient(X, y, ours)
    twin = InTorch(network)
    expected = theirs(twin(X, training=True), torch.tensor(y))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert network.loss(network(X), y, ours) == pytest.approx(expected.item(), rel=1e-12)
    for key, array in network.named_gradients().items():
        np.testing.assert_allclose(array, twin.parameters[key].grad.numpy(), rtol=1e-10, atol=1e-14)


SEEDS = [*range(30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(30, 300))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks(seed):
    shape, model = random_model(seed)
    network = nn.Network(model, shape, dtype=np.float64, seed=seed)
    random = np.random.default_rng(seed)
    batch = int(random.integers(2, 7))
    X, y = random.normal(size=(batch, *shape)), random.integers(0, 3, batch)
    # Planned with other numbers than those that are compared: nothing of them may remain.
    network.loss_and_gradient(np.ones_like(X), np.zeros_like(y), "cross_entropy")
    network(np.ones_like(X))
    network.parameters += 0.2 * random.normal(size=network.parameters.size)
    twin = InTorch(network)
    twin.seed = seed
    loss = network.loss_and_gradient(X, y, "cross_entropy", seed)
    expected = F.cross_entropy(twin(X, training=True), torch.tensor(y))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-9)
    gradients = {key: tensor.grad.numpy() for key, tensor in twin.parameters.items()}
    largest = max(np.abs(gradient).max() for gradient in gradients.values())
    for key, array in network.named_gradients().items():
        np.testing.assert_allclose(array, gradients[key], rtol=1e-8, atol=1e-10 * largest, err_msg=key)
    for key, state in network.named_states().items():
        np.testing.assert_allclose(state, twin.states[key].numpy(), rtol=1e-9, atol=1e-12, err_msg=key)
    with torch.no_grad():
        np.testing.assert_allclose(network(X), twin(X, training=False).numpy(), rtol=1e-8, atol=1e-9)
