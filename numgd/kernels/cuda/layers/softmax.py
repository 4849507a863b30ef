"""Softmax and its logarithm over rows, forward and backward; see `numgd.kernels.cpu.layers.softmax`.

Rows are read twice, the second time from the cache unless they are very long.
"""

import numpy as np
from numba import float64

from numgd.jit import simd
from numgd.kernels.cpu.layers.rows import below, mass
from numgd.kernels.cpu.layers.softmax import twice_less
from numgd.kernels.cuda.layers.rows import for_rows, shares, sums_of_team
from numgd.kernels.cuda.layers.sums import MOST_THREADS, sum_of_team
from numgd.kernels.cuda.target import cuda, kernel, launch


def softmax(x, columns, out):
    """out = softmax(x) for each row; `x` is a contiguous vector of rows of `columns` elements."""
    _drive(_softmax, x, columns, out)


def softmax_backward(grad, x, columns, out):
    """out = the gradient of Σ grad · softmax(x) with respect to x."""
    _drive(_softmax_backward, x, columns, grad, out)


def log_softmax(x, columns, out):
    """out = log softmax(x)."""
    _drive(_log_softmax, x, columns, out)


def log_softmax_backward(grad, x, columns, out):
    """out = the gradient of Σ grad · log softmax(x) with respect to x."""
    _drive(_log_softmax_backward, x, columns, grad, out)


def _drive(function, x, columns, *arrays):
    rows = x.size // columns
    if rows:
        shape, team = for_rows(rows, columns)
        launch(function, shape, x, columns, team, *arrays)


@kernel
def _softmax(x, columns, team, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total = real(-np.inf), 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
        share = real(1.0 / mass(top, total))
        for j in range(own, count, team):
            out[start + j] = share * simd.exp_flushing(below(x[start + j], top))


@kernel
def _softmax_backward(x, columns, team, grad, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total, product = real(-np.inf), 0.0, 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
            product = kept * product + more * np.float64(grad[start + j])
        if team > 1:
            top, total, product = sums_of_team(shared, lane, team, top, total, product)
        share = 1.0 / mass(top, total)
        mean, share = real(share * product), real(share)
        for j in range(own, count, team):
            p = share * simd.exp_flushing(below(x[start + j], top))
            out[start + j] = p * (grad[start + j] - mean)


@kernel
def _log_softmax(x, columns, team, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total = real(-np.inf), 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
        log_of_sum = real(simd.log(mass(top, total)))
        for j in range(own, count, team):
            out[start + j] = twice_less(x[start + j], top, log_of_sum)


@kernel
def _log_softmax_backward(x, columns, team, grad, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total, slope = real(-np.inf), 0.0, 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
            slope += np.float64(grad[start + j])
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
            slope = sum_of_team(shared[2], lane, team, slope)
        share = real(slope / mass(top, total))
        for j in range(own, count, team):
            out[start + j] = grad[start + j] - share * simd.exp_flushing(below(x[start + j], top))
