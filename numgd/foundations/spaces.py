"""Vector spaces: the operations through which matrix-free solvers access vectors.

Solvers are made by a factory that takes a space, so the same source serves one thread (`SERIAL`: small
problems, batches, CUDA threads) and all cores (`THREADED`: long vectors); `numgd.kernels.cuda.vectors` adds
the space of a device.  Every operation writes into memory that the caller provides.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.portable import portable, seldom


def as_written(function):
    """The form of a function for vectors in the host's memory: the function itself."""
    return function


class Space(NamedTuple):
    """The operations of a vector space; vectors are 1-D arrays of one real dtype and equal length."""

    dot: Any  # dot(x, y) -> Σ xᵢ yᵢ
    max_abs: Any  # max_abs(x) -> max |xᵢ|, NaN if any is NaN
    power_sum: Any  # power_sum(x, order) -> Σ |xᵢ|^order
    copy: Any  # copy(out, x): out = x
    scale: Any  # scale(x, a): x = a x
    axpy: Any  # axpy(y, a, x): y = y + a x
    step: Any  # step(out, x, a, p): out = x + a p
    combine: Any  # combine(y, a, b, x): y = a y + b x
    # form(function) -> what runs in its place over vectors of this space.  `function` is a portable function with
    # a loop over elements, or a factory of such functions.
    form: Any = as_written


# One thread -----------------------------------------------------------------------------------------


@portable
def dot(x, y):
    """Sum of products."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@portable
def max_abs(x):
    """Largest magnitude; NaN if any component is NaN."""
    largest = x.dtype.type(0)
    not_a_number = False
    for i in range(x.size):
        magnitude = abs(x[i])
        if magnitude > largest:
            largest = magnitude
        not_a_number |= magnitude != magnitude
    if not_a_number:
        return x.dtype.type(math.nan)
    return largest


@portable
def power_sum(x, order):
    """Sum of the magnitudes, each raised to `order`."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += abs(x[i]) ** order
    return total


@portable
def copy(out, x):
    """out = x."""
    for i in range(x.size):
        out[i] = x[i]


@portable
def scale(x, a):
    """x = a x."""
    for i in range(x.size):
        x[i] = a * x[i]


@portable
def axpy(y, a, x):
    """y = y + a x."""
    for i in range(x.size):
        y[i] += a * x[i]


@portable
def step(out, x, a, p):
    """out = x + a p."""
    for i in range(x.size):
        out[i] = x[i] + a * p[i]


@portable
def combine(y, a, b, x):
    """y = a y + b x."""
    for i in range(x.size):
        y[i] = a * y[i] + b * x[i]


SERIAL = Space(dot, max_abs, power_sum, copy, scale, axpy, step, combine)


# All cores ------------------------------------------------------------------------------------------
# Vectors are split into blocks of a fixed length.  Sums are taken within each block and then over the blocks
# in order, so that results are the same bit for bit with any number of threads.

BLOCK = 4096


@portable
def _count(x):
    return (x.size + BLOCK - 1) // BLOCK


@portable
def _block(x, b):
    return x[b * BLOCK : (b + 1) * BLOCK]


def _reduction(of_block, of_blocks):
    """The threaded form of a reduction: one serial reduction per block, then one over the blocks' results."""

    @portable
    def reduce_block(b, x, y, partial):
        partial[b] = of_block(_block(x, b), _block(y, b))

    @seldom
    def reduce(x, y):
        partial = np.empty(_count(x), x.dtype)
        parallel_for(reduce_block, partial.size, x.size, x, y, partial)
        return of_blocks(partial)

    return reduce


@portable
def _sum(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return total


@portable
def _max_abs_block(x, y):
    return max_abs(x)


threaded_dot = _reduction(dot, _sum)
_threaded_max_abs = _reduction(_max_abs_block, max_abs)


@portable
def threaded_max_abs(x):
    """Largest magnitude; NaN if any component is NaN."""
    return _threaded_max_abs(x, x)


@portable
def _power_sum_block(b, x, order, partial):
    partial[b] = power_sum(_block(x, b), order)


@seldom
def threaded_power_sum(x, order):
    """Sum of the magnitudes, each raised to `order`."""
    partial = np.empty(_count(x), x.dtype)
    parallel_for(_power_sum_block, partial.size, x.size, x, order, partial)
    return _sum(partial)


@portable
def _copy_block(b, out, x):
    copy(_block(out, b), _block(x, b))


@seldom
def threaded_copy(out, x):
    """out = x."""
    parallel_for(_copy_block, _count(x), x.size, out, x)


@portable
def _scale_block(b, x, a):
    scale(_block(x, b), a)


@seldom
def threaded_scale(x, a):
    """x = a x."""
    parallel_for(_scale_block, _count(x), x.size, x, a)


@portable
def _axpy_block(b, y, a, x):
    axpy(_block(y, b), a, _block(x, b))


@seldom
def threaded_axpy(y, a, x):
    """y = y + a x."""
    parallel_for(_axpy_block, _count(x), x.size, y, a, x)


@portable
def _step_block(b, out, x, a, p):
    step(_block(out, b), _block(x, b), a, _block(p, b))


@seldom
def threaded_step(out, x, a, p):
    """out = x + a p."""
    parallel_for(_step_block, _count(x), x.size, out, x, a, p)


@portable
def _combine_block(block, y, a, b, x):
    combine(_block(y, block), a, b, _block(x, block))


@seldom
def threaded_combine(y, a, b, x):
    """y = a y + b x."""
    parallel_for(_combine_block, _count(x), x.size, y, a, b, x)


THREADED = Space(
    threaded_dot,
    threaded_max_abs,
    threaded_power_sum,
    threaded_copy,
    threaded_scale,
    threaded_axpy,
    threaded_step,
    threaded_combine,
)


def make_norm(space):
    """The norm of SciPy's option `norm` over a space: the largest magnitude for ``inf``, else the p-norm."""
    dot, max_abs, power_sum = space.dot, space.max_abs, space.power_sum

    @portable
    def norm(x, order):
        if order == math.inf:
            return max_abs(x)
        if order == 2:
            return math.sqrt(dot(x, x))
        return power_sum(x, order) ** (x.dtype.type(1) / order)

    return norm
