"""Local response normalisation; see `numgd.kernels.cpu.layers.local_response_norm`.

A thread has four neighbouring channels.  Windows overlap, so most of what it reads is in the cache.
"""

from functools import cache

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.local_response_norm import inverse_power
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers.columns import (
    FOUR,
    accesses,
    all_rows,
    is_wide,
    minus,
    plus,
    product,
    rows_of_thread,
)
from numgd.kernels.cuda.layers.layer_norm import same
from numgd.kernels.cuda.target import cuda, kernel, launch


def forward(x, size, alpha, beta, k, out):
    """out (pixels, C) from x (pixels, C)."""
    real = x.dtype.type
    shape, (rows, columns, block, _, tiles) = all_rows(1, *x.shape)
    vectors = x.reshape(x.size), out.reshape(out.size)
    launch(
        _make_forward(is_wide(columns, *vectors)), shape, vectors[0], rows, columns, block, tiles, size,
        real(alpha / size), real(beta), real(k), vectors[1],
    )  # fmt: skip


@portable
def _inside(value, channel, first, last):
    """A number for the four windows that begin at `first` and end at `last`, or their neighbours."""
    nothing = value - value
    return (
        value if first <= channel <= last else nothing,
        value if first < channel <= last + 1 else nothing,
        value if first + 1 < channel <= last + 2 else nothing,
        value if first + 2 < channel <= last + 3 else nothing,
    )


def _window_sums_of(load, squared):
    """A function that sums numbers of a pixel, or their squares, over the windows of four channels."""

    @portable
    def window_sums(x, start, column, columns, before, after):
        first, last = column - before, column + after
        total = same(x.dtype.type(0))
        for c in range(max(first, 0) // FOUR * FOUR, min(columns, last + FOUR), FOUR):
            a = load(x, start + c, columns - c)
            a = product(a, a) if squared else a
            total = plus(total, _inside(a[0], c, first, last))
            total = plus(total, _inside(a[1], c + 1, first, last))
            total = plus(total, _inside(a[2], c + 2, first, last))
            total = plus(total, _inside(a[3], c + 3, first, last))
        return total

    return window_sums


@portable
def _powers(s, beta):
    return (
        inverse_power(s[0], beta), inverse_power(s[1], beta), inverse_power(s[2], beta),
        inverse_power(s[3], beta),
    )  # fmt: skip


@cache
def _make_forward(wide):
    load, store = accesses(wide)
    window_sums = _window_sums_of(load, True)

    @kernel
    def of_block(x, rows, columns, block, tiles, size, factor, beta, k, out):
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        before = size // 2
        own, step = cuda.threadIdx.y, cuda.blockDim.y
        start, stride = (b * block + own) * columns, step * columns
        for _ in range(rows_of_thread(b, block, rows, own, step) if left > 0 else 0):
            sums = window_sums(x, start, column, columns, before, size - 1 - before)
            s = plus(same(k), product(same(factor), sums))
            store(out, start + column, product(load(x, start + column, left), _powers(s, beta)), left)
            start += stride

    return of_block


def backward(grad, x, size, alpha, beta, k, out):
    """out = ∂y_c s_c^-β - 2 α β/n x_c Σ ∂y_j x_j s_j^(-β - 1), summed over all j whose window contains c."""
    real = x.dtype.type
    shape, (rows, columns, block, _, tiles) = all_rows(1, *x.shape)
    products = memory.scratch(x, (x.size,), x.dtype)
    slopes, vector, result = (array.reshape(array.size) for array in (grad, x, out))
    wide = is_wide(columns, slopes, vector, products, result)
    sizes = rows, columns, block, tiles, size
    numbers = real(alpha / size), real(beta), real(k)
    launch(_make_products(wide), shape, slopes, vector, *sizes, *numbers, products)
    outer = real(2.0 * alpha * beta / size)
    launch(_make_backward(wide), shape, slopes, vector, *sizes, *numbers, outer, products, result)


@portable
def _quotient(a, b):
    return a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3]


@cache
def _make_products(wide):
    load, store = accesses(wide)
    window_sums = _window_sums_of(load, True)

    @kernel
    def of_block(grad, x, rows, columns, block, tiles, size, factor, beta, k, out):
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        before = size // 2
        own, step = cuda.threadIdx.y, cuda.blockDim.y
        start, stride = (b * block + own) * columns, step * columns
        for _ in range(rows_of_thread(b, block, rows, own, step) if left > 0 else 0):
            sums = window_sums(x, start, column, columns, before, size - 1 - before)
            s = plus(same(k), product(same(factor), sums))
            slope, value = load(grad, start + column, left), load(x, start + column, left)
            found = _quotient(product(product(slope, value), _powers(s, beta)), s)
            store(out, start + column, found, left)
            start += stride

    return of_block


@cache
def _make_backward(wide):
    load, store = accesses(wide)
    square_sums, window_sums = _window_sums_of(load, True), _window_sums_of(load, False)

    @kernel
    def of_block(grad, x, rows, columns, block, tiles, size, factor, beta, k, outer, products, out):
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        before = size // 2
        own, step = cuda.threadIdx.y, cuda.blockDim.y
        start, stride = (b * block + own) * columns, step * columns
        for _ in range(rows_of_thread(b, block, rows, own, step) if left > 0 else 0):
            sums = square_sums(x, start, column, columns, before, size - 1 - before)
            s = plus(same(k), product(same(factor), sums))
            sums = window_sums(products, start, column, columns, size - 1 - before, before)
            slope, value = load(grad, start + column, left), load(x, start + column, left)
            away = product(product(same(outer), value), sums)
            store(out, start + column, minus(product(slope, _powers(s, beta)), away), left)
            start += stride

    return of_block
