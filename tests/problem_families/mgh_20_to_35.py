"""Moré, Garbow and Hillstrom (MGH), problems 20 to 35."""

import numpy as np
from numba import njit

from problem_families.problem import entry


@njit(cache=True)
def watson(x):
    """MGH 20, Watson."""
    n = x.size
    a = x[1] - x[0] * x[0] - 1.0
    s = x[0] * x[0] + a * a
    for i in range(1, 30):
        t = i / 29.0
        p = 0.0  # the polynomial with coefficients x, and its derivative
        dp = 0.0
        for j in range(n - 1, -1, -1):
            dp = dp * t + p
            p = p * t + x[j]
        r = dp - p * p - 1.0
        s += r * r
    return s


@njit(cache=True)
def watson_grad(x):
    n = x.size
    a = x[1] - x[0] * x[0] - 1.0
    g = np.empty_like(x)
    g[:] = 0.0
    g[0] = 2.0 * x[0] - 4.0 * a * x[0]
    g[1] = 2.0 * a
    for i in range(1, 30):
        t = i / 29.0
        p = 0.0
        dp = 0.0
        for j in range(n - 1, -1, -1):
            dp = dp * t + p
            p = p * t + x[j]
        r = 2.0 * (dp - p * p - 1.0)
        tj = 1.0 / t  # t^(j - 1)
        for j in range(n):
            g[j] += r * (j - 2.0 * p * t) * tj
            tj *= t
    return g


@njit(cache=True)
def watson_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    H[0, 0] = 12.0 * x[0] * x[0] - 4.0 * x[1] + 6.0
    H[0, 1] = H[1, 0] = -4.0 * x[0]
    H[1, 1] = 2.0
    for i in range(1, 30):
        t = i / 29.0
        p = 0.0
        dp = 0.0
        for j in range(n - 1, -1, -1):
            dp = dp * t + p
            p = p * t + x[j]
        r = dp - p * p - 1.0
        for j in range(n):
            dj = (j - 2.0 * p * t) * t ** (j - 1)
            for k in range(n):
                dk = (k - 2.0 * p * t) * t ** (k - 1)
                H[j, k] += 2.0 * dj * dk - 4.0 * r * t ** (j + k)
    return H


@njit(cache=True)
def penalty_1(x):
    """MGH 23, penalty function I."""
    s = 0.0
    q = -0.25
    for i in range(x.size):
        s += 1e-5 * (x[i] - 1.0) ** 2
        q += x[i] * x[i]
    return s + q * q


@njit(cache=True)
def penalty_1_grad(x):
    q = -0.25
    for i in range(x.size):
        q += x[i] * x[i]
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 2e-5 * (x[i] - 1.0) + 4.0 * q * x[i]
    return g


@njit(cache=True)
def penalty_1_hess(x):
    n = x.size
    q = -0.25
    for i in range(n):
        q += x[i] * x[i]
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(n):
            H[i, j] = 8.0 * x[i] * x[j]
        H[i, i] += 2e-5 + 4.0 * q
    return H


@njit(cache=True)
def variably_dimensioned(x):
    """MGH 25, variably dimensioned."""
    s = 0.0
    t = 0.0
    for i in range(x.size):
        d = x[i] - 1.0
        s += d * d
        t += (i + 1.0) * d
    return s + t * t + t**4


@njit(cache=True)
def variably_dimensioned_grad(x):
    t = 0.0
    for i in range(x.size):
        t += (i + 1.0) * (x[i] - 1.0)
    dt = 2.0 * t + 4.0 * t**3
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 2.0 * (x[i] - 1.0) + (i + 1.0) * dt
    return g


@njit(cache=True)
def variably_dimensioned_hess(x):
    n = x.size
    t = 0.0
    for i in range(n):
        t += (i + 1.0) * (x[i] - 1.0)
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(n):
            H[i, j] = (i + 1.0) * (j + 1.0) * (2.0 + 12.0 * t * t)
        H[i, i] += 2.0
    return H


