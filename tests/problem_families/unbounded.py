"""Functions without a lower bound: their infimum is -inf."""

import numpy as np
from numba import njit

from problem_families.problem import entry


@njit(cache=True)
def slope(x):
    """The line -x."""
    return -x[0]


@njit(cache=True)
def slope_grad(x):
    g = np.empty_like(x)
    g[0] = -1.0
    return g


@njit(cache=True)
def slope_hess(x):
    return np.zeros((1, 1), x.dtype)


@njit(cache=True)
def cubic(x):
    """Sum of x_i^3 / 3, from where it is concave."""
    s = 0.0
    for i in range(x.size):
        s += x[i] ** 3 / 3.0
    return s


@njit(cache=True)
def cubic_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = x[i] * x[i]
    return g


@njit(cache=True)
def cubic_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 2.0 * x[i]
    return H


@njit(cache=True)
def exponential_fall(x):
    """Minus the sum of exp(x_i): it overflows soon."""
    s = 0.0
    for i in range(x.size):
        s -= np.exp(x[i])
    return s


@njit(cache=True)
def exponential_fall_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = -np.exp(x[i])
    return g


@njit(cache=True)
def exponential_fall_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = -np.exp(x[i])
    return H


@njit(cache=True)
def saddle_quadratic(x):
    """Quadratic with the eigenvalues 1, -1, 1, -1, ..."""
    s = 0.0
    for i in range(x.size):
        s += (0.5 if i % 2 == 0 else -0.5) * x[i] * x[i]
    return s


@njit(cache=True)
def saddle_quadratic_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = x[i] if i % 2 == 0 else -x[i]
    return g


@njit(cache=True)
def saddle_quadratic_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 1.0 if i % 2 == 0 else -1.0
    return H


PROBLEMS = (
    entry("slope", slope, slope_grad, slope_hess, [0.0], -np.inf, None, "unbounded convex singular_start"),
    entry("cubic_1", cubic, cubic_grad, cubic_hess, [-1.0], -np.inf, None, "unbounded indefinite_start"),
    entry(
        "cubic_10",
        cubic,
        cubic_grad,
        cubic_hess,
        -np.arange(1.0, 11.0),
        -np.inf,
        None,
        "unbounded indefinite_start",
    ),
    entry(
        "exponential_fall",
        exponential_fall,
        exponential_fall_grad,
        exponential_fall_hess,
        [0.0, 0.5, 1.0],
        -np.inf,
        None,
        "unbounded indefinite_start",
    ),
    # near the stationary point
    entry(
        "saddle_quadratic_2",
        saddle_quadratic,
        saddle_quadratic_grad,
        saddle_quadratic_hess,
        [1.0, 1e-3],
        -np.inf,
        None,
        "unbounded saddle indefinite_start",
    ),
    entry(
        "saddle_quadratic_100",
        saddle_quadratic,
        saddle_quadratic_grad,
        saddle_quadratic_hess,
        np.tile([1.0, 0.01], 50),
        -np.inf,
        None,
        "unbounded saddle indefinite_start large",
    ),
)
