"""Problems of the CUTEst collection."""

import numpy as np
from numba import njit

from problem_families.problem import entry


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
def cube_hess(x):
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 2.0 + (3000.0 * x[0] ** 3 - 1200.0 * x[1]) * x[0]
    H[0, 1] = H[1, 0] = -600.0 * x[0] * x[0]
    H[1, 1] = 200.0
    return H


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
def cliff_hess(x):
    e = 400.0 * np.exp(20.0 * (x[0] - x[1]))
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 0.0002 + e
    H[0, 1] = H[1, 0] = -e
    H[1, 1] = e
    return H


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
def sisser_hess(x):
    a = x[0] * x[0]
    b = x[1] * x[1]
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 36.0 * a - 4.0 * b
    H[0, 1] = H[1, 0] = -8.0 * x[0] * x[1]
    H[1, 1] = 36.0 * b - 4.0 * a
    return H


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
def arwhead_hess(x):
    n = x.size
    z = x[n - 1] * x[n - 1]
    last = 0.0
    H = np.zeros((n, n), x.dtype)
    for i in range(n - 1):
        a = x[i] * x[i]
        H[i, i] = 12.0 * a + 4.0 * z
        H[i, n - 1] = H[n - 1, i] = 8.0 * x[i] * x[n - 1]
        last += 4.0 * a + 12.0 * z
    H[n - 1, n - 1] = last
    return H


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
def engval1_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n - 1):
        a = x[i] * x[i]
        b = x[i + 1] * x[i + 1]
        H[i, i] += 12.0 * a + 4.0 * b
        H[i, i + 1] = H[i + 1, i] = 8.0 * x[i] * x[i + 1]
        H[i + 1, i + 1] = 4.0 * a + 12.0 * b
    return H


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
def edensch_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n - 1):
        d = x[i] - 2.0
        H[i, i] += 12.0 * d * d + 2.0 * x[i + 1] * x[i + 1]
        H[i, i + 1] = H[i + 1, i] = 4.0 * d * x[i + 1]
        H[i + 1, i + 1] = 2.0 * d * d + 2.0
    return H


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
def liarwhd_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        a = x[i] * x[i] - x[0]
        H[i, i] += 32.0 * x[i] * x[i] + 16.0 * a + 2.0
        H[0, i] -= 16.0 * x[i]
        H[i, 0] -= 16.0 * x[i]
        H[0, 0] += 8.0
    return H


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


@njit(cache=True)
def quartc_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 12.0 * (x[i] - (i + 1.0)) ** 2
    return H


PROBLEMS = (
    entry("cube", cube, cube_grad, cube_hess, [-1.2, 1.0], 0.0, [1.0, 1.0], "ravine"),
    entry(
        "cliff",
        cliff,
        cliff_grad,
        cliff_hess,
        [0.0, -1.0],
        (np.log(20.0) + 1.0) / 20.0,
        [3.0, 3.0 + np.log(20.0) / 20.0],
        "convex badly_scaled singular_start",
    ),
    entry(
        "sisser", sisser, sisser_grad, sisser_hess, [1.0, 0.1], 0.0, [0.0, 0.0], "singular indefinite_start"
    ),
    entry(
        "arwhead",
        arwhead,
        arwhead_grad,
        arwhead_hess,
        np.ones(1000),
        0.0,
        np.append(np.ones(999), 0.0),
        "convex large",
    ),
    entry(
        "engval1",
        engval1,
        engval1_grad,
        engval1_hess,
        np.full(1000, 2.0),
        1108.19471878501336,
        None,
        "convex large",
    ),
    entry("edensch", edensch, edensch_grad, edensch_hess, np.zeros(1000), 6003.28459202076465, None, "large"),
    entry("liarwhd", liarwhd, liarwhd_grad, liarwhd_hess, np.full(1000, 4.0), 0.0, np.ones(1000), "large"),
    entry(
        "quartc",
        quartc,
        quartc_grad,
        quartc_hess,
        np.full(100, 2.0),
        0.0,
        np.arange(1.0, 101.0),
        "convex singular large singular_start",
    ),
)
