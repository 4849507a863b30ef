"""Batch norm: sums over the columns of x become coefficients; see `numgd.kernels.cpu.layers.batch_norm`."""

from numba import float64

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.batch_norm import (
    by_normalised,
    differentiating,
    folding,
    inverse_deviation,
    normalising,
    tracked,
)
from numgd.kernels.cpu.layers.columns import BY_CENTRED, CENTRE, CONSTANT, SCALE, SHIFT, merged
from numgd.kernels.cuda.layers.columns import THREADS, add_up_block, few_lanes, merge_block
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


@portable
def merge_rows(partial, first, step, places, columns, width, rows, block, together):
    """Mean, sum of squared deviations and number of rows of every `step`-th of some moments.

    There are `places` moments of `width` neighbouring columns in each of `together` rows side by side of each
    block; `first` is the first place, and the column in it.
    """
    index, column = first
    mean = squares = done = 0.0
    while index < places:
        row, c = index // width, column + index % width
        b, k = row // together, row % together
        count = float64(min(block, rows - b * block))
        share = count / (done + count)
        place = (2 * b * together + k) * columns + c
        mean, squares = merged(
            mean, squares, partial[place], partial[place + together * columns], share, done * share
        )
        done += count
        index += step
    return mean, squares, done


def statistics(partial, rows, block, eps, moments, inverse):
    """Mean, sum of squared deviations (`moments`, (2, C)) and 1/√(σ² + ε), with the biased variance σ²."""
    blocks, _, together, columns = partial.shape
    launch(
        _statistics, few_lanes(columns), partial.reshape(partial.size), blocks, together, columns, rows,
        block, eps, moments, inverse,
    )  # fmt: skip


@cuda.jit(device=True)
def _merge_blocks(shared, counts, partial, blocks, together, columns, rows, block, c, lane, lanes):
    """The moments of channel c, combined by the threads of a column of a block; they are in `shared`."""
    own, step = cuda.threadIdx.y, cuda.blockDim.y
    here, places = own * lanes + lane, blocks * together if c < columns else 0
    found = merge_rows(partial, (own, c), step, places, columns, 1, rows, block, together)
    shared[0, here], shared[1, here], counts[here] = found
    merge_block(shared, counts, 1, lane, lanes, own, step)


@kernel
def _statistics(partial, blocks, together, columns, rows, block, eps, moments, inverse):
    shared = cuda.shared.array((2, THREADS), float64)
    counts = cuda.shared.array(THREADS, float64)
    lane, lanes = cuda.threadIdx.x, cuda.blockDim.x
    c = cuda.blockIdx.x * lanes + lane
    _merge_blocks(shared, counts, partial, blocks, together, columns, rows, block, c, lane, lanes)
    if cuda.threadIdx.y == 0 and c < columns:
        moments[0, c] = shared[0, lane]
        moments[1, c] = shared[1, lane]
        inverse[c] = inverse_deviation(shared[1, lane], float64(rows * together), eps)


def prepare(
    partial, rows, block, eps, momentum, moments, inverse, running_mean, running_variance, gamma, beta,
    coefficients,
):  # fmt: skip
    """`statistics`, `track` and `forward` in one launch."""
    blocks, _, together, columns = partial.shape
    launch(
        _prepare, few_lanes(columns), partial.reshape(partial.size), blocks, together, rows, block, eps,
        momentum, moments, inverse, running_mean, running_variance, gamma, beta, coefficients,
    )  # fmt: skip


@kernel
def _prepare(
    partial, blocks, together, rows, block, eps, momentum, moments, inverse, running_mean, running_variance,
    gamma, beta, coefficients,
):  # fmt: skip
    shared = cuda.shared.array((2, THREADS), float64)
    counts = cuda.shared.array(THREADS, float64)
    lane, lanes, columns = cuda.threadIdx.x, cuda.blockDim.x, gamma.size
    c = cuda.blockIdx.x * lanes + lane
    _merge_blocks(shared, counts, partial, blocks, together, columns, rows, block, c, lane, lanes)
    if cuda.threadIdx.y == 0 and c < columns:
        mean, squares, count = shared[0, lane], shared[1, lane], float64(rows * together)
        factor = inverse_deviation(squares, count, eps)
        moments[0, c], moments[1, c], inverse[c] = mean, squares, factor
        running_mean[c] = tracked(running_mean[c], mean, momentum)
        running_variance[c] = tracked(running_variance[c], squares / (count - 1.0), momentum)
        real = coefficients.dtype.type
        centre, scale, shift = normalising(real, mean, factor, gamma[c], beta[c])
        for k in range(together):
            coefficients[CENTRE, k, c] = centre
            coefficients[SCALE, k, c] = scale
            coefficients[SHIFT, k, c] = shift


