"""Kernels of the vector space of a device: linear combinations and sums, with accesses of 16 bytes.

Coefficients may be results of earlier kernels, which stay on the device: a coefficient is four numbers (factor,
plus, minus, inverse) that `coefficient` reads.  Sums are taken in float64, by threads, then blocks, then over the
blocks in the block that finishes last: always in the same order, so that a result is the same in every run.
"""

from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cuda.target import cuda, kernel, load4, store4

WIDEST = 128
"""Maximum number of threads in a block of a sum; the number is a power of two."""


@portable
def coefficient(numbers, factor, plus, minus, inverse):
    """factor (numbers[plus] − numbers[minus]), or factor over that difference."""
    value = numbers[plus] - numbers[minus]
    return factor / value if inverse else factor * value


@portable
def _sum(a, b):
    return a + b


@portable
def _larger(a, b):
    """The larger number; NaN if either is NaN."""
    return a if a > b or a != a else b


def make_gather(join):
    """Function ``gather(own, none, shared, partial, arrived, which, numbers, place)``.

    It joins the numbers `own` of all threads and writes the result to ``numbers[place]``; `none` is the result
    for no threads.  `partial` (2, blocks) and `arrived` (2,), zeros, are scratch memory, of which row `which` is
    used.
    """

    @portable
    def join_block(shared):
        lane = cuda.threadIdx.x
        cuda.syncthreads()
        width = cuda.blockDim.x // 2
        while width > 0:
            if lane < width:
                shared[lane] = join(shared[lane], shared[lane + width])
            cuda.syncthreads()
            width //= 2

    @portable
    def gather(own, none, shared, partial, arrived, which, numbers, place):
        lane, blocks = cuda.threadIdx.x, cuda.gridDim.x
        shared[lane] = own
        join_block(shared)
        if lane == 0:
            partial[which, cuda.blockIdx.x] = shared[0]
            cuda.threadfence()
            last = cuda.atomic.add(arrived, which, 1) == blocks - 1
            shared[0] = shared.dtype.type(1 if last else 0)
        cuda.syncthreads()
        is_last = shared[0] > 0
        cuda.syncthreads()
        if is_last:
            cuda.threadfence()
            own = none
            for block in range(lane, blocks, cuda.blockDim.x):
                own = join(own, partial[which, block])
            shared[lane] = own
            join_block(shared)
            if lane == 0:
                numbers[place] = shared[0]
                arrived[which] = 0

    return gather


add_up = make_gather(_sum)
find_largest = make_gather(_larger)


@portable
def _products(x, y):
    """The sum of four products, in float64."""
    return (
        float64(x[0]) * float64(y[0])
        + float64(x[1]) * float64(y[1])
        + float64(x[2]) * float64(y[2])
        + float64(x[3]) * float64(y[3])
    )


@portable
def _scaled_four(a, u):
    return a * u[0], a * u[1], a * u[2], a * u[3]


@portable
def _combined_four(a, u, b, v):
    return a * u[0] + b * v[0], a * u[1] + b * v[1], a * u[2] + b * v[2], a * u[3] + b * v[3]


# In each kernel, `fours` groups of four numbers are accessed at once and the numbers after them one by one.  The
# output may be one of the inputs.


@kernel
def scaled(out, u, numbers, factor, plus, minus, inverse, fours):
    """out = a u."""
    a = coefficient(numbers, factor, plus, minus, inverse)
    first, width = cuda.grid(1), cuda.gridsize(1)
    for i in range(first, fours, width):
        store4(out, 4 * i, _scaled_four(a, load4(u, 4 * i)))
    for i in range(4 * fours + first, out.size, width):
        out[i] = a * u[i]


@kernel
def combined(out, u, v, numbers, factor, plus, minus, inverse, factor_b, plus_b, minus_b, inverse_b, fours):
    """out = a u + b v."""
    a = coefficient(numbers, factor, plus, minus, inverse)
    b = coefficient(numbers, factor_b, plus_b, minus_b, inverse_b)
    first, width = cuda.grid(1), cuda.gridsize(1)
    for i in range(first, fours, width):
        store4(out, 4 * i, _combined_four(a, load4(u, 4 * i), b, load4(v, 4 * i)))
    for i in range(4 * fours + first, out.size, width):
        out[i] = a * u[i] + b * v[i]


