"""Operations on the columns of x (parts, rows, columns); see `numgd.kernels.cpu.layers.columns`.

A thread has four neighbouring columns, which it reads and writes by accesses of 16 bytes where the memory
permits.  The threads of a block lie in `lanes` along the columns and several rows, so that few columns occupy
all threads as well, and neighbouring threads access neighbouring memory.  Each thread sums its rows and
combines strips of them in float64, as on the CPU; the threads of a block are combined pairwise in shared
memory, and the blocks by whoever reads the partial sums.  The order is fixed, so results are the same from
run to run.
"""

from functools import cache
from math import gcd

import numpy as np
from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.columns import (
    BY_CENTRED,
    CENTRE,
    CONSTANT,
    SCALE,
    SHIFT,
    Coefficient,
    adjoint,
    merged,
    moments_of_strip,
    normalised,
    passed,
)
from numgd.kernels.cuda.target import SIMULATED, can_load4, cuda, kernel, kernel_for, launch, load4, store4

__all__ = [
    "Coefficient",
    "add_up",
    "affine",
    "block_rows",
    "gradient",
    "moments",
    "partial_sums",
    "side_by_side",
    "sums",
]

FOUR = 4  # columns of a thread
THREADS = 12 if SIMULATED else 256
"""The most threads in a block."""

STRIP = 3 if SIMULATED else 64
"""Rows that a thread sums in the dtype of x."""

_MOST_LANES = 2 if SIMULATED else 32
_FEW_LANES = 2 if SIMULATED else 4  # 32 bytes of float64, the least that a GPU reads
_ROWS_OF_THREAD = 3 if SIMULATED else 8
_FEWEST_ROWS_OF_THREAD = 4
_MOST_BLOCKS = 3 if SIMULATED else 1056  # 8 for each of the 132 multiprocessors of an H100


