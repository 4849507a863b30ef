"""Group norm: each sample's groups have their own moments; see `numgd.kernels.cpu.layers.group_norm`.

A block of threads combines the sums of one group of one sample; the passes over x are those of `columns`.
"""

import numpy as np
from numba import float64

from numgd.kernels.cpu.layers.batch_norm import (
    by_normalised,
    differentiating,
    inverse_deviation,
    normalising,
)
from numgd.kernels.cpu.layers.columns import BY_CENTRED, CENTRE, CONSTANT, SCALE, SHIFT
from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers import columns
from numgd.kernels.cuda.layers.batch_norm import merge_rows, total_of_rows
from numgd.kernels.cuda.layers.columns import THREADS, add_up_block, few_lanes, merge_block
from numgd.kernels.cuda.target import SIMULATED, cuda, kernel, launch

_THREADS = 4 if SIMULATED else 64
"""Threads that combine the sums of a group."""


def forward(by_samples, x, block, eps, gamma, beta, floor, large, partial, mean, inverse, coefficients, out):
    """out = max(γ (x - μ) / √(σ² + ε) + β, floor); `mean` and `inverse` (N, groups) receive the moments."""
    columns.moments(x, block, partial)
    _prepare(x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
    columns.affine(x, block, coefficients, floor, large, out)


def _prepare(x, block, eps, gamma, beta, partial, mean, inverse, coefficients):
    """Mean and 1/√(σ² + ε) of each group, and the coefficients that compute y."""
    parts, rows, width = x.shape
    launch(
        _prepare_group, (parts * mean.shape[1], _THREADS), partial.reshape(partial.size), partial.shape[1],
        width // gamma.size, rows, block, eps, gamma, beta, mean, inverse, coefficients,
    )  # fmt: skip


@kernel
def _prepare_group(
    partial, blocks, together, rows, block, eps, gamma, beta, mean, inverse, coefficients
):  # fmt: skip
    shared = cuda.shared.array((2, _THREADS), float64)
    counts = cuda.shared.array(_THREADS, float64)
    own, groups, channels = cuda.threadIdx.x, mean.shape[1], gamma.size
    width = channels // groups
    n, g = cuda.blockIdx.x // groups, cuda.blockIdx.x % groups
    first = 2 * n * blocks * together * channels + g * width
    found = merge_rows(
        partial, (own, first), _THREADS, blocks * together * width, channels, width, rows, block, together
    )
    shared[0, own], shared[1, own], counts[own] = found
    merge_block(shared, counts, 1, 0, 1, own, _THREADS)
    centre_exactly = shared[0, 0]
    inverse_here = inverse_deviation(shared[1, 0], float64(rows * together * width), eps)
    if own == 0:
        mean[n, g], inverse[n, g] = centre_exactly, inverse_here
    real = coefficients.dtype.type
    for i in range(own, together * width, _THREADS):
        k, c = i // width, g * width + i % width
        centre, scale, shift = normalising(real, centre_exactly, inverse_here, gamma[c], beta[c])
        coefficients[n, CENTRE, k * channels + c] = centre
        coefficients[n, SCALE, k * channels + c] = scale
        coefficients[n, SHIFT, k * channels + c] = shift


def backward(
    relu, by_samples, grad, x, block, eps, gamma, beta, large, partial, mean, inverse, coefficients, out,
    grad_gamma, grad_beta,
):  # fmt: skip
    """The gradients of x, γ and β."""
    parts, blocks, _, width = partial.shape
    channels, groups = gamma.size, mean.shape[1]
    together, count = width // channels, x.shape[1] * width // groups
    columns.moments(x, block, partial)
    _prepare(x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
    columns.sums(relu, grad, x, block, coefficients, partial)
    shares = memory.scratch(x, (parts, 2 * channels), np.dtype(np.float64))
    tiles, threads = few_lanes(channels)
    launch(
        _add_blocks, (parts * tiles, threads), partial.reshape(partial.size), blocks, together, channels,
        tiles, shares,
    )  # fmt: skip
    launch(
        _prepare_gradient, (parts * groups, _THREADS), shares, together, float(count), gamma, mean, inverse,
        coefficients,
    )  # fmt: skip
    columns.gradient(relu, grad, x, block, coefficients, large, out)
    columns.add_up(shares, 0, grad_gamma)
    columns.add_up(shares, channels, grad_beta)


@kernel
def _add_blocks(partial, blocks, together, channels, tiles, shares):
    """Of each sample: the two sums of all channels, over its blocks."""
    shared = cuda.shared.array((2, THREADS), float64)
    lane, own, lanes, step = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockDim.x, cuda.blockDim.y
    n, c = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles * lanes + lane
    here, first = own * lanes + lane, 2 * n * blocks * together * channels
    found = total_of_rows(partial, own, step, blocks if c < channels else 0, together, channels, first + c)
    shared[0, here], shared[1, here] = found
    add_up_block(shared, 2, lane, lanes, own, step)
    if own == 0 and c < channels:
        shares[n, c] = shared[0, lane]
        shares[n, channels + c] = shared[1, lane]


@kernel
def _prepare_gradient(shares, together, count, gamma, mean, inverse, coefficients):
    """The coefficients that compute the gradient of x; shares of the gradients of γ and β replace the sums.

    ∂x = (γ ∂y - Σ γ ∂y/m - x̂ Σ γ ∂y x̂/m) / √(σ² + ε), with sums over the m numbers of a group in a sample.
    """
    shared = cuda.shared.array((2, _THREADS), float64)
    own, groups, channels = cuda.threadIdx.x, mean.shape[1], gamma.size
    width = channels // groups
    n, g = cuda.blockIdx.x // groups, cuda.blockIdx.x % groups
    exactly, inverse_here, centre = mean[n, g], inverse[n, g], coefficients[n, CENTRE, g * width]
    of_plain = of_weighted = 0.0
    for c in range(g * width + own, (g + 1) * width, _THREADS):
        plain = shares[n, c]
        weighted = by_normalised(plain, shares[n, channels + c], centre, exactly, inverse_here)
        shares[n, c], shares[n, channels + c] = weighted, plain
        of_plain += float64(gamma[c]) * plain
        of_weighted += float64(gamma[c]) * weighted
    shared[0, own], shared[1, own] = of_plain, of_weighted
    add_up_block(shared, 2, 0, 1, own, _THREADS)
    by_centred, constant = differentiating(
        shared[0, 0], shared[1, 0], centre, exactly, inverse_here, count
    )  # fmt: skip
    for i in range(own, together * width, _THREADS):
        column = i // width * channels + g * width + i % width
        coefficients[n, BY_CENTRED, column] = by_centred
        coefficients[n, CONSTANT, column] = constant
