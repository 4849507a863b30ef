"""What normalisations do to the columns of x (parts, rows, columns): moments, an affine map, and its adjoint.

Batch norm is one part with a row for every pixel; group norm has a part for every sample.  Rows are cut into
blocks, which threads share out and over which sums are taken: how many depends on the shape alone, so the
same input gives the same bits at any number of threads.

The coefficients of a part are six rows of numbers, one a column: centre, scale, shift; then by_grad,
by_centred, constant (`Coefficient` numbers them).
"""

from enum import IntEnum

import numpy as np
from numba import prange

from numgd.jit.pointers import borrow
from numgd.jit.portable import THREADED_FLAGS, compiled, portable


class Coefficient(IntEnum):
    """The rows of a part's coefficients."""

    CENTRE = 0
    SCALE = 1
    SHIFT = 2
    BY_GRAD = 3
    BY_CENTRED = 4
    CONSTANT = 5


CENTRE, SCALE, SHIFT, BY_GRAD, BY_CENTRED, CONSTANT = (int(row) for row in Coefficient)

_FEWEST = 2**14
_MOST_BLOCKS = 64
_TOGETHER = 8
_WIDE = 64


def block_rows(rows, columns):
    """Rows in a block: a multiple of eight, so that only the last block has rows left over."""
    fewest = max(_FEWEST // max(columns, 1), -(-rows // _MOST_BLOCKS), 1)
    return -(-fewest // _TOGETHER) * _TOGETHER


def partial_sums(parts, rows, columns):
    """Memory for two numbers a column of each block."""
    return np.empty((parts, -(-rows // block_rows(rows, columns)), 2, columns))


def abreast(rows, columns):
    """How many rows to lay side by side, so that a row of few columns is worth a loop; divides `rows`."""
    return next(k for k in range(max(1, min(rows, _WIDE // max(columns, 1))), 0, -1) if rows % k == 0)


@portable
def _block_moments(x, mean, squares):
    """Mean of each column of x (rows, columns) and the sum of squared deviations from it.

    Eight rows at a time: their own mean and deviations, in registers, then joined to what came before by
    T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for computing the sample variance, The American
    Statistician 37 (1983), eq. 2.1.
    """
    columns = x.shape[1]
    mean[:] = 0.0
    squares[:] = 0.0
    count = 0.0
    whole = x.shape[0] // 8 * 8
    for i in range(0, whole, 8):
        share = 8.0 / (count + 8.0)
        between = count * share
        r0, r1, r2, r3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        r4, r5, r6, r7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        for c in range(columns):
            a0, a1, a2, a3 = np.float64(r0[c]), np.float64(r1[c]), np.float64(r2[c]), np.float64(r3[c])
            a4, a5, a6, a7 = np.float64(r4[c]), np.float64(r5[c]), np.float64(r6[c]), np.float64(r7[c])
            own = 0.125 * (((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)))
            a0, a1, a2, a3 = a0 - own, a1 - own, a2 - own, a3 - own
            a4, a5, a6, a7 = a4 - own, a5 - own, a6 - own, a7 - own
            spread = ((a0 * a0 + a1 * a1) + (a2 * a2 + a3 * a3)) + ((a4 * a4 + a5 * a5) + (a6 * a6 + a7 * a7))
            away = own - mean[c]
            mean[c] += away * share
            squares[c] += spread + away * away * between
        count += 8.0
    for i in range(whole, x.shape[0]):
        share = 1.0 / (count + 1.0)
        row = x[i]
        for c in range(columns):
            away = np.float64(row[c]) - mean[c]
            mean[c] += away * share
            squares[c] += away * away * (count * share)
        count += 1.0


@compiled("columns-moments", THREADED_FLAGS)
def moments(x, block, partial):
    """partial[p, b]: mean and sum of squared deviations of each column, over block b of part p."""
    parts, blocks = partial.shape[0], partial.shape[1]
    for task in prange(parts * blocks):
        p, b = task // blocks, task % blocks
        rows = borrow(x)[p, b * block : (b + 1) * block]
        memory = borrow(partial)[p, b]
        _block_moments(rows, memory[0], memory[1])


@compiled("columns-affine", THREADED_FLAGS)
def affine(x, block, coefficients, floor, out):
    """out = max((x - centre) · scale + shift, floor), NaN where that is NaN.

    Blocks are taken from the last to the first: the end of x is what the caches still hold of its moments.
    """
    parts = x.shape[0]
    blocks = (x.shape[1] + block - 1) // block
    for task in prange(parts * blocks):
        p, b = (parts * blocks - 1 - task) // blocks, (parts * blocks - 1 - task) % blocks
        c = borrow(coefficients)[p]
        centre, scale, shift = c[CENTRE], c[SCALE], c[SHIFT]
        rows, results = borrow(x)[p], borrow(out)[p]
        for i in range(b * block, min((b + 1) * block, x.shape[1])):
            row, result = rows[i], results[i]
            for j in range(row.size):
                value = (row[j] - centre[j]) * scale[j] + shift[j]
                result[j] = floor if value < floor else value


@compiled("columns-sums", THREADED_FLAGS)
def sums(grad, x, block, coefficients, floor, partial):
    """partial[p, b]: sums of grad and grad · (x - centre) of each column, where the map passed the floor."""
    parts, blocks = partial.shape[0], partial.shape[1]
    nothing = grad.dtype.type(0)
    for task in prange(parts * blocks):
        p, b = task // blocks, task % blocks
        c = borrow(coefficients)[p]
        centre, scale, shift = c[CENTRE], c[SCALE], c[SHIFT]
        rows, slopes = borrow(x)[p], borrow(grad)[p]
        memory = borrow(partial)[p, b]
        plain, weighted = memory[0], memory[1]
        plain[:] = 0.0
        weighted[:] = 0.0
        first, last = b * block, min((b + 1) * block, x.shape[1])
        whole = first + (last - first) // 4 * 4
        for i in range(first, whole, 4):
            r0, r1, r2, r3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            s0, s1, s2, s3 = slopes[i], slopes[i + 1], slopes[i + 2], slopes[i + 3]
            for j in range(r0.size):
                a0, a1, a2, a3 = r0[j] - centre[j], r1[j] - centre[j], r2[j] - centre[j], r3[j] - centre[j]
                g0 = nothing if a0 * scale[j] + shift[j] <= floor else s0[j]
                g1 = nothing if a1 * scale[j] + shift[j] <= floor else s1[j]
                g2 = nothing if a2 * scale[j] + shift[j] <= floor else s2[j]
                g3 = nothing if a3 * scale[j] + shift[j] <= floor else s3[j]
                plain[j] += np.float64((g0 + g1) + (g2 + g3))
                weighted[j] += np.float64((g0 * a0 + g1 * a1) + (g2 * a2 + g3 * a3))
        for i in range(whole, last):
            row, slope = rows[i], slopes[i]
            for j in range(row.size):
                a = row[j] - centre[j]
                g = nothing if a * scale[j] + shift[j] <= floor else slope[j]
                plain[j] += np.float64(g)
                weighted[j] += np.float64(g * a)


@compiled("columns-gradient", THREADED_FLAGS)
def gradient(grad, x, block, coefficients, floor, out):
    """out = by_grad · grad + by_centred · (x - centre) + constant; grad is zero where the floor was met."""
    parts = x.shape[0]
    blocks = (x.shape[1] + block - 1) // block
    nothing = grad.dtype.type(0)
    for task in prange(parts * blocks):
        p, b = (parts * blocks - 1 - task) // blocks, (parts * blocks - 1 - task) % blocks
        c = borrow(coefficients)[p]
        centre, scale, shift = c[CENTRE], c[SCALE], c[SHIFT]
        by_grad, by_centred, constant = c[BY_GRAD], c[BY_CENTRED], c[CONSTANT]
        rows, slopes, results = borrow(x)[p], borrow(grad)[p], borrow(out)[p]
        for i in range(b * block, min((b + 1) * block, x.shape[1])):
            row, slope, result = rows[i], slopes[i], results[i]
            for j in range(row.size):
                a = row[j] - centre[j]
                g = nothing if a * scale[j] + shift[j] <= floor else slope[j]
                result[j] = by_grad[j] * g + (by_centred[j] * a + constant[j])


@portable
def join(partial, rows, block, mean, squares):
    """Mean and sum of squared deviations of each column, from those of its blocks, partial (blocks, 2, k, C).

    The blocks are of `block` rows each, the last of what is left of `rows`; k rows lie abreast.  Joined one
    by one, as rows are: the mean of equal numbers is that number.
    """
    blocks, together, columns = partial.shape[0], partial.shape[2], partial.shape[3]
    mean[:] = 0.0
    squares[:] = 0.0
    before = 0.0
    for b in range(blocks):
        count = float(min(block, rows - b * block))
        for k in range(together):
            share = count / (before + count)
            between = before * share
            for c in range(columns):
                away = partial[b, 0, k, c] - mean[c]
                mean[c] += away * share
                squares[c] += partial[b, 1, k, c] + away * away * between
            before += count


@portable
def total(partial, plain, weighted):
    """The two sums of each column, from those of its blocks, partial (blocks, 2, k, C)."""
    plain[:] = 0.0
    weighted[:] = 0.0
    for b in range(partial.shape[0]):
        for k in range(partial.shape[2]):
            for c in range(plain.size):
                plain[c] += partial[b, 0, k, c]
                weighted[c] += partial[b, 1, k, c]
