"""Loops of every kind, the ways out of them, and what they carry along."""

# ruff: noqa: B905

import math

import numpy as np

from .case import P5, X5, case, normal, positive


def range_one(x):
    total = 0.0
    for i in range(x.size):
        total += math.sin(x[i]) * (i + 1)
    return total


def range_two(x):
    total = 0.0
    for i in range(1, len(x)):
        total += x[i] * x[i - 1] ** 2
    return total


def range_step(x):
    total = 0.0
    for i in range(0, x.shape[0], 2):
        total += math.exp(x[i]) / (1.0 + i)
    return total


def range_negative(x):
    total = 1.0
    for i in range(x.size - 1, -1, -1):
        total = total * x[i] + math.cos(total)
    return total


def range_negative_two(x):
    total = 0.3
    for i in range(x.size - 1, 0, -2):
        total = math.sin(total + x[i] * x[i - 1])
    return total


def range_empty(x):
    total = x[0] ** 2
    for i in range(3, 3):
        total += x[i]
    for i in range(2, 5, -1):
        total *= x[i]
    return total


def range_of_arguments(x, start, stop, step):
    total = 0.0
    for i in range(start, stop, step):
        total = total * 0.5 + x[i] ** 3
    return total


def range_bound_reassigned(x):
    n = x.size
    total = 0.0
    for i in range(n):
        n = 2
        total += x[i] ** n
    return total * n


def triangular_loops(a):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(i):
            total += a[i, j] * a[j, i] ** 2
    return total


def three_nested_loops(a, b):
    n, m = a.shape
    total = 0.0
    for i in range(n):
        for j in range(b.shape[1]):
            entry = 0.0
            for k in range(m):
                entry += a[i, k] * b[k, j]
            total += math.tanh(entry)
    return total


def over_array(x):
    total = 0.0
    for value in x:
        total += value * math.exp(-(value**2))
    return total


def over_rows(a):
    total = 0.0
    for row in a:
        total += row[0] * row[1] ** 2 / (1.0 + row[2] ** 2)
    return total


def over_rows_and_entries(a):
    total = 0.0
    for row in a:
        factor = 1.0
        for value in row:
            factor *= value
        total += math.sin(factor)
    return total


def over_enumerate(x):
    total = 0.0
    for i, value in enumerate(x):
        total += value ** (i + 1)
    return total


def over_enumerate_from(x):
    total = 0.0
    for i, value in enumerate(x, 2):
        total += value**2 / i
    return total


def over_zip(x, y):
    total = 0.0
    for a, b in zip(x, y):
        total += a * b + math.sin(a - b)
    return total


def over_zip_of_three(x, y, z):
    total = 0.0
    for a, b, c in zip(x, y, z):
        total += a * b * c
    return total


def over_enumerate_zip(x, y):
    total = 0.0
    for i, (a, b) in enumerate(zip(x, y)):
        total += (i + 0.5) * a**2 / b
    return total


def over_zip_of_unequal_lengths(x, y):
    total = 0.0
    for a, b in zip(x, y):
        total += math.exp(a * b)
    return total


def over_slice(x):
    total = 0.0
    for value in x[1:4]:
        total = total * value + value**2
    return total


def over_reversed_slice(x):
    total = 0.0
    for value in x[::-1]:
        total = math.cos(total) + value**2
    return total


def over_enumerate_of_rows(a):
    total = 0.0
    for i, row in enumerate(a):
        total += row[i] * np.sum(row**2)
    return total


def while_counting(x):
    i = 0
    total = 0.0
    while i < x.size:
        total += math.log1p(x[i] ** 2)
        i += 1
    return total


def while_value(x):
    value = x[0] ** 2 + 20.0
    count = 0
    while value > 1.0:
        value = value * 0.4 + 0.01 * x[1]
        count += 1
    return value * count


def while_two_conditions(x):
    total = 0.0
    i = 0
    while i < x.size and total < 3.0:
        total += x[i] ** 2
        i += 1
    return total * x[0]


def while_never(x):
    total = x[0] * x[1]
    while total > 1e6:
        total *= 0.5 * x[2]
    return total


def while_true_break(x):
    term = 1.0
    total = 0.0
    k = 1
    while True:
        total += term
        term *= x[0] / k
        k += 1
        if k > 12:
            break
    return total