@njit(cache=True)
def trigonometric(x):
    """MGH 26, trigonometric."""
    n = x.size
    c = 0.0
    for i in range(n):
        c += 1.0 - np.cos(x[i])
    s = 0.0
    for i in range(n):
        r = c + (i + 1.0) * (1.0 - np.cos(x[i])) - np.sin(x[i])
        s += r * r
    return s


@njit(cache=True)
def trigonometric_grad(x):
    n = x.size
    c = 0.0
    for i in range(n):
        c += 1.0 - np.cos(x[i])
    total = 0.0
    for i in range(n):
        total += c + (i + 1.0) * (1.0 - np.cos(x[i])) - np.sin(x[i])
    g = np.empty_like(x)
    for i in range(n):
        r = c + (i + 1.0) * (1.0 - np.cos(x[i])) - np.sin(x[i])
        g[i] = 2.0 * total * np.sin(x[i]) + 2.0 * r * ((i + 1.0) * np.sin(x[i]) - np.cos(x[i]))
    return g


@njit(cache=True)
def trigonometric_hess(x):
    n = x.size
    c = 0.0
    for i in range(n):
        c += 1.0 - np.cos(x[i])
    total = 0.0
    for i in range(n):
        total += c + (i + 1.0) * (1.0 - np.cos(x[i])) - np.sin(x[i])
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        s = np.sin(x[i])
        d = (i + 1.0) * s - np.cos(x[i])
        for j in range(i):
            sj = np.sin(x[j])
            dj = (j + 1.0) * sj - np.cos(x[j])
            H[i, j] = H[j, i] = 2.0 * (n * s * sj + s * dj + d * sj)
        r = c + (i + 1.0) * (1.0 - np.cos(x[i])) - s
        H[i, i] = 2.0 * (n * s * s + 2.0 * s * d + d * d)
        H[i, i] += 2.0 * (total * np.cos(x[i]) + r * ((i + 1.0) * np.cos(x[i]) + s))
    return H


@njit(cache=True)
def brown_almost_linear(x):
    """MGH 27, Brown almost-linear."""
    n = x.size
    total = -(n + 1.0)
    prod = 1.0
    for i in range(n):
        total += x[i]
        prod *= x[i]
    s = (prod - 1.0) ** 2
    for i in range(n - 1):
        r = x[i] + total
        s += r * r
    return s


@njit(cache=True)
def brown_almost_linear_grad(x):
    n = x.size
    total = -(n + 1.0)
    prod = 1.0
    for i in range(n):
        total += x[i]
        prod *= x[i]
    rsum = 0.0
    for i in range(n - 1):
        rsum += x[i] + total
    g = np.empty_like(x)
    for i in range(n):
        others = 1.0
        for j in range(n):
            if j != i:
                others *= x[j]
        d = rsum + (prod - 1.0) * others
        if i < n - 1:
            d += x[i] + total
        g[i] = 2.0 * d
    return g


@njit(cache=True)
def brown_almost_linear_hess(x):
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
            if i == j:
                d = both * both + (n - 1.0 if i == n - 1 else n + 2.0)
            else:
                d = (2.0 * prod - 1.0) * both + (n if i == n - 1 else n + 1.0)
            H[i, j] = H[j, i] = 2.0 * d
    return H


@njit(cache=True)
def _boundary_residual(x, i):
    n = x.size
    h = 1.0 / (n + 1.0)
    r = 2.0 * x[i] + 0.5 * h * h * (x[i] + (i + 1.0) * h + 1.0) ** 3
    if i > 0:
        r -= x[i - 1]
    if i < n - 1:
        r -= x[i + 1]
    return r


@njit(cache=True)
def discrete_boundary(x):
    """MGH 28, discrete boundary value."""
    s = 0.0
    for i in range(x.size):
        s += _boundary_residual(x, i) ** 2
    return s


