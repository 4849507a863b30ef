"""Reductions, products, shapes, and `numpy.linalg`."""

import numpy as np
from numba import njit

from .case import P5, X5, case, definite, normal, positive


def sums(a):
    return np.sum(a**2) + a.sum() * a[0, 0] + (a * a).sum() ** 2


def sum_over_rows(a):
    return np.sum(np.sum(a, axis=0) ** 2) + np.sum(a.sum(axis=0) ** 3)


def sum_over_columns(a):
    return np.sum(np.sum(a**2, axis=1) * a[:, 0]) + np.sum(a.sum(1) ** 2)


def sum_over_the_last_axis(a):
    return np.sum(a.sum(axis=-1) ** 2)


def sum_over_axes_of_three_dimensions(a):
    return np.sum(a.sum(axis=1) ** 2) + np.sum(np.sum(a, axis=2) ** 3) + np.sum(a.sum(0)[1] ** 2)


def means(a):
    return np.mean(a) ** 2 + (a**2).mean() * np.mean(a[0])


def means_with_axis(a):
    return np.sum(np.sum(a, axis=0) / a.shape[0] * a[0]) + np.mean(a.sum(axis=1)) ** 2


def products(x):
    return np.prod(x) + x[1:].prod() * x[0] ** 2


def products_with_a_zero(x):
    y = x - x[2]
    return np.prod(y + 0.0) + np.prod(x - 0.4) * 2.0


def variances(a):
    return np.var(a) * a.var() + np.std(a) * a[0].std()


def extremes(a):
    return np.max(a) * np.min(a) + a.max() ** 2 + a[1].min() * a[0, 0]


def normalised(x):
    y = (x - np.mean(x)) / np.std(x)
    return np.sum(y**3)


def softmax(x):
    e = np.exp(x - np.max(x))
    p = e / np.sum(e)
    return np.sum(p * x) - np.log(p[1])


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def cumulative_sums(x):
    y = np.cumsum(x**2)
    return np.sum(y * x) + x.cumsum()[2] ** 2


def cumulative_sum_by_hand(x):
    y = x.copy()
    for i in range(1, y.size):
        y[i] += y[i - 1]
    return np.sum(y**2)


def differences(x):
    return np.sum(np.diff(x) ** 2) * x[0]


def second_differences(x):
    return np.sum(np.diff(x, 2) ** 2) + np.sum(np.diff(np.diff(x)) ** 3)


def differences_of_rows(a):
    return np.sum(np.diff(a) ** 3)


def concatenated(x, y):
    z = np.concatenate((x, y, x**2))
    return np.sum(z * z[::-1]) + z[0] * z[-1]


def concatenated_rows(a, b):
    c = np.concatenate((a, b))
    d = np.concatenate((a, b), axis=1)
    return np.sum(c[1:] * c[:-1]) + np.sum(d[:, ::2] ** 3)


def stacked(x, y):
    a = np.stack((x, y))
    b = np.stack((x, y * x), axis=1)
    return np.sum(a[0] * a[1] ** 2) + np.sum(b[:, 0] * b[:, 1])


def reshaped(x):
    a = x.reshape(2, 3)
    b = x.reshape((3, 2))
    c = np.reshape(x, (2, -1))
    return np.sum(a[0] * a[1]) + np.sum(b[:, 0] ** 2 * b[:, 1]) + np.sum(c[1] ** 3)


def ravelled(a):
    y = a.ravel()
    z = np.ravel(a * a)
    w = a.flatten()
    return np.sum(y[1:] * z[:-1]) + w[0] * w[-1]


def written_through_ravel(a):
    b = a.copy()
    flat = b.ravel()
    flat[1] = flat[0] * flat[3]
    return np.sum(b**2)


def transposed(a):
    b = a.T
    c = np.transpose(a)
    return np.sum(b[0] * b[1]) + np.sum(c**2 * a.transpose())


