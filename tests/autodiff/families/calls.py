"""Calls to other compiled functions, recursion, closures and globals, and threads."""

import math

import numpy as np
from numba import njit, prange

from .case import P5, X5, case, normal

SCALE = 1.7
EXPONENT = 3
CENTRE = np.array([0.2, -0.4, 0.6, 0.1, -0.3])
LIMITS = (0.5, 2.5)


@njit
def softplus(t):
    return math.log1p(math.exp(t))


@njit
def damped(t, rate=0.5, power=2):
    return t**power * math.exp(-rate * t)


@njit
def damped_softplus(t, rate):
    return damped(softplus(t), rate) + t


@njit
def squares(x):
    return x * x


@njit
def dot(x, y):
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@njit
def fill(out, x):
    for i in range(x.size):
        out[i] = math.sin(x[i]) * x[0]


@njit
def scale_in_place(out, factor):
    for i in range(out.size):
        out[i] *= factor
    return out[0]


@njit
def polar(a, b):
    return math.hypot(a, b), math.atan2(b, a)


@njit
def first_above(x, bound):
    for i in range(x.size):
        if x[i] > bound:
            return x[i] ** 2
    return 0.0


@njit
def same(x):
    return x


@njit
def tail(x, k):
    return x[k:]


@njit
def power(t, k):
    if k == 0:
        return 1.0
    return t * power(t, k - 1)


@njit
def nested_sine(t, k):
    if k <= 0:
        return t
    inner = nested_sine(t * 0.9, k - 1)
    return math.sin(inner) + 0.1 * inner * t


@njit
def tree_sum(x, low, high):
    if high - low == 1:
        return x[low] ** 2
    middle = (low + high) // 2
    return tree_sum(x, low, middle) * 1.5 + math.sin(tree_sum(x, middle, high))


@njit
def add_outer(a, x, weight):
    for i in range(x.size):
        for j in range(x.size):
            a[i, j] += weight * x[i] * x[j]


@njit
def advance(state, out, rate):
    out[0] = state[0] + rate * state[1]
    out[1] = state[1] - rate * math.sin(state[0])


def calls_a_scalar_function(x):
    total = 0.0
    for value in x:
        total += softplus(value)
    return total


def calls_nested_functions(x):
    total = 0.0
    for i in range(x.size):
        total += damped_softplus(x[i], x[0] ** 2)
    return total


def calls_with_defaults(x):
    return damped(x[0]) * damped(x[1], 0.3) + damped(x[2], x[3] ** 2, 3)


def calls_with_keywords(x):
    return damped(x[0], power=3) + damped(x[1], power=1, rate=x[2]) + damped(rate=x[4], t=x[3])


def calls_with_arrays(x):
    return dot(x, squares(x)) + dot(x[1:], x[:-1])


def calls_with_the_same_array_twice(x):
    return dot(x, x) * x[0]


def callee_writes_into_an_array(x):
    work = np.zeros(x.size)
    fill(work, x)
    return dot(work, x) + np.sum(work**2)


def callee_writes_into_a_row(x):
    rows = np.zeros((2, x.size))
    for k in range(2):
        fill(rows[k], x * (k + 1.0))
    return dot(rows[0], rows[1])


def callee_updates_in_place(x):
    y = x**2
    first = scale_in_place(y, x[1])
    second = scale_in_place(y[2:], first)
    return np.sum(y**2) + first * second


def callee_writes_into_what_it_reads(x):
    y = x.copy()
    fill(y, y)
    return np.sum(y**2)


def callee_accumulates_a_matrix(x):
    a = np.zeros((x.size, x.size))
    for k in range(1, 4):
        add_outer(a, x, x[k])
    return np.sum(a**2)


def callee_returns_a_tuple(x):
    r, angle = polar(x[0], x[1])
    pair = polar(x[2], x[3])
    return r**2 * angle + pair[0] * pair[1]


def callee_with_early_return(x):
    return first_above(x, 1.0) * x[0] + first_above(x, 0.0)


def callee_returns_its_argument(x):
    y = x**2
    z = same(y)
    z[0] = x[1] * y[2]
    return np.sum(y * y)


def callee_returns_a_view(x):
    y = x**2
    z = tail(y, 2)
    z[0] *= x[0]
    return np.sum(y**2)


