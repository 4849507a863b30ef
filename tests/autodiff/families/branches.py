"""Branches, conditions, tuples, unpacking and augmented assignments."""

import math

import numpy as np

from .case import P5, X5, case, normal


def if_else(x):
    if x[0] > 0.0:
        y = math.sin(x[0])
    else:
        y = math.cos(x[0])
    return y * x[1]


def if_without_else(x):
    y = x[0] * x[1]
    if y < 0.0:
        y = y * x[2]
    if y > 5.0:
        y = y * x[3]
    return y


def if_elif_else(x):
    total = 0.0
    for value in x:
        if value < -1.0:
            total += value**2
        elif value < 0.0:
            total += math.exp(value)
        elif value < 1.0:
            total -= math.sin(value)
        else:
            total += 1.0 / value
    return total


def nested_branches(x):
    total = 0.0
    for value in x:
        if value > 0.0:
            if value > 1.0:
                total += value**3
            else:
                total += value**2 * x[0]
        else:
            if value > -1.0:
                total += math.exp(value)
    return total


def huber(x):
    total = 0.0
    for value in x:
        if abs(value) <= 1.0:
            total += 0.5 * value**2
        else:
            total += abs(value) - 0.5
    return total


def conditional_expression(x):
    total = 0.0
    for value in x:
        total += value**2 if value > 0.0 else math.sin(value)
    return total


def nested_conditional_expression(x):
    total = 1.0
    for value in x:
        total *= value if value > 1.0 else (1.0 + value**2 if value > 0.0 else 1.0 - value)
    return total


def conditional_expression_in_an_argument(x):
    return math.exp(x[0] if x[1] > 0.0 else x[1] * x[2]) * x[3]


def chained_comparison(x):
    total = 0.0
    for value in x:
        if -1.0 < value < 1.0:
            total += value**3
        else:
            total += 2.0 * value
    return total


def chained_comparison_of_three(x, low, high):
    total = 0.0
    for value in x:
        if low <= value <= high < 5.0:
            total += value * high
    return total


def conditions_with_and_or_not(x):
    total = 0.0
    for i in range(x.size):
        if (x[i] > 0.0 and i % 2 == 0) or x[i] > 1.5:
            total += x[i] ** 2
        elif not (x[i] > -1.0):
            total += math.sin(x[i])
        else:
            total += x[i] * x[0]
    return total


def condition_in_a_variable(x):
    large = x[0] ** 2 > 0.1
    small = not large
    y = 0.0
    if large and not small:
        y = x[0] * x[1]
    if small:
        y = x[2]
    return y + x[3] ** 2


def branch_on_an_integer(x, kind):
    if kind == 0:
        return np.sum(x)
    elif kind == 1:
        return np.sum(x**2)
    return np.sum(x**3)


def branch_on_a_bool(x, squared):
    y = x[0] + x[1]
    if squared:
        y = y**2
    return y * x[2]


def branch_with_pass(x):
    total = 0.0
    for value in x:
        if value < 0.0:
            pass
        else:
            total += value**2
    return total


def branch_not_needing_the_value(x):
    y = x[0]
    if x[1] > 100.0:
        y = math.log(x[1] - 100.0)
    return y * x[0]


def branch_overwrites(x):
    y = x[0] ** 2
    z = y * x[1]
    if x[2] > 0.0:
        y = z * y
        z = y + x[3]
    return y * z


def branch_on_the_overwritten(x):
    y = x[0]
    for i in range(1, x.size):
        if y > 0.5:
            y = y - x[i] ** 2
        else:
            y = y**2 + 0.3 * x[i] + 1.0
    return y


def branch_writes_into_an_array(x):
    y = np.zeros(x.size)
    for i in range(x.size):
        if x[i] > 0.0:
            y[i] = x[i] ** 2
        elif i > 0:
            y[i] = y[i - 1] * x[i]
    return np.sum(y * x)


def comparison_with_none(x, weight=None):
    total = 0.0
    for value in x:
        total += value**2
    if weight is None:
        return total
    return total * weight


def is_positive_counted(x):
    count = 0
    for value in x:
        if value > 0.0:
            count += 1
    return np.sum(x**2) / count


def largest_by_comparison(x):
    best = x[0]
    at = 0
    for i in range(1, x.size):
        if x[i] > best:
            best = x[i]
            at = i
    return best**2 * x[(at + 1) % x.size]


def tuple_unpacking(x):
    a, b = x[0] * x[1], x[2]
    c, d = (a + b, a - b)
    return c * d + a


def tuple_swap(x):
    a = x[0] ** 2
    b = x[1] ** 3
    a, b = b, a
    return a - 2.0 * b * a


def tuple_rotation_in_a_loop(x):
    a, b, c = x[0], x[1], x[2]
    for i in range(4):
        a, b, c = b, c, a * b + 0.3 * i
    return a + b * c


