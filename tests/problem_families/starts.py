"""Other starts and other scales for functions of the other families."""

import numpy as np
from numba import njit

from problem_families.classics import raydan_2, raydan_2_grad, raydan_2_hess
from problem_families.mgh_1_to_18 import (
    extended_powell,
    extended_powell_grad,
    extended_powell_hess,
    extended_rosenbrock,
    extended_rosenbrock_grad,
    extended_rosenbrock_hess,
)
from problem_families.one_variable import (
    cosh_tilted,
    cosh_tilted_grad,
    cosh_tilted_hess,
    quartic,
    quartic_grad,
    quartic_hess,
)
from problem_families.problem import entry

_SCALES = np.array([1.0, 10.0, 100.0, 1.0])


@njit(cache=True)
def scaled_rosenbrock(x):
    """MGH 21 with n = 4, its variables in units that differ by up to 100."""
    s = 0.0
    for i in range(0, 4, 2):
        u = _SCALES[i] * x[i]
        a = _SCALES[i + 1] * x[i + 1] - u * u
        s += 100.0 * a * a + (1.0 - u) ** 2
    return s


@njit(cache=True)
def scaled_rosenbrock_grad(x):
    g = np.empty_like(x)
    for i in range(0, 4, 2):
        u = _SCALES[i] * x[i]
        a = _SCALES[i + 1] * x[i + 1] - u * u
        g[i] = _SCALES[i] * (-400.0 * a * u - 2.0 * (1.0 - u))
        g[i + 1] = _SCALES[i + 1] * 200.0 * a
    return g


@njit(cache=True)
def scaled_rosenbrock_hess(x):
    H = np.zeros((4, 4), x.dtype)
    for i in range(0, 4, 2):
        u = _SCALES[i] * x[i]
        v = _SCALES[i + 1] * x[i + 1]
        H[i, i] = _SCALES[i] ** 2 * (1200.0 * u * u - 400.0 * v + 2.0)
        H[i, i + 1] = H[i + 1, i] = -400.0 * _SCALES[i] * _SCALES[i + 1] * u
        H[i + 1, i + 1] = 200.0 * _SCALES[i + 1] ** 2
    return H


PROBLEMS = (
    entry(
        "quartic_concave",
        quartic,
        quartic_grad,
        quartic_hess,
        [1.0],
        -1675.0 / 256.0,
        [2.25],
        "indefinite_start",
    ),
    entry(
        "quartic_inflection",
        quartic,
        quartic_grad,
        quartic_hess,
        [1.5],
        -1675.0 / 256.0,
        [2.25],
        "singular_start",
    ),
    entry(
        "scaled_rosenbrock",
        scaled_rosenbrock,
        scaled_rosenbrock_grad,
        scaled_rosenbrock_hess,
        np.array([-1.2, 1.0, -1.2, 1.0]) / _SCALES,
        0.0,
        1.0 / _SCALES,
        "badly_scaled ravine",
    ),
    entry(
        "cosh_at_minimum",
        cosh_tilted,
        cosh_tilted_grad,
        cosh_tilted_hess,
        [np.arcsinh(1.0)],
        np.sqrt(2.0) - np.arcsinh(1.0),
        [np.arcsinh(1.0)],
        "convex optimal_start",
    ),
    entry(
        "rosenbrock_at_minimum",
        extended_rosenbrock,
        extended_rosenbrock_grad,
        extended_rosenbrock_hess,
        [1.0, 1.0],
        0.0,
        [1.0, 1.0],
        "ravine optimal_start",
    ),
    entry(
        "powell_singular_at_minimum",
        extended_powell,
        extended_powell_grad,
        extended_powell_hess,
        np.zeros(4),
        0.0,
        np.zeros(4),
        "convex singular singular_start optimal_start",
    ),
    entry(
        "raydan_2_at_minimum",
        raydan_2,
        raydan_2_grad,
        raydan_2_hess,
        np.zeros(1000),
        1000.0,
        np.zeros(1000),
        "convex optimal_start large",
    ),
)
