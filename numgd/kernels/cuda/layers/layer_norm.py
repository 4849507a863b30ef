"""Layer norm: each row of x (rows, D) is normalised separately; see `numgd.kernels.cpu.layers.layer_norm`.

Some threads share a row, four neighbouring numbers each, and a block of threads has several rows.  The first
pass computes a centre, the mean but for rounding, and the others, which find the row in the cache, subtract
it: T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for computing the sample variance, The American
Statistician 37 (1983), eq. 1.7.  Four numbers are added in the dtype of x and these sums in float64.
"""

import math
from functools import cache

from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.batch_norm import inverse_deviation
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers.columns import (
    FOUR,
    STRIP,
    THREADS,
    accesses,
    add_up_block,
    form,
    four_of,
    is_wide,
    lanes_of,
    minus,
    plus,
    product,
    put_two,
    rows_of_thread,
    widened,
)
from numgd.kernels.cuda.target import SIMULATED, cuda, kernel, kernel_for, launch

_SHORT = 2 if SIMULATED else 32  # threads that share a row if each has at most `_FOURS`
_FOURS = 2 if SIMULATED else 8


def _team(x):
    """How many blocks take the rows of x, and the shape of each: threads along a row, and rows."""
    rows, size = x.shape
    fours = -(-size // FOUR)
    wanted = max(min(fours, _SHORT), min(-(-fours // _FOURS), THREADS))
    lanes = min(2 ** math.ceil(math.log2(wanted)), THREADS)
    several = THREADS // lanes
    return -(-rows // several), (lanes, several)


def forward(x, gamma, beta, eps, out):
    """out = γ (x - μ) / √(σ² + ε) + β."""
    vectors = x.reshape(x.size), gamma, beta, out.reshape(out.size)
    vector, _, _, result = vectors
    launch(_make_forward(is_wide(x.shape[1], *vectors)), _team(x), vector, *x.shape, gamma, beta, eps, result)


@portable
def sum_of(a):
    """The sum of a four."""
    return (a[0] + a[1]) + (a[2] + a[3])


@portable
def without(a, left):
    """A four with zeros for the numbers that do not exist, of which `left` do."""
    nothing = a[0] - a[0]
    return (
        a[0],
        a[1] if left > 1 else nothing,
        a[2] if left > 2 else nothing,
        a[3] if left > 3 else nothing,
    )


@portable
def same(value):
    """A four of one number."""
    return value, value, value, value


@portable
def x_hat(a, centre, scale, rest):
    """Four numbers less the mean, over the deviation."""
    return (
        (a[0] - centre) * scale + rest,
        (a[1] - centre) * scale + rest,
        (a[2] - centre) * scale + rest,
        (a[3] - centre) * scale + rest,
    )


def _moments_of(wide):
    """A function that computes a row's centre, 1/√(σ² + ε) and what rounding the centre is worth."""
    load, _ = accesses(wide)

    @portable
    def moments(x, start, size, eps, shared, base, lane, lanes):
        real = x.dtype.type
        here = base + lane
        total = 0.0
        for j in range(FOUR * lane, size, FOUR * lanes):
            total += float64(sum_of(load(x, start + j, size - j)))
        shared[0, here] = total
        add_up_block(shared, 1, base, 1, lane, lanes)
        count = float64(max(size, 1))
        centre = real(shared[0, base] / count)
        cuda.syncthreads()
        total = squares = 0.0
        for j in range(FOUR * lane, size, FOUR * lanes):
            left = size - j
            a = minus(load(x, start + j, left), same(centre))
            a = a if wide else without(a, left)
            total += float64(sum_of(a))
            squares += float64(sum_of(product(a, a)))
        shared[0, here], shared[1, here] = total, squares
        add_up_block(shared, 2, base, 1, lane, lanes)
        away = shared[0, base] / count
        inverse = inverse_deviation(shared[1, base] - shared[0, base] * away, count, eps)
        cuda.syncthreads()
        return centre, real(inverse), real(-away * inverse)

    return moments


@cache
def _make_forward(wide):
    load, store = accesses(wide)
    moments = _moments_of(wide)

    @kernel
    def of_rows(x, rows, size, gamma, beta, eps, out):
        shared = cuda.shared.array((2, THREADS), float64)
        lane, lanes = cuda.threadIdx.x, cuda.blockDim.x
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        length = size if row < rows else 0
        start, base = row * size, cuda.threadIdx.y * lanes
        centre, scale, rest = moments(x, start, length, eps, shared, base, lane, lanes)
        for j in range(FOUR * lane, length, FOUR * lanes):
            left = size - j
            value = x_hat(load(x, start + j, left), centre, scale, rest)
            store(
                out, start + j, plus(product(load(gamma, j, left), value), load(beta, j, left)), left
            )  # fmt: skip

    return of_rows


def backward(grad, x, gamma, eps, block, partial, out):
    """The gradient of x; partial[b] receives the sums of grad and grad · x̂ over the rows of block b.

    ∂x = (γ ∂y - Σ γ ∂y/D - x̂ Σ γ ∂y x̂/D) / √(σ² + ε).
    """
    rows, size = x.shape
    numbers = memory.scratch(x, (3, rows), x.dtype)
    slopes, vector, result = (array.reshape(array.size) for array in (grad, x, out))
    wide = is_wide(size, slopes, vector, gamma, result)
    launch(_make_backward(wide), _team(x), slopes, vector, rows, size, gamma, eps, numbers, result)
    tiles, threads = lanes_of(size)
    sums = partial.reshape(partial.size)
    launch(
        _make_sums(*form(size, vector, slopes, sums)), (len(partial) * tiles, threads),
        slopes, vector, rows, size, block, tiles, numbers, sums,
    )  # fmt: skip


@cache
def _make_backward(wide):
    load, store = accesses(wide)
    moments = _moments_of(wide)

    @kernel
    def of_rows(grad, x, rows, size, gamma, eps, numbers, out):
        shared = cuda.shared.array((2, THREADS), float64)
        lane, lanes = cuda.threadIdx.x, cuda.blockDim.x
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        length = size if row < rows else 0
        start, base = row * size, cuda.threadIdx.y * lanes
        centre, scale, rest = moments(x, start, length, eps, shared, base, lane, lanes)
        plain = weighted = 0.0
        for j in range(FOUR * lane, length, FOUR * lanes):
            left = size - j
            value = x_hat(load(x, start + j, left), centre, scale, rest)
            slope = product(load(gamma, j, left), load(grad, start + j, left))
            plain += float64(sum_of(slope))
            weighted += float64(sum_of(product(slope, value)))
        shared[0, base + lane], shared[1, base + lane] = plain, weighted
        add_up_block(shared, 2, base, 1, lane, lanes)
        real = x.dtype.type
        by_plain = same(real(shared[0, base] / float64(size)))
        by_normalised = same(real(shared[1, base] / float64(size)))
        for j in range(FOUR * lane, length, FOUR * lanes):
            left = size - j
            value = x_hat(load(x, start + j, left), centre, scale, rest)
            slope = product(load(gamma, j, left), load(grad, start + j, left))
            away = minus(minus(slope, by_plain), product(value, by_normalised))
            store(out, start + j, product(same(scale), away), left)
        if lane == 0 and row < rows:
            numbers[0, row], numbers[1, row], numbers[2, row] = centre, scale, rest

    return of_rows


@cache
def _make_sums(wide, at_once):
    load, store = accesses(wide)

    @kernel_for(THREADS, at_once)
    def of_block(grad, x, rows, columns, block, tiles, numbers, partial):
        shared = cuda.shared.array((8, THREADS), float64)
        lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * lanes + lane)
        left = columns - column
        zero = x.dtype.type(0)
        total = total_weighted = (0.0, 0.0, 0.0, 0.0)
        row = b * block + own
        count = rows_of_thread(b, block, rows, own, step) if left > 0 else 0
        while count > 0:
            plain = weighted = (zero, zero, zero, zero)
            strip = min(count, STRIP)
            count -= strip
            for _ in range(strip):
                place = row * columns + column
                g = load(grad, place, left)
                value = x_hat(load(x, place, left), numbers[0, row], numbers[1, row], numbers[2, row])
                plain, weighted = plus(plain, g), plus(weighted, product(g, value))
                row += step
            total, total_weighted = plus(total, widened(plain)), plus(total_weighted, widened(weighted))
        put_two(shared, own * lanes + lane, total, total_weighted)
        add_up_block(shared, 8, lane, lanes, own, step)
        if own == 0 and left > 0:
            store(partial, 2 * b * columns + column, four_of(shared, 0, lane), left)
            store(partial, (2 * b + 1) * columns + column, four_of(shared, 4, lane), left)

    return of_block
