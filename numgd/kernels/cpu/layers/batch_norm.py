"""Batch norm: turns sums over the columns of x into coefficients for the next pass over x.

x̂ = (x - μ) / √(σ² + ε), y = γ x̂ + β: S. Ioffe and C. Szegedy, Batch normalization, ICML (2015), algorithm 1.
Partial sums have shape (blocks, 2, k, C), coefficients (5, k, C) with the same values for all k rows that are
laid side by side.  Statistics are in float64; the shift corrects for rounding the mean to a float32 centre.
"""

import math

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.layers.columns import BY_CENTRED, CENTRE, CONSTANT, SCALE, SHIFT, join, total


@compiled("batch_norm-statistics")
def statistics(partial, rows, block, eps, moments, inverse):
    """Mean, sum of squared deviations (`moments`, (2, C)) and 1/√(σ² + ε), with the biased variance σ²."""
    join(partial, rows, block, moments[0], moments[1])
    count = float(rows * partial.shape[2])
    for c in range(inverse.size):
        inverse[c] = 1.0 / math.sqrt(moments[1, c] / count + eps)


@compiled("batch_norm-track")
def track(moments, count, momentum, running_mean, running_variance):
    """Update the running statistics with those of the batch; the variance is the unbiased one."""
    real = running_mean.dtype.type
    for c in range(running_mean.size):
        old = np.float64(running_mean[c])
        running_mean[c] = real(old + momentum * (moments[0, c] - old))
        old = np.float64(running_variance[c])
        running_variance[c] = real(old + momentum * (moments[1, c] / (count - 1.0) - old))


@compiled("batch_norm-constant")
def constant(running_mean, running_variance, eps, mean, inverse):
    """Mean and 1/√(σ² + ε) from the running statistics."""
    for c in range(inverse.size):
        mean[c] = running_mean[c]
        inverse[c] = 1.0 / math.sqrt(np.float64(running_variance[c]) + eps)


@portable
def _fold_channel(c, weight, bias, gamma, beta, running_mean, running_variance, eps, new_weight, new_bias):
    real = weight.dtype.type
    scale = np.float64(gamma[c]) / math.sqrt(np.float64(running_variance[c]) + eps)
    new_bias[c] = real(np.float64(beta[c]) + (np.float64(bias[c]) - np.float64(running_mean[c])) * scale)
    factor = real(scale)
    for k in range(weight.shape[1]):
        new_weight[c, k] = weight[c, k] * factor


@compiled("batch_norm-fold")
def fold(weight, bias, gamma, beta, running_mean, running_variance, eps, new_weight, new_bias):
    """Weights (C, k) and bias of a linear layer that includes the batch norm after it, in inference."""
    parallel_for(
        _fold_channel, weight.shape[0], weight.size, weight, bias, gamma, beta, running_mean,
        running_variance, eps, new_weight, new_bias,
    )  # fmt: skip


@compiled("batch_norm-forward")
def forward(mean, inverse, gamma, beta, coefficients):
    """The coefficients that compute y."""
    real = coefficients.dtype.type
    for k in range(coefficients.shape[1]):
        for c in range(gamma.size):
            centre = real(mean[c])
            scale = np.float64(gamma[c]) * inverse[c]
            coefficients[CENTRE, k, c] = centre
            coefficients[SCALE, k, c] = real(scale)
            coefficients[SHIFT, k, c] = real(np.float64(beta[c]) + (np.float64(centre) - mean[c]) * scale)


@compiled("batch_norm-backward")
def backward(partial, count, mean, inverse, gamma, coefficients, grad_gamma, grad_beta):
    """Gradients of γ and β, and the coefficients that compute the gradient of x.

    ∂x = γ/√(σ² + ε) · (∂y - Σ∂y/m - x̂ Σ∂y x̂/m) is the sum of algorithm 1's three paths to x
    (docs/batch_norm.md).  If `count` (m) is zero, the statistics are constants and only one path remains.
    """
    plain, weighted = np.empty(gamma.size), np.empty(gamma.size)
    total(partial, plain, weighted)
    real = coefficients.dtype.type
    for c in range(gamma.size):
        rest = np.float64(coefficients[CENTRE, 0, c]) - mean[c]
        by_normalised = (weighted[c] + rest * plain[c]) * inverse[c]
        grad_gamma[c] = real(by_normalised)
        grad_beta[c] = real(plain[c])
        scale = np.float64(gamma[c]) * inverse[c]
        by_centred = constant = 0.0
        if count > 0:
            by_centred = -scale * inverse[c] * by_normalised / count
            constant = by_centred * rest - scale * plain[c] / count
        for k in range(coefficients.shape[1]):
            coefficients[BY_CENTRED, k, c] = real(by_centred)
            coefficients[CONSTANT, k, c] = real(constant)