def transposed_in_three_dimensions(a):
    b = np.transpose(a, (2, 0, 1))
    return np.sum(b[0] * b[1] ** 2) + np.sum(a.T[1] ** 2)


def dot_of_vectors(x, y):
    return np.dot(x, y) + x.dot(x) * (x @ y)


def dot_of_a_matrix_and_a_vector(a, x):
    y = np.dot(a, x)
    return np.sum(y**2) + np.sum((a @ x) ** 3)


def dot_of_a_vector_and_a_matrix(y, a):
    return np.sum(np.dot(y, a) ** 2) + (y @ a)[1] ** 3


def dot_of_matrices(a, b):
    return np.sum(np.dot(a, b) ** 2) + np.sum((a @ b) ** 3)


def quadratic_form(x, a):
    return 0.5 * x @ a @ x + np.dot(x, a @ x) * x[0]


def gram_matrix(a):
    return np.sum((a.T @ a) ** 2) + np.sum((a @ a.T) ** 3)


def product_of_transposed(a, b):
    return np.sum((a.T @ b.T) ** 2)


def product_with_slices(a, x):
    return np.sum((np.ascontiguousarray(a[:, 1:4]) @ x[1:4]) ** 2) + a[0] @ x


def chain_of_products(a, b, x):
    return np.sum((a @ (b @ (a @ x))) ** 2)


def matrix_power(a):
    b = a.copy()
    for _ in range(3):
        b = b @ a
    return b[0, 1] * np.sum(b)


def outer_products(x, y):
    return np.sum(np.outer(x, y) ** 2 * np.outer(x, x[:3]))


def vdot_of_vectors(x, y):
    return np.vdot(x, y) ** 2


def norms(x):
    return np.linalg.norm(x) * np.linalg.norm(x[1:] ** 2)


def norm_of_a_matrix(a):
    return np.linalg.norm(a) ** 3


def norms_of_other_orders(x):
    return np.linalg.norm(x, 1) * np.linalg.norm(x, 2) + np.linalg.norm(x, np.inf) * np.linalg.norm(x, 3)


def norms_of_matrices(a):
    return np.linalg.norm(a, 1) ** 2 * np.linalg.norm(a, np.inf) + np.linalg.norm(a[0], -np.inf)


def sorted_values(x):
    y = x**2
    y.sort()
    return np.sum(np.sort(x) ** 2 * x) + np.sum(y * x) * y[1]


def sorted_rows(a):
    return np.sum(np.sort(a**2) * a) + np.sort(a)[1, 2] ** 3


def ordered(x):
    order = np.argsort(x**2)
    return np.sum(x[order] ** 2 * x) + x[order[0]] ** 3 + x[x.argsort()[1]]


def medians(x):
    return np.median(x * x) ** 2 * x[0] + np.median(x[1:]) * x[1]


def median_of_a_matrix(a):
    return np.median(a) * np.median(a[0]) ** 2


def cumulative_products(x):
    return np.sum(np.cumprod(x) ** 2 * x) + x.cumprod()[2] * x[1]


def cumulative_products_with_a_zero(x):
    return np.sum(np.cumprod(x - 0.4) * x**2) + np.cumprod(x - x[2])[3]


def flipped(x):
    return np.sum(np.flip(x) * x**2) + np.flip(x * x)[0] * x[1]


def flipped_matrices(a):
    return np.sum(np.flip(a) * a**2) + np.sum(np.fliplr(a) ** 2 * a) + np.sum(np.flipud(a) * a**3)


def rolled(x):
    return np.sum(np.roll(x, 2) * x**2) + np.roll(x * x, -1)[0] * x[0]


def rolled_matrix(a):
    return np.sum(np.roll(a, 5) * a**2)


def repeated(x):
    y = np.repeat(x, 2)
    z = np.repeat(x**2, np.array([1, 0, 2, 3, 1]))
    return np.sum(y[1:] * y[:-1] ** 2) + np.sum(z[1:] * z[:-1]) + np.sum(np.repeat(x[0], 3) * x[:3])


