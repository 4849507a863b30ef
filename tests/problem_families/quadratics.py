"""Convex quadratics."""

import numpy as np
from numba import njit

from problem_families.problem import entry


@njit(cache=True)
def booth(x):
    """Jamil and Yang, Booth."""
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    return a * a + b * b


@njit(cache=True)
def booth_grad(x):
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    g = np.empty_like(x)
    g[0] = 2.0 * a + 4.0 * b
    g[1] = 4.0 * a + 2.0 * b
    return g


@njit(cache=True)
def booth_hess(x):
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = H[1, 1] = 10.0
    H[0, 1] = H[1, 0] = 8.0
    return H


@njit(cache=True)
def quadratic_tridiag(x):
    """Quadratic x'Ax/2 - b'x, A = tridiag(-1, 4, -1) and b = A (1, ..., 1); condition number below 3."""
    n = x.size
    s = 0.0
    for i in range(n):
        b = 3.0 if i == 0 or i == n - 1 else 2.0
        s += (2.0 * x[i] - b) * x[i]
        if i > 0:
            s -= x[i - 1] * x[i]
    return s


@njit(cache=True)
def quadratic_tridiag_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        r = 4.0 * x[i] - (3.0 if i == 0 or i == n - 1 else 2.0)
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= x[i + 1]
        g[i] = r
    return g


@njit(cache=True)
def quadratic_tridiag_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 4.0
        if i > 0:
            H[i, i - 1] = H[i - 1, i] = -1.0
    return H


@njit(cache=True)
def quadratic_rotated(x):
    """Quadratic with eigenvalues 1 ... 10^4, spaced in the logarithm, turned by a Householder reflection."""
    n = x.size
    mean = 0.0
    for i in range(n):
        mean += (x[i] - 1.0) / n
    s = 0.0
    for i in range(n):
        y = x[i] - 1.0 - 2.0 * mean
        s += 0.5 * 10.0 ** (4.0 * i / (n - 1)) * y * y
    return s


@njit(cache=True)
def quadratic_rotated_grad(x):
    n = x.size
    mean = 0.0
    for i in range(n):
        mean += (x[i] - 1.0) / n
    mean_dy = 0.0
    for i in range(n):
        mean_dy += 10.0 ** (4.0 * i / (n - 1)) * (x[i] - 1.0 - 2.0 * mean) / n
    g = np.empty_like(x)
    for i in range(n):
        g[i] = 10.0 ** (4.0 * i / (n - 1)) * (x[i] - 1.0 - 2.0 * mean) - 2.0 * mean_dy
    return g


@njit(cache=True)
def quadratic_rotated_hess(x):
    # Q D Q with the reflection Q = I - 2/n (1 ... 1)'(1 ... 1)
    n = x.size
    trace = 0.0
    for i in range(n):
        trace += 10.0 ** (4.0 * i / (n - 1))
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        di = 10.0 ** (4.0 * i / (n - 1))
        for j in range(n):
            dj = 10.0 ** (4.0 * j / (n - 1))
            H[i, j] = 4.0 * trace / n**2 - 2.0 * (di + dj) / n
        H[i, i] += di
    return H


@njit(cache=True)
def quadratic_diagonal(x):
    """Quadratic with the diagonal Hessian diag(1, 2, ..., n)."""
    s = 0.0
    for i in range(x.size):
        s += 0.5 * (i + 1.0) * x[i] * x[i]
    return s


@njit(cache=True)
def quadratic_diagonal_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = (i + 1.0) * x[i]
    return g


@njit(cache=True)
def quadratic_diagonal_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = i + 1.0
    return H


@njit(cache=True)
def nesterov_quadratic(x):
    """Nesterov (2004), section 2.1.2, the quadratic that is hard for first-order methods, L = 4."""
    n = x.size
    s = 0.5 * (x[0] * x[0] + x[n - 1] * x[n - 1]) - x[0]
    for i in range(n - 1):
        d = x[i] - x[i + 1]
        s += 0.5 * d * d
    return s


@njit(cache=True)
def nesterov_quadratic_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        r = 2.0 * x[i]
        if i > 0:
            r -= x[i - 1]
        else:
            r -= 1.0
        if i < n - 1:
            r -= x[i + 1]
        g[i] = r
    return g


@njit(cache=True)
def nesterov_quadratic_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 2.0
        if i > 0:
            H[i, i - 1] = H[i - 1, i] = -1.0
    return H


@njit(cache=True)
def hilberta(x):
    """CUTEst HILBERTA, the quadratic form of the Hilbert matrix."""
    n = x.size
    s = 0.0
    for i in range(n):
        for j in range(n):
            s += x[i] * x[j] / (i + j + 1.0)
    return s


@njit(cache=True)
def hilberta_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        r = 0.0
        for j in range(n):
            r += 2.0 * x[j] / (i + j + 1.0)
        g[i] = r
    return g


@njit(cache=True)
def hilberta_hess(x):
    n = x.size
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(n):
            H[i, j] = 2.0 / (i + j + 1.0)
    return H


