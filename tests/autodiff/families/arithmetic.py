"""Operators, powers, functions with kinks, and integers and booleans that pass through."""

import math

import numpy as np

from .case import P5, X5, case, normal


def four_operations(x):
    return (x[0] + x[1] * x[2] - x[3]) / (x[4] - 2.0) - (x[0] - x[1]) / x[3]


def unary_signs(x):
    return -x[0] * +x[1] + -(x[2] * -x[3])


def division_of_everything(x, y):
    return 1.0 / x[0] + x[1] / y[0] + y[1] / x[2] + x[3] / 4


def division_of_integers(x):
    total = 0.0
    for i in range(1, x.size):
        total += x[i] * (i / 2) + x[i] ** 2 * (1 / i)
    return total


def floor_division(x):
    return (x[3] // 0.3) * x[0] ** 2 + (7 // 2) * x[1] + (x[1] // 1) * x[2]


def modulo(x):
    return (x[3] % 0.3) ** 2 + (x[1] % 0.5) * x[0] + (7 % 4) * x[2]


def modulo_of_two_values(x, y):
    return (x % y) * x + (y % x) ** 2


def integer_powers(x):
    return x[0] ** 2 + x[1] ** 3 - x[2] ** 4 * x[3] ** 1 + x[4] ** 0


def negative_integer_powers(x):
    return x[0] ** -1 + x[1] ** -2 * x[2] ** -3


def real_powers(x):
    return x[0] ** 0.5 + x[1] ** 2.5 * x[2] ** -1.5 + x[3] ** 2.0


def power_of_a_negative_number(x):
    return x[1] ** 3 + x[4] ** 2.0 * x[1] ** -2 + (x[1] - 1.0) ** 5.0


def both_active_power(x, y):
    return x**y + y**x * (x * y) ** (x + y)


def both_active_power_of_arrays(x, y):
    return np.sum(x**y) + np.sum(y ** (x * 0.5))


def power_of_a_constant(x):
    return 2.0 ** x[0] + 3 ** x[1] + 0.5 ** (x[2] * x[3])


def power_with_a_variable_integer(x):
    total = 0.0
    for k in range(4):
        total += x[k] ** (k + 1) / (k + 1)
    return total


def power_of_arrays(x):
    return np.sum(x**2) + np.sum(x**3 * x) - np.sum(x**-1) + np.sum(x**1.5)


def power_of_a_constant_to_an_array(x):
    return np.sum(2.0**x) * np.sum(0.7 ** (x**2))


def power_zero_at_zero(x):
    return (x[0] - 0.9) ** 2 + (x[0] - 0.9) ** 1 * x[1]


def polynomial(x, coefficients):
    total = 0.0
    for c in coefficients:
        total = total * x[0] + c
    return total


def absolute_values(x):
    return abs(x[0]) * abs(x[1]) + np.abs(x[4]) ** 2 * math.fabs(x[2]) + np.sum(np.abs(x) * x)


def min_and_max(x):
    return max(x[0], x[1]) * min(x[2], x[3]) + max(x[4], 0.0) + min(x[1], -1.0, x[4])


def min_and_max_of_three(x):
    return max(x[0], x[1], x[2]) * x[3] + min(x[0], x[1], x[2]) ** 2


def min_and_max_in_a_loop(x):
    best = x[0]
    worst = x[0]
    for value in x:
        best = max(best, value)
        worst = min(worst, value)
    return best * worst


def relu_network(x):
    total = 0.0
    for i in range(x.size):
        total += max(0.0, x[i] * 2.0 - 0.5) ** 2
    return total


def clipped(x):
    return np.sum(np.clip(x, -1.0, 1.0) * x)


def clipped_to_values(x, low, high):
    return np.sum(np.clip(x, low, high) ** 2)


def where_of_arrays(x, y):
    return np.sum(np.where(x > 0.0, x * y, np.sin(x)))


def where_with_scalars(x):
    return np.sum(np.where(x > 0.5, x, 0.0) * x) + np.sum(np.where(x < 0.0, 1.0, x**2))


def where_of_one_value(x):
    return np.where(x[0] > 0.0, x[0] ** 2, x[1]) * 1.0 + x[2]


def signs_and_floors(x):
    return (
        np.sum(np.sign(x) * x**2)
        + np.sum(np.floor(x) * x)
        + np.sum(np.ceil(x) * x**2)
        + math.floor(x[3]) * x[0]
        + math.ceil(x[0]) * x[1]
        + np.sum(np.trunc(x) * x)
    )


def comparisons_as_numbers(x):
    return np.sum((x > 0.0) * x**2) + (x[0] > 0.0) * x[1]


def rounding_to_integers(x):
    k = int(x[3] * 2.0)
    return x[0] ** k + x[k - 3] * k + round(x[1]) * x[2]


def casts(x, k):
    a = float(k) * x[0]
    b = np.float64(k) + x[1]
    c = float(x[2]) ** 2
    return a * b * c


def integers_pass_through(x, n, offset):
    total = 0.0
    m = n * 2 + offset
    for i in range(n):
        m -= i
        total += x[(i + offset) % x.size] * m
    return total**2


def booleans_pass_through(x, mask):
    total = 0.0
    count = 0
    for i in range(x.size):
        if mask[i]:
            total += x[i] ** 2
            count += 1
    return total / count


def integer_arrays_pass_through(x, counts):
    total = 0.0
    for i in range(x.size):
        total += counts[i] * x[i] ** 2 - counts[i] // 2 * x[i]
    return total + np.sum(counts * x)


def integer_work_array(x):
    counts = np.zeros(3, dtype=np.int64)
    sums = np.zeros(3)
    for i in range(x.size):
        k = i % 3
        counts[k] += 1
        sums[k] += x[i] ** 2
    total = 0.0
    for k in range(3):
        total += (sums[k] / counts[k]) ** 2
    return total


def argmax_passes_through(x):
    k = np.argmax(x)
    return x[k] ** 2 * x[np.argmin(x)]


def bit_operations(x, flags):
    total = 0.0
    for i in range(x.size):
        if flags >> i & 1:
            total += x[i] ** 2 * (i ^ 1)
    return total


def stable_sigmoid(x):
    total = 0.0
    for value in x:
        if value >= 0.0:
            total += 1.0 / (1.0 + math.exp(-value))
        else:
            e = math.exp(value)
            total += e / (1.0 + e) * value
    return total


def scalar_arguments(a, b, c):
    return (-b + math.sqrt(b * b - 4.0 * a * c)) / (2.0 * a)


def smooth_absolute_value(x, eps):
    return np.sum(np.sqrt(x**2 + eps**2))


def broadcast_row(a, x):
    return np.sum((a * x) ** 2 * a)


def broadcast_column(a, y):
    return np.sum(np.sin(a - y.reshape(3, 1)) * a)


def broadcast_new_axis(a, y):
    return np.sum(a * y[:, None] ** 2) + np.sum(a / (2.0 + y[:, None] ** 2))


def broadcast_both(x, y):
    distance = x[:, None] - y[None, :]
    return np.sum(np.exp(-(distance**2)))


def broadcast_scalar(a, t):
    return np.sum(t * a - a**2 / t + (1.0 - a) * t + a**t)


def broadcast_element(x):
    return np.sum((x - x[0]) ** 2 * x[1] / x)


def broadcast_one_by_n(a, b):
    return np.sum(a * b) + np.sum((a - b) ** 2)


def broadcast_three_dimensions(a, b):
    return np.sum(a * b**2 + a[0] * b)


def broadcast_into_a_slice(x, a):
    b = np.zeros((3, 5))
    b[:] = x
    b[1:] *= a[1:]
    b += x[0]
    return np.sum(b**2)


def pairwise_differences(p):
    total = 0.0
    gaps = p[:, None, :] - p[None, :, :]
    squares = np.sum(gaps**2, axis=2)
    total += np.sum(1.0 / (1.0 + squares))
    return total


A35 = np.abs(normal(51, 3, 5)) + 0.3
Y3 = normal(52, 3)

CASES = [
    case(four_operations, X5, second=True, single=True),
    case(unary_signs, X5),
    case(division_of_everything, X5, P5, argnum=(0, 1)),
    case(division_of_integers, X5),
    case(floor_division, X5),
    case(modulo, X5),
    case(modulo_of_two_values, 3.7, 1.3, argnum=(0, 1)),
    case(integer_powers, X5, second=True, single=True),
    case(negative_integer_powers, X5, second=True),
    case(real_powers, P5, second=True, single=True),
    case(power_of_a_negative_number, X5, second=True),
    case(both_active_power, 1.3, 0.8, argnum=(0, 1)),
    case(both_active_power_of_arrays, P5, X5 + 2.0, argnum=(0, 1)),
    case(power_of_a_constant, X5),
    case(power_with_a_variable_integer, X5, second=True),
    case(power_of_arrays, P5, second=True),
    case(power_of_a_constant_to_an_array, X5),
    case(power_zero_at_zero, P5, second=True),
    case(polynomial, np.array([0.7]), X5, argnum=(0, 1), single=True),
    case(absolute_values, X5),
    case(min_and_max, X5, single=True),
    case(min_and_max_of_three, X5),
    case(min_and_max_in_a_loop, X5),
    case(relu_network, X5, second=True),
    case(clipped, X5, single=True),
    case(clipped_to_values, X5, -0.9, 0.6, argnum=(0, 1, 2)),
    case(where_of_arrays, X5, P5, argnum=(0, 1), single=True),
    case(where_with_scalars, X5, second=True),
    case(where_of_one_value, X5),
    case(signs_and_floors, X5, single=True),
    case(comparisons_as_numbers, X5),
    case(rounding_to_integers, X5),
    case(casts, X5, 3),
    case(integers_pass_through, X5, 3, 1),
    case(booleans_pass_through, X5, np.array([True, False, True, True, False])),
    case(integer_arrays_pass_through, X5, np.array([1, 2, 3, 4, 5])),
    case(integer_work_array, X5),
    case(argmax_passes_through, X5),
    case(bit_operations, X5, 0b10110),
    case(stable_sigmoid, X5, second=True),
    case(scalar_arguments, 1.2, 4.0, 0.7, argnum=(0, 1, 2)),
    case(smooth_absolute_value, X5, 0.5, argnum=(0, 1)),
    case(broadcast_row, A35, X5, argnum=(0, 1)),
    case(broadcast_column, A35, Y3, argnum=(0, 1)),
    case(broadcast_new_axis, A35, Y3, argnum=(0, 1), single=True),
    case(broadcast_both, X5, Y3, argnum=(0, 1)),
    case(broadcast_scalar, A35, 1.4, argnum=(0, 1)),
    case(broadcast_element, X5, second=True),
    case(broadcast_one_by_n, A35, normal(53, 1, 5), argnum=(0, 1)),
    case(broadcast_three_dimensions, normal(54, 2, 3, 2), normal(55, 3, 2), argnum=(0, 1)),
    case(broadcast_into_a_slice, X5, A35, argnum=(0, 1)),
    case(pairwise_differences, normal(56, 4, 2), single=True),
]