def callee_result_unused(x):
    work = np.ones(x.size)
    scale_in_place(work, x[0])
    softplus(x[1])
    return np.sum(work * x)


def calls_in_one_expression(x):
    return softplus(softplus(x[0]) * damped(x[1])) ** softplus(x[2])


def calls_in_a_condition(x):
    total = 0.0
    for value in x:
        if softplus(value) > 0.7:
            total += softplus(value) ** 2
    return total


def calls_with_constants(x):
    return damped(2.0) * x[0] + power(2.0, 3) * x[1] ** 2


def calls_with_a_scalar_argument(t, rate):
    return damped(t, rate) + softplus(t * rate)


def recursive_power(x):
    return power(x[0], 4) * power(x[1], 1) + power(x[2], 0)


def recursive_sine(x):
    return nested_sine(x[0], 4) * x[1]


def recursive_halves(x):
    return tree_sum(x, 0, 5)


def inner_functions(x):
    scale = 2.0 * x[0]

    def bent(v, power=2.0):
        if v < 0.0:
            return -v * scale
        return v**power * SCALE

    shifted = lambda v, w=x[1]: bent(v) * w + 1.0  # noqa: E731
    total = 0.0
    for value in x:
        total += shifted(value)
    return total + bent(x[2], 3.0) * bent(-1.0)


def inner_function_within_another(x):
    def total_of(v):
        def product(w):
            return w * v * x[2]

        total = 0.0
        for i in range(x.size):
            total += product(x[i])
            if total > 0.5:
                return total
        return total * total

    return total_of(x[1]) + total_of(x[0])


def inner_function_writes(x):
    out = np.zeros(x.size)

    def put(k, v):
        out[k] = v * x[0]

    for k in range(x.size):
        put(k, x[k] ** 2)
    return np.sum(out**2)


def inner_function_in_a_loop(x):
    total = 0.0
    for i in range(3):

        def weighted(v):
            y = v * i  # noqa: B023
            return y * y

        total += weighted(x[i])
    y = total * x[0]
    return y


def recursive_tree(x):
    return tree_sum(x, 0, x.size)


def double_buffer(x):
    state = np.array([x[0], x[1]])
    after = np.zeros(2)
    for _ in range(6):
        advance(state, after, x[3])
        state[:] = after
    return state[0] ** 2 + state[1]


def globals_as_constants(x):
    total = 0.0
    for i in range(x.size):
        total += SCALE * (x[i] - CENTRE[i]) ** EXPONENT
    return total + LIMITS[1] * x[0] + math.pi * x[1] * np.e


def global_array_in_an_expression(x):
    return np.sum((x - CENTRE) ** 2 * CENTRE) * SCALE


def global_compiled_function_of_a_global(x):
    return dot(x, CENTRE) ** 2 + dot(CENTRE, squares(x))


def scratch_argument(x, work):
    for i in range(x.size):
        work[i] = math.sin(x[i]) * x[0]
    total = 0.0
    for i in range(1, x.size):
        total += work[i] * work[i - 1]
    return total


def default_argument(x, weight=2.0, shift=0.5):
    return weight * np.sum((x - shift) ** 2 * x)


def make_penalty(weight, target):
    inner = 2.0 * weight

    def penalty(x):
        total = 0.0
        for i in range(x.size):
            total += weight * (x[i] - target[i]) ** 2 + inner * math.sin(x[i])
        return total

    return penalty


def make_composition(outer):
    def composition(x):
        return outer(x[0] * x[1]) + outer(x[2]) ** 2

    return composition


penalty = make_penalty(0.7, np.array([1.0, 0.5, -0.5, 0.2, 0.9]))
composition = make_composition(softplus)


@njit(parallel=True)
def threaded_sum(x):
    total = 0.0
    for i in prange(x.size):
        total += math.sin(x[i]) * x[i]
    return total


@njit(parallel=True)
def threaded_elements(x):
    y = np.empty(x.size)
    for i in prange(x.size):
        y[i] = math.exp(x[i]) * x[i]
    return np.sum(y**2)


@njit(parallel=True)
def threaded_neighbours(x):
    y = np.zeros(x.size)
    for i in prange(1, x.size - 1):
        y[i] = x[i - 1] * x[i + 1] + x[i] ** 2
    total = 0.0
    for i in range(x.size):
        total += y[i] ** 2
    return total


