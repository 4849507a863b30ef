"""Arrays of one to four dimensions: made, read, written, seen through views, updated in place."""

import math

import numpy as np

from .case import P5, X5, case, normal, positive


def written_elements(x):
    y = np.empty(x.size)
    for i in range(x.size):
        y[i] = math.sin(x[i]) * x[0]
    return y[0] * y[1] + np.sum(y**2)


def written_twice(x):
    y = np.zeros(3)
    y[0] = x[0] ** 2
    y[1] = y[0] * x[1]
    y[0] = y[1] * x[2]
    y[2] = y[0] + y[1] ** 2
    y[1] = x[3]
    return y[0] * y[1] * y[2]


def overwritten_by_itself(x):
    y = x.copy()
    for i in range(y.size):
        y[i] = y[i] ** 2 + math.sin(y[i])
    return np.sum(y**2)


def recurrence_in_an_array(x):
    y = np.zeros(x.size + 1)
    y[0] = 0.5
    for i in range(x.size):
        y[i + 1] = y[i] * x[i] + math.cos(y[i])
    return y[x.size] * y[2]


def negative_indices(x):
    y = np.zeros(4)
    y[-1] = x[-1] * x[-2]
    y[-3] = x[0] ** 2 + y[-1]
    return y[3] * y[1] + x[-5]


def swapped_elements(x):
    y = x.copy()
    y[0], y[3] = y[3], y[0]
    y[1], y[2] = y[2] * y[0], y[1]
    return y[0] * 2.0 + y[1] ** 2 + y[2] * y[3]


