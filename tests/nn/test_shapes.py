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


@pytest.mark.parametrize("axis", [0, 1, -2, -4])
def test_concatenate_along_any_axis(axis):
    rng = np.random.default_rng(4)
    arrays = []
    for length in (2, 0, 3):
        shape = [2, 3, 4, 5]
        shape[axis] = length
        arrays.append(rng.normal(size=shape))
    whole = F.concatenate(arrays, axis=axis)
    assert np.array_equal(whole, np.concatenate(arrays, axis))
    for part, array in zip(F.concatenate_backward(whole, arrays, axis=axis), arrays, strict=True):
        assert np.array_equal(part, array)


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_continued_images(mode):
    """Also padding wider than the image, and images of one pixel."""
    rng = np.random.default_rng(5)
    for shape, sides in (
        ((2, 3, 4, 5), (1, 2, 0, 3)),
        ((2, 2, 3, 1), (5, 4, 7, 1)),
        ((1, 1, 1, 2), (2, 1, 1, 0)),
    ):
        x, (top, bottom, left, right) = rng.normal(size=shape), sides
        wanted = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), mode)
        assert np.array_equal(F.pad(x, sides, mode=mode, out=poisoned(wanted.shape, float)), wanted)
        grad, direction = rng.normal(size=wanted.shape), rng.normal(size=shape)
        back = F.pad_backward(grad, x, sides, mode=mode, out=poisoned(shape, float))
        assert np.sum(back * direction) == pytest.approx(np.sum(grad * F.pad(direction, sides, mode=mode)))
    assert F.pad(np.ones((0, 2, 2, 1)), 1, mode=mode).shape == (0, 4, 4, 1)
    assert F.pad_backward(np.ones((0, 4, 4, 1)), np.ones((0, 2, 2, 1)), 1, mode=mode).shape == (0, 2, 2, 1)


@pytest.mark.parametrize("factors", [1, 2, (3, 1), (2, 5)])
def test_upsample(factors):
    down, across = np.broadcast_to(factors, 2)
    x = np.random.default_rng(6).normal(size=(2, 3, 4, 5))
    wanted = x.repeat(down, 1).repeat(across, 2)
    assert np.array_equal(F.upsample(x, factors, out=poisoned(wanted.shape, float)), wanted)
    grad = np.random.default_rng(7).normal(size=wanted.shape)
    back = F.upsample_backward(grad, x, factors, out=poisoned(x.shape, float))
    np.testing.assert_allclose(
        back, grad.reshape(2, 3, down, 4, across, 5).sum((2, 4)), rtol=1e-14, atol=1e-14
    )
    assert F.upsample_backward(F.upsample(x[:0], factors), x[:0], factors).shape == x[:0].shape


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
    (lambda: F.concatenate([X, X], axis=4), ValueError, r"axis must be an axis of arrays\[0\]"),
    (lambda: F.concatenate([X[0, 0], X[0]], axis=0), ValueError, r"arrays\[1\] has shape"),
    (lambda: F.concatenate([X, X[:1]], axis=1), ValueError, r"arrays\[1\] has shape"),
    (lambda: F.pad(X[:, :0], 1, mode="edge"), ValueError, "x has no pixels to continue"),
    (lambda: F.pad_backward(X, X, 1, mode="reflect"), ValueError, "grad has shape"),
    (lambda: F.upsample(X, 0), ValueError, "scale_factor must be at least 1"),
    (lambda: F.upsample(X, 1.5), TypeError, "scale_factor must be an integer"),
    (lambda: F.upsample(X, (1, 2, 3)), ValueError, "scale_factor must be one integer or two"),
    (lambda: F.upsample_backward(X, X, 2), ValueError, "grad has shape"),
    (lambda: F.upsample(X[0], 2), ValueError, "x must have 4 axes"),
    (lambda: F.pad(X, -1), ValueError, "padding must be at least 0"),
    (lambda: F.pad(X, (1, 2, 3)), ValueError, "padding must be one integer, two or four"),
    (lambda: F.pad(X, ()), ValueError, "padding must be one integer, two or four"),
    (lambda: F.pad(X, 1.0), TypeError, "padding must be an integer"),
    (lambda: F.pad(X[0], 1), ValueError, "x must have 4 axes"),
    (lambda: F.pad(X.astype(np.float32), 1, 1e300), ValueError, "value must be a number of the dtype of x"),
    (lambda: F.pad(X, 1, 10**400), ValueError, "value must be a number of the dtype of x"),
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
