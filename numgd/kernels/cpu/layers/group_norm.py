"""Group norm: each sample's groups of channels are normalised with their own moments.

Y. Wu and K. He, Group normalization, ECCV (2018), eqs. 1 to 6.  The moments of a group combine those of its
channels, which `columns` computes.  If there are samples for all threads, a thread makes all passes over one
sample before it takes the next, so that only the first pass waits for memory; otherwise each pass is divided
among the threads.  The results are the same.

x is (N, rows, k C), with k pixels laid side by side.  Partial sums have shape (N, blocks, 2, k C), and
coefficients (N, 5, k C) with the same values for all k pixels.
"""

import numpy as np

from numgd.jit.making import made_once
from numgd.jit.parallel import parallel_for
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.batch_norm import (
    by_normalised,
    differentiating,
    inverse_deviation,
    normalising,
)
from numgd.kernels.cpu.layers.columns import (
    BY_CENTRED,
    CENTRE,
    CONSTANT,
    SCALE,
    SHIFT,
    gradient_block,
    join,
    map_block,
    moments_of_block,
    sum_block,
    total,
)


@portable
def _prepare(n, x, block, eps, gamma, beta, partial, mean, inverse, coefficients):
    """Mean and 1/√(σ² + ε) of each group of sample n, and the coefficients that compute y."""
    channels, groups = gamma.size, mean.shape[1]
    width, together = channels // groups, x.shape[2] // channels
    parts = partial[n].reshape(partial.shape[1], 2, together, channels)
    means, squares = np.empty(channels), np.empty(channels)
    join(parts, x.shape[1], block, means, squares)
    count = float(x.shape[1] * together)
    real = coefficients.dtype.type
    for g in range(groups):
        centre = squared = 0.0
        for c in range(width):
            away = means[g * width + c] - centre
            centre += away / (c + 1.0)
            squared += squares[g * width + c] + count * away * away * (c / (c + 1.0))
        mean[n, g] = centre
        inverse[n, g] = inverse_deviation(squared, count * width, eps)
    for k in range(together):
        for c in range(channels):
            g, column = c // width, k * channels + c
            centre, scale, shift = normalising(real, mean[n, g], inverse[n, g], gamma[c], beta[c])
            coefficients[n, CENTRE, column] = centre
            coefficients[n, SCALE, column] = scale
            coefficients[n, SHIFT, column] = shift


