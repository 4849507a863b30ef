"""
Residuals of the sums of squares of Moré, Garbow and Hillstrom, and regressions with certified parameters.

`PROBLEMS` lists the former: a compiled ``fun(x) -> residuals``, a standard start, and half the sum of
squares at the minima that are known, the global one first.  `REGRESSIONS` lists the latter: data, model,
a hard and an easy start, certified parameters and standard deviations.

References
----------
.. [1] J. J. Moré, B. S. Garbow and K. E. Hillstrom, "Testing unconstrained optimization software", ACM
   Trans. Math. Softw. 7 (1981), 17-41.  Cited below as MGH with the problem's number there.
.. [2] National Institute of Standards and Technology, Statistical Reference Datasets: Nonlinear Regression.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit


class ResidualProblem(NamedTuple):
    """A sum of squares."""

    name: str
    fun: Any  # fun(x) -> (m,) residuals
    x0: Any
    sums: tuple  # Σ r² at the known minima; those at infinity are limits


@njit(cache=True)
def rosenbrock(x):
    """MGH 1."""
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


@njit(cache=True)
def freudenstein_roth(x):
    """MGH 2."""
    return np.array(
        [
            -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
            -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1],
        ]
    )


@njit(cache=True)
def powell_badly_scaled(x):
    """MGH 3."""
    return np.array([1e4 * x[0] * x[1] - 1.0, math.exp(-x[0]) + math.exp(-x[1]) - 1.0001])


@njit(cache=True)
def brown_badly_scaled(x):
    """MGH 4."""
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])


@njit(cache=True)
def beale(x):
    """MGH 5."""
    return np.array(
        [1.5 - x[0] * (1.0 - x[1]), 2.25 - x[0] * (1.0 - x[1] ** 2), 2.625 - x[0] * (1.0 - x[1] ** 3)]
    )


@njit(cache=True)
def jennrich_sampson(x):
    """MGH 6, m = 10."""
    r = np.empty(10)
    for i in range(10):
        k = i + 1.0
        r[i] = 2.0 + 2.0 * k - (math.exp(k * x[0]) + math.exp(k * x[1]))
    return r


@njit(cache=True)
def helical_valley(x):
    """MGH 7."""
    turn = math.atan2(x[1], x[0]) / (2.0 * math.pi)
    if x[0] < 0.0 and x[1] < 0.0:
        turn += 1.0
    return np.array([10.0 * (x[2] - 10.0 * turn), 10.0 * (math.hypot(x[0], x[1]) - 1.0), x[2]])


_BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


@njit(cache=True)
def bard(x):
    """MGH 8."""
    r = np.empty(15)
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        r[i] = _BARD[i] - (x[0] + u / (v * x[1] + w * x[2]))
    return r


_GAUSSIAN = np.array(
    [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989, 0.3521, 0.2420, 0.1295, 0.0540, 0.0175,
     0.0044, 0.0009]
)  # fmt: skip


@njit(cache=True)
def gaussian(x):
    """MGH 9."""
    r = np.empty(15)
    for i in range(15):
        t = (7.0 - i) / 2.0
        r[i] = x[0] * math.exp(-0.5 * x[1] * (t - x[2]) ** 2) - _GAUSSIAN[i]
    return r


_MEYER = np.array(
    [34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0, 5147.0,
     4427.0, 3820.0, 3307.0, 2872.0]
)  # fmt: skip


@njit(cache=True)
def meyer(x):
    """MGH 10."""
    r = np.empty(16)
    for i in range(16):
        t = 45.0 + 5.0 * (i + 1.0)
        r[i] = x[0] * math.exp(x[1] / (t + x[2])) - _MEYER[i]
    return r


@njit(cache=True)
def box_3d(x):
    """MGH 12, m = 10."""
    r = np.empty(10)
    for i in range(10):
        t = 0.1 * (i + 1.0)
        r[i] = math.exp(-t * x[0]) - math.exp(-t * x[1]) - x[2] * (math.exp(-t) - math.exp(-10.0 * t))
    return r


@njit(cache=True)
def powell_singular(x):
    """MGH 13."""
    return np.array(
        [
            x[0] + 10.0 * x[1],
            math.sqrt(5.0) * (x[2] - x[3]),
            (x[1] - 2.0 * x[2]) ** 2,
            math.sqrt(10.0) * (x[0] - x[3]) ** 2,
        ]
    )


@njit(cache=True)
def wood(x):
    """MGH 14."""
    return np.array(
        [
            10.0 * (x[1] - x[0] ** 2),
            1.0 - x[0],
            math.sqrt(90.0) * (x[3] - x[2] ** 2),
            1.0 - x[2],
            math.sqrt(10.0) * (x[1] + x[3] - 2.0),
            (x[1] - x[3]) / math.sqrt(10.0),
        ]
    )


_KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
_OSBORNE = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


@njit(cache=True)
def kowalik_osborne(x):
    """MGH 15."""
    r = np.empty(11)
    for i in range(11):
        u = _OSBORNE[i]
        r[i] = _KOWALIK[i] - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3])
    return r


@njit(cache=True)
def brown_dennis(x):
    """MGH 16, m = 20."""
    r = np.empty(20)
    for i in range(20):
        t = (i + 1.0) / 5.0
        r[i] = (x[0] + t * x[1] - math.exp(t)) ** 2 + (x[2] + x[3] * math.sin(t) - math.cos(t)) ** 2
    return r


_OSBORNE_1 = np.array(
    [0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
     0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420,
     0.414, 0.411, 0.406]
)  # fmt: skip


@njit(cache=True)
def osborne_1(x):
    """MGH 17."""
    r = np.empty(33)
    for i in range(33):
        t = 10.0 * i
        r[i] = _OSBORNE_1[i] - (x[0] + x[1] * math.exp(-t * x[3]) + x[2] * math.exp(-t * x[4]))
    return r


@njit(cache=True)
def biggs_exp6(x):
    """MGH 18, m = 13."""
    r = np.empty(13)
    for i in range(13):
        t = 0.1 * (i + 1.0)
        y = math.exp(-t) - 5.0 * math.exp(-10.0 * t) + 3.0 * math.exp(-4.0 * t)
        r[i] = x[2] * math.exp(-t * x[0]) - x[3] * math.exp(-t * x[1]) + x[5] * math.exp(-t * x[4]) - y
    return r


_OSBORNE_2 = np.array(
    [1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616,
     0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495,
     0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672,
     0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581,
     0.428, 0.292, 0.162, 0.098, 0.054]
)  # fmt: skip


@njit(cache=True)
def osborne_2(x):
    """MGH 19."""
    r = np.empty(65)
    for i in range(65):
        t = i / 10.0
        r[i] = _OSBORNE_2[i] - (
            x[0] * math.exp(-t * x[4])
            + x[1] * math.exp(-((t - x[8]) ** 2) * x[5])
            + x[2] * math.exp(-((t - x[9]) ** 2) * x[6])
            + x[3] * math.exp(-((t - x[10]) ** 2) * x[7])
        )
    return r


@njit(cache=True)
def watson(x):
    """MGH 20."""
    r = np.empty(31)
    for i in range(29):
        t = (i + 1.0) / 29.0
        slope = value = 0.0
        power = 1.0
        for j in range(x.size):
            value += x[j] * power
            if j + 1 < x.size:
                slope += (j + 1.0) * x[j + 1] * power
            power *= t
        r[i] = slope - value**2 - 1.0
    r[29] = x[0]
    r[30] = x[1] - x[0] ** 2 - 1.0
    return r


@njit(cache=True)
def penalty_1(x):
    """MGH 23."""
    n = x.size
    r = np.empty(n + 1)
    total = -0.25
    for i in range(n):
        r[i] = math.sqrt(1e-5) * (x[i] - 1.0)
        total += x[i] ** 2
    r[n] = total
    return r


@njit(cache=True)
def penalty_2(x):
    """MGH 24."""
    n = x.size
    a = math.sqrt(1e-5)
    r = np.empty(2 * n)
    r[0] = x[0] - 0.2
    total = n * x[0] ** 2 - 1.0
    for i in range(1, n):
        y = math.exp((i + 1.0) / 10.0) + math.exp(i / 10.0)
        r[i] = a * (math.exp(x[i] / 10.0) + math.exp(x[i - 1] / 10.0) - y)
        r[n + i - 1] = a * (math.exp(x[i] / 10.0) - math.exp(-1.0 / 10.0))
        total += (n - i) * x[i] ** 2
    r[2 * n - 1] = total
    return r


@njit(cache=True)
def variably_dimensioned(x):
    """MGH 25."""
    n = x.size
    r = np.empty(n + 2)
    total = 0.0
    for i in range(n):
        r[i] = x[i] - 1.0
        total += (i + 1.0) * r[i]
    r[n] = total
    r[n + 1] = total**2
    return r


@njit(cache=True)
def trigonometric(x):
    """MGH 26."""
    n = x.size
    r = np.empty(n)
    total = 0.0
    for i in range(n):
        total += math.cos(x[i])
    for i in range(n):
        r[i] = n - total + (i + 1.0) * (1.0 - math.cos(x[i])) - math.sin(x[i])
    return r


@njit(cache=True)
def brown_almost_linear(x):
    """MGH 27."""
    n = x.size
    r = np.empty(n)
    total = x.sum() - (n + 1.0)
    product = 1.0
    for i in range(n):
        r[i] = x[i] + total
        product *= x[i]
    r[n - 1] = product - 1.0
    return r


@njit(cache=True)
def discrete_boundary(x):
    """MGH 28."""
    n = x.size
    h = 1.0 / (n + 1.0)
    r = np.empty(n)
    for i in range(n):
        r[i] = 2.0 * x[i] + 0.5 * h * h * (x[i] + (i + 1.0) * h + 1.0) ** 3
        if i > 0:
            r[i] -= x[i - 1]
        if i + 1 < n:
            r[i] -= x[i + 1]
    return r


@njit(cache=True)
def discrete_integral(x):
    """MGH 29."""
    n = x.size
    h = 1.0 / (n + 1.0)
    r = np.empty(n)
    for i in range(n):
        t = (i + 1.0) * h
        before = after = 0.0
        for j in range(n):
            s = (j + 1.0) * h
            cube = (x[j] + s + 1.0) ** 3
            if j <= i:
                before += s * cube
            else:
                after += (1.0 - s) * cube
        r[i] = x[i] + 0.5 * h * ((1.0 - t) * before + t * after)
    return r


@njit(cache=True)
def broyden_tridiagonal(x):
    """MGH 30."""
    n = x.size
    r = np.empty(n)
    for i in range(n):
        r[i] = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            r[i] -= x[i - 1]
        if i + 1 < n:
            r[i] -= 2.0 * x[i + 1]
    return r


@njit(cache=True)
def broyden_banded(x):
    """MGH 31."""
    n = x.size
    r = np.empty(n)
    for i in range(n):
        r[i] = x[i] * (2.0 + 5.0 * x[i] ** 2) + 1.0
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                r[i] -= x[j] * (1.0 + x[j])
    return r


@njit(cache=True)
def linear_full_rank(x):
    """MGH 32, m = 20."""
    m = 20
    total = x.sum()
    r = np.full(m, -2.0 * total / m - 1.0)
    r[: x.size] += x
    return r


@njit(cache=True)
def linear_rank_one(x):
    """MGH 33, m = 20."""
    total = 0.0
    for j in range(x.size):
        total += (j + 1.0) * x[j]
    return np.arange(1.0, 21.0) * total - 1.0


@njit(cache=True)
def chebyquad(x):
    """MGH 35, m = n."""
    n = x.size
    r = np.zeros(n)
    for j in range(n):
        before, now = 1.0, 2.0 * x[j] - 1.0
        twice = 2.0 * now
        for i in range(n):
            r[i] += now / n
            before, now = now, twice * now - before
    for i in range(1, n, 2):
        r[i] += 1.0 / ((i + 1.0) ** 2 - 1.0)
    return r


def _boundary_start(n):
    t = np.arange(1.0, n + 1.0) / (n + 1.0)
    return t * (t - 1.0)


PROBLEMS = [
    ResidualProblem("rosenbrock", rosenbrock, [-1.2, 1.0], (0.0,)),
    ResidualProblem("freudenstein_roth", freudenstein_roth, [0.5, -2.0], (0.0, 48.9842)),
    ResidualProblem("powell_badly_scaled", powell_badly_scaled, [0.0, 1.0], (0.0,)),
    ResidualProblem("brown_badly_scaled", brown_badly_scaled, [1.0, 1.0], (0.0,)),
    ResidualProblem("beale", beale, [1.0, 1.0], (0.0,)),
    ResidualProblem("jennrich_sampson", jennrich_sampson, [0.3, 0.4], (124.362,)),
    ResidualProblem("helical_valley", helical_valley, [-1.0, 0.0, 0.0], (0.0,)),
    ResidualProblem("bard", bard, [1.0, 1.0, 1.0], (8.21487e-3, 17.4286)),
    ResidualProblem("gaussian", gaussian, [0.4, 1.0, 0.0], (1.12793e-8,)),
    ResidualProblem("meyer", meyer, [0.02, 4000.0, 250.0], (87.9458,)),
    ResidualProblem("box_3d", box_3d, [0.0, 10.0, 20.0], (0.0,)),
    ResidualProblem("powell_singular", powell_singular, [3.0, -1.0, 0.0, 1.0], (0.0,)),
    ResidualProblem("wood", wood, [-3.0, -1.0, -3.0, -1.0], (0.0,)),
    ResidualProblem("kowalik_osborne", kowalik_osborne, [0.25, 0.39, 0.415, 0.39], (3.07505e-4, 1.02734e-3)),
    ResidualProblem("brown_dennis", brown_dennis, [25.0, 5.0, -5.0, -1.0], (85822.2,)),
    ResidualProblem("osborne_1", osborne_1, [0.5, 1.5, -1.0, 0.01, 0.02], (5.46489e-5,)),
    ResidualProblem("biggs_exp6", biggs_exp6, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], (0.0, 5.65565e-3)),
    ResidualProblem(
        "osborne_2", osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5], (4.01377e-2,)
    ),
    ResidualProblem("watson_6", watson, [0.0] * 6, (2.28767e-3,)),
    ResidualProblem("watson_9", watson, [0.0] * 9, (1.39976e-6,)),
    ResidualProblem("penalty_1", penalty_1, [1.0, 2.0, 3.0, 4.0], (2.24997e-5,)),
    ResidualProblem("penalty_2", penalty_2, [0.5] * 4, (9.37629e-6,)),
    ResidualProblem("variably_dimensioned", variably_dimensioned, 1.0 - np.arange(1.0, 11.0) / 10.0, (0.0,)),
    ResidualProblem("trigonometric", trigonometric, [0.1] * 10, (0.0, 2.79506e-5)),
    ResidualProblem("brown_almost_linear", brown_almost_linear, [0.5] * 10, (0.0, 1.0)),
    ResidualProblem("discrete_boundary", discrete_boundary, _boundary_start(10), (0.0,)),
    ResidualProblem("discrete_integral", discrete_integral, _boundary_start(10), (0.0,)),
    ResidualProblem("broyden_tridiagonal", broyden_tridiagonal, [-1.0] * 10, (0.0,)),
    ResidualProblem("broyden_banded", broyden_banded, [-1.0] * 10, (0.0,)),
    ResidualProblem("linear_full_rank", linear_full_rank, [1.0] * 5, (15.0,)),
    ResidualProblem("linear_rank_one", linear_rank_one, [1.0] * 5, (20.0 * 19.0 / (2.0 * 41.0),)),
    ResidualProblem("chebyquad_8", chebyquad, np.arange(1.0, 9.0) / 9.0, (3.51687e-3,)),
    ResidualProblem("chebyquad_9", chebyquad, np.arange(1.0, 10.0) / 10.0, (0.0,)),
]


class Regression(NamedTuple):
    """A model and data with certified parameters."""

    name: str
    model: Any  # model(x, *b)
    x: Any
    y: Any
    starts: Any  # far from the solution, and near
    parameters: Any
    deviations: Any
    sum_of_squares: float


@njit(cache=True)
def misra1a(x, a, b):
    """Monomolecular adsorption."""
    return a * (1.0 - np.exp(-b * x))


@njit(cache=True)
def thurber(x, a, b, c, d, e, f, g):
    """Electron mobility, a quotient of cubics."""
    return (a + b * x + c * x**2 + d * x**3) / (1.0 + e * x + f * x**2 + g * x**3)


@njit(cache=True)
def eckerle4(x, a, b, c):
    """Circular interference transmittance."""
    return a / b * np.exp(-0.5 * ((x - c) / b) ** 2)


@njit(cache=True)
def mgh09(x, a, b, c, d):
    """MGH 15 as a regression."""
    return a * (x**2 + x * b) / (x**2 + x * c + d)


@njit(cache=True)
def mgh10(x, a, b, c):
    """MGH 10 as a regression."""
    return a * np.exp(b / (x + c))


def _column(text):
    return np.array(text.split(), float)


REGRESSIONS = [
    Regression(
        "Misra1a",
        misra1a,
        _column("77.6 114.9 141.1 190.8 239.9 289 332.8 378.4 434.8 477.3 536.8 593.1 689.1 760"),
        _column("10.07 14.73 17.94 23.93 29.61 35.18 40.02 44.82 50.76 55.05 61.01 66.4 75.47 81.78"),
        ([500.0, 0.0001], [250.0, 0.0005]),
        _column("2.3894212918e+02 5.5015643181e-04"),
        _column("2.7070075241e+00 7.2668688436e-06"),
        1.2455138894e-01,
    ),
    Regression(
        "Thurber",
        thurber,
        _column(
            """
            -3.067 -2.981 -2.921 -2.912 -2.84 -2.797 -2.702 -2.699 -2.633 -2.481 -2.363 -2.322 -1.501 -1.46
            -1.274 -1.212 -1.1 -1.046 -0.915 -0.714 -0.566 -0.545 -0.4 -0.309 -0.109 -0.103 0.01 0.119
            0.377 0.79 0.963 1.006 1.115 1.572 1.841 2.047 2.2
            """
        ),
        _column(
            """
            80.574 84.248 87.264 87.195 89.076 89.608 89.868 90.101 92.405 95.854 100.696 101.06 401.672
            390.724 567.534 635.316 733.054 759.087 894.206 990.785 1090.109 1080.914 1122.643 1178.351
            1260.531 1273.514 1288.339 1327.543 1353.863 1414.509 1425.208 1421.384 1442.962 1464.35
            1468.705 1447.894 1457.628
            """
        ),
        ([1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03], [1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05]),
        _column(
            """
            1.2881396800e+03 1.4910792535e+03 5.8323836877e+02 7.5416644291e+01 9.6629502864e-01
            3.9797285797e-01 4.9727297349e-02
            """
        ),
        _column(
            """
            4.6647963344e+00 3.9571156086e+01 2.8698696102e+01 5.5675370270e+00 3.1333340687e-02
            1.4984928198e-02 6.5842344623e-03
            """
        ),
        5.6427082397e03,
    ),
    Regression(
        "Eckerle4",
        eckerle4,
        np.r_[400.0:436.0:5.0, 436.5:466.0:1.5, 470.0:501.0:5.0],
        _column(
            """
            0.0001575 0.0001699 0.000235 0.0003102 0.0004917 0.000871 0.0017418 0.00464 0.0065895 0.0097302
            0.0149002 0.023731 0.0401683 0.0712559 0.1264458 0.2073413 0.2902366 0.3445623 0.3698049
            0.3668534 0.3106727 0.2078154 0.1164354 0.0616764 0.03372 0.0194023 0.0117831 0.0074357
            0.0022732 0.00088 0.0004579 0.0002345 0.0001586 0.0001143 7.1e-05
            """
        ),
        ([1.0, 10.0, 500.0], [1.5, 5.0, 450.0]),
        _column("1.5543827178e+00 4.0888321754e+00 4.5154121844e+02"),
        _column("1.5408051163e-02 4.6803020753e-02 4.6800518816e-02"),
        1.4635887487e-03,
    ),
    Regression(
        "MGH09",
        mgh09,
        _OSBORNE,
        _KOWALIK,
        ([25.0, 39.0, 41.5, 39.0], [0.25, 0.39, 0.415, 0.39]),
        _column("1.9280693458e-01 1.9128232873e-01 1.2305650693e-01 1.3606233068e-01"),
        _column("1.1435312227e-02 1.9633220911e-01 8.0842031232e-02 9.0025542308e-02"),
        3.0750560385e-04,
    ),
    Regression(
        "MGH10",
        mgh10,
        np.arange(50.0, 126.0, 5.0),
        _MEYER,
        ([2.0, 400000.0, 25000.0], [0.02, 4000.0, 250.0]),
        _column("5.6096364710e-03 6.1813463463e+03 3.4522363462e+02"),
        _column("1.5687892471e-04 2.3309021107e+01 7.8486103508e-01"),
        8.7945855171e01,
    ),
    Regression(
        "BoxBOD",
        misra1a,
        _column("1 2 3 5 7 10"),
        _column("109 149 149 191 213 224"),
        ([1.0, 1.0], [100.0, 0.75]),
        _column("2.1380940889e+02 5.4723748542e-01"),
        _column("1.2354515176e+01 1.0455993237e-01"),
        1.1680088766e03,
    ),
]
