"""Saddles, and Hessians that are indefinite or singular where the descent starts."""

import numpy as np
from numba import njit

from problem_families.problem import entry


@njit(cache=True)
def double_well(x):
    """Two wells (x^2 - 1)^2 / 4 + y^2 / 2 and the saddle between them at 0."""
    return 0.25 * (x[0] * x[0] - 1.0) ** 2 + 0.5 * x[1] * x[1]


@njit(cache=True)
def double_well_grad(x):
    g = np.empty_like(x)
    g[0] = (x[0] * x[0] - 1.0) * x[0]
    g[1] = x[1]
    return g


@njit(cache=True)
def double_well_hess(x):
    H = np.zeros((2, 2), x.dtype)
    H[0, 0] = 3.0 * x[0] * x[0] - 1.0
    H[1, 1] = 1.0
    return H


@njit(cache=True)
def monkey_saddle(x):
    """Monkey saddle x^3 - 3 x y^2 bounded by (x^2 + y^2)^2: at 0 the whole Hessian vanishes."""
    s = x[0] * x[0] + x[1] * x[1]
    return x[0] * (x[0] * x[0] - 3.0 * x[1] * x[1]) + s * s


@njit(cache=True)
def monkey_saddle_grad(x):
    s = x[0] * x[0] + x[1] * x[1]
    g = np.empty_like(x)
    g[0] = 3.0 * (x[0] * x[0] - x[1] * x[1]) + 4.0 * s * x[0]
    g[1] = -6.0 * x[0] * x[1] + 4.0 * s * x[1]
    return g


@njit(cache=True)
def monkey_saddle_hess(x):
    s = x[0] * x[0] + x[1] * x[1]
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 6.0 * x[0] + 4.0 * s + 8.0 * x[0] * x[0]
    H[0, 1] = H[1, 0] = -6.0 * x[1] + 8.0 * x[0] * x[1]
    H[1, 1] = -6.0 * x[0] + 4.0 * s + 8.0 * x[1] * x[1]
    return H


@njit(cache=True)
def six_hump_camel(x):
    """Jamil and Yang, six-hump camel: two minima of the lowest value, a saddle between them at 0."""
    a = x[0] * x[0]
    b = x[1] * x[1]
    return (4.0 + (a / 3.0 - 2.1) * a) * a + x[0] * x[1] + 4.0 * (b - 1.0) * b


@njit(cache=True)
def six_hump_camel_grad(x):
    a = x[0] * x[0]
    b = x[1] * x[1]
    g = np.empty_like(x)
    g[0] = (8.0 + (2.0 * a - 8.4) * a) * x[0] + x[1]
    g[1] = x[0] + (16.0 * b - 8.0) * x[1]
    return g


@njit(cache=True)
def six_hump_camel_hess(x):
    a = x[0] * x[0]
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 8.0 + (10.0 * a - 25.2) * a
    H[0, 1] = H[1, 0] = 1.0
    H[1, 1] = 48.0 * x[1] * x[1] - 8.0
    return H


@njit(cache=True)
def indefinite_quartic(x):
    """Sum of d_i x_i^2 / 2 + x_i^4 / 4, d = (1, -2, 3, -4, ...): 0 is a saddle with n / 2 ways down."""
    s = 0.0
    for i in range(x.size):
        d = i + 1.0 if i % 2 == 0 else -i - 1.0
        s += (0.5 * d + 0.25 * x[i] * x[i]) * x[i] * x[i]
    return s


@njit(cache=True)
def indefinite_quartic_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        d = i + 1.0 if i % 2 == 0 else -i - 1.0
        g[i] = (d + x[i] * x[i]) * x[i]
    return g


@njit(cache=True)
def indefinite_quartic_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = (i + 1.0 if i % 2 == 0 else -i - 1.0) + 3.0 * x[i] * x[i]
    return H


@njit(cache=True)
def double_well_chain(x):
    """A discrete Ginzburg-Landau energy: double wells in a row, each tied to the next."""
    s = 0.0
    for i in range(x.size):
        s += 0.25 * (x[i] * x[i] - 1.0) ** 2
        if i > 0:
            s += 0.5 * (x[i] - x[i - 1]) ** 2
    return s


