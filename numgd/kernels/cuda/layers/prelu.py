"""Leaky ReLU with a slope for each column of x (rows, columns); see `numgd.kernels.cpu.layers.prelu`."""

from functools import cache

from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.prelu import below
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers.columns import (
    FOUR,
    THREADS,
    accesses,
    add_up_block,
    all_rows,
    form,
    four_of,
    is_wide,
    lanes_of,
    plus,
    put_two,
    rows_of_thread,
    widened,
)
from numgd.kernels.cuda.target import cuda, kernel, kernel_for, launch, launch_shape
from numgd.scalars import ACTIVATIONS, times

_value, _derivative = ACTIVATIONS["leaky_relu"]


def repeated(weight, columns):
    """The slopes one after the other, again and again, for so many columns."""
    if weight.size == columns:
        return weight
    found = memory.scratch(weight, (columns,), weight.dtype)
    launch(_repeat, launch_shape(columns), weight, found)
    return found


@kernel
def _repeat(weight, out):
    for c in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[c] = weight[c % weight.size]


def forward(x, slopes, block, out):
    """out = x where x > 0, else slope · x."""
    shape, (rows, columns, block, _, tiles) = all_rows(1, *x.shape)
    vector, result = x.reshape(x.size), out.reshape(out.size)
    wide = is_wide(columns, vector, slopes, result)
    launch(_make_forward(wide), shape, vector, rows, columns, block, tiles, slopes, result)


@portable
def _values(x, s):
    return _value(x[0], s[0]), _value(x[1], s[1]), _value(x[2], s[2]), _value(x[3], s[3])


@cache
def _make_forward(wide):
    load, store = accesses(wide)

    @kernel
    def of_block(x, rows, columns, block, tiles, slopes, out):
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * cuda.blockDim.x + cuda.threadIdx.x)
        left = columns - column
        if left > 0:
            own, step = cuda.threadIdx.y, cuda.blockDim.y
            place, stride = (b * block + own) * columns + column, step * columns
            slope = load(slopes, column, left)
            for _ in range(rows_of_thread(b, block, rows, own, step)):
                store(out, place, _values(load(x, place, left), slope), left)
                place += stride

    return of_block


def backward(grad, x, slopes, block, out, partial):
    """out: the gradient of x; partial[b] (columns,): that of the slopes from the rows of block b."""
    rows, columns = x.shape
    tiles, threads = lanes_of(columns)
    vectors = [array.reshape(array.size) for array in (x, grad, slopes, out, partial)]
    vector, gradient, slopes, result, sums = vectors
    launch(
        _make_backward(*form(columns, *vectors)), (len(partial) * tiles, threads),
        gradient, vector, rows, columns, block, tiles, slopes, result, sums,
    )  # fmt: skip


@portable
def _slope(g, x, s):
    return times(g, _derivative(x, s))


@portable
def _share(g, x):
    return times(g, below(x))


@cache
def _make_backward(wide, at_once):
    load, store = accesses(wide)

    @kernel_for(THREADS, at_once)
    def of_block(grad, x, rows, columns, block, tiles, slopes, out, partial):
        shared = cuda.shared.array((8, THREADS), float64)
        lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
        b, tile = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles
        column = FOUR * (tile * lanes + lane)
        left = columns - column
        total = (0.0, 0.0, 0.0, 0.0)
        if left > 0:
            place, stride = (b * block + own) * columns + column, step * columns
            s = load(slopes, column, left)
            for _ in range(rows_of_thread(b, block, rows, own, step)):
                v, g = load(x, place, left), load(grad, place, left)
                result = (
                    _slope(g[0], v[0], s[0]), _slope(g[1], v[1], s[1]),
                    _slope(g[2], v[2], s[2]), _slope(g[3], v[3], s[3]),
                )  # fmt: skip
                store(out, place, result, left)
                shares = _share(g[0], v[0]), _share(g[1], v[1]), _share(g[2], v[2]), _share(g[3], v[3])
                total = plus(total, widened(shares))
                place += stride
        put_two(shared, own * lanes + lane, total, total)
        add_up_block(shared, 4, lane, lanes, own, step)
        if own == 0 and left > 0:
            store(partial, b * columns + column, four_of(shared, 0, lane), left)

    return of_block
