"""Moré, Garbow and Hillstrom (MGH), problems 1 to 18."""

import numpy as np
from numba import njit

from problem_families.problem import entry


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
def extended_rosenbrock_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(0, n, 2):
        H[i, i] = 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        H[i, i + 1] = H[i + 1, i] = -400.0 * x[i]
        H[i + 1, i + 1] = 200.0
    return H


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
def freudenstein_roth_hess(x):
    a = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    b = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    da = (10.0 - 3.0 * x[1]) * x[1] - 2.0
    db = (3.0 * x[1] + 2.0) * x[1] - 14.0
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 4.0
    H[0, 1] = H[1, 0] = 2.0 * (da + db)
    H[1, 1] = 2.0 * (da * da + a * (10.0 - 6.0 * x[1]) + db * db + b * (6.0 * x[1] + 2.0))
    return H


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
def powell_badly_scaled_hess(x):
    u = np.exp(-x[0])
    v = np.exp(-x[1])
    b = u + v - 1.0001
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 2e8 * x[1] * x[1] + 2.0 * u * (u + b)
    H[0, 1] = H[1, 0] = 4e8 * x[0] * x[1] - 2e4 + 2.0 * u * v
    H[1, 1] = 2e8 * x[0] * x[0] + 2.0 * v * (v + b)
    return H


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


@njit(cache=True)
def brown_badly_scaled_hess(x):
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 2.0 + 2.0 * x[1] * x[1]
    H[0, 1] = H[1, 0] = 4.0 * x[0] * x[1] - 4.0
    H[1, 1] = 2.0 + 2.0 * x[0] * x[0]
    return H


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
def beale_hess(x):
    H = np.zeros((2, 2), x.dtype)
    for i in range(3):
        r = _BEALE_Y[i] - x[0] * (1.0 - x[1] ** (i + 1))
        d = (i + 1) * x[1] ** i  # of x_2^(i + 1), and its derivative
        dd = i * (i + 1) * x[1] ** max(i - 1, 0)
        r0 = x[1] ** (i + 1) - 1.0
        H[0, 0] += 2.0 * r0 * r0
        H[0, 1] += 2.0 * (r0 * x[0] * d + r * d)
        H[1, 1] += 2.0 * (x[0] * x[0] * d * d + r * x[0] * dd)
    H[1, 0] = H[0, 1]
    return H


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
def jennrich_sampson_hess(x):
    H = np.zeros((2, 2), x.dtype)
    for i in range(1, 11):
        a = np.exp(i * x[0])
        b = np.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        H[0, 0] += 2.0 * i * i * a * (a - r)
        H[0, 1] += 2.0 * i * i * a * b
        H[1, 1] += 2.0 * i * i * b * (b - r)
    H[1, 0] = H[0, 1]
    return H


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


@njit(cache=True)
def helical_valley_hess(x):
    u = x[0]
    v = x[1]
    rr = u * u + v * v
    r = np.sqrt(rr)
    a = 10.0 * (x[2] - 10.0 * _helical_turn(u, v))
    b = 10.0 * (r - 1.0)
    a0 = 50.0 * v / (np.pi * rr)
    a1 = -50.0 * u / (np.pi * rr)
    a00 = -100.0 * u * v / (np.pi * rr * rr)
    a01 = 50.0 * (u * u - v * v) / (np.pi * rr * rr)
    b0 = 10.0 * u / r
    b1 = 10.0 * v / r
    bb = 10.0 * b / (r * rr)  # b times its second derivatives is this times v², -u v and u²
    H = np.empty((3, 3), x.dtype)
    H[0, 0] = 2.0 * (a0 * a0 + a * a00 + b0 * b0 + bb * v * v)
    H[0, 1] = H[1, 0] = 2.0 * (a0 * a1 + a * a01 + b0 * b1 - bb * u * v)
    H[1, 1] = 2.0 * (a1 * a1 - a * a00 + b1 * b1 + bb * u * u)
    H[0, 2] = H[2, 0] = 20.0 * a0
    H[1, 2] = H[2, 1] = 20.0 * a1
    H[2, 2] = 202.0
    return H


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