@njit(cache=True)
def discrete_boundary_grad(x):
    n = x.size
    h = 1.0 / (n + 1.0)
    g = np.empty_like(x)
    for i in range(n):
        d = _boundary_residual(x, i) * (2.0 + 1.5 * h * h * (x[i] + (i + 1.0) * h + 1.0) ** 2)
        if i > 0:
            d -= _boundary_residual(x, i - 1)
        if i < n - 1:
            d -= _boundary_residual(x, i + 1)
        g[i] = 2.0 * d
    return g


@njit(cache=True)
def discrete_boundary_hess(x):
    n = x.size
    h = 1.0 / (n + 1.0)
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        u = x[i] + (i + 1.0) * h + 1.0
        d = 2.0 + 1.5 * h * h * u * u
        H[i, i] += 2.0 * (d * d + _boundary_residual(x, i) * 3.0 * h * h * u)
        for j in (i - 1, i + 1):
            if 0 <= j < n:
                H[j, j] += 2.0
                H[i, j] -= 2.0 * d
                H[j, i] -= 2.0 * d
        if 0 < i < n - 1:
            H[i - 1, i + 1] = H[i + 1, i - 1] = 2.0
    return H


@njit(cache=True)
def _broyden_residual(x, i):
    r = (3.0 - 2.0 * x[i]) * x[i] + 1.0
    if i > 0:
        r -= x[i - 1]
    if i < x.size - 1:
        r -= 2.0 * x[i + 1]
    return r


@njit(cache=True)
def broyden_tridiagonal(x):
    """MGH 30, Broyden tridiagonal."""
    s = 0.0
    for i in range(x.size):
        s += _broyden_residual(x, i) ** 2
    return s


@njit(cache=True)
def broyden_tridiagonal_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        d = _broyden_residual(x, i) * (3.0 - 4.0 * x[i])
        if i > 0:
            d -= 2.0 * _broyden_residual(x, i - 1)
        if i < n - 1:
            d -= _broyden_residual(x, i + 1)
        g[i] = 2.0 * d
    return g


@njit(cache=True)
def broyden_tridiagonal_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        d = 3.0 - 4.0 * x[i]
        H[i, i] += 2.0 * d * d - 8.0 * _broyden_residual(x, i)
        if i > 0:
            H[i - 1, i - 1] += 2.0
            H[i, i - 1] -= 2.0 * d
            H[i - 1, i] -= 2.0 * d
        if i < n - 1:
            H[i + 1, i + 1] += 8.0
            H[i, i + 1] -= 4.0 * d
            H[i + 1, i] -= 4.0 * d
        if 0 < i < n - 1:
            H[i - 1, i + 1] = H[i + 1, i - 1] = 4.0
    return H


@njit(cache=True)
def _chebyquad_residuals(x):
    # mean of the shifted Chebyshev polynomials T_1 ... T_n over x, less their integrals over [0, 1]
    n = x.size
    r = np.zeros(n)
    for j in range(n):
        z = 2.0 * x[j] - 1.0
        t0 = 1.0
        t1 = z
        for k in range(n):
            r[k] += t1 / n
            t0, t1 = t1, 2.0 * z * t1 - t0
    for k in range(1, n, 2):
        r[k] += 1.0 / ((k + 1.0) ** 2 - 1.0)
    return r


@njit(cache=True)
def chebyquad(x):
    """MGH 35, Chebyquad."""
    r = _chebyquad_residuals(x)
    s = 0.0
    for k in range(x.size):
        s += r[k] * r[k]
    return s


@njit(cache=True)
def chebyquad_grad(x):
    n = x.size
    r = _chebyquad_residuals(x)
    g = np.empty_like(x)
    for j in range(n):
        z = 2.0 * x[j] - 1.0
        u0 = 0.0  # Chebyshev polynomials of the second kind: dT_k/dz = k U_(k-1)
        u1 = 1.0
        d = 0.0
        for k in range(n):
            d += r[k] * (k + 1.0) * u1
            u0, u1 = u1, 2.0 * z * u1 - u0
        g[j] = 4.0 * d / n
    return g


