"""Operations on the columns of x (parts, rows, columns): moments, an affine map and its adjoint.

Batch norm has one part, with a row per pixel; group norm has one part per sample.  Rows are divided into
blocks, which are shared among the threads, and sums are taken per block.  The number of blocks depends on the
shape alone, so results are the same, bit for bit, for any number of threads.  Loops run through memory in
order, because processors prefetch one stream per page: four rows are taken together if they lie in one page,
and share the loads and stores of what belongs to columns.  So they do in the adjoint if each fills a page.

Each part has five rows of coefficients with one number per column (`Coefficient`).
"""

from enum import IntEnum

import numpy as np

from numgd.jit.making import made_once
from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import ELEMENTWISE_FLAGS, apart, compiled, portable
from numgd.jit.streaming import finish_streams, stream


class Coefficient(IntEnum):
    """The rows of a part's coefficients."""

    CENTRE = 0
    SCALE = 1
    SHIFT = 2
    BY_CENTRED = 3
    CONSTANT = 4


CENTRE, SCALE, SHIFT, BY_CENTRED, CONSTANT = (int(row) for row in Coefficient)

_MIN_BLOCK = 2**14
_MAX_BLOCKS = 64
_MIN_COLUMNS = 64
_STRIP = 64
_SCRATCH = 1024
_PAGE = 4096


