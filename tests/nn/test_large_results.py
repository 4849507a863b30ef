"""Results written past the caches are equal bit for bit to others, at any alignment."""

from importlib import import_module

import numpy as np
import pytest

from numgd.nn import functional as F

# Functions of the package have the names of some of its modules.
WITH_LARGE_RESULTS = [
    import_module(f"numgd.nn.functional.{name}") for name in ("batch_norm", "group_norm", "pooling")
]


def misaligned(shape, dtype, offset):
    """Memory filled with NaN that starts `offset` elements after a cache line, within a larger array."""
    size = int(np.prod(shape))
    memory = np.full(size + 64, np.nan, dtype)
    start = (-memory.ctypes.data // memory.itemsize) % (64 // memory.itemsize) + offset
    return memory[start : start + size].reshape(shape), memory, start


def calls(x, grad, pooled):
    """Functions of `out` that write large results."""
    how = 3, 2, 1
    places = F.max_pool2d(x, *how, return_indices=True)[1]
    return {
        "batch_norm": (x.shape, lambda out: F.batch_norm(x, training=True, activation="relu", out=out)),
        "batch_norm_backward": (
            x.shape,
            lambda out: F.batch_norm_backward(grad, x, activation="relu", out=(out, None, None)),
        ),
        "group_norm_backward": (
            x.shape,
            lambda out: F.group_norm_backward(grad, x, 1, out=(out, None, None)),
        ),
        "max_pool2d": (pooled.shape, lambda out: F.max_pool2d(x, *how, out=out)),
        "max_pool2d_backward": (
            x.shape,
            lambda out: F.max_pool2d_backward(pooled, x, *how, indices=places, out=out),
        ),
        "avg_pool2d": (pooled.shape, lambda out: F.avg_pool2d(x, *how, out=out)),
        "avg_pool2d_backward": (x.shape, lambda out: F.avg_pool2d_backward(pooled, x, *how, out=out)),
    }


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [(2, 9, 7, 5), (3, 10, 12, 67), (1, 8, 8, 32), (1, 3, 3, 1030)])
def test_same_bits_past_the_caches(shape, dtype, monkeypatch):
    rng = np.random.default_rng(1)
    x, grad = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    pooled = rng.normal(size=F.avg_pool2d(x, 3, 2, 1).shape).astype(dtype)
    for name, (size, call) in calls(x, grad, pooled).items():
        near, far = np.full(size, np.nan, dtype), [misaligned(size, dtype, offset) for offset in (0, 1, 7)]
        call(near)
        with monkeypatch.context() as patch:
            for module in WITH_LARGE_RESULTS:
                patch.setattr(module, "LARGE", 0)
            for out, memory, start in far:
                call(out)
                assert out.tobytes() == near.tobytes(), name
                outside = np.concatenate([memory[:start], memory[start + out.size :]])
                assert np.all(np.isnan(outside)), name