def while_of_two_branches(x):
    """Keeps more numbers than the tape has at first, and not equally many in each iteration."""
    z = x[0]
    total = 0.0
    i = 0
    while i < 300 and total < 1e6:
        if z > 0.5:
            z = x[1] * z * (1.0 - z)
        elif z > 0.0:
            z = z * z * x[2] + 0.3 * z + 0.2
        else:
            z = math.cos(z) * x[0]
        total += z * z * z
        i += 1
    return total


def chain_of_two_branches(x):
    s = x[0]
    for _ in range(200):
        if s > 0.5:
            s = s * math.sin(s * x[1]) + 0.1
        else:
            s = s * s + x[2] * s + 0.3
    return s


def nested_while(x):
    total = 0.0
    i = 0
    while i < x.size:
        value = x[i]
        while value * value > 0.3:
            value *= 0.6
        total += value * x[(i + 1) % x.size]
        i += 1
    return total


def while_with_continue(x):
    i = -1
    total = 0.0
    while i < x.size - 1:
        i += 1
        if x[i] < 0.0:
            continue
        total += x[i] ** 3
    return total


def break_on_value(x):
    total = 0.0
    for i in range(x.size):
        total += math.sin(x[i]) ** 2
        if x[i] > 1.5:
            break
        total *= 1.1
    return total


def continue_on_sign(x):
    total = 0.0
    for value in x:
        if value < 0.0:
            continue
        total += math.sqrt(value)
    return total


def break_and_continue(x):
    total = 1.0
    for i in range(x.size):
        if i == 1:
            continue
        if i == 4:
            break
        total *= x[i] + 2.0
    return total


def break_from_inner_loop(a):
    total = 0.0
    for i in range(a.shape[0]):
        row = 1.0
        for j in range(a.shape[1]):
            if j > i:
                break
            row *= a[i, j]
        total += row**2
    return total


def continue_in_both_loops(a):
    total = 0.0
    for i in range(a.shape[0]):
        if i == 1:
            continue
        for j in range(a.shape[1]):
            if (i + j) % 2 == 0:
                continue
            total += a[i, j] ** 3 * (i + 1)
    return total


def break_keeps_the_value_before(x):
    last = 0.0
    for value in x:
        if value > 1.5:
            break
        last = value * last + value
    return last**2


def early_return(x):
    if x[0] > 0.0:
        return x[0] * x[1]
    return x[2] ** 2


def early_return_not_taken(x):
    if x[0] > 10.0:
        return 0.0
    y = x[1] * x[2]
    if y > 10.0:
        return y
    return y * x[0]


def return_from_loop(x):
    total = 0.0
    for i in range(x.size):
        total += x[i] ** 2
        if total > 2.5:
            return total * x[i]
    return total


def return_from_nested_loops(a):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += math.exp(a[i, j])
            if i == 1 and j == 2:
                return total * a[0, 0]
        total *= 1.0 + 0.1 * a[i, 0]
    return -total


def return_from_while(x):
    value = x[0]
    k = 0
    while True:
        value = value * 0.5 + math.sin(x[1])
        k += 1
        if k == 7:
            return value * x[2]


def return_in_every_branch(x):
    for i in range(x.size):
        if x[i] > 1.5:
            return x[i] * x[0]
        elif x[i] < -5.0:
            return x[i] * x[1]
    return x[2]


def loop_variable_after_the_loop(x):
    total = 0.0
    for i in range(3):
        total += x[i] ** 2
    return total * x[i]


def value_after_the_loop(x):
    total = 0.0
    for value in x:
        total += math.sin(value)
    return total * value


def loop_index_changed(x):
    total = 0.0
    for i in range(x.size):
        i = (2 * i + 1) % x.size
        total = 0.7 * total + x[i] ** 2
    return total


def product(x):
    total = 1.0
    for value in x:
        total *= value
    return total


def product_with_a_zero(x):
    total = 1.0
    for i in range(x.size):
        total *= x[i] - x[0] * x[1]
    return total


def logistic_map(x):
    state = x[0]
    for _ in range(8):
        state = 2.7 * state * (1.0 - state)
    return state


def two_carried_values(x):
    a = x[0]
    b = x[1]
    for i in range(x.size):
        previous = a
        a = a * b + 0.1 * x[i]
        b = math.cos(previous) + 0.2 * b
    return a * b


def variable_of_one_iteration(x):
    total = 0.0
    for i in range(x.size):
        if i % 2 == 0:
            step = x[i] ** 2
        else:
            step = x[i] * step
        total += step
    return total