@kernel
def scaled_dot(
    out, u, numbers, factor, plus, minus, inverse, z, squared, partial, arrived, place, fours
):  # fmt: skip
    """out = a u, and the sum of products of z, or of `out` if `squared`, and `out`."""
    shared = cuda.shared.array(WIDEST, float64)
    a = coefficient(numbers, factor, plus, minus, inverse)
    first, width = cuda.grid(1), cuda.gridsize(1)
    total = 0.0
    for i in range(first, fours, width):
        found = _scaled_four(a, load4(u, 4 * i))
        store4(out, 4 * i, found)
        total += _products(found, found if squared else load4(z, 4 * i))
    for i in range(4 * fours + first, out.size, width):
        value = a * u[i]
        out[i] = value
        total += float64(value) * float64(value if squared else z[i])
    add_up(total, 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def combined_dot(
    out, u, v, numbers, factor, plus, minus, inverse, factor_b, plus_b, minus_b, inverse_b, z, squared, partial,
    arrived, place, fours,
):  # fmt: skip
    """out = a u + b v, and the sum of products of z, or of `out` if `squared`, and `out`."""
    shared = cuda.shared.array(WIDEST, float64)
    a = coefficient(numbers, factor, plus, minus, inverse)
    b = coefficient(numbers, factor_b, plus_b, minus_b, inverse_b)
    first, width = cuda.grid(1), cuda.gridsize(1)
    total = 0.0
    for i in range(first, fours, width):
        found = _combined_four(a, load4(u, 4 * i), b, load4(v, 4 * i))
        store4(out, 4 * i, found)
        total += _products(found, found if squared else load4(z, 4 * i))
    for i in range(4 * fours + first, out.size, width):
        value = a * u[i] + b * v[i]
        out[i] = value
        total += float64(value) * float64(value if squared else z[i])
    add_up(total, 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def dot(x, y, numbers, partial, arrived, place, fours):
    """The sum of products."""
    shared = cuda.shared.array(WIDEST, float64)
    first, width = cuda.grid(1), cuda.gridsize(1)
    total = 0.0
    for i in range(first, fours, width):
        total += _products(load4(x, 4 * i), load4(y, 4 * i))
    for i in range(4 * fours + first, x.size, width):
        total += float64(x[i]) * float64(y[i])
    add_up(total, 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def max_abs(x, numbers, partial, arrived, place, fours):
    """The largest magnitude; NaN if any component is NaN.  `partial` has the dtype of x."""
    shared = cuda.shared.array(WIDEST, x.dtype)
    first, width = cuda.grid(1), cuda.gridsize(1)
    none = x.dtype.type(0)
    largest = none
    for i in range(first, fours, width):
        p, q, r, s = load4(x, 4 * i)
        largest = _larger(largest, _larger(_larger(abs(p), abs(q)), _larger(abs(r), abs(s))))
    for i in range(4 * fours + first, x.size, width):
        largest = _larger(largest, abs(x[i]))
    find_largest(largest, none, shared, partial, arrived, 0, numbers, place)


@kernel
def power_sum(x, order, numbers, partial, arrived, place, fours):
    """The sum of the magnitudes, each raised to `order`."""
    shared = cuda.shared.array(WIDEST, float64)
    first, width = cuda.grid(1), cuda.gridsize(1)
    total = 0.0
    for i in range(first, fours, width):
        p, q, r, s = load4(x, 4 * i)
        total += float64(abs(p) ** order) + float64(abs(q) ** order)
        total += float64(abs(r) ** order) + float64(abs(s) ** order)
    for i in range(4 * fours + first, x.size, width):
        total += float64(abs(x[i]) ** order)
    add_up(total, 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def set_number(out, place, value):
    """out[place] = value."""
    if cuda.grid(1) == 0:
        out[place] = value


@kernel
def take_number(numbers, place, value):
    """numbers[place] = the one number of an array, of any real dtype."""
    if cuda.grid(1) == 0:
        numbers[place] = value[0]