@njit(parallel=True)
def threaded_shared_value(x, c):
    total = 0.0
    for i in prange(x.size):
        total += math.exp(-c * x[i] ** 2) * x[0]
    return total


@njit(parallel=True)
def threaded_inner_loop(a, x):
    total = 0.0
    for i in prange(a.shape[0]):
        entry = 0.0
        for j in range(a.shape[1]):
            entry += a[i, j] * x[j]
        total += math.tanh(entry) ** 2
    return total


@njit(parallel=True)
def threaded_branches(x):
    total = 0.0
    for i in prange(x.size):
        if x[i] > 0.0:
            value = x[i] ** 2
        else:
            value = math.sin(x[i])
        total += value * (i + 1)
    return total


@njit(parallel=True)
def threaded_rows(a):
    out = np.zeros(a.shape[0])
    for i in prange(a.shape[0]):
        row = a[i]
        out[i] = np.sum(row**2) * row[0]
    return np.sum(out * out)


@njit(parallel=True)
def threaded_calls(x):
    y = np.zeros(x.size)
    for i in prange(x.size):
        y[i] = damped(softplus(x[i]), x[0] ** 2)
    return np.sum(y)


@njit(parallel=True)
def threaded_expressions(x, z):
    y = np.sin(x) * z + x**2
    return np.sum(y * y) / np.mean(z)


@njit(parallel=True)
def threaded_twice(x):
    y = np.empty(x.size)
    for i in prange(x.size):
        y[i] = x[i] ** 2
    total = 0.0
    for i in prange(x.size):
        total += y[i] * y[x.size - 1 - i]
    return total * x[0]


@njit(fastmath=True, error_model="numpy")
def compiled_with_flags(x):
    total = 0.0
    for value in x:
        total += value**2 / (1.0 + value**2)
    return total


X300 = normal(41, 300)

CASES = [
    case(calls_a_scalar_function, X5, second=True, single=True),
    case(calls_nested_functions, X5, second=True),
    case(calls_with_defaults, P5, second=True),
    case(calls_with_keywords, P5, second=True),
    case(calls_with_arrays, X5, single=True),
    case(calls_with_the_same_array_twice, X5),
    case(callee_writes_into_an_array, X5, second=True),
    case(callee_writes_into_a_row, X5, second=True),
    case(callee_updates_in_place, X5, second=True),
    case(callee_writes_into_what_it_reads, X5, second=True),
    case(callee_accumulates_a_matrix, X5),
    case(callee_returns_a_tuple, X5, second=True),
    case(callee_with_early_return, X5),
    case(callee_returns_its_argument, X5),
    case(callee_returns_a_view, X5, second=True),
    case(callee_result_unused, X5),
    case(calls_in_one_expression, X5, second=True),
    case(calls_in_a_condition, X5),
    case(calls_with_constants, X5, recursive=True),
    case(calls_with_a_scalar_argument, 0.8, 1.3, argnum=(0, 1)),
    case(recursive_power, X5, second=True, recursive=True),
    case(recursive_sine, X5, second=True, recursive=True),
    case(recursive_halves, X5, second=True, recursive=True),
    case(inner_functions, X5, second=True),
    case(inner_function_within_another, X5, second=True),
    case(inner_function_writes, X5, second=True),
    case(inner_function_in_a_loop, X5),
    case(recursive_tree, X5, second=True, recursive=True),
    case(double_buffer, X5, second=True),
    case(globals_as_constants, X5),
    case(global_array_in_an_expression, X5),
    case(global_compiled_function_of_a_global, X5),
    case(scratch_argument, X5, np.zeros(5)),
    case(default_argument, X5),
    case(default_argument, X5, 1.5, argnum=(0, 1), name="default_argument_given"),
    case(penalty, X5, second=True),
    case(composition, X5, second=True),
    case(threaded_sum, X300, single=True),
    case(threaded_elements, X5),
    case(threaded_neighbours, X300),
    case(threaded_shared_value, X5, 0.7, argnum=(0, 1)),
    case(threaded_inner_loop, normal(42, 20, 4), normal(43, 4), argnum=(0, 1)),
    case(threaded_branches, X5),
    case(threaded_rows, normal(44, 6, 3)),
    case(threaded_calls, X5, second=True),
    case(threaded_expressions, X5, P5),
    case(threaded_twice, X5),
    case(compiled_with_flags, X5, second=True),
]
