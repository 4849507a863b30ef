"""Functions of NumPy written out by definition, to be differentiated like the user's own code."""

import numpy as np


def sort(a):
    """``np.sort`` of a vector."""
    return a[np.argsort(a)]


def sort_rows(a):
    """``np.sort`` of an array of several dimensions: along the last one."""
    out = a.flatten()
    length = max(a.shape[-1], 1)
    for start in range(0, out.size, length):
        row = out[start : start + length]
        row[:] = row[np.argsort(row)]
    return out.reshape(a.shape)


def median(a):
    """``np.median``."""
    flat = a.ravel()
    if flat.size == 0:
        return np.nan
    order = np.argsort(flat)
    last = flat[order[-1]]
    if last != last:  # NaN, which is sorted to the end
        return np.nan
    return 0.5 * flat[order[(flat.size - 1) // 2]] + 0.5 * flat[order[flat.size // 2]]


def cumprod(a):
    """``np.cumprod``."""
    flat = a.ravel()
    out = np.empty_like(flat)
    dtype = flat.dtype
    product = dtype(1)
    for i in range(flat.size):
        product = product * flat[i]
        out[i] = product
    return out


def repeat(a, repeats):
    """``np.repeat`` of an array."""
    flat = a.ravel()
    return flat[np.repeat(np.arange(flat.size), repeats)]


def repeat_number(a, repeats):
    """``np.repeat`` of a number."""
    return np.full(repeats, a)


def interp(x, xp, fp):
    """``np.interp`` at a number.

    At a sample point it has the slope to the right, at the last one that to the left.
    """
    if xp.size != fp.size or xp.size == 0:
        raise ValueError("fp and xp are not of the same size, or empty.")
    last = xp.size - 1
    if last == 0 or x < xp[0]:
        return np.float64(fp[0])
    if x > xp[last]:
        return np.float64(fp[last])
    at_end = x == xp[last]
    after = np.searchsorted(xp, x) if at_end else np.searchsorted(xp, x, side="right")
    k = min(after, last) - 1  # for NaN, all are before x
    nearest = last if at_end else k
    value = np.float64(fp[nearest])
    if k < 0:  # all sample points are at x
        return value
    slope = (fp[k + 1] - np.float64(fp[k])) / (np.float64(xp[k + 1]) - xp[k])
    if x == xp[nearest] and not np.isfinite(slope):
        return value
    return slope * (x - xp[nearest]) + value


def interp_all(x, xp, fp):
    """``np.interp`` at the elements of an array."""
    flat = x.ravel()
    out = np.empty(flat.size)
    for i in range(flat.size):
        out[i] = interp(flat[i], xp, fp)
    return out.reshape(x.shape)


def sum_of_sizes(x):
    """The 1-norm of a vector."""
    return np.sum(np.abs(x))


def largest_size(x):
    """The norm of order infinity of a vector."""
    return 0.0 if x.size == 0 else np.max(np.abs(x))


def smallest_size(x):
    """The norm of order minus infinity of a vector."""
    return 0.0 if x.size == 0 else np.min(np.abs(x))


def norm_of_order(x, order):
    """The norm of a vector of any other positive order."""
    return np.sum(np.abs(x) ** order) ** (1.0 / order) if np.any(x != 0.0) else 0.0


def largest_column(a):
    """The 1-norm of a matrix."""
    return 0.0 if a.size == 0 else np.max(np.sum(np.abs(a), axis=0))


def largest_row(a):
    """The norm of order infinity of a matrix."""
    return 0.0 if a.size == 0 else np.max(np.sum(np.abs(a), axis=1))


NORMS = {
    (1, 1): sum_of_sizes,
    (1, np.inf): largest_size,
    (1, -np.inf): smallest_size,
    (2, 1): largest_column,
    (2, np.inf): largest_row,
}
"""By the number of dimensions and the order."""