@portable
def _normalise(n, x, block, eps, gamma, beta, floor, large, partial, mean, inverse, coefficients, out):
    """All passes over sample n."""
    blocks = partial.shape[1]
    for b in range(blocks):
        moments_of_block(n * blocks + b, x, block, partial)
    _prepare(n, x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
    last = (x.shape[0] - 1 - n) * blocks
    for b in range(blocks):
        map_block(last + b, x, block, coefficients, floor, large, out)


@compiled("group_norm-forward")
def forward(by_samples, x, block, eps, gamma, beta, floor, large, partial, mean, inverse, coefficients, out):
    """out = max(γ (x - μ) / √(σ² + ε) + β, floor); `mean` and `inverse` (N, groups) receive the moments."""
    samples, tasks = x.shape[0], x.shape[0] * partial.shape[1]
    if by_samples:
        parallel_for(
            _normalise, samples, 3 * x.size, x, block, eps, gamma, beta, floor, large, partial, mean, inverse,
            coefficients, out,
        )  # fmt: skip
        return
    parallel_for(moments_of_block, tasks, 2 * x.size, x, block, partial)
    for n in range(samples):
        _prepare(n, x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
    parallel_for(map_block, tasks, x.size, x, block, coefficients, floor, large, out)


@portable
def _prepare_gradient(n, x, mean, inverse, gamma, partial, coefficients):
    """The coefficients that compute the gradient of sample n; its share of those of γ and β replaces sums.

    ∂x = (γ ∂y - Σ γ ∂y/m - x̂ Σ γ ∂y x̂/m) / √(σ² + ε), with sums over the m numbers of a group in a sample.
    """
    channels, groups = gamma.size, mean.shape[1]
    width, together = channels // groups, x.shape[2] // channels
    count = float(x.shape[1] * together * width)
    weighted, plain = np.empty(channels), np.empty(channels)
    real = coefficients.dtype.type
    total(partial[n].reshape(partial.shape[1], 2, together, channels), plain, weighted)
    for g in range(groups):
        centre = coefficients[n, CENTRE, g * width]
        of_plain = of_weighted = 0.0
        for c in range(g * width, (g + 1) * width):
            weighted[c] = by_normalised(plain[c], weighted[c], centre, mean[n, g], inverse[n, g])
            of_plain += np.float64(gamma[c]) * plain[c]
            of_weighted += np.float64(gamma[c]) * weighted[c]
        by_centred, constant = differentiating(
            of_plain, of_weighted, centre, mean[n, g], inverse[n, g], count
        )
        for k in range(together):
            for column in range(k * channels + g * width, k * channels + (g + 1) * width):
                coefficients[n, BY_CENTRED, column] = real(by_centred)
                coefficients[n, CONSTANT, column] = real(constant)
    partial[n, 0, 0, :channels], partial[n, 0, 1, :channels] = weighted, plain


@portable
def _add_samples(partial, k, result):
    """The sum over all samples of their shares, of γ for k = 0 and of β for k = 1."""
    for c in range(result.size):
        share = 0.0
        for n in range(partial.shape[0]):
            share += partial[n, 0, k, c]
        result[c] = result.dtype.type(share)


def backward(relu, *arguments):
    """The gradients of x, γ and β.

    The arguments after `relu` are ``by_samples, grad, x, block, eps, gamma, beta, large, partial, mean,
    inverse, coefficients, out, grad_gamma, grad_beta``.
    """
    _make_backward(relu)(*arguments)


@made_once
def _make_backward(relu):
    sums, of_block = sum_block(relu), gradient_block(relu)

    @portable
    def differentiate(n, grad, x, block, eps, gamma, beta, large, partial, mean, inverse, coefficients, out):
        blocks = partial.shape[1]
        for b in range(blocks):
            moments_of_block(n * blocks + b, x, block, partial)
        _prepare(n, x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
        for b in range(blocks - 1, -1, -1):
            sums(n * blocks + b, grad, x, block, coefficients, partial)
        _prepare_gradient(n, x, mean, inverse, gamma, partial, coefficients)
        last = (x.shape[0] - 1 - n) * blocks
        for b in range(blocks - 1, -1, -1):
            of_block(last + b, grad, x, block, coefficients, large, out)

    @compiled(f"group_norm-backward-{'relu' if relu else 'plain'}")
    def of_samples(
        by_samples, grad, x, block, eps, gamma, beta, large, partial, mean, inverse, coefficients, out,
        grad_gamma, grad_beta,
    ):  # fmt: skip
        samples, tasks = x.shape[0], x.shape[0] * partial.shape[1]
        if by_samples:
            parallel_for(
                differentiate, samples, 6 * x.size, grad, x, block, eps, gamma, beta, large, partial, mean,
                inverse, coefficients, out,
            )  # fmt: skip
        else:
            parallel_for(moments_of_block, tasks, 2 * x.size, x, block, partial)
            for n in range(samples):
                _prepare(n, x, block, eps, gamma, beta, partial, mean, inverse, coefficients)
            parallel_for(sums, tasks, 2 * x.size, grad, x, block, coefficients, partial)
            for n in range(samples):
                _prepare_gradient(n, x, mean, inverse, gamma, partial, coefficients)
            parallel_for(of_block, tasks, 2 * x.size, grad, x, block, coefficients, large, out)
        _add_samples(partial, 0, grad_gamma)
        _add_samples(partial, 1, grad_beta)

    return of_samples
