"""Batch, group, layer and local response norm against PyTorch in float64, on random cases."""

import numpy as np
import pytest
from layer_checks import poisoned

from numgd.nn import functional as F

torch = pytest.importorskip("torch")
functional = torch.nn.functional

DTYPES = [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)]
CASES = {"some": range(40), "all": range(500)}  # a case's number is its seed
BATCHES = ["some", pytest.param("all", marks=pytest.mark.slow)]
BOUND = {np.float64: 1e-12, np.float32: 2e-6}


def random_shape(rng, axes):
    """A shape of a small array, sometimes with one pixel or one channel."""
    pixels = tuple(int(n) for n in rng.integers(1, 9, axes - 2))
    return int(rng.integers(1, 6)), *pixels, int(rng.choice([1, 2, 3, 5, 8, 12, 17, 33, 64, 65]))


def drawn(rng, shape, dtype):
    """x, gradient, gamma and beta; means and spreads of the channels differ."""
    channels = shape[-1]
    x = rng.normal(rng.normal(0, 2, channels), rng.uniform(0.3, 3, channels), shape)
    arrays = x, rng.normal(size=shape), *rng.normal(size=(2, channels))
    return [a.astype(dtype) for a in arrays]


def tensor(array, wanted=True):
    """The array in float64, as PyTorch has it: channels second."""
    array = np.asarray(array, np.float64)
    array = np.moveaxis(array, -1, 1) if array.ndim > 1 else array
    return torch.tensor(np.ascontiguousarray(array), requires_grad=wanted)


def theirs(tensor_):
    array = tensor_.detach().numpy()
    return np.moveaxis(array, 1, -1) if array.ndim > 1 else array


def assert_close(found, wanted, dtype, size=0.0):
    """‖found - wanted‖ ≤ bound · max(‖wanted‖, size)."""
    wanted = theirs(wanted)
    assert found.dtype == dtype and found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= BOUND[dtype] * max(np.linalg.norm(wanted), size)


@pytest.mark.parametrize("cases", BATCHES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm(dtype, cases):
    for seed in CASES[cases]:
        rng = np.random.default_rng([1, seed])
        shape = random_shape(rng, int(rng.integers(2, 6)))
        training = bool(rng.integers(3) and np.prod(shape[:-1]) > 1)
        activation = "relu" if rng.integers(2) else None
        eps, momentum = float(10 ** rng.uniform(-6, -1)), float(rng.uniform())
        x, grad, gamma, beta = drawn(rng, shape, dtype)
        mean, variance = (
            rng.normal(size=shape[-1]).astype(dtype),
            rng.uniform(0.3, 2, shape[-1]).astype(dtype),
        )
        inputs = [tensor(a) for a in (x, gamma, beta)]
        running = tensor(mean, False), tensor(variance, False)
        y = functional.batch_norm(
            inputs[0], *running, *inputs[1:], training=training, momentum=momentum, eps=eps
        )
        y = functional.relu(y) if activation else y
        y.backward(tensor(grad, False))
        own, settings = (mean.copy(), variance.copy()), {"training": training, "eps": eps}
        statistics = poisoned((2, shape[-1]), np.float64)
        found = F.batch_norm(
            x, gamma, beta, *own,
            momentum=momentum, activation=activation, statistics=statistics, **settings,
            out=poisoned(shape, dtype),
        )  # fmt: skip
        assert_close(found, y, dtype)
        for ours, other in zip(own, running, strict=True):
            assert_close(ours, other, dtype)
        # Of two values a channel the gradient of x is what a cancellation leaves of γ/√(σ² + ε) ∂y.
        size = np.linalg.norm(gamma * grad * statistics[1])
        for given in (statistics if training else None, None):
            gradients = F.batch_norm_backward(
                grad, x, gamma, beta, mean, variance, activation=activation, statistics=given, **settings
            )
            for ours, leaf in zip(gradients, inputs, strict=True):
                assert_close(ours, leaf.grad, dtype, size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_group_norm(dtype):
    for seed in range(30):
        rng = np.random.default_rng([2, seed])
        groups = int(rng.integers(1, 5))
        *front, channels = random_shape(rng, int(rng.integers(2, 5)))
        shape = (*front, min(channels, 17) * groups)
        x, grad, gamma, beta = drawn(rng, shape, dtype)
        inputs = [tensor(a) for a in (x, gamma, beta)]
        if x.size == groups:  # PyTorch refuses one number a group in all
            continue
        y = functional.group_norm(inputs[0], groups, *inputs[1:], eps=1e-2)
        activation = "relu" if rng.integers(2) else None
        y = functional.relu(y) if activation else y
        y.backward(tensor(grad, False))
        settings = {"eps": 1e-2, "activation": activation}
        assert_close(F.group_norm(x, groups, gamma, beta, **settings), y, dtype)
        gradients = F.group_norm_backward(grad, x, groups, gamma, beta, **settings)
        size = np.linalg.norm(gamma * grad) * 10  # 1/√ε
        for ours, leaf in zip(gradients, inputs, strict=True):
            assert_close(ours, leaf.grad, dtype, size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm(dtype):
    for seed in range(20):
        rng = np.random.default_rng([3, seed])
        shape = random_shape(rng, int(rng.integers(2, 5)))
        x, grad, gamma, beta = drawn(rng, shape, dtype)
        inputs = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in (x, gamma, beta)]
        y = functional.layer_norm(inputs[0], shape[-1:], *inputs[1:], eps=1e-2)
        y.backward(torch.tensor(grad.astype(np.float64)))
        found = F.layer_norm(x, gamma, beta, eps=1e-2), *F.layer_norm_backward(grad, x, gamma, eps=1e-2)
        size = np.linalg.norm(gamma * grad) * 10
        for ours, wanted in zip(found, (y, *(leaf.grad for leaf in inputs)), strict=True):
            wanted = wanted.detach().numpy()
            assert np.linalg.norm(ours - wanted) <= BOUND[dtype] * max(size, np.linalg.norm(wanted))


@pytest.mark.parametrize("dtype", DTYPES)
def test_local_response_norm(dtype):
    for seed in range(20):
        rng = np.random.default_rng([4, seed])
        shape = random_shape(rng, 4)
        x, grad, _, _ = drawn(rng, shape, dtype)
        size, beta = int(rng.integers(1, 8)), float(rng.choice([0.5, 0.75, 1.0, rng.uniform(0, 2)]))
        alpha, k = float(rng.uniform(0, 3)), float(rng.uniform(0.5, 2))
        leaf = tensor(x)
        y = functional.local_response_norm(leaf, size, alpha, beta, k)
        y.backward(tensor(grad, False))
        assert_close(F.local_response_norm(x, size, alpha, beta, k), y, dtype)
        back = F.local_response_norm_backward(grad, x, size, alpha, beta, k)
        assert_close(back, leaf.grad, dtype, np.linalg.norm(grad) * k**-beta)
