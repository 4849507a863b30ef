"""Squared distances of rows x (N, features) from prototypes (classes, features), and the gradient of x."""

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable


@portable
def _distances_of_row(row, x, prototypes, factor, out):
    real = x.dtype.type
    given, found = borrow(x)[row], borrow(out)[row]
    for k in range(prototypes.shape[0]):
        own, total = borrow(prototypes)[k], real(0)
        for j in range(given.size):
            away = given[j] - own[j]
            total += away * away
        found[k] = real(factor) * total


@compiled("distances")
def forward(x, prototypes, factor, out):
    """out[n, k] = factor · Σⱼ (x[n, j] − prototypes[k, j])²."""
    parallel_for(_distances_of_row, x.shape[0], x.size * prototypes.shape[0], x, prototypes, factor, out)


@portable
def _gradient_of_row(row, grad, x, prototypes, factor, out):
    real = x.dtype.type
    slopes, given, found = borrow(grad)[row], borrow(x)[row], borrow(out)[row]
    for j in range(given.size):
        found[j] = real(0)
    for k in range(prototypes.shape[0]):
        own, slope = borrow(prototypes)[k], real(2.0 * factor) * slopes[k]
        for j in range(given.size):
            found[j] += slope * (given[j] - own[j])


@compiled("distances-gradient")
def backward(grad, x, prototypes, factor, out):
    """out: the gradient of x for a gradient (N, classes) of the result of `forward`."""
    work = 2 * x.size * prototypes.shape[0]
    parallel_for(_gradient_of_row, x.shape[0], work, grad, x, prototypes, factor, out)