def fibonacci_like(x):
    a, b = x[0], x[1]
    for _ in range(7):
        a, b = b, 0.5 * a * b + 0.2
    return b


def tuple_in_a_variable(x):
    pair = (x[0] * x[1], x[2] ** 2)
    return pair[0] * pair[1] + pair[1]


def nested_tuple(x):
    (a, b), c = (x[0], x[1] * x[0]), x[2]
    return a * b * c


def unpacked_shape(a):
    rows, columns = a.shape
    return np.sum(a**2) / (rows * columns)


def unpacked_array(x):
    p, q, r = x[0], x[1], x[2:]
    return p * q * np.sum(r**2)


def swapped_arrays(x):
    a = x.copy()
    b = np.zeros(x.size)
    for _ in range(3):
        for i in range(1, x.size - 1):
            b[i] = 0.25 * a[i - 1] ** 2 + 0.5 * a[i] + 0.25 * a[i + 1]
        a, b = b, a
    return np.sum(a * a) + b[2]


def chained_assignment(x):
    a = b = x[0] * x[1]
    a = a * b
    return a + b * x[2]


def augmented_scalars(x):
    y = x[0]
    y += x[1]
    y *= x[2] + 2.0
    y -= x[3] ** 2
    y /= 2.0 + x[4]
    y **= 2
    return y


def augmented_with_itself(x):
    y = x[0]
    y += y * x[1]
    y *= y
    y -= y**2 * x[2]
    y /= 1.0 + y**2
    return y


def augmented_power_of_a_variable(x):
    y = 2.0 + x[0]
    y **= x[2]
    y %= 3.0
    return y * x[1]


def augmented_elements(x):
    y = np.ones(x.size)
    for i in range(x.size):
        y[i] += x[i] ** 2
        y[i] *= x[0]
        y[i] -= math.sin(x[i])
        y[i] /= 2.0 + x[i]
    return np.sum(y**2)


def name_of_several_types(x):
    k = 2
    y = k * x[0]
    k = k + 1
    y = y**k
    return y * x[1]


def reassigned_argument(x, t):
    t = t * x[0]
    t = t + x[1]
    return t**2


def reassigned_array_argument(x):
    x = x * 2.0
    x = np.sin(x) + x**2
    return np.sum(x * x)


def annotated_assignment(x):
    y: float = x[0] * x[1]
    return y**2


def unused_values(x):
    a = x[0] ** 2
    b = math.log(x[1] + 10.0)
    a = x[2] * x[3]
    c = b * 2.0
    c = a
    return c * x[0]


def constant_result(x):
    y = 3.0
    for _ in range(x.size):
        y *= 0.5
    return y


def deep_expression(x):
    return (
        ((x[0] + x[1]) * (x[2] - x[3]) / (2.0 + x[4] ** 2)) ** 2
        - math.sin(x[0] * (x[1] + math.cos(x[2] / (1.5 + math.sin(x[3])))))
    ) * -x[4]


CASES = [
    case(if_else, X5, single=True),
    case(if_without_else, X5),
    case(if_elif_else, X5, second=True),
    case(nested_branches, X5, second=True),
    case(huber, X5, second=True),
    case(conditional_expression, X5, second=True),
    case(nested_conditional_expression, X5),
    case(conditional_expression_in_an_argument, X5),
    case(chained_comparison, X5, second=True),
    case(chained_comparison_of_three, X5, -0.9, 1.4, argnum=(0, 2)),
    case(conditions_with_and_or_not, X5, second=True),
    case(condition_in_a_variable, X5),
    case(branch_on_an_integer, X5, 2),
    case(branch_on_a_bool, X5, True),
    case(branch_with_pass, X5),
    case(branch_not_needing_the_value, X5, second=True),
    case(branch_overwrites, X5, second=True),
    case(branch_on_the_overwritten, X5, second=True),
    case(branch_writes_into_an_array, X5, single=True),
    case(comparison_with_none, X5),
    case(is_positive_counted, X5),
    case(largest_by_comparison, X5),
    case(tuple_unpacking, X5, second=True),
    case(tuple_swap, X5, second=True),
    case(tuple_rotation_in_a_loop, X5, second=True),
    case(fibonacci_like, X5, second=True),
    case(tuple_in_a_variable, X5),
    case(nested_tuple, X5, second=True),
    case(unpacked_shape, normal(21, 3, 4), single=True),
    case(unpacked_array, X5),
    case(swapped_arrays, X5, second=True),
    case(chained_assignment, X5, second=True),
    case(augmented_scalars, X5, second=True),
    case(augmented_with_itself, X5, second=True),
    case(augmented_power_of_a_variable, P5),
    case(augmented_elements, X5, second=True),
    case(name_of_several_types, X5),
    case(reassigned_argument, X5, 1.3, argnum=(0, 1)),
    case(reassigned_array_argument, X5, second=True),
    case(annotated_assignment, X5),
    case(unused_values, X5),
    case(constant_result, X5),
    case(deep_expression, X5, second=True),
]
