"""Problems of one variable."""

import numpy as np
from numba import njit

from problem_families.problem import entry


@njit(cache=True)
def quartic(x):
    """Quartic x^4 - 3 x^3 + 2 with an inflection point at 0."""
    return x[0] ** 4 - 3.0 * x[0] ** 3 + 2.0


@njit(cache=True)
def quartic_grad(x):
    g = np.empty_like(x)
    g[0] = 4.0 * x[0] ** 3 - 9.0 * x[0] ** 2
    return g


@njit(cache=True)
def quartic_hess(x):
    H = np.empty((1, 1), x.dtype)
    H[0, 0] = 12.0 * x[0] ** 2 - 18.0 * x[0]
    return H


@njit(cache=True)
def cosh_tilted(x):
    """Tilted hyperbolic cosine cosh(x) - x."""
    return np.cosh(x[0]) - x[0]


@njit(cache=True)
def cosh_tilted_grad(x):
    g = np.empty_like(x)
    g[0] = np.sinh(x[0]) - 1.0
    return g


@njit(cache=True)
def cosh_tilted_hess(x):
    H = np.empty((1, 1), x.dtype)
    H[0, 0] = np.cosh(x[0])
    return H


PROBLEMS = (
    entry("quartic", quartic, quartic_grad, quartic_hess, [6.0], -1675.0 / 256.0, [2.25]),
    entry(
        "cosh_tilted",
        cosh_tilted,
        cosh_tilted_grad,
        cosh_tilted_hess,
        [-2.0],
        np.sqrt(2.0) - np.arcsinh(1.0),
        [np.arcsinh(1.0)],
        "convex",
    ),
)
