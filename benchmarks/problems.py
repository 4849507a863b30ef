"""The objectives that the benchmarks share, compiled: Rosenbrock's function and a convex one."""

import numpy as np
from numba import njit


@njit
def rosenbrock(x):
    """Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])²."""
    total = 0.0
    for i in range(x.size - 1):
        bend = x[i + 1] - x[i] * x[i]
        rest = 1.0 - x[i]
        total += 100.0 * bend * bend + rest * rest
    return total


@njit
def rosenbrock_gradient(x):
    """Its gradient."""
    gradient = np.zeros(x.size)
    for i in range(x.size - 1):
        bend = x[i + 1] - x[i] * x[i]
        gradient[i] -= 400.0 * bend * x[i] + 2.0 * (1.0 - x[i])
        gradient[i + 1] += 200.0 * bend
    return gradient


@njit
def rosenbrock_hessian(x):
    """Its Hessian, tridiagonal but written out."""
    H = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        H[i, i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        H[i, i + 1] = H[i + 1, i] = -400.0 * x[i]
        H[i + 1, i + 1] += 200.0
    return H


@njit
def rosenbrock_product(x, p):
    """Its Hessian times p."""
    product = np.zeros(x.size)
    for i in range(x.size - 1):
        beside = -400.0 * x[i]
        product[i] += (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * p[i] + beside * p[i + 1]
        product[i + 1] += beside * p[i] + 200.0 * p[i + 1]
    return product


STIFFNESS = 10.0


@njit
def springs(x):
    """Σ exp(x[i]) − (1 + i mod 3) x[i] + ½ κ Σ (x[i+1] − x[i])²: convex, κ = 10."""
    total = 0.0
    for i in range(x.size):
        total += np.exp(x[i]) - (1 + i % 3) * x[i]
    for i in range(x.size - 1):
        stretch = x[i + 1] - x[i]
        total += 0.5 * STIFFNESS * stretch * stretch
    return total


@njit
def springs_gradient(x):
    """Its gradient."""
    gradient = np.empty(x.size)
    for i in range(x.size):
        gradient[i] = np.exp(x[i]) - (1 + i % 3)
    for i in range(x.size - 1):
        pull = STIFFNESS * (x[i + 1] - x[i])
        gradient[i] -= pull
        gradient[i + 1] += pull
    return gradient


def start(n):
    """The starting point (−1.2, 1.3, −1.2, 1.3, …)."""
    x = np.full(n, -1.2)
    x[1::2] = 1.3
    return x


def reached(result, gradient=rosenbrock_gradient):
    """What a solve came to, in words; the gradient is evaluated anew."""
    size = np.abs(gradient(np.asarray(result.x))).max()
    return f"f {result.fun:.1e}, |g| {size:.1e}, {result.nit} iterations, {result.nfev} calls"
