"""Pooling against PyTorch in float64, on random cases."""

import numpy as np
import pytest
from layer_checks import poisoned

from numgd.nn import functional as F

torch = pytest.importorskip("torch")
functional = torch.nn.functional

BOUND = {np.float64: 1e-12, np.float32: 2e-6}
CASES = {"some": range(40), "all": range(500)}  # a case's number is its seed


def tensor(array, wanted=True):
    array = np.ascontiguousarray(np.moveaxis(array.astype(np.float64), -1, 1))
    return torch.tensor(array, requires_grad=wanted)


def assert_close(found, wanted, dtype):
    wanted = np.moveaxis(wanted.detach().numpy(), 1, -1)
    assert found.dtype == dtype and found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= BOUND[dtype] * np.linalg.norm(wanted)


def drawn(rng, dtype):
    """Images, and windows that fit: kernel size, stride, padding; and their dilation."""
    while True:
        shape = tuple(int(n) for n in rng.integers(1, (4, 16, 16, 34)))
        kernel = tuple(int(n) for n in rng.integers(1, 7, 2))
        stride = tuple(int(n) for n in rng.integers(1, 5, 2))
        dilation = tuple(int(n) for n in rng.integers(1, 4, 2)) if rng.integers(3) == 0 else (1, 1)
        extent = tuple(d * (size - 1) + 1 for d, size in zip(dilation, kernel, strict=True))
        padding = tuple(int(rng.integers(0, size // 2 + 1)) for size in kernel)
        sizes = tuple(zip(shape[1:3], padding, extent, dilation, strict=True))
        if all(n + 2 * p >= e and n >= d for n, p, e, d in sizes):
            break
    # Few different numbers: the first of equals has to be found.
    x = rng.integers(-9, 10, shape) / 8 if rng.integers(2) else rng.normal(size=shape)
    if not rng.integers(4):
        return x.astype(dtype), (kernel, None, padding), dilation
    return x.astype(dtype), (kernel, stride, padding), dilation


def dilated_average(leaf, kernel, stride, padding, dilation, counted):
    """As a convolution of each channel."""
    ones = torch.ones((leaf.shape[1], 1, *kernel), dtype=torch.float64)
    how = {"stride": stride or kernel, "padding": padding, "dilation": dilation, "groups": leaf.shape[1]}
    sums = functional.conv2d(leaf, ones, **how)
    if counted:
        return sums / (kernel[0] * kernel[1])
    return sums / functional.conv2d(torch.ones_like(leaf), ones, **how)


@pytest.mark.parametrize("cases", ["some", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
def test_pooling(dtype, cases):
    for seed in CASES[cases]:
        rng = np.random.default_rng([5, seed])
        x, how, dilation = drawn(rng, dtype)
        ceil_mode, counted = bool(rng.integers(2)), bool(rng.integers(2))
        divisor = int(rng.integers(1, 9)) if rng.integers(4) == 0 else None
        leaf = tensor(x)
        y, places = functional.max_pool2d(leaf, *how, dilation, ceil_mode=ceil_mode, return_indices=True)
        out = poisoned(np.moveaxis(y.detach().numpy(), 1, -1).shape, dtype)
        grad = rng.normal(size=out.shape).astype(dtype)
        settings = {"ceil_mode": ceil_mode, "dilation": dilation}
        found, own_places = F.max_pool2d(x, *how, **settings, return_indices=True, out=out)
        assert_close(found, y, dtype)
        assert np.array_equal(own_places, np.moveaxis(places.numpy(), 1, -1))
        y.backward(tensor(grad, False))
        back = F.max_pool2d_backward(
            grad, x, *how, **settings, indices=own_places, out=poisoned(x.shape, dtype)
        )
        assert_close(back, leaf.grad, dtype)

        settings = {"ceil_mode": ceil_mode, "count_include_pad": counted, "divisor_override": divisor}
        leaf.grad = None
        if dilation == (1, 1):
            y = functional.avg_pool2d(leaf, *how, **settings)
        else:
            settings = {"count_include_pad": counted, "dilation": dilation}
            y = dilated_average(leaf, *how, dilation, counted)
            grad = rng.normal(size=np.moveaxis(y.detach().numpy(), 1, -1).shape).astype(dtype)
            out = np.empty_like(grad)
        assert_close(F.avg_pool2d(x, *how, **settings, out=poisoned(out.shape, dtype)), y, dtype)
        y.backward(tensor(grad, False))
        back = F.avg_pool2d_backward(grad, x, *how, **settings, out=poisoned(x.shape, dtype))
        assert_close(back, leaf.grad, dtype)

        leaf.grad = None
        size = tuple(int(n) for n in rng.integers(1, 9, 2))
        y = functional.adaptive_avg_pool2d(leaf, size)
        found = F.adaptive_avg_pool2d(x, size)
        grad = rng.normal(size=found.shape).astype(dtype)
        y.backward(tensor(grad, False))
        assert_close(found, y, dtype)
        assert_close(F.adaptive_avg_pool2d_backward(grad, x, size), leaf.grad, dtype)