def block_rows(rows, columns):
    """Number of rows in a block: whole strips of rows, except in the last block."""
    fewest = max(_MIN_BLOCK // max(columns, 1), -(-rows // _MAX_BLOCKS), 1)
    return -(-fewest // _STRIP) * _STRIP


def partial_sums(parts, rows, columns, memory=np.empty):
    """Memory for two numbers per column of each block."""
    blocks = -(-rows // block_rows(rows, columns))
    return memory((parts, blocks, 2, columns), np.dtype(np.float64))


def side_by_side(rows, columns):
    """Number of rows to lay side by side so that loops over columns are long enough; it divides `rows`."""
    return next(k for k in range(max(1, min(rows, _MIN_COLUMNS // max(columns, 1))), 0, -1) if rows % k == 0)


@portable
def merged(mean, squares, other_mean, other_squares, share, between):
    """Mean and sum of squared deviations of two sets of numbers together.

    `share` is the other set's part of the count, `between` its product with the count of this one.
    """
    away = other_mean - mean
    return mean + away * share, squares + (other_squares + away * away * between)


@portable
def moments_of_strip(shift, first, second, count):
    """Mean and sum of squared deviations, from sums of deviations from `shift` and of their squares."""
    deviation = np.float64(first)
    return np.float64(shift) + deviation / count, np.float64(second) - deviation * deviation / count


@portable
def normalised(x, centre, scale, shift, floor):
    """The affine map of a number; NaN stays NaN, and as floor it sets no bound."""
    value = (x - centre) * scale + shift
    return floor if value < floor else value


@portable
def passed(relu, grad, away, scale, shift, nothing):
    """The gradient, or 0 where the affine map is not above zero, for a number less the centre."""
    return nothing if relu and away * scale + shift <= nothing else grad


@portable
def adjoint(grad, away, scale, by_centred, constant):
    """The gradient of x, from that of the affine map and a number less the centre."""
    return scale * grad + (by_centred * away + constant)


@portable
def in_fours(x):
    """Number of rows of x to take in fours, which share the loads and stores of what belongs to columns."""
    return x.shape[0] // 4 * 4 if 4 * x.shape[1] * x.itemsize <= _PAGE else 0


@apart
def _add_deviations(x, shift, first, second):
    """Add the deviations of rows of x from `shift` to `first`, and their squares to `second`."""
    whole = in_fours(x)
    for i in range(0, whole, 4):
        r0, r1, r2, r3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(shift.size):
            s = shift[c]
            a0, a1, a2, a3 = r0[c] - s, r1[c] - s, r2[c] - s, r3[c] - s
            first[c] += (a0 + a1) + (a2 + a3)
            second[c] += (a0 * a0 + a1 * a1) + (a2 * a2 + a3 * a3)
    for i in range(whole, x.shape[0]):
        row = x[i]
        for c in range(shift.size):
            a = row[c] - shift[c]
            first[c] += a
            second[c] += a * a


@apart
def _join_strip(shift, first, second, before, count, mean, squares):
    """Add `count` rows, given by sums of their deviations from `shift`, to the moments of `before` rows."""
    share = count / (before + count)
    between = before * share
    for c in range(shift.size):
        other_mean, other_squares = moments_of_strip(shift[c], first[c], second[c], count)
        mean[c], squares[c] = merged(mean[c], squares[c], other_mean, other_squares, share, between)


@portable
def _block_moments(x, first, second, mean, squares):
    """Mean of each column of x (rows, columns) and the sum of squared deviations from it.

    Strips of rows are processed one after the other.  Within a strip, deviations from its first row are
    summed in the dtype of x: for k rows, their squares are at most k times those of the deviations from the
    mean, so little cancels.  Strips are combined in float64: T. F. Chan, G. H. Golub and R. J. LeVeque,
    Algorithms for computing the sample variance, The American Statistician 37 (1983), eq. 2.1.
    """
    mean[:] = 0.0
    squares[:] = 0.0
    nothing = x.dtype.type(0)
    for start in range(0, x.shape[0], _STRIP):
        rows = x[start : min(start + _STRIP, x.shape[0])]
        first[:] = nothing
        second[:] = nothing
        _add_deviations(rows, rows[0], first, second)
        _join_strip(rows[0], first, second, float(start), float(rows.shape[0]), mean, squares)


@portable
def moments_of_block(task, x, block, partial):
    """A task of `moments`: tasks p · blocks + b belong to part p."""
    blocks = partial.shape[1]
    p, b = task // blocks, task % blocks
    rows = borrow(x)[p, b * block : min((b + 1) * block, x.shape[1])]
    scratch = np.empty((2, x.shape[2]), x.dtype)
    first, second = borrow(scratch)[0], borrow(scratch)[1]
    _block_moments(rows, first, second, borrow(partial)[p, b, 0], borrow(partial)[p, b, 1])


@compiled("columns-moments")
def moments(x, block, partial):
    """partial[p, b]: mean and sum of squared deviations of each column, over block b of part p."""
    tasks = partial.shape[0] * partial.shape[1]
    parallel_for(moments_of_block, tasks, 2 * x.size, x, block, partial)


@apart
def _map_rows(x, centre, scale, shift, floor, out):
    """out = max((x - centre) · scale + shift, floor) for every row of x."""
    whole = in_fours(x)
    for i in range(0, whole, 4):
        r0, r1, r2, r3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        y0, y1, y2, y3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        for c in range(centre.size):
            m, e, t = centre[c], scale[c], shift[c]
            y0[c], y1[c] = normalised(r0[c], m, e, t, floor), normalised(r1[c], m, e, t, floor)
            y2[c], y3[c] = normalised(r2[c], m, e, t, floor), normalised(r3[c], m, e, t, floor)
    for i in range(whole, x.shape[0]):
        row, result = x[i], out[i]
        for c in range(centre.size):
            result[c] = normalised(row[c], centre[c], scale[c], shift[c], floor)


@portable
def map_block(task, x, block, coefficients, floor, large, out):
    """A task of `affine`, whose tasks go backwards: task 0 is the last block of the last part."""
    blocks = (x.shape[1] + block - 1) // block
    tasks = x.shape[0] * blocks
    strip = max(1, _SCRATCH // x.shape[2])
    p, b = (tasks - 1 - task) // blocks, (tasks - 1 - task) % blocks
    start, stop = b * block, min((b + 1) * block, x.shape[1])
    c = borrow(coefficients)[p]
    centre, scale, shift = c[CENTRE], c[SCALE], c[SHIFT]
    rows, results = borrow(x)[p, start:stop], borrow(out)[p, start:stop]
    scratch = np.empty((strip, x.shape[2]), x.dtype)
    for i in range(0, rows.shape[0], strip):
        end = min(i + strip, rows.shape[0])
        piece = borrow(scratch)[: end - i] if large else results[i:end]
        _map_rows(rows[i:end], centre, scale, shift, floor, piece)
        if large:
            stream(results[i:end], piece)
    finish_streams()


@compiled("columns-affine")
def affine(x, block, coefficients, floor, large, out):
    """out = max((x - centre) · scale + shift, floor), where NaN stays NaN; bypasses the caches if `large`.

    Blocks are processed from last to first, because computing the moments left the end of x in the caches.
    """
    tasks = x.shape[0] * ((x.shape[1] + block - 1) // block)
    parallel_for(map_block, tasks, x.size, x, block, coefficients, floor, large, out)


@apart
def _add_wide(more, total):
    """total += more, in float64."""
    for c in range(more.size):
        total[c] += np.float64(more[c])


@made_once
def sum_block(relu):
    """The task of ``sums(relu)``; tasks p · blocks + b belong to part p."""

    @apart
    def add_rows(grad, x, centre, scale, shift, plain, weighted):
        nothing = grad.dtype.type(0)
        whole = in_fours(x)
        for i in range(0, whole, 4):
            r0, r1, r2, r3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            s0, s1, s2, s3 = grad[i], grad[i + 1], grad[i + 2], grad[i + 3]
            for c in range(centre.size):
                m, e, t = centre[c], scale[c], shift[c]
                a0, a1, a2, a3 = r0[c] - m, r1[c] - m, r2[c] - m, r3[c] - m
                g0 = passed(relu, s0[c], a0, e, t, nothing)
                g1 = passed(relu, s1[c], a1, e, t, nothing)
                g2 = passed(relu, s2[c], a2, e, t, nothing)
                g3 = passed(relu, s3[c], a3, e, t, nothing)
                plain[c] += (g0 + g1) + (g2 + g3)
                weighted[c] += (g0 * a0 + g1 * a1) + (g2 * a2 + g3 * a3)
        for i in range(whole, x.shape[0]):
            row, slope = x[i], grad[i]
            for c in range(centre.size):
                a = row[c] - centre[c]
                g = passed(relu, slope[c], a, scale[c], shift[c], nothing)
                plain[c] += g
                weighted[c] += g * a

    @portable
    def of_block(task, grad, x, block, coefficients, partial):
        blocks = partial.shape[1]
        nothing = grad.dtype.type(0)
        p, b = task // blocks, task % blocks
        start, stop = b * block, min((b + 1) * block, x.shape[1])
        c, result = borrow(coefficients)[p], borrow(partial)[p, b]
        rows, slopes = borrow(x)[p, start:stop], borrow(grad)[p, start:stop]
        scratch = np.empty((2, x.shape[2]), x.dtype)
        plain, weighted = borrow(scratch)[0], borrow(scratch)[1]
        result[:] = 0.0
        for i in range(0, rows.shape[0], _STRIP):
            end = min(i + _STRIP, rows.shape[0])
            plain[:] = nothing
            weighted[:] = nothing
            add_rows(slopes[i:end], rows[i:end], c[CENTRE], c[SCALE], c[SHIFT], plain, weighted)
            _add_wide(plain, result[0])
            _add_wide(weighted, result[1])

    return of_block


def sums(relu, grad, x, block, coefficients, partial):
    """partial[p, b]: the sums of grad and of grad · (x - centre) in each column.

    With `relu`, only where the affine map is above zero.  Each strip of rows is summed in the dtype of grad,
    and the strips in float64.
    """
    _make_sums(relu)(grad, x, block, coefficients, partial)


@made_once
def _make_sums(relu):
    of_block = sum_block(relu)

    @compiled(f"columns-sums-{'relu' if relu else 'plain'}")
    def of_blocks(grad, x, block, coefficients, partial):
        tasks = partial.shape[0] * partial.shape[1]
        parallel_for(of_block, tasks, 2 * x.size, grad, x, block, coefficients, partial)

    return of_blocks


@made_once
def gradient_block(relu):
    """The task of ``gradient(relu)``, whose tasks go backwards, as those of `affine`."""

    @apart
    def of_rows(grad, x, centre, scale, shift, by_centred, constant, out):
        nothing = grad.dtype.type(0)
        whole = x.shape[0] // 4 * 4 if centre.size * x.itemsize >= _PAGE else in_fours(x)
        for i in range(0, whole, 4):
            r0, r1, r2, r3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            s0, s1, s2, s3 = grad[i], grad[i + 1], grad[i + 2], grad[i + 3]
            y0, y1, y2, y3 = out[i], out[i + 1], out[i + 2], out[i + 3]
            for c in range(centre.size):
                m, e, t, b, d = centre[c], scale[c], shift[c], by_centred[c], constant[c]
                a0, a1, a2, a3 = r0[c] - m, r1[c] - m, r2[c] - m, r3[c] - m
                g0 = passed(relu, s0[c], a0, e, t, nothing)
                g1 = passed(relu, s1[c], a1, e, t, nothing)
                g2 = passed(relu, s2[c], a2, e, t, nothing)
                g3 = passed(relu, s3[c], a3, e, t, nothing)
                y0[c], y1[c] = adjoint(g0, a0, e, b, d), adjoint(g1, a1, e, b, d)
                y2[c], y3[c] = adjoint(g2, a2, e, b, d), adjoint(g3, a3, e, b, d)
        for i in range(whole, x.shape[0]):
            row, slope, result = x[i], grad[i], out[i]
            for c in range(centre.size):
                a = row[c] - centre[c]
                g = passed(relu, slope[c], a, scale[c], shift[c], nothing)
                result[c] = adjoint(g, a, scale[c], by_centred[c], constant[c])

    @portable
    def of_block(task, grad, x, block, coefficients, large, out):
        blocks = (x.shape[1] + block - 1) // block
        tasks = x.shape[0] * blocks
        strip = max(4, _SCRATCH // x.shape[2])
        p, b = (tasks - 1 - task) // blocks, (tasks - 1 - task) % blocks
        start, stop = b * block, min((b + 1) * block, x.shape[1])
        c = borrow(coefficients)[p]
        centre, scale, shift = c[CENTRE], c[SCALE], c[SHIFT]
        by_centred, constant = c[BY_CENTRED], c[CONSTANT]
        rows, slopes = borrow(x)[p, start:stop], borrow(grad)[p, start:stop]
        results = borrow(out)[p, start:stop]
        scratch = np.empty((strip, x.shape[2]), x.dtype)
        for i in range(0, rows.shape[0], strip):
            end = min(i + strip, rows.shape[0])
            piece = borrow(scratch)[: end - i] if large else results[i:end]
            of_rows(slopes[i:end], rows[i:end], centre, scale, shift, by_centred, constant, piece)
            if large:
                stream(results[i:end], piece)
        finish_streams()

    return of_block


def gradient(relu, grad, x, block, coefficients, large, out):
    """out = scale · grad + by_centred · (x - centre) + constant.

    With `relu`, grad is taken as 0 where the affine map is not above zero.  If `large`, the stores bypass the
    caches.
    """
    _make_gradient(relu)(grad, x, block, coefficients, large, out)


@made_once
def _make_gradient(relu):
    of_block = gradient_block(relu)

    @compiled(f"columns-gradient-{'relu' if relu else 'plain'}")
    def of_blocks(grad, x, block, coefficients, large, out):
        tasks = x.shape[0] * ((x.shape[1] + block - 1) // block)
        parallel_for(of_block, tasks, 2 * x.size, grad, x, block, coefficients, large, out)

    return of_blocks


@compiled("columns-add-up", ELEMENTWISE_FLAGS)
def add_up(partial, first, out):
    """out[c] = the sum of column first + c of `partial` (rows, columns), added in order in float64."""
    total = np.zeros(out.size)
    for i in range(partial.shape[0]):
        for c in range(out.size):
            total[c] += partial[i, first + c]
    for c in range(out.size):
        out[c] = total[c]


@portable
def join(partial, rows, block, mean, squares):
    """Mean and sum of squared deviations of columns, from those of its blocks: partial (blocks, 2, k, C).

    Each block has `block` rows, the last one the rest of `rows`, and k rows are laid side by side.  Blocks
    are combined one by one, so that the mean of equal numbers is exactly that number.
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
                other_mean, other_squares = partial[b, 0, k, c], partial[b, 1, k, c]
                mean[c], squares[c] = merged(mean[c], squares[c], other_mean, other_squares, share, between)
            before += count


@portable
def total(partial, plain, weighted):
    """The two sums of each column, from those of its blocks in partial (blocks, 2, k, C)."""
    plain[:] = 0.0
    weighted[:] = 0.0
    for b in range(partial.shape[0]):
        for k in range(partial.shape[2]):
            for c in range(plain.size):
                plain[c] += partial[b, 0, k, c]
                weighted[c] += partial[b, 1, k, c]
