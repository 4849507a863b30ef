"""
Unconstrained minimisation problems with known minima.

Every problem is a pair of compiled functions of one array: the objective
``fun(x) -> float`` and its exact gradient ``jac(x) -> array`` of the shape
and dtype of ``x``.  Both accept float32 and float64 arrays and both can also
be run interpreted through their ``py_func`` attribute.

The table is `PROBLEMS`; `problem` looks one entry up by name.

Notes
-----
``minimum`` is the value at the minimiser that descent from the standard
start reaches, which is not always the global minimum: such problems carry
the tag ``"local_minima"``.  ``minimizer`` is None where descent from the
start can reach that value at different points, and where the minimiser is
unique but too long to list (`engval1` and `edensch`).

Minima without a closed form were solved for separately: with Newton's
method on symbolic derivatives in 50-digit arithmetic, then rounded, or
(`engval1` and `edensch`) with Newton's method in extended precision.

The tags are

``"convex"``
    The objective is convex on the whole space.
``"quadratic"``
    The objective is a quadratic.
``"ravine"``
    The path to the minimiser follows a narrow curved valley.
``"singular"``
    The Hessian is singular at the minimiser.
``"badly_scaled"``
    The variables, or the Hessian at the minimiser, span many orders of
    magnitude.
``"plateau"``
    The gradient is small far away from the minimiser.
``"local_minima"``
    Minima, finite or at infinity, with other values exist (in `mccormick`
    the objective is unbounded below).
``"large"``
    There are at least 100 variables.

References
----------
.. [1] J. J. Moré, B. S. Garbow and K. E. Hillstrom, "Testing unconstrained
   optimization software", ACM Trans. Math. Softw. 7 (1981), 17-41.
   Cited below as MGH with the problem's number there.
.. [2] N. I. M. Gould, D. Orban and Ph. L. Toint, "CUTEst: a constrained and
   unconstrained testing environment with safe threads for mathematical
   optimization", Comput. Optim. Appl. 60 (2015), 545-557.
.. [3] N. Andrei, "An unconstrained optimization test functions collection",
   Adv. Model. Optim. 10 (2008), 147-161.
.. [4] S. Boyd and L. Vandenberghe, "Convex Optimization", Cambridge
   University Press, 2004.
.. [5] Y. Nesterov, "Introductory Lectures on Convex Optimization", Kluwer,
   2004.
.. [6] M. Jamil and X.-S. Yang, "A literature survey of benchmark functions
   for global optimisation problems", Int. J. Math. Model. Numer. Optim. 4
   (2013), 150-194.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["PROBLEMS", "Problem", "problem"]


# ---------------------------------------------------------------------------
# One variable
# ---------------------------------------------------------------------------


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
def cosh_tilted(x):
    """Tilted hyperbolic cosine cosh(x) - x."""
    return np.cosh(x[0]) - x[0]


@njit(cache=True)
def cosh_tilted_grad(x):
    g = np.empty_like(x)
    g[0] = np.sinh(x[0]) - 1.0
    return g


# ---------------------------------------------------------------------------
# Quadratics
# ---------------------------------------------------------------------------


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


# ---------------------------------------------------------------------------
# Moré, Garbow and Hillstrom, 1 to 18
# ---------------------------------------------------------------------------


@njit(cache=True)
def extended_rosenbrock(x):
    """MGH 1 (n = 2) and MGH 21 (n even), Rosenbrock and extended Rosenbrock."""
    s = 0.0
    for i in range(0, x.size, 2):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        s += 100.0 * a * a + b * b
    return s


@njit(cache=True)
def extended_rosenbrock_grad(x):
    g = np.empty_like(x)
    for i in range(0, x.size, 2):
        a = x[i + 1] - x[i] * x[i]
        g[i] = -400.0 * a * x[i] - 2.0 * (1.0 - x[i])
        g[i + 1] = 200.0 * a
    return g


@njit(cache=True)
def freudenstein_roth(x):
    """MGH 2, Freudenstein and Roth."""
    a = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    b = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    return a * a + b * b


@njit(cache=True)
def freudenstein_roth_grad(x):
    a = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    b = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    g = np.empty_like(x)
    g[0] = 2.0 * (a + b)
    g[1] = 2.0 * a * ((10.0 - 3.0 * x[1]) * x[1] - 2.0) + 2.0 * b * ((3.0 * x[1] + 2.0) * x[1] - 14.0)
    return g


@njit(cache=True)
def powell_badly_scaled(x):
    """MGH 3, Powell badly scaled."""
    a = 1e4 * x[0] * x[1] - 1.0
    b = np.exp(-x[0]) + np.exp(-x[1]) - 1.0001
    return a * a + b * b


@njit(cache=True)
def powell_badly_scaled_grad(x):
    a = 1e4 * x[0] * x[1] - 1.0
    b = np.exp(-x[0]) + np.exp(-x[1]) - 1.0001
    g = np.empty_like(x)
    g[0] = 2e4 * a * x[1] - 2.0 * b * np.exp(-x[0])
    g[1] = 2e4 * a * x[0] - 2.0 * b * np.exp(-x[1])
    return g


@njit(cache=True)
def brown_badly_scaled(x):
    """MGH 4, Brown badly scaled."""
    a = x[0] - 1e6
    b = x[1] - 2e-6
    c = x[0] * x[1] - 2.0
    return a * a + b * b + c * c


@njit(cache=True)
def brown_badly_scaled_grad(x):
    c = x[0] * x[1] - 2.0
    g = np.empty_like(x)
    g[0] = 2.0 * (x[0] - 1e6) + 2.0 * c * x[1]
    g[1] = 2.0 * (x[1] - 2e-6) + 2.0 * c * x[0]
    return g


_BEALE_Y = np.array([1.5, 2.25, 2.625])


@njit(cache=True)
def beale(x):
    """MGH 5, Beale."""
    s = 0.0
    for i in range(3):
        r = _BEALE_Y[i] - x[0] * (1.0 - x[1] ** (i + 1))
        s += r * r
    return s


@njit(cache=True)
def beale_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(3):
        r = _BEALE_Y[i] - x[0] * (1.0 - x[1] ** (i + 1))
        g[0] -= 2.0 * r * (1.0 - x[1] ** (i + 1))
        g[1] += 2.0 * r * x[0] * (i + 1) * x[1] ** i
    return g


@njit(cache=True)
def jennrich_sampson(x):
    """MGH 6, Jennrich and Sampson, m = 10."""
    s = 0.0
    for i in range(1, 11):
        r = 2.0 + 2.0 * i - np.exp(i * x[0]) - np.exp(i * x[1])
        s += r * r
    return s


@njit(cache=True)
def jennrich_sampson_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(1, 11):
        a = np.exp(i * x[0])
        b = np.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        g[0] -= 2.0 * r * i * a
        g[1] -= 2.0 * r * i * b
    return g


@njit(cache=True)
def _helical_turn(u, v):
    # the angle of (u, v) in turns, in (-1/4, 3/4], with its jump on the negative v axis
    if u == 0.0:
        return 0.25 if v >= 0.0 else -0.25
    t = np.arctan(v / u) / (2.0 * np.pi)
    return t if u > 0.0 else t + 0.5


@njit(cache=True)
def helical_valley(x):
    """MGH 7, helical valley."""
    a = 10.0 * (x[2] - 10.0 * _helical_turn(x[0], x[1]))
    b = 10.0 * (np.sqrt(x[0] * x[0] + x[1] * x[1]) - 1.0)
    return a * a + b * b + x[2] * x[2]


@njit(cache=True)
def helical_valley_grad(x):
    rr = x[0] * x[0] + x[1] * x[1]
    r = np.sqrt(rr)
    a = 10.0 * (x[2] - 10.0 * _helical_turn(x[0], x[1]))
    b = 10.0 * (r - 1.0)
    c = 100.0 * a / (np.pi * rr)
    g = np.empty_like(x)
    g[0] = c * x[1] + 20.0 * b * x[0] / r
    g[1] = -c * x[0] + 20.0 * b * x[1] / r
    g[2] = 20.0 * a + 2.0 * x[2]
    return g


_BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


@njit(cache=True)
def bard(x):
    """MGH 8, Bard."""
    s = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        r = _BARD_Y[i] - x[0] - u / (v * x[1] + w * x[2])
        s += r * r
    return s


@njit(cache=True)
def bard_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        d = v * x[1] + w * x[2]
        r = _BARD_Y[i] - x[0] - u / d
        g[0] -= 2.0 * r
        g[1] += 2.0 * r * u * v / (d * d)
        g[2] += 2.0 * r * u * w / (d * d)
    return g


_GAUSSIAN_Y = np.array(
    [
        0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
        0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009,
    ]
)  # fmt: skip


@njit(cache=True)
def gaussian(x):
    """MGH 9, Gaussian."""
    s = 0.0
    for i in range(15):
        d = 0.5 * (7.0 - i) - x[2]
        r = x[0] * np.exp(-0.5 * x[1] * d * d) - _GAUSSIAN_Y[i]
        s += r * r
    return s


@njit(cache=True)
def gaussian_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(15):
        d = 0.5 * (7.0 - i) - x[2]
        e = np.exp(-0.5 * x[1] * d * d)
        r = x[0] * e - _GAUSSIAN_Y[i]
        g[0] += 2.0 * r * e
        g[1] -= r * x[0] * e * d * d
        g[2] += 2.0 * r * x[0] * e * x[1] * d
    return g


@njit(cache=True)
def box_3d(x):
    """MGH 12, Box three-dimensional, m = 10."""
    s = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        r = np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10.0 * t))
        s += r * r
    return s


@njit(cache=True)
def box_3d_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        a = np.exp(-t * x[0])
        b = np.exp(-t * x[1])
        c = np.exp(-t) - np.exp(-10.0 * t)
        r = a - b - x[2] * c
        g[0] -= 2.0 * r * t * a
        g[1] += 2.0 * r * t * b
        g[2] -= 2.0 * r * c
    return g


@njit(cache=True)
def extended_powell(x):
    """MGH 13 (n = 4) and MGH 22 (n a multiple of 4), Powell singular and extended Powell singular."""
    s = 0.0
    for i in range(0, x.size, 4):
        a = x[i] + 10.0 * x[i + 1]
        b = x[i + 2] - x[i + 3]
        c = x[i + 1] - 2.0 * x[i + 2]
        d = x[i] - x[i + 3]
        s += a * a + 5.0 * b * b + c**4 + 10.0 * d**4
    return s


@njit(cache=True)
def extended_powell_grad(x):
    g = np.empty_like(x)
    for i in range(0, x.size, 4):
        a = x[i] + 10.0 * x[i + 1]
        b = x[i + 2] - x[i + 3]
        c = 4.0 * (x[i + 1] - 2.0 * x[i + 2]) ** 3
        d = 40.0 * (x[i] - x[i + 3]) ** 3
        g[i] = 2.0 * a + d
        g[i + 1] = 20.0 * a + c
        g[i + 2] = 10.0 * b - 2.0 * c
        g[i + 3] = -10.0 * b - d
    return g


@njit(cache=True)
def wood(x):
    """MGH 14, Wood."""
    a = x[1] - x[0] * x[0]
    b = x[3] - x[2] * x[2]
    s = 100.0 * a * a + (1.0 - x[0]) ** 2 + 90.0 * b * b + (1.0 - x[2]) ** 2
    return s + 10.0 * (x[1] + x[3] - 2.0) ** 2 + 0.1 * (x[1] - x[3]) ** 2


@njit(cache=True)
def wood_grad(x):
    a = x[1] - x[0] * x[0]
    b = x[3] - x[2] * x[2]
    c = 20.0 * (x[1] + x[3] - 2.0)
    d = 0.2 * (x[1] - x[3])
    g = np.empty_like(x)
    g[0] = -400.0 * a * x[0] - 2.0 * (1.0 - x[0])
    g[1] = 200.0 * a + c + d
    g[2] = -360.0 * b * x[2] - 2.0 * (1.0 - x[2])
    g[3] = 180.0 * b + c - d
    return g


_KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
_KOWALIK_U = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


@njit(cache=True)
def kowalik_osborne(x):
    """MGH 15, Kowalik and Osborne."""
    s = 0.0
    for i in range(11):
        u = _KOWALIK_U[i]
        r = _KOWALIK_Y[i] - x[0] * u * (u + x[1]) / (u * (u + x[2]) + x[3])
        s += r * r
    return s


@njit(cache=True)
def kowalik_osborne_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(11):
        u = _KOWALIK_U[i]
        p = u * (u + x[1])
        q = u * (u + x[2]) + x[3]
        r = 2.0 * (_KOWALIK_Y[i] - x[0] * p / q)
        g[0] -= r * p / q
        g[1] -= r * x[0] * u / q
        g[2] += r * x[0] * p * u / (q * q)
        g[3] += r * x[0] * p / (q * q)
    return g


@njit(cache=True)
def brown_dennis(x):
    """MGH 16, Brown and Dennis, m = 20."""
    s = 0.0
    for i in range(1, 21):
        t = 0.2 * i
        a = x[0] + t * x[1] - np.exp(t)
        b = x[2] + x[3] * np.sin(t) - np.cos(t)
        s += (a * a + b * b) ** 2
    return s


@njit(cache=True)
def brown_dennis_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(1, 21):
        t = 0.2 * i
        a = x[0] + t * x[1] - np.exp(t)
        b = x[2] + x[3] * np.sin(t) - np.cos(t)
        r = 4.0 * (a * a + b * b)
        g[0] += r * a
        g[1] += r * a * t
        g[2] += r * b
        g[3] += r * b * np.sin(t)
    return g


@njit(cache=True)
def biggs_exp6(x):
    """MGH 18, Biggs EXP6, m = 13."""
    s = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
        r = x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y
        s += r * r
    return s


@njit(cache=True)
def biggs_exp6_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
        a = np.exp(-t * x[0])
        b = np.exp(-t * x[1])
        c = np.exp(-t * x[4])
        r = 2.0 * (x[2] * a - x[3] * b + x[5] * c - y)
        g[0] -= r * x[2] * t * a
        g[1] += r * x[3] * t * b
        g[2] += r * a
        g[3] -= r * b
        g[4] -= r * x[5] * t * c
        g[5] += r * c
    return g


# ---------------------------------------------------------------------------
# Moré, Garbow and Hillstrom, 20 to 35
# ---------------------------------------------------------------------------


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


# ---------------------------------------------------------------------------
# CUTEst
# ---------------------------------------------------------------------------


@njit(cache=True)
def cube(x):
    """CUTEst CUBE."""
    a = x[1] - x[0] ** 3
    return (x[0] - 1.0) ** 2 + 100.0 * a * a


@njit(cache=True)
def cube_grad(x):
    a = x[1] - x[0] ** 3
    g = np.empty_like(x)
    g[0] = 2.0 * (x[0] - 1.0) - 600.0 * a * x[0] * x[0]
    g[1] = 200.0 * a
    return g


@njit(cache=True)
def cliff(x):
    """CUTEst CLIFF."""
    d = x[0] - x[1]
    return (0.01 * x[0] - 0.03) ** 2 - d + np.exp(20.0 * d)


@njit(cache=True)
def cliff_grad(x):
    e = 20.0 * np.exp(20.0 * (x[0] - x[1]))
    g = np.empty_like(x)
    g[0] = 0.02 * (0.01 * x[0] - 0.03) - 1.0 + e
    g[1] = 1.0 - e
    return g


@njit(cache=True)
def sisser(x):
    """CUTEst SISSER."""
    a = x[0] * x[0]
    b = x[1] * x[1]
    return 3.0 * a * a - 2.0 * a * b + 3.0 * b * b


@njit(cache=True)
def sisser_grad(x):
    a = x[0] * x[0]
    b = x[1] * x[1]
    g = np.empty_like(x)
    g[0] = (12.0 * a - 4.0 * b) * x[0]
    g[1] = (12.0 * b - 4.0 * a) * x[1]
    return g


@njit(cache=True)
def arwhead(x):
    """CUTEst ARWHEAD."""
    n = x.size
    z = x[n - 1] * x[n - 1]
    s = 0.0
    for i in range(n - 1):
        s += (x[i] * x[i] + z) ** 2 - 4.0 * x[i] + 3.0
    return s


@njit(cache=True)
def arwhead_grad(x):
    n = x.size
    z = x[n - 1] * x[n - 1]
    last = 0.0
    g = np.empty_like(x)
    for i in range(n - 1):
        q = 4.0 * (x[i] * x[i] + z)
        g[i] = q * x[i] - 4.0
        last += q * x[n - 1]
    g[n - 1] = last
    return g


@njit(cache=True)
def engval1(x):
    """CUTEst ENGVAL1."""
    s = 0.0
    for i in range(x.size - 1):
        s += (x[i] * x[i] + x[i + 1] * x[i + 1]) ** 2 - 4.0 * x[i] + 3.0
    return s


@njit(cache=True)
def engval1_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        d = 0.0
        if i < n - 1:
            d += 4.0 * (x[i] * x[i] + x[i + 1] * x[i + 1]) * x[i] - 4.0
        if i > 0:
            d += 4.0 * (x[i - 1] * x[i - 1] + x[i] * x[i]) * x[i]
        g[i] = d
    return g


@njit(cache=True)
def edensch(x):
    """CUTEst EDENSCH, extended Dennis and Schnabel."""
    s = 16.0
    for i in range(x.size - 1):
        d = x[i] - 2.0
        s += d**4 + (d * x[i + 1]) ** 2 + (x[i + 1] + 1.0) ** 2
    return s


@njit(cache=True)
def edensch_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        r = 0.0
        if i < n - 1:
            d = x[i] - 2.0
            r += 4.0 * d**3 + 2.0 * d * x[i + 1] ** 2
        if i > 0:
            r += 2.0 * (x[i - 1] - 2.0) ** 2 * x[i] + 2.0 * (x[i] + 1.0)
        g[i] = r
    return g


@njit(cache=True)
def liarwhd(x):
    """CUTEst LIARWHD."""
    s = 0.0
    for i in range(x.size):
        a = x[i] * x[i] - x[0]
        s += 4.0 * a * a + (x[i] - 1.0) ** 2
    return s


@njit(cache=True)
def liarwhd_grad(x):
    first = 0.0
    g = np.empty_like(x)
    for i in range(x.size):
        a = x[i] * x[i] - x[0]
        first -= 8.0 * a
        g[i] = 16.0 * a * x[i] + 2.0 * (x[i] - 1.0)
    g[0] += first
    return g


@njit(cache=True)
def quartc(x):
    """CUTEst QUARTC."""
    s = 0.0
    for i in range(x.size):
        s += (x[i] - (i + 1.0)) ** 4
    return s


@njit(cache=True)
def quartc_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 4.0 * (x[i] - (i + 1.0)) ** 3
    return g


# ---------------------------------------------------------------------------
# Andrei's collection and other classics
# ---------------------------------------------------------------------------


@njit(cache=True)
def raydan_1(x):
    """Andrei (2008), Raydan 1."""
    s = 0.0
    for i in range(x.size):
        s += 0.1 * (i + 1.0) * (np.exp(x[i]) - x[i])
    return s


@njit(cache=True)
def raydan_1_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 0.1 * (i + 1.0) * (np.exp(x[i]) - 1.0)
    return g


@njit(cache=True)
def raydan_2(x):
    """Andrei (2008), Raydan 2."""
    s = 0.0
    for i in range(x.size):
        s += np.exp(x[i]) - x[i]
    return s


@njit(cache=True)
def raydan_2_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = np.exp(x[i]) - 1.0
    return g


@njit(cache=True)
def chained_rosenbrock(x):
    """Chained Rosenbrock, `scipy.optimize.rosen`."""
    s = 0.0
    for i in range(x.size - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        s += 100.0 * a * a + b * b
    return s


@njit(cache=True)
def chained_rosenbrock_grad(x):
    n = x.size
    g = np.empty_like(x)
    for i in range(n):
        d = 0.0
        if i < n - 1:
            d -= 400.0 * (x[i + 1] - x[i] * x[i]) * x[i] + 2.0 * (1.0 - x[i])
        if i > 0:
            d += 200.0 * (x[i] - x[i - 1] * x[i - 1])
        g[i] = d
    return g


@njit(cache=True)
def himmelblau(x):
    """Jamil and Yang, Himmelblau, with four minima of the same value."""
    a = x[0] * x[0] + x[1] - 11.0
    b = x[0] + x[1] * x[1] - 7.0
    return a * a + b * b


@njit(cache=True)
def himmelblau_grad(x):
    a = x[0] * x[0] + x[1] - 11.0
    b = x[0] + x[1] * x[1] - 7.0
    g = np.empty_like(x)
    g[0] = 4.0 * a * x[0] + 2.0 * b
    g[1] = 2.0 * a + 4.0 * b * x[1]
    return g


@njit(cache=True)
def branin(x):
    """Jamil and Yang, Branin without bounds: a row of minima of the same value."""
    a = x[1] - 5.1 / (4.0 * np.pi**2) * x[0] * x[0] + 5.0 / np.pi * x[0] - 6.0
    return a * a + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(x[0]) + 10.0


@njit(cache=True)
def branin_grad(x):
    a = x[1] - 5.1 / (4.0 * np.pi**2) * x[0] * x[0] + 5.0 / np.pi * x[0] - 6.0
    da = 5.0 / np.pi - 5.1 / (2.0 * np.pi**2) * x[0]
    g = np.empty_like(x)
    g[0] = 2.0 * a * da - 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.sin(x[0])
    g[1] = 2.0 * a
    return g


@njit(cache=True)
def mccormick(x):
    """Jamil and Yang, McCormick without bounds, the minimum nearest to 0."""
    d = x[0] - x[1]
    return np.sin(x[0] + x[1]) + d * d - 1.5 * x[0] + 2.5 * x[1] + 1.0


@njit(cache=True)
def mccormick_grad(x):
    c = np.cos(x[0] + x[1])
    d = 2.0 * (x[0] - x[1])
    g = np.empty_like(x)
    g[0] = c + d - 1.5
    g[1] = c - d + 2.5
    return g


@njit(cache=True)
def dixon_price(x):
    """Jamil and Yang, Dixon and Price."""
    s = (x[0] - 1.0) ** 2
    for i in range(1, x.size):
        a = 2.0 * x[i] * x[i] - x[i - 1]
        s += (i + 1.0) * a * a
    return s


@njit(cache=True)
def dixon_price_grad(x):
    g = np.empty_like(x)
    g[0] = 2.0 * (x[0] - 1.0)
    for i in range(1, x.size):
        a = 2.0 * (i + 1.0) * (2.0 * x[i] * x[i] - x[i - 1])
        g[i - 1] -= a
        g[i] = 4.0 * a * x[i]
    return g


@njit(cache=True)
def zakharov(x):
    """Jamil and Yang, Zakharov."""
    s = 0.0
    t = 0.0
    for i in range(x.size):
        s += x[i] * x[i]
        t += 0.5 * (i + 1.0) * x[i]
    return s + t * t + t**4


@njit(cache=True)
def zakharov_grad(x):
    t = 0.0
    for i in range(x.size):
        t += 0.5 * (i + 1.0) * x[i]
    dt = 2.0 * t + 4.0 * t**3
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 2.0 * x[i] + 0.5 * (i + 1.0) * dt
    return g


@njit(cache=True)
def boyd_exponentials(x):
    """Boyd and Vandenberghe (2004), equation (9.20), a sum of exponentials."""
    return np.exp(x[0] + 3.0 * x[1] - 0.1) + np.exp(x[0] - 3.0 * x[1] - 0.1) + np.exp(-x[0] - 0.1)


@njit(cache=True)
def boyd_exponentials_grad(x):
    a = np.exp(x[0] + 3.0 * x[1] - 0.1)
    b = np.exp(x[0] - 3.0 * x[1] - 0.1)
    g = np.empty_like(x)
    g[0] = a + b - np.exp(-x[0] - 0.1)
    g[1] = 3.0 * (a - b)
    return g


@njit(cache=True)
def log_sum_exp(x):
    """Log-sum-exp of the 2n linear functions i x_i and -i x_i."""
    n = x.size
    top = 0.0
    for i in range(n):
        top = max(top, (i + 1.0) * abs(x[i]))
    s = 0.0
    for i in range(n):
        z = (i + 1.0) * x[i]
        s += np.exp(z - top) + np.exp(-z - top)
    return top + np.log(s)


@njit(cache=True)
def log_sum_exp_grad(x):
    n = x.size
    top = 0.0
    for i in range(n):
        top = max(top, (i + 1.0) * abs(x[i]))
    s = 0.0
    for i in range(n):
        z = (i + 1.0) * x[i]
        s += np.exp(z - top) + np.exp(-z - top)
    g = np.empty_like(x)
    for i in range(n):
        z = (i + 1.0) * x[i]
        g[i] = (i + 1.0) * (np.exp(z - top) - np.exp(-z - top)) / s
    return g


@njit(cache=True)
def pseudo_huber(x):
    """Pseudo-Huber loss of the residuals i (x_i - 1), quadratic near 0 and linear far away."""
    s = 0.0
    for i in range(x.size):
        r = (i + 1.0) * (x[i] - 1.0)
        s += np.sqrt(1.0 + r * r) - 1.0
    return s


@njit(cache=True)
def pseudo_huber_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        r = (i + 1.0) * (x[i] - 1.0)
        g[i] = (i + 1.0) * r / np.sqrt(1.0 + r * r)
    return g


@njit(cache=True)
def geman_mcclure(x):
    """Geman-McClure loss, the sum of x_i^2 / (1 + x_i^2), which is flat far away."""
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i] / (1.0 + x[i] * x[i])
    return s


@njit(cache=True)
def geman_mcclure_grad(x):
    g = np.empty_like(x)
    for i in range(x.size):
        d = 1.0 + x[i] * x[i]
        g[i] = 2.0 * x[i] / (d * d)
    return g


@njit(cache=True)
def gaussian_well(x):
    """Gaussian well 1 - exp(-|x|^2 / 2), which is flat far away."""
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i]
    return 1.0 - np.exp(-0.5 * s)


@njit(cache=True)
def gaussian_well_grad(x):
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i]
    e = np.exp(-0.5 * s)
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = x[i] * e
    return g


# ---------------------------------------------------------------------------
# Logistic regression
# ---------------------------------------------------------------------------

# hours of study of twenty students, and whether they passed
_HOURS = np.array(
    [
        0.50, 0.75, 1.00, 1.25, 1.50, 1.75, 1.75, 2.00, 2.25, 2.50,
        2.75, 3.00, 3.25, 3.50, 4.00, 4.25, 4.50, 4.75, 5.00, 5.50,
    ]
)  # fmt: skip
_PASSED = np.array([0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1])


@njit(cache=True)
def logistic_exam(x):
    """Logistic regression of exam results on hours of study, Wikipedia, "Logistic regression"."""
    s = 0.0
    for i in range(20):
        z = x[0] + x[1] * _HOURS[i]
        if _PASSED[i]:
            z = -z
        s += max(z, 0.0) + np.log1p(np.exp(-abs(z)))
    return s


@njit(cache=True)
def logistic_exam_grad(x):
    g = np.empty_like(x)
    g[:] = 0.0
    for i in range(20):
        z = x[0] + x[1] * _HOURS[i]
        r = 0.5 * (1.0 + np.tanh(0.5 * z)) - _PASSED[i]
        g[0] += r
        g[1] += r * _HOURS[i]
    return g


def _logistic_data(m, n):
    # rounded, so that the data do not depend on the mathematical library; the labels are not separable
    i = np.arange(1.0, m + 1.0)
    a = np.round(np.sin(np.outer(i, np.sqrt(np.arange(1.0, n + 1.0)))), 6)
    a[:, 0] = 1.0
    score = a @ np.linspace(1.0, -1.0, n) + 1.5 * np.cos(3.0 * i)
    return a, np.where(score > 0.0, 1.0, -1.0)


_LOGISTIC_A, _LOGISTIC_Y = _logistic_data(100, 10)


@njit(cache=True)
def logistic_ridge(x):
    """Logistic regression on 100 synthetic points, mean loss with the ridge term 0.005 |x|^2."""
    m, n = _LOGISTIC_A.shape
    s = 0.0
    for i in range(m):
        z = 0.0
        for j in range(n):
            z -= _LOGISTIC_Y[i] * _LOGISTIC_A[i, j] * x[j]
        s += max(z, 0.0) + np.log1p(np.exp(-abs(z)))
    s /= m
    for j in range(n):
        s += 0.005 * x[j] * x[j]
    return s


@njit(cache=True)
def logistic_ridge_grad(x):
    m, n = _LOGISTIC_A.shape
    g = np.empty_like(x)
    for j in range(n):
        g[j] = 0.01 * x[j]
    for i in range(m):
        z = 0.0
        for j in range(n):
            z -= _LOGISTIC_Y[i] * _LOGISTIC_A[i, j] * x[j]
        r = 0.5 * (1.0 + np.tanh(0.5 * z)) * _LOGISTIC_Y[i] / m
        for j in range(n):
            g[j] -= r * _LOGISTIC_A[i, j]
    return g


# ---------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------


class Problem(NamedTuple):
    """
    An unconstrained minimisation problem.

    Attributes
    ----------
    name : str
        Name, unique in `PROBLEMS`.
    fun : callable
        Compiled objective, ``fun(x) -> float``.
    jac : callable
        Compiled gradient, ``jac(x) -> ndarray`` of the shape and dtype of ``x``.
    x0 : ndarray
        Standard start, float64; to be copied before anything writes to it.
    minimum : float
        Value at the minimiser that descent from ``x0`` reaches.
    minimizer : ndarray or None
        That minimiser, float64.
    tags : frozenset of str
        Properties, listed in the module docstring.
    """

    name: str
    fun: Callable
    jac: Callable
    x0: np.ndarray
    minimum: float
    minimizer: np.ndarray | None
    tags: frozenset[str]


def _entry(name, fun, jac, x0, minimum, minimizer=None, tags=""):
    if minimizer is not None:
        minimizer = np.array(minimizer, dtype=np.float64)
    return Problem(
        name, fun, jac, np.array(x0, dtype=np.float64), float(minimum), minimizer, frozenset(tags.split())
    )


def _freudenstein_roth_minimizer():
    # the sum of the residuals vanishes and their difference is stationary
    v = (2.0 - np.sqrt(22.0)) / 3.0
    return [21.0 + (8.0 - 3.0 * v) * v, v], 2.0 * (8.0 + ((2.0 - v) * v + 6.0) * v) ** 2


_FREUDENSTEIN_ROTH_X, _FREUDENSTEIN_ROTH_MIN = _freudenstein_roth_minimizer()


PROBLEMS = (
    # one variable
    _entry("quartic", quartic, quartic_grad, [6.0], -1675.0 / 256.0, [2.25]),
    _entry(
        "cosh_tilted",
        cosh_tilted,
        cosh_tilted_grad,
        [-2.0],
        np.sqrt(2.0) - np.arcsinh(1.0),
        [np.arcsinh(1.0)],
        "convex",
    ),
    # quadratics
    _entry("booth", booth, booth_grad, [0.0, 0.0], 0.0, [1.0, 3.0], "convex quadratic"),
    _entry(
        "quadratic_tridiag",
        quadratic_tridiag,
        quadratic_tridiag_grad,
        np.zeros(10),
        -11.0,
        np.ones(10),
        "convex quadratic",
    ),
    _entry(
        "quadratic_rotated",
        quadratic_rotated,
        quadratic_rotated_grad,
        np.zeros(20),
        0.0,
        np.ones(20),
        "convex quadratic badly_scaled",
    ),
    _entry(
        "quadratic_diagonal",
        quadratic_diagonal,
        quadratic_diagonal_grad,
        np.ones(1000),
        0.0,
        np.zeros(1000),
        "convex quadratic large",
    ),
    _entry(
        "nesterov_quadratic",
        nesterov_quadratic,
        nesterov_quadratic_grad,
        np.zeros(100),
        -50.0 / 101.0,
        1.0 - np.arange(1.0, 101.0) / 101.0,
        "convex quadratic large",
    ),
    _entry(
        "hilberta",
        hilberta,
        hilberta_grad,
        np.full(6, -3.0),
        0.0,
        np.zeros(6),
        "convex quadratic badly_scaled",
    ),
    _entry(
        "tridia", tridia, tridia_grad, np.ones(100), 0.0, 0.5 ** np.arange(100.0), "convex quadratic large"
    ),
    _entry(
        "dqdrtic", dqdrtic, dqdrtic_grad, np.full(1000, 3.0), 0.0, np.zeros(1000), "convex quadratic large"
    ),
    _entry(
        "linear_rank_one",
        linear_rank_one,
        linear_rank_one_grad,
        np.ones(10),
        190.0 / 41.0,
        None,
        "convex quadratic singular",
    ),
    # Moré, Garbow and Hillstrom
    _entry(
        "rosenbrock", extended_rosenbrock, extended_rosenbrock_grad, [-1.2, 1.0], 0.0, [1.0, 1.0], "ravine"
    ),
    _entry(
        "extended_rosenbrock_100",
        extended_rosenbrock,
        extended_rosenbrock_grad,
        np.tile([-1.2, 1.0], 50),
        0.0,
        np.ones(100),
        "ravine large",
    ),
    _entry(
        "freudenstein_roth",
        freudenstein_roth,
        freudenstein_roth_grad,
        [0.5, -2.0],
        _FREUDENSTEIN_ROTH_MIN,
        _FREUDENSTEIN_ROTH_X,
        "local_minima",
    ),
    _entry(
        "powell_badly_scaled",
        powell_badly_scaled,
        powell_badly_scaled_grad,
        [0.0, 1.0],
        0.0,
        [1.0981593296998175e-05, 9.106146739866524],
        "badly_scaled ravine",
    ),
    _entry(
        "brown_badly_scaled",
        brown_badly_scaled,
        brown_badly_scaled_grad,
        [1.0, 1.0],
        0.0,
        [1e6, 2e-6],
        "badly_scaled",
    ),
    _entry("beale", beale, beale_grad, [1.0, 1.0], 0.0, [3.0, 0.5], "plateau local_minima"),
    _entry(
        "jennrich_sampson",
        jennrich_sampson,
        jennrich_sampson_grad,
        [0.3, 0.4],
        124.362182355614854,
        [0.2578252136703641, 0.2578252136703641],
        "plateau",
    ),
    _entry(
        "helical_valley",
        helical_valley,
        helical_valley_grad,
        [-1.0, 0.0, 0.0],
        0.0,
        [1.0, 0.0, 0.0],
        "ravine",
    ),
    _entry(
        "bard",
        bard,
        bard_grad,
        [1.0, 1.0, 1.0],
        0.00821487730657897475,
        [0.08241055974978893, 1.1330360920297216, 2.343695178642537],
        "local_minima",
    ),
    _entry(
        "gaussian",
        gaussian,
        gaussian_grad,
        [0.4, 1.0, 0.0],
        1.12793276961864803e-8,
        [0.39895613783875666, 1.0000190844878056, 0.0],
    ),
    # zero at (1, 10, 1) and (10, 1, -1), and on the line x_1 = x_2, x_3 = 0
    _entry("box_3d", box_3d, box_3d_grad, [0.0, 10.0, 20.0], 0.0, None, "singular plateau"),
    _entry(
        "powell_singular",
        extended_powell,
        extended_powell_grad,
        [3.0, -1.0, 0.0, 1.0],
        0.0,
        np.zeros(4),
        "convex singular",
    ),
    _entry(
        "extended_powell_100",
        extended_powell,
        extended_powell_grad,
        np.tile([3.0, -1.0, 0.0, 1.0], 25),
        0.0,
        np.zeros(100),
        "convex singular large",
    ),
    _entry("wood", wood, wood_grad, [-3.0, -1.0, -3.0, -1.0], 0.0, np.ones(4), "ravine"),
    _entry(
        "kowalik_osborne",
        kowalik_osborne,
        kowalik_osborne_grad,
        [0.25, 0.39, 0.415, 0.39],
        0.000307505603849237427,
        [0.19280693457903786, 0.19128232873436696, 0.12305650692632066, 0.13606233068379484],
        "local_minima",
    ),
    _entry(
        "brown_dennis",
        brown_dennis,
        brown_dennis_grad,
        [25.0, 5.0, -5.0, -1.0],
        85822.2016263563447,
        [-11.594439904762165, 13.203630051207204, -0.40343948817685954, 0.2367787744557363],
    ),
    # at this minimum the first and the third of the three exponentials coincide
    _entry(
        "biggs_exp6",
        biggs_exp6,
        biggs_exp6_grad,
        [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
        0.00565564992549993095,
        None,
        "singular plateau local_minima",
    ),
    _entry(
        "watson",
        watson,
        watson_grad,
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
    _entry(
        "penalty_1",
        penalty_1,
        penalty_1_grad,
        np.arange(1.0, 11.0),
        7.08765146709036944e-5,
        np.full(10, 0.158122301113116355),
        "badly_scaled",
    ),
    _entry(
        "variably_dimensioned",
        variably_dimensioned,
        variably_dimensioned_grad,
        1.0 - np.arange(1.0, 11.0) / 10.0,
        0.0,
        np.ones(10),
        "convex",
    ),
    _entry(
        "trigonometric",
        trigonometric,
        trigonometric_grad,
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
        "local_minima",
    ),
    _entry(
        "brown_almost_linear",
        brown_almost_linear,
        brown_almost_linear_grad,
        np.full(10, 0.5),
        0.0,
        None,
        "local_minima",
    ),
    _entry(
        "discrete_boundary",
        discrete_boundary,
        discrete_boundary_grad,
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
    _entry(
        "broyden_tridiagonal_30",
        broyden_tridiagonal,
        broyden_tridiagonal_grad,
        np.full(30, -1.0),
        0.0,
        None,
        "local_minima",
    ),
    _entry(
        "broyden_tridiagonal_500",
        broyden_tridiagonal,
        broyden_tridiagonal_grad,
        np.full(500, -1.0),
        0.0,
        None,
        "large local_minima",
    ),
    _entry("chebyquad", chebyquad, chebyquad_grad, np.arange(1.0, 9.0) / 9.0, 0.00351687372567793167),
    # CUTEst
    _entry("cube", cube, cube_grad, [-1.2, 1.0], 0.0, [1.0, 1.0], "ravine"),
    _entry(
        "cliff",
        cliff,
        cliff_grad,
        [0.0, -1.0],
        (np.log(20.0) + 1.0) / 20.0,
        [3.0, 3.0 + np.log(20.0) / 20.0],
        "convex badly_scaled",
    ),
    _entry("sisser", sisser, sisser_grad, [1.0, 0.1], 0.0, [0.0, 0.0], "singular"),
    _entry(
        "arwhead", arwhead, arwhead_grad, np.ones(1000), 0.0, np.append(np.ones(999), 0.0), "convex large"
    ),
    _entry("engval1", engval1, engval1_grad, np.full(1000, 2.0), 1108.19471878501336, None, "convex large"),
    _entry("edensch", edensch, edensch_grad, np.zeros(1000), 6003.28459202076465, None, "large"),
    _entry("liarwhd", liarwhd, liarwhd_grad, np.full(1000, 4.0), 0.0, np.ones(1000), "large"),
    _entry(
        "quartc", quartc, quartc_grad, np.full(100, 2.0), 0.0, np.arange(1.0, 101.0), "convex singular large"
    ),
    # Andrei's collection and other classics
    _entry("raydan_1", raydan_1, raydan_1_grad, np.ones(100), 505.0, np.zeros(100), "convex large"),
    _entry("raydan_2", raydan_2, raydan_2_grad, np.ones(1000), 1000.0, np.zeros(1000), "convex large"),
    _entry(
        "chained_rosenbrock_10",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 2),
        0.0,
        np.ones(10),
        "ravine local_minima",
    ),
    _entry(
        "chained_rosenbrock_50",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 10),
        0.0,
        np.ones(50),
        "ravine local_minima",
    ),
    _entry(
        "chained_rosenbrock_1000",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 200),
        0.0,
        np.ones(1000),
        "ravine local_minima large",
    ),
    _entry("himmelblau", himmelblau, himmelblau_grad, [1.0, 1.0], 0.0),
    _entry("branin", branin, branin_grad, [2.5, 7.5], 1.25 / np.pi),
    _entry(
        "mccormick",
        mccormick,
        mccormick_grad,
        [0.0, 0.0],
        -np.sqrt(0.75) - np.pi / 3.0,
        [0.5 - np.pi / 3.0, -0.5 - np.pi / 3.0],
        "local_minima",
    ),
    _entry(
        "dixon_price",
        dixon_price,
        dixon_price_grad,
        np.ones(10),
        0.0,
        2.0 ** (2.0 ** -np.arange(10.0) - 1.0),
        "local_minima",
    ),
    _entry("zakharov", zakharov, zakharov_grad, np.ones(10), 0.0, np.zeros(10), "convex"),
    _entry(
        "boyd_exponentials",
        boyd_exponentials,
        boyd_exponentials_grad,
        [1.0, 1.0],
        np.sqrt(8.0) * np.exp(-0.1),
        [-0.5 * np.log(2.0), 0.0],
        "convex",
    ),
    _entry("log_sum_exp", log_sum_exp, log_sum_exp_grad, np.ones(10), np.log(20.0), np.zeros(10), "convex"),
    _entry("pseudo_huber", pseudo_huber, pseudo_huber_grad, np.zeros(10), 0.0, np.ones(10), "convex"),
    _entry(
        "geman_mcclure",
        geman_mcclure,
        geman_mcclure_grad,
        [1.0, -1.5, 2.0, -2.5, 3.0],
        0.0,
        np.zeros(5),
        "plateau",
    ),
    _entry("gaussian_well", gaussian_well, gaussian_well_grad, [2.0, -1.5], 0.0, [0.0, 0.0], "plateau"),
    # logistic regression
    _entry(
        "logistic_exam",
        logistic_exam,
        logistic_exam_grad,
        [0.0, 0.0],
        8.02987846434467429,
        [-4.077713431087631, 1.5046454283733335],
        "convex",
    ),
    _entry(
        "logistic_ridge",
        logistic_ridge,
        logistic_ridge_grad,
        np.zeros(10),
        0.495886134720342334,
        [
            0.9238539284591955,
            0.7672647254186225,
            0.6568910776193083,
            0.5418486936064869,
            0.3905416316576786,
            -0.014754295682436601,
            -0.33448327347246953,
            -0.48323081270446994,
            -0.853305715010065,
            -0.9685768143951464,
        ],
        "convex",
    ),
)

_BY_NAME = {p.name: p for p in PROBLEMS}


def problem(name):
    """
    Look a problem up by name.

    Parameters
    ----------
    name : str
        Name of an entry of `PROBLEMS`.

    Returns
    -------
    Problem
        The entry.

    Raises
    ------
    KeyError
        If there is no such entry.
    """
    return _BY_NAME[name]