@njit(cache=True)
def tridia(x):
    """CUTEst TRIDIA, a tridiagonal quadratic."""
    s = (x[0] - 1.0) ** 2
    for i in range(1, x.size):
        r = 2.0 * x[i] - x[i - 1]
        s += (i + 1.0) * r * r
    return s


@njit(cache=True)
def tridia_grad(x):
    g = np.empty_like(x)
    g[0] = 2.0 * (x[0] - 1.0)
    for i in range(1, x.size):
        r = (i + 1.0) * (2.0 * x[i] - x[i - 1])
        g[i - 1] -= 2.0 * r
        g[i] = 4.0 * r
    return g


@njit(cache=True)
def tridia_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    H[0, 0] = 2.0
    for i in range(1, n):
        w = i + 1.0
        H[i - 1, i - 1] += 2.0 * w
        H[i, i - 1] = H[i - 1, i] = -4.0 * w
        H[i, i] = 8.0 * w
    return H


@njit(cache=True)
def dqdrtic(x):
    """CUTEst DQDRTIC, a diagonal quadratic."""
    s = 0.0
    for i in range(x.size - 2):
        s += x[i] ** 2 + 100.0 * x[i + 1] ** 2 + 100.0 * x[i + 2] ** 2
    return s


@njit(cache=True)
def dqdrtic_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        w = 0.0
        if i < n - 2:
            w += 1.0
        if 0 < i < n - 1:
            w += 100.0
        if i > 1:
            w += 100.0
        g[i] = 2.0 * w * x[i]
    return g


@njit(cache=True)
def dqdrtic_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n - 2):
        H[i, i] += 2.0
        H[i + 1, i + 1] += 200.0
        H[i + 2, i + 2] += 200.0
    return H


@njit(cache=True)
def linear_rank_one(x):
    """MGH 33, linear function of rank 1, m = 20."""
    t = 0.0
    for j in range(x.size):
        t += (j + 1.0) * x[j]
    s = 0.0
    for i in range(1, 21):
        r = i * t - 1.0
        s += r * r
    return s


@njit(cache=True)
def linear_rank_one_grad(x):
    t = 0.0
    for j in range(x.size):
        t += (j + 1.0) * x[j]
    dt = 0.0
    for i in range(1, 21):
        dt += 2.0 * i * (i * t - 1.0)
    g = np.empty_like(x)
    for j in range(x.size):
        g[j] = (j + 1.0) * dt
    return g


@njit(cache=True)
def linear_rank_one_hess(x):
    n = x.size
    ddt = 0.0
    for i in range(1, 21):
        ddt += 2.0 * i * i
    H = np.empty((n, n), x.dtype)
    for j in range(n):
        for k in range(n):
            H[j, k] = (j + 1.0) * (k + 1.0) * ddt
    return H


PROBLEMS = (
    entry("booth", booth, booth_grad, booth_hess, [0.0, 0.0], 0.0, [1.0, 3.0], "convex quadratic"),
    entry(
        "quadratic_tridiag",
        quadratic_tridiag,
        quadratic_tridiag_grad,
        quadratic_tridiag_hess,
        np.zeros(10),
        -11.0,
        np.ones(10),
        "convex quadratic",
    ),
    entry(
        "quadratic_rotated",
        quadratic_rotated,
        quadratic_rotated_grad,
        quadratic_rotated_hess,
        np.zeros(20),
        0.0,
        np.ones(20),
        "convex quadratic badly_scaled",
    ),
    entry(
        "quadratic_diagonal",
        quadratic_diagonal,
        quadratic_diagonal_grad,
        quadratic_diagonal_hess,
        np.ones(1000),
        0.0,
        np.zeros(1000),
        "convex quadratic large",
    ),
    entry(
        "nesterov_quadratic",
        nesterov_quadratic,
        nesterov_quadratic_grad,
        nesterov_quadratic_hess,
        np.zeros(100),
        -50.0 / 101.0,
        1.0 - np.arange(1.0, 101.0) / 101.0,
        "convex quadratic large",
    ),
    entry(
        "hilberta",
        hilberta,
        hilberta_grad,
        hilberta_hess,
        np.full(6, -3.0),
        0.0,
        np.zeros(6),
        "convex quadratic badly_scaled",
    ),
    entry(
        "tridia",
        tridia,
        tridia_grad,
        tridia_hess,
        np.ones(100),
        0.0,
        0.5 ** np.arange(100.0),
        "convex quadratic large",
    ),
    entry(
        "dqdrtic",
        dqdrtic,
        dqdrtic_grad,
        dqdrtic_hess,
        np.full(1000, 3.0),
        0.0,
        np.zeros(1000),
        "convex quadratic large",
    ),
    entry(
        "linear_rank_one",
        linear_rank_one,
        linear_rank_one_grad,
        linear_rank_one_hess,
        np.ones(10),
        190.0 / 41.0,
        None,
        "convex quadratic singular singular_start",
    ),
)
