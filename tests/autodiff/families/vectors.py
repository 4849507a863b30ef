"""Functions that return a vector, for Jacobians: tall, wide, square, of one entry."""

# ruff: noqa: B905

import math

import numpy as np
from numba import njit, prange

from .case import P5, X5, case, normal


def polar_to_cartesian(x):
    return np.array([x[0] * math.cos(x[1]), x[0] * math.sin(x[1])])


def helical_valley(x):
    turn = math.atan2(x[1], x[0]) / (2.0 * math.pi)
    return np.array([10.0 * (x[2] - 10.0 * turn), 10.0 * (math.hypot(x[0], x[1]) - 1.0), x[2]])


def decay_residuals(x, t, y):
    r = np.empty(t.size)
    for i in range(t.size):
        r[i] = x[0] * math.exp(-x[1] * t[i]) + x[2] - y[i]
    return r


def decay_residuals_of_arrays(x, t, y):
    return x[0] * np.exp(-x[1] * t) + x[2] - y


def broyden_tridiagonal(x):
    n = x.size
    r = np.zeros(n)
    for i in range(n):
        r[i] = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            r[i] -= x[i - 1]
        if i < n - 1:
            r[i] -= 2.0 * x[i + 1]
    return r


def linear_map(x, a):
    return a @ x


def wide_map(x):
    return np.array([np.sum(x**2), np.prod(x)])


def one_residual(x):
    return np.array([np.sum(np.sin(x))])


def elementwise_map(x):
    return np.exp(-(x**2)) * x


def slices_map(x):
    y = np.zeros(x.size - 1)
    y[:] = x[1:] * x[:-1]
    y[0] += x[3]
    return y


def view_returned(x):
    y = x**2
    y[2] = y[0] * y[1]
    return y[1:]


def argument_returned(x):
    return x


def copy_returned(x):
    y = x.copy()
    y[0] = y[1] * y[2]
    return y


def concatenated_map(x):
    return np.concatenate((x**2, np.cumsum(x)[:2]))


def solved_map(b, a):
    return np.linalg.solve(a, b)


def map_of_a_scalar(t):
    return np.array([math.sin(t), t**2, math.exp(-t), 3.0])


def map_of_the_second_argument(x, p):
    r = np.empty(x.size)
    for i, (value, weight) in enumerate(zip(x, x[::-1])):
        r[i] = p[0] * value**2 + math.tanh(p[1] * weight) * p[2]
    return r


def early_returned_map(x):
    r = np.zeros(3)
    for i in range(3):
        r[i] = x[i] * x[i + 1]
        if r[i] > 0.5:
            return r
    return r * 2.0


def time_steps(x):
    states = np.empty(6)
    state = x[0]
    for k in range(6):
        state = state + 0.2 * (x[1] * state - x[2] * state**2)
        states[k] = state
    return states


@njit
def residual(x, k):
    return math.sin(k * x[0]) + x[1] ** k


def map_with_calls(x):
    r = np.empty(4)
    for k in range(4):
        r[k] = residual(x, k + 1)
    return r


@njit(parallel=True)
def threaded_map(x):
    r = np.empty(2 * x.size)
    for i in prange(2 * x.size):
        r[i] = math.sin((i + 1) * x[i // 2]) * x[0]
    return r


def constant_map(x):
    return np.ones(3)


T7 = np.linspace(0.0, 3.0, 7)
Y7 = normal(111, 7)
P3 = P5[:3].copy()

CASES = [
    case(polar_to_cartesian, P5[:2].copy()),
    case(helical_valley, P3),
    case(decay_residuals, P3, T7, Y7, single=True),
    case(decay_residuals_of_arrays, P3, T7, Y7),
    case(broyden_tridiagonal, X5),
    case(linear_map, X5, normal(112, 3, 5)),
    case(linear_map, X5, normal(113, 9, 5), name="linear_map_to_more"),
    case(wide_map, X5),
    case(one_residual, X5),
    case(elementwise_map, X5),
    case(slices_map, X5),
    case(view_returned, X5),
    case(argument_returned, X5),
    case(copy_returned, X5),
    case(concatenated_map, X5),
    case(solved_map, normal(114, 3), normal(115, 3, 3)),
    case(map_of_a_scalar, 0.7),
    case(map_of_the_second_argument, X5, P3, argnum=1),
    case(early_returned_map, X5),
    case(time_steps, P3),
    case(map_with_calls, P5[:2].copy()),
    case(threaded_map, X5),
    case(constant_map, X5),
]