@njit(cache=True)
def chebyquad_hess(x):
    n = x.size
    r = _chebyquad_residuals(x)
    slopes = np.empty((n, n))  # dT_k/dx_j / n
    H = np.zeros((n, n), x.dtype)
    for j in range(n):
        z = 2.0 * x[j] - 1.0
        t0 = 1.0  # T_(k-1) and T_k, their first and their second derivatives by z
        t1 = z
        d0 = 0.0
        d1 = 1.0
        dd0 = 0.0
        dd1 = 0.0
        for k in range(n):
            slopes[k, j] = 2.0 * d1 / n
            H[j, j] += 8.0 * r[k] * dd1 / n
            dd0, dd1 = dd1, 4.0 * d1 + 2.0 * z * dd1 - dd0
            d0, d1 = d1, 2.0 * t1 + 2.0 * z * d1 - d0
            t0, t1 = t1, 2.0 * z * t1 - t0
    for i in range(n):
        for j in range(n):
            for k in range(n):
                H[i, j] += 2.0 * slopes[k, i] * slopes[k, j]
    return H


PROBLEMS = (
    entry(
        "watson",
        watson,
        watson_grad,
        watson_hess,
        np.zeros(6),
        0.00228767005355243624,
        [
            -0.015725086401458456,
            1.0124348693691099,
            -0.2329916259567377,
            1.2604300877996084,
            -1.5137289227222797,
            0.9929964324311346,
        ],
        "badly_scaled",
    ),
    entry(
        "penalty_1",
        penalty_1,
        penalty_1_grad,
        penalty_1_hess,
        np.arange(1.0, 11.0),
        7.08765146709036944e-5,
        np.full(10, 0.158122301113116355),
        "badly_scaled",
    ),
    entry(
        "variably_dimensioned",
        variably_dimensioned,
        variably_dimensioned_grad,
        variably_dimensioned_hess,
        1.0 - np.arange(1.0, 11.0) / 10.0,
        0.0,
        np.ones(10),
        "convex",
    ),
    entry(
        "trigonometric",
        trigonometric,
        trigonometric_grad,
        trigonometric_hess,
        np.full(10, 0.1),
        2.79505612187945628e-5,
        [
            0.05515090398069129,
            0.05684061679473856,
            0.058764001762695084,
            0.06099060865676081,
            0.06362621369585451,
            0.06684317945275879,
            0.20816151856988116,
            0.16436309588564774,
            0.08500689568850744,
            0.09143145071470794,
        ],
        "local_minima indefinite_start",
    ),
    entry(
        "brown_almost_linear",
        brown_almost_linear,
        brown_almost_linear_grad,
        brown_almost_linear_hess,
        np.full(10, 0.5),
        0.0,
        None,
        "local_minima",
    ),
    entry(
        "discrete_boundary",
        discrete_boundary,
        discrete_boundary_grad,
        discrete_boundary_hess,
        np.arange(1.0, 11.0) / 11.0 * (np.arange(1.0, 11.0) / 11.0 - 1.0),
        0.0,
        [
            -0.04316498251876487,
            -0.08157715653538689,
            -0.11448571438052929,
            -0.14097357686259668,
            -0.1599086961819831,
            -0.16987720231277492,
            -0.16908998378120835,
            -0.15524953522183182,
            -0.125355891678935,
            -0.07541653368589209,
        ],
    ),
    entry(
        "broyden_tridiagonal_30",
        broyden_tridiagonal,
        broyden_tridiagonal_grad,
        broyden_tridiagonal_hess,
        np.full(30, -1.0),
        0.0,
        None,
        "local_minima",
    ),
    entry(
        "broyden_tridiagonal_500",
        broyden_tridiagonal,
        broyden_tridiagonal_grad,
        broyden_tridiagonal_hess,
        np.full(500, -1.0),
        0.0,
        None,
        "large local_minima",
    ),
    entry(
        "chebyquad",
        chebyquad,
        chebyquad_grad,
        chebyquad_hess,
        np.arange(1.0, 9.0) / 9.0,
        0.00351687372567793167,
        None,
        "indefinite_start",
    ),
)
