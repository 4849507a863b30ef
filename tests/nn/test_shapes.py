"""Concatenation, padding and flattening, and their gradients."""

import numpy as np
import pytest
from layer_checks import poisoned

from numgd.nn import functional as F


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "shape, widths", [((2, 3, 4), (5, 1, 2)), ((6,), (3,)), ((), (2, 3)), ((0, 2), (1, 0, 4))]
)
def test_concatenate(shape, widths, dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(*shape, width)).astype(dtype) for width in widths]
    out = poisoned((*shape, sum(widths)), dtype)
    assert F.concatenate(arrays, out=out) is out and np.array_equal(out, np.concatenate(arrays, -1))
    grad = rng.normal(size=out.shape).astype(dtype)
    memory = tuple(poisoned(a.shape, dtype) for a in arrays)
    parts = F.concatenate_backward(grad, arrays, out=memory)
    assert all(a is b for a, b in zip(parts, memory, strict=True))
    assert [a.shape for a in parts] == [a.shape for a in arrays]
    assert np.array_equal(F.concatenate(list(parts)), grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("padding, sides", [
    (0, (0, 0, 0, 0)), (2, (2, 2, 2, 2)), ((1, 3), (1, 1, 3, 3)), ((1, 0, 2, 3), (1, 0, 2, 3)),
])  # fmt: skip
def test_pad(padding, sides, dtype):
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(dtype)
    top, bottom, left, right = sides
    wanted = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-2.5)
    assert np.array_equal(F.pad(x, padding, -2.5, out=poisoned(wanted.shape, dtype)), wanted)
    grad = np.random.default_rng(2).normal(size=wanted.shape).astype(dtype)
    back = F.pad_backward(grad, x, padding, out=poisoned(x.shape, dtype))
    assert np.array_equal(back, grad[:, top : top + 3, left : left + 4])
    assert F.pad(x[:0], padding).shape == (0, *wanted.shape[1:])


def test_flatten():
    x = np.random.default_rng(3).normal(size=(2, 3, 4, 5))
    flat = F.flatten(x)
    assert np.array_equal(flat, x.reshape(2, 60)) and np.shares_memory(flat, x)
    assert np.array_equal(F.flatten(x, out=poisoned((2, 60), float)), flat)
    assert np.array_equal(F.flatten_backward(flat, x), x)
    assert np.array_equal(F.flatten_backward(flat, x, out=poisoned(x.shape, float)), x)
    assert F.flatten(x[:0]).shape == (0, 60) and F.flatten(x[0, 0, 0]).shape == (5, 1)


X = np.ones((2, 3, 3, 4))
BAD = [
    (lambda: F.concatenate([]), ValueError, "at least one array"),
    (lambda: F.concatenate(X), ValueError, "arrays must be a list or tuple"),
    (lambda: F.concatenate([X, X[:1]]), ValueError, r"arrays\[1\] has shape \(1, 3, 3, 4\).*\(2, 3, 3, 4\)"),
    (lambda: F.concatenate([X, X.astype(np.float32)]), TypeError, r"arrays\[1\] has dtype float32"),
    (lambda: F.concatenate([X, X.astype(int)]), TypeError, r"arrays\[1\] must be float32 or float64"),
    (lambda: F.concatenate([X], out=X), ValueError, "out overlaps"),
    (lambda: F.concatenate_backward(X, [X, X]), ValueError, r"grad has shape \(2, 3, 3, 4\).*\(2, 3, 3, 8\)"),
    (lambda: F.concatenate_backward(X, [X], out=(None, None)), TypeError, "out must be a tuple of 1"),
    (lambda: F.pad(X, -1), ValueError, "padding must be at least 0"),
    (lambda: F.pad(X, (1, 2, 3)), ValueError, "padding must be one integer, two or four"),
    (lambda: F.pad(X, ()), ValueError, "padding must be one integer, two or four"),
    (lambda: F.pad(X, 1.0), TypeError, "padding must be an integer"),
    (lambda: F.pad(X[0], 1), ValueError, "x must have 4 axes"),
    (lambda: F.pad(X, 1, "0"), TypeError, "value must be a number"),
    (lambda: F.pad_backward(X, X, 1), ValueError, r"grad has shape \(2, 3, 3, 4\).*\(2, 5, 5, 4\)"),
    (lambda: F.flatten(np.float64(1)), ValueError, "x must have at least one axis"),
    (lambda: F.flatten_backward(X, X), ValueError, r"grad has shape \(2, 3, 3, 4\).*\(2, 36\)"),
    (lambda: F.flatten(X, out=np.empty((2, 35))), ValueError, r"out has shape \(2, 35\)"),
]


@pytest.mark.parametrize("call, error, message", BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
