"""Andrei's collection and other classics."""

import numpy as np
from numba import njit

from problem_families.problem import entry


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
def raydan_1_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = 0.1 * (i + 1.0) * np.exp(x[i])
    return H


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
def raydan_2_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = np.exp(x[i])
    return H


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
def chained_rosenbrock_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n - 1):
        H[i, i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        H[i, i + 1] = H[i + 1, i] = -400.0 * x[i]
        H[i + 1, i + 1] = 200.0
    return H


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
def himmelblau_hess(x):
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 12.0 * x[0] * x[0] + 4.0 * x[1] - 42.0
    H[0, 1] = H[1, 0] = 4.0 * (x[0] + x[1])
    H[1, 1] = 12.0 * x[1] * x[1] + 4.0 * x[0] - 26.0
    return H


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
def branin_hess(x):
    a = x[1] - 5.1 / (4.0 * np.pi**2) * x[0] * x[0] + 5.0 / np.pi * x[0] - 6.0
    da = 5.0 / np.pi - 5.1 / (2.0 * np.pi**2) * x[0]
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = 2.0 * da * da - a * 5.1 / np.pi**2 - 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(x[0])
    H[0, 1] = H[1, 0] = 2.0 * da
    H[1, 1] = 2.0
    return H


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
def mccormick_hess(x):
    s = np.sin(x[0] + x[1])
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = H[1, 1] = 2.0 - s
    H[0, 1] = H[1, 0] = -2.0 - s
    return H


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
def dixon_price_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    H[0, 0] = 2.0
    for i in range(1, n):
        w = i + 1.0
        H[i - 1, i - 1] += 2.0 * w
        H[i, i - 1] = H[i - 1, i] = -8.0 * w * x[i]
        H[i, i] = 8.0 * w * (6.0 * x[i] * x[i] - x[i - 1])
    return H


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
def zakharov_hess(x):
    n = x.size
    t = 0.0
    for i in range(n):
        t += 0.5 * (i + 1.0) * x[i]
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(n):
            H[i, j] = 0.25 * (i + 1.0) * (j + 1.0) * (2.0 + 12.0 * t * t)
        H[i, i] += 2.0
    return H


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
def boyd_exponentials_hess(x):
    a = np.exp(x[0] + 3.0 * x[1] - 0.1)
    b = np.exp(x[0] - 3.0 * x[1] - 0.1)
    H = np.empty((2, 2), x.dtype)
    H[0, 0] = a + b + np.exp(-x[0] - 0.1)
    H[0, 1] = H[1, 0] = 3.0 * (a - b)
    H[1, 1] = 9.0 * (a + b)
    return H


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
def log_sum_exp_hess(x):
    n = x.size
    top = 0.0
    for i in range(n):
        top = max(top, (i + 1.0) * abs(x[i]))
    s = 0.0
    for i in range(n):
        z = (i + 1.0) * x[i]
        s += np.exp(z - top) + np.exp(-z - top)
    g = np.empty_like(x)
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        z = (i + 1.0) * x[i]
        up = np.exp(z - top)
        down = np.exp(-z - top)
        g[i] = (i + 1.0) * (up - down) / s
        for j in range(i):
            H[i, j] = H[j, i] = -g[i] * g[j]
        H[i, i] = (i + 1.0) ** 2 * (up + down) / s - g[i] * g[i]
    return H


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
def pseudo_huber_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        r = (i + 1.0) * (x[i] - 1.0)
        H[i, i] = (i + 1.0) ** 2 / (1.0 + r * r) ** 1.5
    return H


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
def geman_mcclure_hess(x):
    n = x.size
    H = np.zeros((n, n), x.dtype)
    for i in range(n):
        H[i, i] = (2.0 - 6.0 * x[i] * x[i]) / (1.0 + x[i] * x[i]) ** 3
    return H


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


@njit(cache=True)
def gaussian_well_hess(x):
    n = x.size
    s = 0.0
    for i in range(n):
        s += x[i] * x[i]
    e = np.exp(-0.5 * s)
    H = np.empty((n, n), x.dtype)
    for i in range(n):
        for j in range(n):
            H[i, j] = -x[i] * x[j] * e
        H[i, i] += e
    return H


PROBLEMS = (
    entry(
        "raydan_1", raydan_1, raydan_1_grad, raydan_1_hess, np.ones(100), 505.0, np.zeros(100), "convex large"
    ),
    entry(
        "raydan_2",
        raydan_2,
        raydan_2_grad,
        raydan_2_hess,
        np.ones(1000),
        1000.0,
        np.zeros(1000),
        "convex large",
    ),
    entry(
        "chained_rosenbrock_10",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        chained_rosenbrock_hess,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 2),
        0.0,
        np.ones(10),
        "ravine local_minima indefinite_start",
    ),
    entry(
        "chained_rosenbrock_50",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        chained_rosenbrock_hess,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 10),
        0.0,
        np.ones(50),
        "ravine local_minima indefinite_start",
    ),
    entry(
        "chained_rosenbrock_1000",
        chained_rosenbrock,
        chained_rosenbrock_grad,
        chained_rosenbrock_hess,
        np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 200),
        0.0,
        np.ones(1000),
        "ravine local_minima large indefinite_start",
    ),
    entry(
        "himmelblau",
        himmelblau,
        himmelblau_grad,
        himmelblau_hess,
        [1.0, 1.0],
        0.0,
        None,
        "indefinite_start",
    ),
    entry("branin", branin, branin_grad, branin_hess, [2.5, 7.5], 1.25 / np.pi),
    entry(
        "mccormick",
        mccormick,
        mccormick_grad,
        mccormick_hess,
        [0.0, 0.0],
        -np.sqrt(0.75) - np.pi / 3.0,
        [0.5 - np.pi / 3.0, -0.5 - np.pi / 3.0],
        "local_minima singular_start",
    ),
    entry(
        "dixon_price",
        dixon_price,
        dixon_price_grad,
        dixon_price_hess,
        np.ones(10),
        0.0,
        2.0 ** (2.0 ** -np.arange(10.0) - 1.0),
        "local_minima",
    ),
    entry("zakharov", zakharov, zakharov_grad, zakharov_hess, np.ones(10), 0.0, np.zeros(10), "convex"),
    entry(
        "boyd_exponentials",
        boyd_exponentials,
        boyd_exponentials_grad,
        boyd_exponentials_hess,
        [1.0, 1.0],
        np.sqrt(8.0) * np.exp(-0.1),
        [-0.5 * np.log(2.0), 0.0],
        "convex",
    ),
    entry(
        "log_sum_exp",
        log_sum_exp,
        log_sum_exp_grad,
        log_sum_exp_hess,
        np.ones(10),
        np.log(20.0),
        np.zeros(10),
        "convex",
    ),
    entry(
        "pseudo_huber",
        pseudo_huber,
        pseudo_huber_grad,
        pseudo_huber_hess,
        np.zeros(10),
        0.0,
        np.ones(10),
        "convex",
    ),
    entry(
        "geman_mcclure",
        geman_mcclure,
        geman_mcclure_grad,
        geman_mcclure_hess,
        [1.0, -1.5, 2.0, -2.5, 3.0],
        0.0,
        np.zeros(5),
        "plateau indefinite_start",
    ),
    entry(
        "gaussian_well",
        gaussian_well,
        gaussian_well_grad,
        gaussian_well_hess,
        [2.0, -1.5],
        0.0,
        [0.0, 0.0],
        "plateau indefinite_start",
    ),
)
