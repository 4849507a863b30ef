"""The dense layer against NumPy and against differences."""

import numpy as np
import pytest
from layer_checks import assert_gradients, assert_same_bits, poisoned, relative

from numgd.nn import functional as F

DTYPES = [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)]


def drawn(shape, outputs, dtype=np.float64):
    rng = np.random.default_rng([*shape, outputs])
    arrays = rng.normal(size=shape), rng.normal(size=(outputs, shape[-1])), rng.normal(size=outputs)
    return tuple(a.astype(dtype) for a in arrays)


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, outputs", [((7, 5), 3), ((3, 4, 6), 1), ((10,), 8), ((300, 20), 100)])
def test_dense(shape, outputs, dtype, activation):
    x, weight, bias = drawn(shape, outputs, dtype)
    tolerance = 1e-13 if dtype == np.float64 else 2e-6
    wide = [a.astype(np.float64) for a in (x, weight, bias)]
    for given in (bias, None):
        wanted = wide[0] @ wide[1].T + (0 if given is None else wide[2])
        wanted = np.maximum(wanted, 0) if activation else wanted
        out = poisoned((*shape[:-1], outputs), dtype)
        y = F.dense(x, weight, given, activation=activation, out=out)
        assert y is out and relative(y, wanted) < tolerance
    y = F.dense(x, weight, bias, activation=activation)
    grad = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    kept = [a.copy() for a in (grad, x, weight, y)]
    out = tuple(poisoned(a.shape, dtype) for a in (x, weight, bias))
    found = F.dense_backward(grad, x, weight, activation=activation, y=y, out=out)
    passed = (grad * (y > 0) if activation else grad).astype(np.float64).reshape(-1, outputs)
    rows = wide[0].reshape(-1, shape[-1])
    wanted = (passed @ wide[1]).reshape(shape), passed.T @ rows, passed.sum(axis=0)
    for a, b, memory in zip(found, wanted, out, strict=True):
        assert a is memory and np.linalg.norm(a - b) < 4 * tolerance * max(1, np.linalg.norm(b))
    assert all(np.array_equal(a, b) for a, b in zip(kept, (grad, x, weight, y), strict=True))


@pytest.mark.parametrize("activation", [None, "relu"])
def test_gradients_are_differences(activation):
    x, weight, bias = drawn((6, 5), 4)
    y = F.dense(x, weight, bias, activation=activation)
    assert_gradients(
        lambda *arrays: F.dense(*arrays, activation=activation),
        lambda grad: F.dense_backward(grad, x, weight, activation=activation, y=y),
        [x, weight, bias],
    )


def test_same_bits_at_any_thread_count():
    x, weight, bias = drawn((700, 9), 64)
    y = F.dense(x, weight, bias, activation="relu")
    assert_same_bits(lambda: F.dense(x, weight, bias, activation="relu"))
    assert_same_bits(lambda: F.dense_backward(y, x, weight, activation="relu", y=y))


@pytest.mark.parametrize("shape, outputs", [((0, 4), 3), ((4, 0), 3), ((4, 3), 0), ((2, 0, 5), 3)])
def test_empty_arrays(shape, outputs):
    x, weight, bias = drawn(shape, outputs)
    y = F.dense(x, weight, bias, activation="relu")
    assert np.array_equal(y, np.maximum(np.broadcast_to(bias, (*shape[:-1], outputs)), 0))
    found = F.dense_backward(np.ones_like(y), x, weight, activation="relu", y=y)
    assert [a.shape for a in found] == [x.shape, weight.shape, bias.shape]
    if 0 in shape[:-1]:
        assert not np.any(found[1]) and not np.any(found[2])


def test_arrays_that_are_not_contiguous_and_not_finite():
    x, weight, bias = drawn((6, 5), 4)
    assert relative(F.dense(np.asfortranarray(x), weight[::-1], bias), x @ weight[::-1].T + bias) < 1e-14
    x[2] = np.nan
    y = F.dense(x, weight, bias, activation="relu")
    assert np.all(np.isnan(y[2])) and np.all(np.isfinite(np.delete(y, 2, axis=0)))
    found = F.dense_backward(np.ones_like(y), np.ones_like(x), weight, activation="relu", y=y)
    assert np.all(found[2] >= 1)  # PyTorch's choice: what is NaN lets the gradient through


X, W = np.ones((4, 3)), np.ones((2, 3))
BAD = [
    (lambda: F.dense(X, W[:, :2]), ValueError, r"weight has shape \(2, 2\).*\(4, 3\)"),
    (lambda: F.dense(X, W[0]), ValueError, "weight must have 2 axes"),
    (lambda: F.dense(X, W, np.ones(3)), ValueError, r"bias has shape \(3,\).*\(2, 3\)"),
    (lambda: F.dense(X.astype(np.float32), W), TypeError, "weight has dtype float64"),
    (lambda: F.dense(X.astype(int), W), TypeError, "x must be float32 or float64"),
    (lambda: F.dense(np.float64(2), W), ValueError, "x must have at least one axis"),
    (lambda: F.dense(X, W, activation="sin"), ValueError, "activation must be"),
    (lambda: F.dense(X, W, out=np.empty((4, 3))), ValueError, r"out has shape \(4, 3\).*\(4, 2\)"),
    (lambda: F.dense(X, X, out=X), ValueError, r"out has shape"),
    (lambda: F.dense(np.ones((3, 3)), X[:3], out=X[:3]), ValueError, "out overlaps"),
    (lambda: F.dense_backward(X, X, W), ValueError, r"grad has shape \(4, 3\).*\(4, 2\)"),
    (lambda: F.dense_backward(X[:, :2], X, W, activation="relu"), ValueError, "y is needed"),
    (lambda: F.dense_backward(X[:, :2], X, W, activation="relu", y=X), ValueError, "y has shape"),
    (lambda: F.dense_backward(X[:, :2], X, W, out=(None, None)), TypeError, "out must be a tuple of 3"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert np.all(X == 1) and np.all(W == 1)
