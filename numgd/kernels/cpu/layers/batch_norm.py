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


@portable
def inverse_deviation(squares, count, eps):
    """1/√(σ² + ε), from the sum of squared deviations of `count` numbers."""
    return 1.0 / math.sqrt(squares / count + eps)


@portable
def tracked(old, new, momentum):
    """A running statistic with the share `momentum` of a new one."""
    return np.float64(old) + momentum * (new - np.float64(old))


@portable
def normalising(real, mean, inverse, gamma, beta):
    """Centre, scale and shift that compute y from x; the shift corrects for rounding the centre."""
    centre = real(mean)
    scale = np.float64(gamma) * inverse
    return centre, real(scale), real(np.float64(beta) + (np.float64(centre) - mean) * scale)


@portable
def by_normalised(plain, weighted, centre, mean, inverse):
    """Σ ∂y x̂, the gradient of γ, from Σ ∂y and Σ ∂y (x - centre)."""
    return (weighted + (np.float64(centre) - mean) * plain) * inverse


@portable
def differentiating(of_plain, of_weighted, centre, mean, inverse, count):
    """`BY_CENTRED` and `CONSTANT` that compute the gradient of x, from Σ γ ∂y and Σ γ ∂y x̂."""
    by_centred = -inverse * inverse * of_weighted / count
    return by_centred, by_centred * (np.float64(centre) - mean) - inverse * of_plain / count


@portable
def folding(weight_bias, gamma, beta, running_mean, running_variance, eps):
    """Scale of the weights and new bias of a linear layer that includes the norm."""
    scale = np.float64(gamma) / math.sqrt(np.float64(running_variance) + eps)
    return scale, np.float64(beta) + (np.float64(weight_bias) - np.float64(running_mean)) * scale


@compiled("batch_norm-statistics")
def statistics(partial, rows, block, eps, moments, inverse):
    """Mean, sum of squared deviations (`moments`, (2, C)) and 1/√(σ² + ε), with the biased variance σ²."""
    join(partial, rows, block, moments[0], moments[1])
    count = float(rows * partial.shape[2])
    for c in range(inverse.size):
        inverse[c] = inverse_deviation(moments[1, c], count, eps)


@compiled("batch_norm-track")
def track(moments, count, momentum, running_mean, running_variance):
    """Update the running statistics with those of the batch; the variance is the unbiased one."""
    real = running_mean.dtype.type
    for c in range(running_mean.size):
        running_mean[c] = real(tracked(running_mean[c], moments[0, c], momentum))
        running_variance[c] = real(tracked(running_variance[c], moments[1, c] / (count - 1.0), momentum))


@compiled("batch_norm-constant")
def constant(running_mean, running_variance, eps, mean, inverse):
    """Mean and 1/√(σ² + ε) from the running statistics."""
    for c in range(inverse.size):
        mean[c] = running_mean[c]
        inverse[c] = inverse_deviation(np.float64(running_variance[c]), 1.0, eps)


@portable
def _fold_channel(c, weight, bias, gamma, beta, running_mean, running_variance, eps, new_weight, new_bias):
    real = weight.dtype.type
    scale, shifted = folding(bias[c], gamma[c], beta[c], running_mean[c], running_variance[c], eps)
    new_bias[c] = real(shifted)
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
            centre, scale, shift = normalising(real, mean[c], inverse[c], gamma[c], beta[c])
            coefficients[CENTRE, k, c] = centre
            coefficients[SCALE, k, c] = scale
            coefficients[SHIFT, k, c] = shift


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
        centre, factor = coefficients[CENTRE, 0, c], np.float64(gamma[c])
        slope = by_normalised(plain[c], weighted[c], centre, mean[c], inverse[c])
        grad_gamma[c] = real(slope)
        grad_beta[c] = real(plain[c])
        by_centred = constant = 0.0
        if count > 0:
            by_centred, constant = differentiating(
                factor * plain[c], factor * slope, centre, mean[c], inverse[c], count
            )
        for k in range(coefficients.shape[1]):
            coefficients[BY_CENTRED, k, c] = real(by_centred)
            coefficients[CONSTANT, k, c] = real(constant)


def prepare(
    partial, rows, block, eps, momentum, moments, inverse, running_mean, running_variance, gamma, beta,
    coefficients,
):  # fmt: skip
    """`statistics`, `track` and `forward`: all that lies between the two passes over x in training."""
    statistics(partial, rows, block, eps, moments, inverse)
    track(moments, float(rows * partial.shape[2]), momentum, running_mean, running_variance)
    forward(moments[0], inverse, gamma, beta, coefficients)