def expanded_dimensions(x):
    return np.sum((np.expand_dims(x, 0) - np.expand_dims(x, 1)) ** 4 * np.expand_dims(x, -1))


def interpolated(x, xp, fp):
    return np.sum(np.interp(x, xp, fp) ** 2 * x) + np.interp(x[0], xp, x) * np.interp(x[1] - 9.0, xp, fp)


def interpolated_samples(xp, x):
    fp = xp**2
    return np.sum(np.interp(x, xp, fp) ** 2) + np.interp(0.2, xp, fp) * np.interp(9.0, xp, fp)


def symmetric(x):
    return np.outer(x, x) + np.diag(np.cumsum(np.exp(x)))


def eigenvalues(x):
    w = np.linalg.eigvalsh(symmetric(x))
    return w[0] * w[1] ** 2 + np.log(w[-1])


def eigenvectors(x):
    w, v = np.linalg.eigh(symmetric(x))
    return w[0] ** 2 + v[0, 1] ** 2 * v[2, 1] * v[3, 1] + np.sum((v * w) @ v[0] * x)


def eigenvalues_of_a_matrix(a):
    w, v = np.linalg.eigh(0.5 * (a + a.T))
    return w[0] * w[1] + np.sum(np.abs(v[:, 0]) * w)


def equal_eigenvalues(x):
    return np.sum(np.linalg.eigvalsh(np.diag(x - x[1:].sum() + x[0])) ** 2)


def solved(a, b):
    x = np.linalg.solve(a, b)
    return np.sum(x**2) * x[0]