@njit(cache=True)
def bard_hess(x):
    H = np.zeros((3, 3), x.dtype)
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        d = v * x[1] + w * x[2]
        r = _BARD_Y[i] - x[0] - u / d
        q = 2.0 * u / (d * d)
        p = q * u / (d * d) - 2.0 * q * r / d
        H[0, 0] += 2.0
        H[0, 1] -= q * v
        H[0, 2] -= q * w
        H[1, 1] += p * v * v
        H[1, 2] += p * v * w
        H[2, 2] += p * w * w
    H[1, 0] = H[0, 1]
    H[2, 0] = H[0, 2]
    H[2, 1] = H[1, 2]
    return H


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
def gaussian_hess(x):
    H = np.zeros((3, 3), x.dtype)
    for i in range(15):
        d = 0.5 * (7.0 - i) - x[2]
        e = np.exp(-0.5 * x[1] * d * d)
        e1 = -0.5 * d * d * e
        e2 = x[1] * d * e
        r = x[0] * e - _GAUSSIAN_Y[i]
        H[0, 0] += 2.0 * e * e
        H[0, 1] += 2.0 * (e * x[0] + r) * e1
        H[0, 2] += 2.0 * (e * x[0] + r) * e2
        H[1, 1] += 2.0 * x[0] * (x[0] * e1 * e1 + r * 0.25 * d**4 * e)
        H[1, 2] += 2.0 * x[0] * (x[0] * e1 * e2 + r * (d - 0.5 * x[1] * d**3) * e)
        H[2, 2] += 2.0 * x[0] * (x[0] * e2 * e2 + r * x[1] * (x[1] * d * d - 1.0) * e)
    H[1, 0] = H[0, 1]
    H[2, 0] = H[0, 2]
    H[2, 1] = H[1, 2]
    return H


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
def box_3d_hess(x):
    H = np.zeros((3, 3), x.dtype)
    for i in range(1, 11):
        t = 0.1 * i
        a = np.exp(-t * x[0])
        b = np.exp(-t * x[1])
        c = np.exp(-t) - np.exp(-10.0 * t)
        r = a - b - x[2] * c
        H[0, 0] += 2.0 * t * t * a * (a + r)
        H[0, 1] -= 2.0 * t * t * a * b
        H[0, 2] += 2.0 * t * a * c
        H[1, 1] += 2.0 * t * t * b * (b - r)
        H[1, 2] -= 2.0 * t * b * c
        H[2, 2] += 2.0 * c * c
    H[1, 0] = H[0, 1]
    H[2, 0] = H[0, 2]
    H[2, 1] = H[1, 2]
    return H


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
def extended_powell_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(0, n, 4):
        c = 12.0 * (x[i + 1] - 2.0 * x[i + 2]) ** 2
        d = 120.0 * (x[i] - x[i + 3]) ** 2
        H[i, i] = 2.0 + d
        H[i, i + 1] = H[i + 1, i] = 20.0
        H[i, i + 3] = H[i + 3, i] = -d
        H[i + 1, i + 1] = 200.0 + c
        H[i + 1, i + 2] = H[i + 2, i + 1] = -2.0 * c
        H[i + 2, i + 2] = 10.0 + 4.0 * c
        H[i + 2, i + 3] = H[i + 3, i + 2] = -10.0
        H[i + 3, i + 3] = 10.0 + d
    return H


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