def loop_over_columns(a):
    total = 0.0
    for j in range(a.shape[1]):
        peak = 0.0
        for i in range(a.shape[0] - 1, -1, -1):
            peak = peak * 0.5 + a[i, j] ** 2
        total += math.sqrt(peak)
    return total


def same_loop_twice(x):
    total = 0.0
    for value in x:
        total += value**2
    for value in x:
        total += value * math.sqrt(total)
    return total


def coefficients_in_a_loop(p, r):
    h, total = 1.0, 0.0
    for t in range(r.size):
        a = 1.0 / (1.0 + math.exp(-p[1]))
        b = (1.0 - a) / (1.0 + math.exp(-p[2]))
        h = math.exp(p[0]) * (1.0 - a - b) + a * r[t] ** 2 + b * h
        total += math.log(h) + r[t] ** 2 / h
    return total


def unchanging_in_inner_loops(x):
    total = 0.0
    for j in range(3):
        for i in range(x.size - 1, 0, -2):
            total += math.exp(x[j]) * math.sin(x[3]) * x[i] ** 2
            if x[i] > 0.0:
                total *= math.exp(-x[1])
        for i in range(j):
            total += math.sqrt(x[3]) * x[i] / x[4]
    return total


def changing_between_iterations(x):
    y, total, k = x.copy(), 0.0, x[1]
    for i in range(x.size):
        total += math.exp(y[0]) * x[i] + math.exp(k)
        y[0] = y[0] * 0.5
        k = k * x[2]
    return total


A34 = normal(11, 3, 4)
A33 = normal(12, 3, 3)

CASES = [
    case(range_one, X5, second=True, single=True),
    case(range_two, X5, second=True),
    case(range_step, X5, second=True),
    case(range_negative, X5, second=True),
    case(range_negative_two, X5),
    case(range_empty, X5),
    case(range_of_arguments, X5, 4, 0, -2, second=True),
    case(range_bound_reassigned, X5),
    case(triangular_loops, A33, single=True),
    case(three_nested_loops, A34, normal(13, 4, 2), argnum=(0, 1)),
    case(over_array, X5, second=True),
    case(over_rows, A34),
    case(over_rows_and_entries, A34),
    case(over_enumerate, P5),
    case(over_enumerate_from, X5),
    case(over_zip, X5, P5, argnum=(0, 1), single=True),
    case(over_zip_of_three, X5, P5, normal(14, 5), argnum=(0, 2)),
    case(over_enumerate_zip, X5, P5, argnum=1, second=True),
    case(over_zip_of_unequal_lengths, X5, P5[:3].copy()),
    case(over_slice, X5, second=True),
    case(over_reversed_slice, X5),
    case(over_enumerate_of_rows, A33),
    case(while_counting, X5, second=True),
    case(while_value, X5, second=True),
    case(while_two_conditions, X5, second=True),
    case(while_never, X5),
    case(while_true_break, X5, second=True),
    case(while_of_two_branches, np.array([0.3, 2.7, 0.4]), second=True),
    case(chain_of_two_branches, np.array([0.3, 0.7, 0.2]), second=True),
    case(nested_while, X5, second=True),
    case(while_with_continue, X5),
    case(break_on_value, X5, second=True),
    case(continue_on_sign, X5, second=True, single=True),
    case(break_and_continue, X5, second=True),
    case(break_from_inner_loop, A34),
    case(continue_in_both_loops, A34),
    case(break_keeps_the_value_before, X5),
    case(early_return, X5, second=True),
    case(early_return_not_taken, X5),
    case(return_from_loop, X5, second=True),
    case(return_from_nested_loops, A34),
    case(return_from_while, X5, second=True),
    case(return_in_every_branch, X5),
    case(loop_variable_after_the_loop, X5),
    case(value_after_the_loop, X5, second=True),
    case(loop_index_changed, X5, second=True),
    case(product, P5, second=True, single=True),
    case(product_with_a_zero, np.array([2.0, 0.5, 1.0, 3.0]), second=True),
    case(logistic_map, np.array([0.3]), second=True),
    case(two_carried_values, X5, second=True),
    case(variable_of_one_iteration, X5),
    case(loop_over_columns, positive(15, 3, 4)),
    case(same_loop_twice, X5, second=True),
    case(coefficients_in_a_loop, np.array([-0.4, -0.9, 0.8]), normal(37, 12), second=True, single=True),
    case(unchanging_in_inner_loops, X5, second=True),
    case(changing_between_iterations, X5, second=True),
]