@njit(cache=True)
def double_well_chain_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        d = (x[i] * x[i] - 1.0) * x[i]
        if i > 0:
            d += x[i] - x[i - 1]
        if i < n - 1:
            d += x[i] - x[i + 1]
        g[i] = d
    return g


@njit(cache=True)
def double_well_chain_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] += 3.0 * x[i] * x[i] - 1.0
        if i > 0:
            H[i, i] += 1.0
            H[i - 1, i - 1] += 1.0
            H[i, i - 1] = H[i - 1, i] = -1.0
    return H


@njit(cache=True)
def pendulum_chain(x):
    """Pendulums 1 - cos(x_i) in a row, each tied to the next (Frenkel and Kontorova's chain)."""
    s = 0.0
    for i in range(x.size):
        s += 1.0 - np.cos(x[i])
        if i > 0:
            s += 0.5 * (x[i] - x[i - 1]) ** 2
    return s


@njit(cache=True)
def pendulum_chain_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        d = np.sin(x[i])
        if i > 0:
            d += x[i] - x[i - 1]
        if i < n - 1:
            d += x[i] - x[i + 1]
        g[i] = d
    return g


@njit(cache=True)
def pendulum_chain_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] += np.cos(x[i])
        if i > 0:
            H[i, i] += 1.0
            H[i - 1, i - 1] += 1.0
            H[i, i - 1] = H[i - 1, i] = -1.0
    return H


@njit(cache=True)
def rayleigh_quotient(x):
    """Rayleigh quotient of diag(1, ..., n), the same for all multiples of x; its saddles are eigenvectors."""
    s = 0.0
    t = 0.0
    for i in range(x.size):
        s += x[i] * x[i]
        t += (i + 1.0) * x[i] * x[i]
    return t / s


@njit(cache=True)
def rayleigh_quotient_grad(x):
    s = 0.0
    t = 0.0
    for i in range(x.size):
        s += x[i] * x[i]
        t += (i + 1.0) * x[i] * x[i]
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 2.0 * (i + 1.0 - t / s) * x[i] / s
    return g


@njit(cache=True)
def rayleigh_quotient_hess(x):
    n = x.size
    s = 0.0
    t = 0.0
    for i in range(n):
        s += x[i] * x[i]
        t += (i + 1.0) * x[i] * x[i]
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        gi = 2.0 * (i + 1.0 - t / s) * x[i] / s
        for j in range(n):
            gj = 2.0 * (j + 1.0 - t / s) * x[j] / s
            H[i, j] = -2.0 * (x[i] * gj + gi * x[j]) / s
        H[i, i] += 2.0 * (i + 1.0 - t / s) / s
    return H


@njit(cache=True)
def deep_linear(x):
    """Deep linear network of one unit a layer, (x_1 ... x_n - 1)^2 / 2: flat at 0, minima on a surface."""
    prod = 1.0
    for i in range(x.size):
        prod *= x[i]
    return 0.5 * (prod - 1.0) ** 2


@njit(cache=True)
def deep_linear_grad(x):
    n = x.size
    prod = 1.0
    for i in range(n):
        prod *= x[i]
    g = np.empty_like(x)
    for i in range(n):
        others = 1.0
        for j in range(n):
            if j != i:
                others *= x[j]
        g[i] = (prod - 1.0) * others
    return g


@njit(cache=True)
def deep_linear_hess(x):
    n = x.size
    prod = 1.0
    for i in range(n):
        prod *= x[i]
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(i + 1):
            both = 1.0  # product of the variables other than x_i and x_j
            for k in range(n):
                if k != i and k != j:
                    both *= x[k]
            H[i, j] = H[j, i] = both * both if i == j else (2.0 * prod - 1.0) * both
    return H


_FACTORS = np.array(
    [
        [1.0, 0.5], [-0.5, 1.0], [0.25, 0.75], [2.0, -1.0], [-1.0, -1.0],
        [0.5, 0.0], [1.5, 0.5], [0.0, -0.5], [-0.75, 0.25], [1.0, -1.5],
    ]
)  # fmt: skip
_PRODUCT = _FACTORS @ _FACTORS.T


