"""Logistic regression."""

import numpy as np
from numba import njit

from problem_families.problem import entry

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


@njit(cache=True)
def logistic_exam_hess(x):
    H = np.zeros((2, 2), x.dtype)
    for i in range(20):
        slope = 0.25 * (1.0 - np.tanh(0.5 * (x[0] + x[1] * _HOURS[i])) ** 2)
        H[0, 0] += slope
        H[0, 1] += slope * _HOURS[i]
        H[1, 1] += slope * _HOURS[i] ** 2
    H[1, 0] = H[0, 1]
    return H


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


@njit(cache=True)
def logistic_ridge_hess(x):
    m, n = _LOGISTIC_A.shape
    H = np.zeros((n, n), x.dtype)
    for j in range(n):
        H[j, j] = 0.01
    for i in range(m):
        z = 0.0
        for j in range(n):
            z += _LOGISTIC_A[i, j] * x[j]
        slope = 0.25 * (1.0 - np.tanh(0.5 * z) ** 2) / m
        for j in range(n):
            for k in range(n):
                H[j, k] += slope * (_LOGISTIC_A[i, j] * _LOGISTIC_A[i, k])
    return H


PROBLEMS = (
    entry(
        "logistic_exam",
        logistic_exam,
        logistic_exam_grad,
        logistic_exam_hess,
        [0.0, 0.0],
        8.02987846434467429,
        [-4.077713431087631, 1.5046454283733335],
        "convex",
    ),
    entry(
        "logistic_ridge",
        logistic_ridge,
        logistic_ridge_grad,
        logistic_ridge_hess,
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
