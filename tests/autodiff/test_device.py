"""Gradients that allocate nothing, run as they are; the CUDA tests compile them."""

import math

import numpy as np
import pytest
from numba import njit

import numgd
from numgd import device_gradient
from numgd.autodiff import NotDifferentiable

X = np.array([0.7, -0.4, 1.3])


def polynomial(x, g, tape, top):
    """Parameters whose names the generated code uses itself."""
    total = 0.0
    for i in range(x.size):
        for k in range(top):
            total = total * 0.5 + x[i] ** k * g[i]
            total = math.tanh(total) * tape
    return total


def of_a_matrix(a):
    total = 0.0
    for row in a:
        for j in range(row.shape[0]):
            total += row[j] * row[0] ** 2
    return total


def collatz(x):
    total, n = 1.0, 7
    while n != 1:
        total = total * x[n % 3] + math.exp(-total)
        n = n // 2 if n % 2 == 0 else 3 * n + 1
    return total


def evaluate(f, place, *args):
    """The gradient of f with a tape of just the right length."""
    gradient = device_gradient(f, *args)
    x, rest = args[0], args[1:]
    g = np.full_like(x, np.nan)
    value, needed = gradient(x, g, np.empty(0, x.dtype), *rest)
    if needed:
        assert np.isnan(g).all()
    compiled = njit(gradient)
    assert compiled(x, g, np.empty(needed, x.dtype), *rest)[1] == needed
    return value, g


@pytest.mark.parametrize(
    ("f", "args"),
    [(polynomial, (X, np.array([1.0, 2.0, 3.0]), 0.9, 4)), (of_a_matrix, (np.outer(X, X),)), (collatz, (X,))],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_gradients_are_those_of_grad(f, args):
    value, g = evaluate(f, 0, *args)
    assert value == pytest.approx(f(*args), rel=1e-14)
    np.testing.assert_allclose(g, numgd.grad(f)(*args), rtol=1e-13)


def test_by_another_argument():
    def f(scale, x):
        return scale * x[0] ** 2 * x[2]

    g = np.empty(3)
    assert device_gradient(f, 2.0, X, argnum=1)(2.0, X, g, np.empty(0)) == (2.0 * 0.7**2 * 1.3, 0)
    np.testing.assert_allclose(g, [2.0 * 2.0 * 0.7 * 1.3, 0.0, 2.0 * 0.7**2], rtol=1e-15)


def sums(x):
    return np.sum(x)  # line


def slices(x):
    y = np.zeros(3)
    y[:] = x[0]  # line
    return y[1]


def of_any_length(x):
    y = np.zeros(x.size)  # line
    for i in range(x.size):
        y[i] = x[i]
    return y[0]


def swaps(x):
    a, b = np.zeros(3), np.ones(3)
    for _ in range(3):
        a[0] = x[0] + b[0]
        a, b = b, a  # line
    return a[0]


@pytest.mark.parametrize("f", [sums, slices, of_any_length, swaps], ids=lambda f: f.__name__)
def test_what_works_with_whole_arrays_is_refused(f):
    with pytest.raises(NotDifferentiable, match=f.__name__):
        device_gradient(f, X)


def test_what_an_argument_cannot_be():
    with pytest.raises(NotDifferentiable, match="needs an array"):
        device_gradient(lambda x: x**2, 3.0)
    with pytest.raises(NotDifferentiable, match="one real number"):
        device_gradient(lambda x: (x[0], x[1]), X)
    with pytest.raises(NotDifferentiable, match="integer"):  # a float32 would round it
        device_gradient(collatz, X.astype(np.float32))
    with pytest.raises(ValueError, match="argument"):
        device_gradient(sums, X, argnum=1)