def reversed_in_place(x):
    y = x**2
    n = y.size
    for i in range(n // 2):
        kept = y[i]
        y[i] = y[n - 1 - i]
        y[n - 1 - i] = kept
    total = 0.0
    for i in range(n):
        total += (i + 1) * y[i] ** 2
    return total


def index_from_an_array(x, order):
    total = 0.0
    for i in range(order.size):
        total += (i + 1) * x[order[i]] ** 2
    return total


def elements_at_index_arrays(a, i, j):
    total = np.sum(a[i, j] ** 2 * np.arange(4.0)) * a[0, 1] + np.sum(a[1, j] ** 2 * a[i, 2])
    for k in range(2):
        total += np.sum(a[i.reshape(4, 1) // 2 + k, j[:2]] ** 3)
    return total


def elements_at_a_matrix_of_indices(x, i):
    return np.sum(x[i] ** 2 * x[:2])


def place_of_the_largest_before_it_is_removed(x):
    y, total = x.copy(), 0.0
    for i in range(3):
        k = np.argmax(y)
        total += y[k] ** 2 * (i + 1)
        y[k] = -9.0
    return total


def written_matrix(x):
    n = x.size
    a = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            a[i, j] = x[i] * x[j] ** 2
    for i in range(1, n):
        a[i, i] += a[i - 1, i] * a[i, i - 1]
    return np.sum(a**2)


def three_dimensions(a):
    b = np.zeros(a.shape)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[2]):
                b[i, j, k] = a[i, j, k] ** 2 * a[0, j, k]
    return b[1, 0, 2] * b[0, 1, 1] + np.sum(b)


def four_dimensions(a):
    b = np.empty((2, 2, 2, 2))
    total = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                for m in range(2):
                    b[i, j, k, m] = a[i, j, k, m] * a[m, k, j, i]
                    total += b[i, j, k, m] ** 2 * (1.0 + i + 2 * m)
    return total


def slices_of_four_dimensions(a):
    block = a[1, :, 0]
    return np.sum(block**2) * a[0, 1, 1, 0] + np.sum(a[:, 1, :, 1] ** 3)


def slices_of_three_dimensions(a):
    b = np.zeros((3, 2))
    b[1:] = a[0, :2] ** 2
    b[0, :] = a[1, 1] * b[1]
    return np.sum(b * b)


def read_slices(x):
    return np.sum(x[1:] * x[:-1]) + np.sum(x[::2] ** 2) + np.sum(x[-2:] ** 3) + x[1:4][1]


def slice_with_negative_step(x):
    return np.sum(x * x[::-1] ** 2) + np.sum(x[3:0:-1] ** 2) * x[0]


def slice_of_a_slice(x):
    y = x[1:]
    z = y[1::2]
    return z[0] * z[-1] + np.sum(z**2)


def written_slices(x):
    y = np.zeros(6)
    y[1:4] = x[:3] ** 2
    y[::2] *= 3.0
    y[4:] = x[3] * x[4]
    y[:2] += y[2:4]
    return np.sum(y**2)


def written_slice_from_an_overlapping_one(x):
    y = x**2
    y[1:] = y[:-1]
    return y[0] * y[1] + y[2] * y[3] ** 2 + y[4]


def filled_in_place(x):
    y = x.copy()
    y[:] = y[0] * y[1]
    y[2] = x[2]
    return np.sum(y**2)


def rows_and_columns_read(a):
    return np.sum(a[0] * a[1]) + np.sum(a[:, 0] * a[:, -1] ** 2) + np.sum(a[1:, :2] ** 2)


def rows_and_columns_written(a):
    b = a.copy()
    b[0] = a[1] * a[2]
    b[:, 1] = b[:, 0] ** 2
    b[1:, 2:] *= a[0, 0]
    return np.sum(b * b * b)


def row_indexed_twice(a):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i][j] ** 2 * (i + j)
    return total


def written_through_a_row(a):
    b = np.zeros_like(a)
    for i in range(a.shape[0]):
        row = b[i]
        for j in range(a.shape[1]):
            row[j] = a[i, j] ** 2 + (row[j - 1] if j > 0 else 0.0)
    return np.sum(b**2)


def view_written_then_the_base_read(x):
    y = x * 2.0
    part = y[1:4]
    part[0] = x[0] * x[4]
    part[2] *= y[0]
    return y[0] * y[1] * y[3] + part[1] ** 2


def base_written_then_the_view_read(x):
    y = x.copy()
    part = y[2:]
    before = part[0] * part[1]
    y[2] = y[0] ** 2
    y[3] = part[0] * y[1]
    return np.sum(part**2) * before


def view_updated_in_place(x):
    y = x**2
    part = y[::2]
    part += x[:3]
    part *= part
    return np.sum(y**2)


def two_overlapping_views(x):
    y = x.copy()
    left = y[:3]
    right = y[2:]
    left[2] = left[0] * left[1]
    right[0] = right[0] * right[1]
    return left[2] ** 2 + np.sum(right)


def view_of_a_reshaped_array(x):
    y = x[:4] ** 2
    square = y.reshape(2, 2)
    square[0, 1] = square[1, 0] * x[4]
    return np.sum(y * y) + square[1, 1]


def view_of_the_transpose(a):
    b = a.copy()
    flipped = b.T
    flipped[0, 1] = b[0, 1] * b[1, 1]
    b[0, 2] = flipped[0, 0] ** 2
    return np.sum(b**3)


def in_place_array_updates(x, z):
    y = x.copy()
    y += z
    y *= x
    y -= 0.5 * z**2
    y /= 2.0 + np.cos(x)
    return np.sum(y**2)


def in_place_power(x):
    y = x.copy()
    y **= 3
    y += y
    y *= y
    return np.sum(y)


def in_place_scalar(x):
    y = x.copy()
    y *= x[0]
    y += x[1] ** 2
    y /= x[3]
    return np.sum(y**2)


def in_place_row_update(a):
    b = a.copy()
    for i in range(1, b.shape[0]):
        b[i] -= b[i - 1] * a[i, 0]
        b[i, 1:] *= b[i - 1, 1]
    return np.sum(b**2)


def in_place_matrix_update(a):
    b = a * a
    b += a
    b[1] += b[0]
    b[:, 0] *= b[:, 1]
    return np.sum(b**2)


def temporary_reused_in_a_loop(x):
    work = np.zeros(x.size)
    total = 0.0
    for i in range(3):
        for j in range(x.size):
            work[j] = work[j] * 0.5 + x[j] ** (i + 1)
        total += work[0] * work[i]
    return total


def temporary_made_in_a_loop(x):
    total = 0.0
    for i in range(1, x.size):
        work = np.empty(i)
        for j in range(i):
            work[j] = x[j] * x[i]
        total += np.sum(work) ** 2
    return total


def name_of_a_second_array(x):
    y = x**2
    z = y
    z[0] = x[1] * y[0]
    return y[0] * y[1] + z[2]


def name_moved_to_another_array(x):
    y = x**2
    kept = y
    y = y * x[0]
    y[1] = kept[1] * kept[2]
    return np.sum(kept * y)


def copies_do_not_follow(x):
    y = x**2
    z = y.copy()
    y[0] = z[1] * x[0]
    z[1] = y[0] * y[2]
    return np.sum(y * z)


def zeros_and_ones(x):
    y = np.zeros((2, x.size))
    z = np.ones(x.size, dtype=np.float64)
    y[0] = x
    y[1] = z * x**2
    y += np.ones((2, x.size))
    return np.sum(y[0] * y[1])


def full_of_a_constant(x):
    y = np.full(x.size, 2.5)
    y *= x
    z = np.full((2, 2), 0.5)
    z[0, 1] = y[0]
    return np.sum(y**2) * np.sum(z)


def full_of_a_value(x):
    y = np.full(3, x[0] * x[1])
    y[1] += x[2]
    z = np.full_like(x, x[3])
    return np.sum(y**2) + np.sum(z * x)


def like_arrays(x):
    y = np.empty_like(x)
    y[:] = x**2
    z = np.zeros_like(x) + x
    w = np.ones_like(y) * y
    v = np.full_like(x, 3.0) * w
    return np.sum(y * z + v * w)


def ranges_of_numbers(x):
    grid = np.arange(x.size)
    nodes = np.linspace(0.0, 1.0, x.size)
    steps = np.arange(0.0, 2.5, 0.5)
    return np.sum(x**2 * grid) + np.sum(np.sin(x * nodes) * steps)


def linspace_of_values(x):
    nodes = np.linspace(x[0], x[1] * x[2], 6)
    return np.sum(nodes**2) + nodes[3]


def array_of_values(x):
    y = np.array([x[0] * x[1], x[2] ** 2, 3.0, math.sin(x[3])])
    y[2] *= y[0]
    return np.sum(y**2)


def array_of_rows(x):
    c = math.cos(x[0])
    s = math.sin(x[0])
    rotation = np.array([[c, -s], [s, c]])
    point = np.array([x[1], x[2]])
    turned = rotation @ point
    return turned[0] ** 2 * turned[1]


def array_of_constants(x):
    weights = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    return np.sum(weights * x**2)


def copied_array(x):
    y = np.copy(x)
    y[0] = y[1] * y[2]
    return np.sum(y**2)


def astype_and_asarray(x):
    y = x.astype(np.float64)
    y[0] *= y[1]
    return np.sum(np.asarray(y) ** 2)


def new_axes(x, z):
    a = x[:, None] * z[None, :]
    b = x[:, np.newaxis] - z
    return np.sum(a**2 * b)


def ellipsis_and_tuples(a):
    first = a[..., 0]
    return np.sum(first**2) + np.sum(a[1, ...] * a[0, ...])


def size_ndim_and_shape(a):
    return np.sum(a**2) / (a.size + a.ndim + a.shape[1] + len(a))


def aliased_output(x):
    y = x.copy()
    y[1:] *= x[:-1]
    y[:-1] *= x[1:]
    return np.sum(y)


def stencil(u):
    v = np.zeros(u.shape)
    for _ in range(2):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = u[i, j] ** 2 + 0.1 * (u[i - 1, j] + u[i + 1, j] - v[i, j - 1] * u[i, j + 1])
        u = v + 0.5 * u
    return np.sum(u**2)


def smoothing_in_place(x):
    y = x.copy()
    for _ in range(3):
        for i in range(1, y.size - 1):
            y[i] = 0.3 * y[i - 1] + 0.4 * y[i] ** 2 + 0.3 * y[i + 1]
    return np.sum(y**2)


def bubble_pass(x):
    y = x.copy()
    for i in range(y.size - 1):
        if y[i] > y[i + 1]:
            y[i], y[i + 1] = y[i + 1], y[i]
    total = 0.0
    for i in range(y.size):
        total += (i + 1) * y[i] ** 2
    return total


def ring_buffer(x):
    state = np.zeros(3)
    total = 0.0
    for t in range(9):
        state[t % 3] = math.tanh(state[(t - 1) % 3] + x[t % 5] * state[(t - 2) % 3] + 0.5)
        total += state[t % 3] ** 2
    return total


def swapped_rows(a):
    b = a.copy()
    for j in range(b.shape[1]):
        kept = b[0, j]
        b[0, j] = b[2, j] * b[0, 0]
        b[2, j] = kept
    return np.sum(b[0] * b[1]) + np.sum(b[2] ** 3)


def scalar_argument(t):
    y = np.zeros(4)
    for i in range(4):
        y[i] = t ** (i + 1)
    return np.sum(y * y)


A33 = normal(31, 3, 3)
A34 = normal(32, 3, 4)
A232 = normal(33, 2, 3, 2)

CASES = [
    case(written_elements, X5, second=True, single=True),
    case(written_twice, X5, second=True),
    case(overwritten_by_itself, X5, second=True),
    case(recurrence_in_an_array, X5, second=True),
    case(negative_indices, X5),
    case(swapped_elements, X5, second=True),
    case(reversed_in_place, X5, second=True),
    case(index_from_an_array, X5, np.array([3, 0, 4, 3])),
    case(elements_at_index_arrays, A34, np.array([0, 2, -1, 0]), np.array([1, -1, 0, 1])),
    case(elements_at_a_matrix_of_indices, X5, np.array([[0, 2], [-1, 0]]), second=True),
    case(place_of_the_largest_before_it_is_removed, X5, second=True),
    case(written_matrix, X5, second=True),
    case(three_dimensions, normal(34, 2, 2, 3)),
    case(four_dimensions, normal(35, 2, 2, 2, 2)),
    case(slices_of_four_dimensions, normal(36, 2, 2, 2, 2)),
    case(slices_of_three_dimensions, A232),
    case(read_slices, X5, second=True),
    case(slice_with_negative_step, X5),
    case(slice_of_a_slice, X5, second=True),
    case(written_slices, X5, second=True),
    case(written_slice_from_an_overlapping_one, X5),
    case(filled_in_place, X5, second=True),
    case(rows_and_columns_read, A34),
    case(rows_and_columns_written, A34, single=True),
    case(row_indexed_twice, A33),
    case(written_through_a_row, A33),
    case(view_written_then_the_base_read, X5, second=True),
    case(base_written_then_the_view_read, X5, second=True),
    case(view_updated_in_place, X5, second=True),
    case(two_overlapping_views, X5, second=True),
    case(view_of_a_reshaped_array, X5),
    case(view_of_the_transpose, A33),
    case(in_place_array_updates, X5, P5, argnum=(0, 1), single=True),
    case(in_place_power, P5, second=True),
    case(in_place_scalar, X5, second=True),
    case(in_place_row_update, A34),
    case(in_place_matrix_update, A34),
    case(temporary_reused_in_a_loop, X5),
    case(temporary_made_in_a_loop, X5),
    case(name_of_a_second_array, X5),
    case(name_moved_to_another_array, X5),
    case(copies_do_not_follow, X5),
    case(zeros_and_ones, X5),
    case(full_of_a_constant, X5),
    case(full_of_a_value, X5, second=True),
    case(like_arrays, X5),
    case(ranges_of_numbers, X5),
    case(linspace_of_values, X5),
    case(array_of_values, X5, second=True),
    case(array_of_rows, X5, second=True),
    case(array_of_constants, X5),
    case(copied_array, X5),
    case(astype_and_asarray, X5),
    case(new_axes, X5, P5[:3].copy(), argnum=(0, 1)),
    case(ellipsis_and_tuples, A232),
    case(size_ndim_and_shape, A34),
    case(aliased_output, X5),
    case(stencil, positive(37, 4, 4)),
    case(smoothing_in_place, X5, second=True),
    case(bubble_pass, X5),
    case(ring_buffer, X5, second=True),
    case(swapped_rows, A33),
    case(scalar_argument, 0.8, second=True),
]