def track(moments, count, momentum, running_mean, running_variance):
    """Update the running statistics with those of the batch; the variance is the unbiased one."""
    shape = launch_shape(running_mean.size)
    launch(_track, shape, moments, count, momentum, running_mean, running_variance)


@kernel
def _track(moments, count, momentum, running_mean, running_variance):
    for c in range(cuda.grid(1), running_mean.size, cuda.gridsize(1)):
        running_mean[c] = tracked(running_mean[c], moments[0, c], momentum)
        running_variance[c] = tracked(running_variance[c], moments[1, c] / (count - 1.0), momentum)


def constant(running_mean, running_variance, eps, mean, inverse):
    """Mean and 1/√(σ² + ε) from the running statistics."""
    launch(_constant, launch_shape(mean.size), running_mean, running_variance, eps, mean, inverse)


@kernel
def _constant(running_mean, running_variance, eps, mean, inverse):
    for c in range(cuda.grid(1), mean.size, cuda.gridsize(1)):
        mean[c] = running_mean[c]
        inverse[c] = inverse_deviation(float64(running_variance[c]), 1.0, eps)


def fold(weight, bias, gamma, beta, running_mean, running_variance, eps, new_weight, new_bias):
    """Weights (C, k) and bias of a linear layer that includes the batch norm after it, in inference."""
    rows, columns = weight.shape
    launch(
        _fold, launch_shape(max(1, weight.size)), weight.reshape(weight.size), rows, columns, bias, gamma,
        beta, running_mean, running_variance, eps, new_weight.reshape(weight.size), new_bias,
    )  # fmt: skip


@kernel
def _fold(
    weight, rows, columns, bias, gamma, beta, running_mean, running_variance, eps, new_weight, new_bias
):
    first, step = cuda.grid(1), cuda.gridsize(1)
    real = weight.dtype.type
    for i in range(first, weight.size, step):
        c = i // columns
        scale, _ = folding(bias[c], gamma[c], beta[c], running_mean[c], running_variance[c], eps)
        new_weight[i] = weight[i] * real(scale)
    for c in range(first, rows, step):
        _, shifted = folding(bias[c], gamma[c], beta[c], running_mean[c], running_variance[c], eps)
        new_bias[c] = shifted


def forward(mean, inverse, gamma, beta, coefficients):
    """The coefficients that compute y."""
    launch(_forward, launch_shape(gamma.size), mean, inverse, gamma, beta, coefficients)


@kernel
def _forward(mean, inverse, gamma, beta, coefficients):
    real = coefficients.dtype.type
    for c in range(cuda.grid(1), gamma.size, cuda.gridsize(1)):
        centre, scale, shift = normalising(real, mean[c], inverse[c], gamma[c], beta[c])
        for k in range(coefficients.shape[1]):
            coefficients[CENTRE, k, c] = centre
            coefficients[SCALE, k, c] = scale
            coefficients[SHIFT, k, c] = shift


def backward(partial, count, mean, inverse, gamma, coefficients, grad_gamma, grad_beta):
    """Gradients of γ and β, and the coefficients that compute the gradient of x.

    If `count` is zero, the statistics are constants.
    """
    launch(
        _backward, few_lanes(gamma.size), partial.reshape(partial.size), partial.shape[0], count, mean,
        inverse, gamma, coefficients, grad_gamma, grad_beta,
    )  # fmt: skip


@portable
def total_of_rows(partial, own, step, blocks, together, columns, c):
    """The two sums of column c over every `step`-th of the rows that lie side by side in all blocks."""
    plain = weighted = 0.0
    for row in range(own, blocks * together, step):
        place = (2 * (row // together) * together + row % together) * columns + c
        plain += partial[place]
        weighted += partial[place + together * columns]
    return plain, weighted


@kernel
def _backward(partial, blocks, count, mean, inverse, gamma, coefficients, grad_gamma, grad_beta):
    shared = cuda.shared.array((2, THREADS), float64)
    lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
    c = cuda.blockIdx.x * lanes + lane
    here, together, columns = own * lanes + lane, coefficients.shape[1], gamma.size
    blocks = blocks if c < columns else 0
    found = total_of_rows(partial, own, step, blocks, together, columns, c)
    shared[0, here], shared[1, here] = found
    add_up_block(shared, 2, lane, lanes, own, step)
    if own == 0 and c < columns:
        plain, weighted, centre = shared[0, lane], shared[1, lane], coefficients[CENTRE, 0, c]
        slope = by_normalised(plain, weighted, centre, mean[c], inverse[c])
        grad_gamma[c] = slope
        grad_beta[c] = plain
        by_centred = constant = 0.0
        if count > 0.0:
            factor = float64(gamma[c])
            by_centred, constant = differentiating(
                factor * plain, factor * slope, centre, mean[c], inverse[c], count
            )
        for k in range(together):
            coefficients[BY_CENTRED, k, c] = by_centred
            coefficients[CONSTANT, k, c] = constant