@njit(cache=True)
def wood_hess(x):
    H = np.zeros((4, 4), x.dtype)
    H[0, 0] = 1200.0 * x[0] * x[0] - 400.0 * x[1] + 2.0
    H[0, 1] = H[1, 0] = -400.0 * x[0]
    H[1, 1] = 220.2
    H[1, 3] = H[3, 1] = 19.8
    H[2, 2] = 1080.0 * x[2] * x[2] - 360.0 * x[3] + 2.0
    H[2, 3] = H[3, 2] = -360.0 * x[2]
    H[3, 3] = 200.2
    return H


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
def kowalik_osborne_hess(x):
    H = np.zeros((4, 4), x.dtype)
    d = np.empty_like(x)
    for i in range(11):
        u = _KOWALIK_U[i]
        p = u * (u + x[1])
        q = u * (u + x[2]) + x[3]
        r = 2.0 * (_KOWALIK_Y[i] - x[0] * p / q)
        d[0] = -p / q
        d[1] = -x[0] * u / q
        d[2] = x[0] * p * u / (q * q)
        d[3] = x[0] * p / (q * q)
        for j in range(4):
            for k in range(j, 4):
                H[j, k] += 2.0 * d[j] * d[k]
        H[0, 1] -= r * u / q
        H[0, 2] += r * p * u / (q * q)
        H[0, 3] += r * p / (q * q)
        H[1, 2] += r * x[0] * u * u / (q * q)
        H[1, 3] += r * x[0] * u / (q * q)
        H[2, 2] -= 2.0 * r * x[0] * p * u * u / q**3
        H[2, 3] -= 2.0 * r * x[0] * p * u / q**3
        H[3, 3] -= 2.0 * r * x[0] * p / q**3
    for j in range(4):
        for k in range(j):
            H[j, k] = H[k, j]
    return H


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
def brown_dennis_hess(x):
    H = np.zeros((4, 4), x.dtype)
    d = np.empty_like(x)  # of a and b together: a depends on two of the variables, b on the others
    for i in range(1, 21):
        t = 0.2 * i
        a = x[0] + t * x[1] - np.exp(t)
        b = x[2] + x[3] * np.sin(t) - np.cos(t)
        d[0] = 1.0
        d[1] = t
        d[2] = 1.0
        d[3] = np.sin(t)
        for j in range(4):
            for k in range(4):
                H[j, k] += 8.0 * (a if j < 2 else b) * (a if k < 2 else b) * d[j] * d[k]
                if (j < 2) == (k < 2):
                    H[j, k] += 4.0 * (a * a + b * b) * d[j] * d[k]
    return H


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


@njit(cache=True)
def biggs_exp6_hess(x):
    H = np.zeros((6, 6), x.dtype)
    d = np.empty_like(x)
    for i in range(1, 14):
        t = 0.1 * i
        y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
        a = np.exp(-t * x[0])
        b = np.exp(-t * x[1])
        c = np.exp(-t * x[4])
        r = 2.0 * (x[2] * a - x[3] * b + x[5] * c - y)
        d[0] = -t * x[2] * a
        d[1] = t * x[3] * b
        d[2] = a
        d[3] = -b
        d[4] = -t * x[5] * c
        d[5] = c
        for j in range(6):
            for k in range(j, 6):
                H[j, k] += 2.0 * d[j] * d[k]
        H[0, 0] += r * t * t * x[2] * a
        H[0, 2] -= r * t * a
        H[1, 1] -= r * t * t * x[3] * b
        H[1, 3] += r * t * b
        H[4, 4] += r * t * t * x[5] * c
        H[4, 5] -= r * t * c
    for j in range(6):
        for k in range(j):
            H[j, k] = H[k, j]
    return H


def _freudenstein_roth_minimizer():
    # the sum of the residuals vanishes and their difference is stationary
    v = (2.0 - np.sqrt(22.0)) / 3.0
    return [21.0 + (8.0 - 3.0 * v) * v, v], 2.0 * (8.0 + ((2.0 - v) * v + 6.0) * v) ** 2


_FREUDENSTEIN_ROTH_X, _FREUDENSTEIN_ROTH_MIN = _freudenstein_roth_minimizer()


