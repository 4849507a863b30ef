"""Activations against PyTorch in float64, on random shapes and values."""

import numpy as np
import pytest

import numgd.nn.functional as F
from numgd.scalars import ACTIVATIONS

NAMES = [*dict.fromkeys(record.function for record in ACTIVATIONS.values()), "softmax", "log_softmax"]


def check(seed, reals=(np.float32, np.float64)):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    name = NAMES[seed % len(NAMES)]
    real = reals[rng.integers(len(reals))]
    shape = tuple(rng.integers(1, 40, size=rng.integers(1, 4)))
    x, grad = (rng.normal(size=(2, *shape)) * rng.choice([0.1, 1, 10])).astype(real)
    ours, theirs = {}, {}
    if name == "leaky_relu":
        ours = theirs = {"negative_slope": float(rng.uniform(0, 1))}
    elif name == "elu":
        ours = theirs = {"alpha": float(rng.uniform(0.1, 2))}
    elif name == "softplus":
        ours = {"beta": float(rng.uniform(0.2, 2))}
        theirs = ours | {"threshold": np.inf}  # from which on PyTorch returns x
    elif name == "gelu":
        ours = theirs = {"approximate": str(rng.choice(["none", "tanh"]))}
    elif name.endswith("softmax"):
        ours = {"axis": int(rng.integers(-x.ndim, x.ndim))}
        theirs = {"dim": ours["axis"]}
    given = torch.tensor(x.astype(float), requires_grad=True)
    value = getattr(torch.nn.functional, name)(given, **theirs)
    value.backward(torch.tensor(grad.astype(float)))
    # Where one probability is nearly 1, the gradient of softmax is a difference of nearly equal numbers.
    cancelling = np.linalg.norm(grad) if name == "softmax" else 0.0
    tolerance = 1e-12 if real is np.float64 and name != "hardsigmoid" else 2e-6  # PyTorch's 1/6 is a float32
    for got, wanted in (
        (getattr(F, name)(x, **ours), value.detach().numpy()),
        (getattr(F, f"{name}_backward")(grad, x, **ours), given.grad.numpy()),
    ):
        scale = max(np.linalg.norm(wanted), 1e-2 * cancelling, np.finfo(real).tiny)
        assert np.linalg.norm(got - wanted) <= tolerance * scale, (name, shape, real, ours)


def check_prelu(seed, reals):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    real = reals[rng.integers(len(reals))]
    shape = tuple(rng.integers(1, 80, size=rng.integers(1, 4)))
    x, grad = rng.normal(size=(2, *shape)).astype(real)
    weight = rng.normal(size=(1, shape[-1])[rng.integers(2)]).astype(real)
    if rng.integers(4) == 0:
        x[rng.random(shape) < 0.3] = 0
    given = torch.tensor(x.astype(float), requires_grad=True)
    slopes = torch.tensor(weight.astype(float), requires_grad=True)
    # PyTorch's channels are the second axis.
    value = torch.nn.functional.prelu(given.reshape(-1, shape[-1]), slopes).reshape(shape)
    value.backward(torch.tensor(grad.astype(float)))
    tolerance = 1e-12 if real is np.float64 else 2e-6
    results = F.prelu(x, weight), *F.prelu_backward(grad, x, weight)
    for got, wanted in zip(results, (value.detach(), given.grad, slopes.grad), strict=True):
        assert got.dtype == real and got.shape == tuple(wanted.shape)
        scale = np.linalg.norm(wanted.numpy()) + np.finfo(real).tiny
        assert np.linalg.norm(got - wanted.numpy()) <= tolerance * scale, (shape, real, weight.shape)


def test_random_prelus():
    for seed in range(40):
        check_prelu(seed, (np.float64,))


def test_random_cases():
    for seed in range(90):
        check(seed, (np.float64,))


@pytest.mark.slow
def test_many_random_cases():
    for seed in range(1000, 1500):
        check(seed)
        check_prelu(seed, (np.float32, np.float64))