def lanes_of(columns, width=FOUR, most=_MOST_LANES):
    """How many blocks lie along the columns, and the shape of each: threads along columns and rows."""
    units = -(-columns // width)
    tiles = -(-units // most)
    lanes = -(-units // tiles)
    return tiles, (lanes, THREADS // lanes)


def block_rows(rows, columns):
    """Number of rows in a block, a multiple of those that its threads read at once."""
    tiles, (_, depth) = lanes_of(columns)
    fewest = max(_FEWEST_ROWS_OF_THREAD * depth, -(-rows // max(1, _MOST_BLOCKS // tiles)))
    return -(-fewest // depth) * depth


def partial_sums(parts, rows, columns, memory):
    """Memory for two numbers per column of each block."""
    blocks = -(-rows // block_rows(rows, columns))
    return memory((parts, blocks, 2, columns), np.dtype(np.float64))


def side_by_side(rows, columns):
    """Number of rows to lay side by side for a multiple of four columns, where it divides `rows`, else 1."""
    together = FOUR // gcd(FOUR, columns)
    return together if rows % together == 0 else 1


# Four columns of a row --------------------------------------------------------------------------------------


@portable
def load_some(array, start, left):
    """As `load4`, at any index; of the four numbers `left` exist, the others are zero."""
    nothing = array.dtype.type(0)
    return (
        array[start],
        array[start + 1] if left > 1 else nothing,
        array[start + 2] if left > 2 else nothing,
        array[start + 3] if left > 3 else nothing,
    )


@portable
def store_some(array, start, values, left):
    """As `store4`, at any index; of the four numbers `left` exist."""
    array[start] = values[0]
    if left > 1:
        array[start + 1] = values[1]
    if left > 2:
        array[start + 2] = values[2]
    if left > 3:
        array[start + 3] = values[3]


@portable
def _load4(array, start, left):
    return load4(array, start)


@portable
def _store4(array, start, values, left):
    store4(array, start, values)


def accesses(wide):
    """The functions that read and write four columns: by 16 bytes if `wide`, else one by one."""
    return (_load4, _store4) if wide else (load_some, store_some)


def is_wide(columns, *arrays):
    """Whether all rows of arrays can be accessed by 16 bytes."""
    return columns % FOUR == 0 and can_load4(*arrays)


def form(columns, first, *arrays):
    """Whether `is_wide`, and how many blocks that sum two fours a multiprocessor has registers for."""
    wide = is_wide(columns, first, *arrays)
    return wide, 3 if wide and first.dtype.itemsize == 4 else 2


@portable
def rows_of_thread(b, block, rows, own, step):
    """How many rows of block b a thread has: number `own` and every `step`-th after it."""
    return max(0, min(block, rows - b * block) - own + step - 1) // step


@portable
def plus(a, b):
    """The sums of two fours."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@portable
def minus(a, b):
    """The differences of two fours."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@portable
def product(a, b):
    """The products of two fours."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@portable
def widened(a):
    """A four in float64."""
    return np.float64(a[0]), np.float64(a[1]), np.float64(a[2]), np.float64(a[3])


# Sums within a block ----------------------------------------------------------------------------------------


@cuda.jit(device=True)
def add_up_block(shared, count, base, step, own, several):
    """Add `several` numbers per column of `shared`; the sums are at `base`.

    Thread `own` of those that are combined has its numbers at ``base + own · step``.  Threads are combined
    pairwise.
    """
    width = several
    while width > 1:
        half = (width + 1) // 2
        cuda.syncthreads()
        if own < width - half:
            here, there = base + own * step, base + (own + half) * step
            for number in range(count):
                shared[number, here] += shared[number, there]
        width = half
    cuda.syncthreads()


@cuda.jit(device=True)
def merge_block(shared, counts, numbers, base, step, own, several):
    """Combine the moments in `shared`, as `add_up_block`: `numbers` means, then as many sums of squares."""
    width = several
    while width > 1:
        half = (width + 1) // 2
        cuda.syncthreads()
        if own < width - half:
            here, there = base + own * step, base + (own + half) * step
            before, count = counts[here], counts[there]
            if count > 0.0:
                share = count / (before + count)
                between = before * share
                for number in range(numbers):
                    mean, squares = merged(
                        shared[number, here], shared[numbers + number, here],
                        shared[number, there], shared[numbers + number, there], share, between,
                    )  # fmt: skip
                    shared[number, here] = mean
                    shared[numbers + number, here] = squares
                counts[here] = before + count
        width = half
    cuda.syncthreads()


@portable
def put_two(shared, here, a, b):
    """Write two fours to a column of `shared`."""
    shared[0, here], shared[1, here], shared[2, here], shared[3, here] = a
    shared[4, here], shared[5, here], shared[6, here], shared[7, here] = b


@portable
def four_of(shared, first, here):
    """Four rows of a column of `shared`."""
    return shared[first, here], shared[first + 1, here], shared[first + 2, here], shared[first + 3, here]


# Passes over x ----------------------------------------------------------------------------------------------


def moments(x, block, partial):
    """partial[p, b]: mean and sum of squared deviations of each column, over block b of part p."""
    parts, rows, columns = x.shape
    tiles, threads = lanes_of(columns)
    blocks = partial.shape[1]
    vector, sums = x.reshape(x.size), partial.reshape(partial.size)
    launch(
        _make_moments(*form(columns, vector, sums)), (parts * blocks * tiles, threads),
        vector, rows, columns, block, blocks, tiles, sums,
    )  # fmt: skip


@portable
def _add_strip(mean, squares, before, shift, first, second, count):
    """The moments of `before` rows and of `count` more, for one column."""
    other_mean, other_squares = moments_of_strip(shift, first, second, count)
    share = count / (before + count)
    return merged(mean, squares, other_mean, other_squares, share, before * share)


@cache
def _make_moments(wide, at_once):
    load, store = accesses(wide)

    @kernel_for(THREADS, at_once)
    def of_block(x, rows, columns, block, blocks, tiles, partial):
        shared = cuda.shared.array((8, THREADS), float64)
        counts = cuda.shared.array(THREADS, float64)
        lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
        task, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        part, b = task // blocks, task % blocks
        column = FOUR * (tile * lanes + lane)
        left = columns - column
        zero = x.dtype.type(0)
        m0 = m1 = m2 = m3 = s0 = s1 = s2 = s3 = done = 0.0
        count = rows_of_thread(b, block, rows, own, step) if left > 0 else 0
        place, stride = (part * rows + b * block + own) * columns + column, step * columns
        while count > 0:
            strip = min(count, STRIP)
            count -= strip
            shift = load(x, place, left)
            first = second = (zero, zero, zero, zero)
            here = 1
            place += stride
            while here + 4 <= strip:
                a, b_ = load(x, place, left), load(x, place + stride, left)
                c, d = load(x, place + 2 * stride, left), load(x, place + 3 * stride, left)
                a, b_, c, d = minus(a, shift), minus(b_, shift), minus(c, shift), minus(d, shift)
                first = plus(first, plus(plus(a, b_), plus(c, d)))
                second = plus(
                    second, plus(plus(product(a, a), product(b_, b_)), plus(product(c, c), product(d, d)))
                )
                here += 4
                place += 4 * stride
            while here < strip:
                a = minus(load(x, place, left), shift)
                first, second = plus(first, a), plus(second, product(a, a))
                here += 1
                place += stride
            more = float64(strip)
            m0, s0 = _add_strip(m0, s0, done, shift[0], first[0], second[0], more)
            m1, s1 = _add_strip(m1, s1, done, shift[1], first[1], second[1], more)
            m2, s2 = _add_strip(m2, s2, done, shift[2], first[2], second[2], more)
            m3, s3 = _add_strip(m3, s3, done, shift[3], first[3], second[3], more)
            done += more
        here = own * lanes + lane
        put_two(shared, here, (m0, m1, m2, m3), (s0, s1, s2, s3))
        counts[here] = done
        merge_block(shared, counts, 4, lane, lanes, own, step)
        if own == 0 and left > 0:
            store(partial, 2 * task * columns + column, four_of(shared, 0, lane), left)
            store(partial, (2 * task + 1) * columns + column, four_of(shared, 4, lane), left)

    return of_block


def all_rows(parts, rows, columns):
    """Launch shape of a loop over all numbers; rows, columns, rows of a block, and blocks along both."""
    tiles, threads = lanes_of(columns)
    block = _ROWS_OF_THREAD * threads[1]
    blocks = -(-rows // block)
    return (parts * blocks * tiles, threads), (rows, columns, block, blocks, tiles)


def affine(x, block, coefficients, floor, large, out):
    """out = max((x - centre) · scale + shift, floor), where NaN stays NaN.

    Blocks are processed from last to first, because computing the moments left the end of x in the cache.
    """
    shape, sizes = all_rows(*x.shape)
    vectors = x.reshape(x.size), coefficients.reshape(coefficients.size), out.reshape(out.size)
    vector, numbers, result = vectors
    launch(_make_affine(is_wide(x.shape[2], *vectors)), shape, vector, *sizes, numbers, floor, result)


@portable
def _normalised(x, m, e, t, floor):
    """The affine map of four columns."""
    return (
        normalised(x[0], m[0], e[0], t[0], floor),
        normalised(x[1], m[1], e[1], t[1], floor),
        normalised(x[2], m[2], e[2], t[2], floor),
        normalised(x[3], m[3], e[3], t[3], floor),
    )


@cache
def _make_affine(wide):
    load, store = accesses(wide)

    @kernel
    def of_block(x, rows, columns, block, blocks, tiles, coefficients, floor, out):
        number = cuda.gridDim.x - 1 - cuda.blockIdx.x
        task, tile = number // tiles, number % tiles
        part, b = task // blocks, task % blocks
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        if left > 0:
            own, step = cuda.threadIdx.y, cuda.blockDim.y
            count = rows_of_thread(b, block, rows, own, step)
            place, stride = (part * rows + b * block + own) * columns + column, step * columns
            first = part * 5 * columns + column
            m = load(coefficients, first + CENTRE * columns, left)
            e = load(coefficients, first + SCALE * columns, left)
            t = load(coefficients, first + SHIFT * columns, left)
            while count >= 4:
                a, b_ = load(x, place, left), load(x, place + stride, left)
                c, d = load(x, place + 2 * stride, left), load(x, place + 3 * stride, left)
                store(out, place, _normalised(a, m, e, t, floor), left)
                store(out, place + stride, _normalised(b_, m, e, t, floor), left)
                store(out, place + 2 * stride, _normalised(c, m, e, t, floor), left)
                store(out, place + 3 * stride, _normalised(d, m, e, t, floor), left)
                count -= 4
                place += 4 * stride
            while count > 0:
                store(out, place, _normalised(load(x, place, left), m, e, t, floor), left)
                count -= 1
                place += stride

    return of_block


def sums(relu, grad, x, block, coefficients, partial):
    """partial[p, b]: the sums of grad and of grad · (x - centre) in each column.

    With `relu`, only where the affine map is above zero.
    """
    parts, rows, columns = x.shape
    tiles, threads = lanes_of(columns)
    blocks = partial.shape[1]
    vectors = [array.reshape(array.size) for array in (grad, x, coefficients, partial)]
    slopes, vector, numbers, totals = vectors
    launch(
        _make_sums(*form(columns, *vectors)), (parts * blocks * tiles, threads),
        relu, slopes, vector, rows, columns, block, blocks, tiles, numbers, totals,
    )  # fmt: skip


@portable
def _passed(relu, g, a, e, t, zero):
    """The gradients of four columns where the affine map is above zero."""
    return (
        passed(relu, g[0], a[0], e[0], t[0], zero),
        passed(relu, g[1], a[1], e[1], t[1], zero),
        passed(relu, g[2], a[2], e[2], t[2], zero),
        passed(relu, g[3], a[3], e[3], t[3], zero),
    )


@cache
def _make_sums(wide, at_once):
    load, store = accesses(wide)

    @kernel_for(THREADS, at_once)
    def of_block(relu, grad, x, rows, columns, block, blocks, tiles, coefficients, partial):
        shared = cuda.shared.array((8, THREADS), float64)
        lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
        task, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        part, b = task // blocks, task % blocks
        column = FOUR * (tile * lanes + lane)
        left = columns - column
        zero = x.dtype.type(0)
        total = total_weighted = (0.0, 0.0, 0.0, 0.0)
        if left > 0:
            count = rows_of_thread(b, block, rows, own, step)
            place, stride = (part * rows + b * block + own) * columns + column, step * columns
            first = part * 5 * columns + column
            m = load(coefficients, first + CENTRE * columns, left)
            e = load(coefficients, first + SCALE * columns, left)
            t = load(coefficients, first + SHIFT * columns, left)
            while count > 0:
                plain = weighted = (zero, zero, zero, zero)
                strip = min(count, STRIP)
                count -= strip
                while strip >= 2:
                    a, g = load(x, place, left), load(grad, place, left)
                    c, h = load(x, place + stride, left), load(grad, place + stride, left)
                    a, c = minus(a, m), minus(c, m)
                    g, h = _passed(relu, g, a, e, t, zero), _passed(relu, h, c, e, t, zero)
                    plain = plus(plain, plus(g, h))
                    weighted = plus(weighted, plus(product(g, a), product(h, c)))
                    strip -= 2
                    place += 2 * stride
                if strip > 0:
                    a = minus(load(x, place, left), m)
                    g = _passed(relu, load(grad, place, left), a, e, t, zero)
                    plain, weighted = plus(plain, g), plus(weighted, product(g, a))
                    place += stride
                total = plus(total, widened(plain))
                total_weighted = plus(total_weighted, widened(weighted))
        put_two(shared, own * lanes + lane, total, total_weighted)
        add_up_block(shared, 8, lane, lanes, own, step)
        if own == 0 and left > 0:
            store(partial, 2 * task * columns + column, four_of(shared, 0, lane), left)
            store(partial, (2 * task + 1) * columns + column, four_of(shared, 4, lane), left)

    return of_block


def gradient(relu, grad, x, block, coefficients, large, out):
    """out = scale · grad + by_centred · (x - centre) + constant.

    With `relu`, grad is taken as 0 where the affine map is not above zero.
    """
    shape, sizes = all_rows(*x.shape)
    vectors = [array.reshape(array.size) for array in (grad, x, coefficients, out)]
    slopes, vector, numbers, result = vectors
    make = _make_gradient(is_wide(x.shape[2], *vectors))
    launch(make, shape, relu, slopes, vector, *sizes, numbers, result)


@portable
def _adjoint(g, a, e, w, d):
    """The gradients of x in four columns."""
    return (
        adjoint(g[0], a[0], e[0], w[0], d[0]),
        adjoint(g[1], a[1], e[1], w[1], d[1]),
        adjoint(g[2], a[2], e[2], w[2], d[2]),
        adjoint(g[3], a[3], e[3], w[3], d[3]),
    )


@cache
def _make_gradient(wide):
    load, store = accesses(wide)

    @kernel
    def of_block(relu, grad, x, rows, columns, block, blocks, tiles, coefficients, out):
        number = cuda.gridDim.x - 1 - cuda.blockIdx.x
        task, tile = number // tiles, number % tiles
        part, b = task // blocks, task % blocks
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        zero = x.dtype.type(0)
        if left > 0:
            own, step = cuda.threadIdx.y, cuda.blockDim.y
            count = rows_of_thread(b, block, rows, own, step)
            place, stride = (part * rows + b * block + own) * columns + column, step * columns
            first = part * 5 * columns + column
            m = load(coefficients, first + CENTRE * columns, left)
            e = load(coefficients, first + SCALE * columns, left)
            t = load(coefficients, first + SHIFT * columns, left)
            w = load(coefficients, first + BY_CENTRED * columns, left)
            d = load(coefficients, first + CONSTANT * columns, left)
            while count >= 2:
                a, g = load(x, place, left), load(grad, place, left)
                c, h = load(x, place + stride, left), load(grad, place + stride, left)
                a, c = minus(a, m), minus(c, m)
                g, h = _passed(relu, g, a, e, t, zero), _passed(relu, h, c, e, t, zero)
                store(out, place, _adjoint(g, a, e, w, d), left)
                store(out, place + stride, _adjoint(h, c, e, w, d), left)
                count -= 2
                place += 2 * stride
            if count > 0:
                a = minus(load(x, place, left), m)
                g = _passed(relu, load(grad, place, left), a, e, t, zero)
                store(out, place, _adjoint(g, a, e, w, d), left)

    return of_block


# Sums over blocks -------------------------------------------------------------------------------------------


def few_lanes(columns):
    """Blocks, and threads along columns and rows, of a kernel that combines many rows of float64 numbers."""
    return lanes_of(columns, 1, _FEW_LANES)


def add_up(partial, first, out):
    """out[c] = the sum of column first + c of `partial` (rows, columns), in a fixed order in float64."""
    rows, columns = partial.shape
    launch(_add_up, few_lanes(out.size), partial.reshape(partial.size), rows, columns, first, out)


@kernel
def _add_up(partial, rows, columns, first, out):
    shared = cuda.shared.array((1, THREADS), float64)
    lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
    c = cuda.blockIdx.x * lanes + lane
    total = 0.0
    if c < out.size:
        for i in range(own, rows, step):
            total += partial[i * columns + first + c]
    shared[0, own * lanes + lane] = total
    add_up_block(shared, 1, lane, lanes, own, step)
    if own == 0 and c < out.size:
        out[c] = shared[0, lane]
