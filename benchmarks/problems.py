"""The objective that the benchmarks share: Rosenbrock's function of n variables, compiled."""

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


def start(n):
    """The starting point (−1.2, 1.3, −1.2, 1.3, …)."""
    x = np.full(n, -1.2)
    x[1::2] = 1.3
    return x


def reached(result):
    """What a solve came to, in words; the gradient is evaluated anew."""
    size = np.abs(rosenbrock_gradient(np.asarray(result.x))).max()
    return f"f {result.fun:.1e}, |g| {size:.1e}, {result.nit} iterations, {result.nfev} calls"