def solved_matrix(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


def solved_in_a_loop(a, b):
    y = b.copy()
    for _ in range(3):
        y = np.linalg.solve(a, y) + 0.1 * b
    return np.sum(y**2)


def inverted(a):
    b = np.linalg.inv(a)
    return np.sum(b**2) + b[0, 1]


def determinant(a):
    return np.linalg.det(a) ** 2


def determinant_of_a_vector(x):
    return np.linalg.det(x.reshape(3, 3)) * (1.0 + x[0])


def log_determinant(a):
    sign, value = np.linalg.slogdet(a)
    return sign * value**2


def factorised(a, identity):
    lower = np.linalg.cholesky(a @ a.T + identity)
    return np.log(lower[0, 0] * lower[1, 1]) + np.sum(lower**2) * lower[2, 1] + lower[1, 0] ** 2


def factorised_by_elements(x):
    n = x.size
    a = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            a[i, j] = np.exp(-0.5 * (x[i] - x[j]) ** 2)
        a[i, i] += 0.5
    lower = np.linalg.cholesky(a)
    total = 0.0
    for i in range(n):
        total += np.log(lower[i, i])
    return total + lower[n - 1, 0] ** 2


def gaussian_log_density(x, covariance):
    solution = np.linalg.solve(covariance, x)
    return -0.5 * x @ solution - 0.5 * np.linalg.slogdet(covariance)[1]


def mixed_reductions(a):
    row = a.sum(axis=0)
    return np.max(row) * np.mean(a) + np.linalg.norm(row) / np.std(a)


symmetric = njit(symmetric)
A34 = normal(61, 3, 4)
A33 = normal(62, 3, 3)
A234 = normal(63, 2, 3, 4)
S4 = definite(64, 4)
S4_POINT = S4 + 0.1 * normal(65, 4, 4)
X4 = normal(66, 4)

CASES = [
    case(sums, A34, single=True),
    case(sum_over_rows, A34, single=True),
    case(sum_over_columns, A34),
    case(sum_over_the_last_axis, A34),
    case(sum_over_axes_of_three_dimensions, A234),
    case(means, A34, single=True),
    case(means_with_axis, A34),
    case(products, P5, second=True),
    case(products_with_a_zero, X5),
    case(variances, A34),
    case(extremes, A34, single=True),
    case(normalised, X5, second=True),
    case(softmax, X5, second=True),
    case(log_sum_exp, X5, second=True),
    case(cumulative_sums, X5, second=True),
    case(cumulative_sum_by_hand, X5, second=True),
    case(differences, X5),
    case(second_differences, X5, second=True),
    case(differences_of_rows, A34),
    case(concatenated, X5, normal(67, 2), argnum=(0, 1)),
    case(concatenated_rows, A34, A34[::-1].copy() + 0.5, argnum=(0, 1)),
    case(stacked, X5, P5, argnum=(0, 1)),
    case(reshaped, normal(68, 6), second=True),
    case(ravelled, A34),
    case(written_through_ravel, A34),
    case(transposed, A34),
    case(transposed_in_three_dimensions, A234),
    case(dot_of_vectors, X5, P5, argnum=(0, 1), single=True),
    case(dot_of_a_matrix_and_a_vector, A34, X4, argnum=(0, 1)),
    case(dot_of_a_vector_and_a_matrix, normal(69, 3), A34, argnum=(0, 1)),
    case(dot_of_matrices, A34, normal(70, 4, 2), argnum=(0, 1), single=True),
    case(quadratic_form, X4, S4, second=True),
    case(gram_matrix, A34),
    case(product_of_transposed, A34, normal(71, 2, 3), argnum=(0, 1)),
    case(product_with_slices, normal(72, 3, 5), X5, argnum=(0, 1)),
    case(chain_of_products, A33, normal(73, 3, 3), normal(74, 3), argnum=(0, 1, 2)),
    case(matrix_power, A33),
    case(outer_products, X5, normal(75, 3), argnum=(0, 1)),
    case(vdot_of_vectors, X5, P5),
    case(norms, X5, second=True),
    case(norm_of_a_matrix, A34),
    case(norms_of_other_orders, X5, second=True),
    case(norms_of_matrices, A34),
    case(sorted_values, X5, second=True, single=True),
    case(sorted_rows, A34),
    case(ordered, X5, second=True),
    case(medians, X5, second=True),
    case(median_of_a_matrix, A34),
    case(cumulative_products, X5, second=True, single=True),
    case(cumulative_products_with_a_zero, X5, second=True),
    case(flipped, X5, second=True),
    case(flipped_matrices, A34),
    case(rolled, X5, second=True),
    case(rolled_matrix, A34),
    case(repeated, X5, second=True, single=True),
    case(expanded_dimensions, X5, second=True),
    case(interpolated, X5, np.array([-2.0, -1.0, 0.3, 1.0, 1.5]), P5, argnum=(0, 2), single=True),
    case(interpolated, X5, np.array([-2.0, -1.0, 0.3, 1.0, 1.5]), P5, second=True, name="interpolated_twice"),
    case(interpolated_samples, np.array([-1.1, -0.2, 0.5, 1.1, 2.0]), X5, second=True),
    case(eigenvalues, X5, second=True, single=True),
    case(eigenvectors, X5, second=True),
    case(eigenvalues_of_a_matrix, S4_POINT),
    case(equal_eigenvalues, X5 * 0.0 + 1.0),
    case(determinant_of_a_vector, np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 3.0]).ravel(), second=True),
    case(
        determinant_of_a_vector,
        np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
        second=True,
        name="determinant_of_rank_2",
    ),
    case(solved, S4_POINT, X4, argnum=(0, 1), single=True),
    case(solved_matrix, S4_POINT, normal(76, 4, 3), argnum=(0, 1)),
    case(solved_in_a_loop, S4_POINT, X4, argnum=(0, 1)),
    case(inverted, S4_POINT),
    case(determinant, S4_POINT),
    case(log_determinant, S4_POINT),
    case(factorised, A33, np.eye(3)),
    case(factorised_by_elements, np.array([0.1, 0.9, 1.6, 2.8]), second=True),
    case(gaussian_log_density, X4, S4_POINT, argnum=(0, 1)),
    case(mixed_reductions, positive(77, 3, 4)),
]