@njit(cache=True)
def matrix_factorization(x):
    """Symmetric matrix factorisation |X X' - M|^2 / 4 with X (10, 2), M of rank 2: minima up to rotations."""
    s = 0.0
    for i in range(10):
        for j in range(10):
            r = x[2 * i] * x[2 * j] + x[2 * i + 1] * x[2 * j + 1] - _PRODUCT[i, j]
            s += 0.25 * r * r
    return s


@njit(cache=True)
def matrix_factorization_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(10):
        for j in range(10):
            r = x[2 * i] * x[2 * j] + x[2 * i + 1] * x[2 * j + 1] - _PRODUCT[i, j]
            g[2 * i] += r * x[2 * j]
            g[2 * i + 1] += r * x[2 * j + 1]
    return g


@njit(cache=True)
def matrix_factorization_hess(x):
    H = np.zeros((20, 20), x.dtype)
    for i in range(10):
        for j in range(10):
            r = x[2 * i] * x[2 * j] + x[2 * i + 1] * x[2 * j + 1] - _PRODUCT[i, j]
            for a in range(2):
                H[2 * i + a, 2 * j + a] += r
                for b in range(2):
                    H[2 * i + a, 2 * j + b] += x[2 * i + b] * x[2 * j + a]
                    H[2 * i + a, 2 * i + b] += x[2 * j + a] * x[2 * j + b]
    return H


def _ripples(n):
    # rounded, so that the start does not depend on the mathematical library
    return np.round(0.1 + 0.05 * np.sin(np.arange(1.0, n + 1.0)), 6)


PROBLEMS = (
    entry(
        "double_well",
        double_well,
        double_well_grad,
        double_well_hess,
        [1e-2, 0.5],
        0.0,
        None,
        "saddle indefinite_start",
    ),
    entry(
        "monkey_saddle",
        monkey_saddle,
        monkey_saddle_grad,
        monkey_saddle_hess,
        [0.02, 0.01],
        -27.0 / 256.0,
        None,
        "saddle indefinite_start",
    ),
    entry(
        "six_hump_camel",
        six_hump_camel,
        six_hump_camel_grad,
        six_hump_camel_hess,
        [0.1, -0.1],
        -1.031628453489877,
        None,
        "saddle indefinite_start local_minima",
    ),
    entry(
        "indefinite_quartic",
        indefinite_quartic,
        indefinite_quartic_grad,
        indefinite_quartic_hess,
        np.full(12, 0.1),
        -91.0,
        None,
        "saddle indefinite_start",
    ),
    entry(
        "double_well_chain_50",
        double_well_chain,
        double_well_chain_grad,
        double_well_chain_hess,
        _ripples(50),
        0.0,
        None,
        "saddle indefinite_start local_minima",
    ),
    entry(
        "double_well_chain_1000",
        double_well_chain,
        double_well_chain_grad,
        double_well_chain_hess,
        _ripples(1000),
        0.0,
        None,
        "saddle indefinite_start local_minima large",
    ),
    # all pendulums level: the Hessian is that of the ties alone
    entry(
        "pendulum_chain",
        pendulum_chain,
        pendulum_chain_grad,
        pendulum_chain_hess,
        np.full(30, 0.5 * np.pi),
        0.0,
        None,
        "singular_start local_minima",
    ),
    # near the fifth eigenvector
    entry(
        "rayleigh_quotient",
        rayleigh_quotient,
        rayleigh_quotient_grad,
        rayleigh_quotient_hess,
        [0.01, -0.02, 0.01, 0.02, 1.0, -0.01, 0.02, -0.01, 0.01, -0.02],
        1.0,
        None,
        "saddle singular indefinite_start",
    ),
    entry(
        "deep_linear",
        deep_linear,
        deep_linear_grad,
        deep_linear_hess,
        [-0.1, 0.2, 0.3, 0.4],
        0.0,
        None,
        "saddle singular indefinite_start",
    ),
    entry(
        "matrix_factorization",
        matrix_factorization,
        matrix_factorization_grad,
        matrix_factorization_hess,
        np.tile([0.01, -0.02, 0.03, 0.02, -0.01], 4),
        0.0,
        None,
        "saddle singular indefinite_start",
    ),
)