PROBLEMS = (
    entry(
        "rosenbrock",
        extended_rosenbrock,
        extended_rosenbrock_grad,
        extended_rosenbrock_hess,
        [-1.2, 1.0],
        0.0,
        [1.0, 1.0],
        "ravine",
    ),
    entry(
        "extended_rosenbrock_100",
        extended_rosenbrock,
        extended_rosenbrock_grad,
        extended_rosenbrock_hess,
        np.tile([-1.2, 1.0], 50),
        0.0,
        np.ones(100),
        "ravine large",
    ),
    entry(
        "freudenstein_roth",
        freudenstein_roth,
        freudenstein_roth_grad,
        freudenstein_roth_hess,
        [0.5, -2.0],
        _FREUDENSTEIN_ROTH_MIN,
        _FREUDENSTEIN_ROTH_X,
        "local_minima",
    ),
    entry(
        "powell_badly_scaled",
        powell_badly_scaled,
        powell_badly_scaled_grad,
        powell_badly_scaled_hess,
        [0.0, 1.0],
        0.0,
        [1.0981593296998175e-05, 9.106146739866524],
        "badly_scaled ravine indefinite_start",
    ),
    entry(
        "brown_badly_scaled",
        brown_badly_scaled,
        brown_badly_scaled_grad,
        brown_badly_scaled_hess,
        [1.0, 1.0],
        0.0,
        [1e6, 2e-6],
        "badly_scaled",
    ),
    entry(
        "beale",
        beale,
        beale_grad,
        beale_hess,
        [1.0, 1.0],
        0.0,
        [3.0, 0.5],
        "plateau local_minima indefinite_start",
    ),
    entry(
        "jennrich_sampson",
        jennrich_sampson,
        jennrich_sampson_grad,
        jennrich_sampson_hess,
        [0.3, 0.4],
        124.362182355614854,
        [0.2578252136703641, 0.2578252136703641],
        "plateau",
    ),
    entry(
        "helical_valley",
        helical_valley,
        helical_valley_grad,
        helical_valley_hess,
        [-1.0, 0.0, 0.0],
        0.0,
        [1.0, 0.0, 0.0],
        "ravine indefinite_start",
    ),
    entry(
        "bard",
        bard,
        bard_grad,
        bard_hess,
        [1.0, 1.0, 1.0],
        0.00821487730657897475,
        [0.08241055974978893, 1.1330360920297216, 2.343695178642537],
        "local_minima",
    ),
    entry(
        "gaussian",
        gaussian,
        gaussian_grad,
        gaussian_hess,
        [0.4, 1.0, 0.0],
        1.12793276961864803e-8,
        [0.39895613783875666, 1.0000190844878056, 0.0],
    ),
    # zero at (1, 10, 1) and (10, 1, -1), and on the line x_1 = x_2, x_3 = 0
    entry(
        "box_3d",
        box_3d,
        box_3d_grad,
        box_3d_hess,
        [0.0, 10.0, 20.0],
        0.0,
        None,
        "singular plateau indefinite_start",
    ),
    entry(
        "powell_singular",
        extended_powell,
        extended_powell_grad,
        extended_powell_hess,
        [3.0, -1.0, 0.0, 1.0],
        0.0,
        np.zeros(4),
        "convex singular",
    ),
    entry(
        "extended_powell_100",
        extended_powell,
        extended_powell_grad,
        extended_powell_hess,
        np.tile([3.0, -1.0, 0.0, 1.0], 25),
        0.0,
        np.zeros(100),
        "convex singular large",
    ),
    entry("wood", wood, wood_grad, wood_hess, [-3.0, -1.0, -3.0, -1.0], 0.0, np.ones(4), "ravine"),
    entry(
        "kowalik_osborne",
        kowalik_osborne,
        kowalik_osborne_grad,
        kowalik_osborne_hess,
        [0.25, 0.39, 0.415, 0.39],
        0.000307505603849237427,
        [0.19280693457903786, 0.19128232873436696, 0.12305650692632066, 0.13606233068379484],
        "local_minima indefinite_start",
    ),
    entry(
        "brown_dennis",
        brown_dennis,
        brown_dennis_grad,
        brown_dennis_hess,
        [25.0, 5.0, -5.0, -1.0],
        85822.2016263563447,
        [-11.594439904762165, 13.203630051207204, -0.40343948817685954, 0.2367787744557363],
    ),
    # at this minimum the first and the third of the three exponentials coincide
    entry(
        "biggs_exp6",
        biggs_exp6,
        biggs_exp6_grad,
        biggs_exp6_hess,
        [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
        0.00565564992549993095,
        None,
        "singular plateau local_minima indefinite_start",
    ),
)
