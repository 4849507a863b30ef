"""Group norm: turns sums over the columns of each sample into coefficients for the next pass over x.

Y. Wu and K. He, Group normalization, ECCV (2018), eqs. 1 to 6.  The moments of a group combine those of its
channels.  Partial sums have shape (N, blocks, 2, k, C), coefficients (N, 5, k, C) with the same values for
all k rows that are laid side by side.
"""

import math

import numpy as np

from numgd.jit.portable import compiled
from numgd.kernels.cpu.layers.columns import BY_CENTRED, CENTRE, CONSTANT, SCALE, SHIFT, join, total


@compiled("group_norm-forward")
def forward(partial, rows, block, eps, gamma, beta, mean, inverse, coefficients):
    """Mean and 1/√(σ² + ε) of each group, (N, groups), and the coefficients that compute y."""
    channels, groups = gamma.size, mean.shape[1]
    width = channels // groups
    means, squares = np.empty(channels), np.empty(channels)
    count = float(rows * partial.shape[3])
    real = coefficients.dtype.type
    for n in range(mean.shape[0]):
        join(partial[n], rows, block, means, squares)
        for g in range(groups):
            centre = squared = 0.0
            for c in range(width):
                away = means[g * width + c] - centre
                centre += away / (c + 1.0)
                squared += squares[g * width + c] + count * away * away * (c / (c + 1.0))
            mean[n, g] = centre
            inverse[n, g] = 1.0 / math.sqrt(squared / (count * width) + eps)
        for k in range(coefficients.shape[2]):
            for c in range(channels):
                g = c // width
                centre = real(mean[n, g])
                scale = np.float64(gamma[c]) * inverse[n, g]
                coefficients[n, CENTRE, k, c] = centre
                coefficients[n, SCALE, k, c] = real(scale)
                rest = np.float64(centre) - mean[n, g]
                coefficients[n, SHIFT, k, c] = real(np.float64(beta[c]) + rest * scale)


@compiled("group_norm-backward")
def backward(partial, rows, mean, inverse, gamma, coefficients, parameters):
    """The coefficients that compute the gradient of x; those of γ and β are added to `parameters` (2, C).

    ∂x = (γ ∂y - Σ γ ∂y/m - x̂ Σ γ ∂y x̂/m) / √(σ² + ε), with sums over the m numbers of a group in a sample.
    """
    channels, groups = gamma.size, mean.shape[1]
    width = channels // groups
    count = float(rows * partial.shape[3] * width)
    plain, weighted = np.empty(channels), np.empty(channels)
    real = coefficients.dtype.type
    for n in range(mean.shape[0]):
        total(partial[n], plain, weighted)
        for g in range(groups):
            rest = np.float64(coefficients[n, CENTRE, 0, g * width]) - mean[n, g]
            of_plain = of_weighted = 0.0
            for c in range(g * width, (g + 1) * width):
                weighted[c] = (weighted[c] + rest * plain[c]) * inverse[n, g]
                parameters[0, c] += weighted[c]
                parameters[1, c] += plain[c]
                of_plain += np.float64(gamma[c]) * plain[c]
                of_weighted += np.float64(gamma[c]) * weighted[c]
            by_centred = -inverse[n, g] * inverse[n, g] * of_weighted / count
            constant = by_centred * rest - inverse[n, g] * of_plain / count
            for k in range(coefficients.shape[2]):
                for c in range(g * width, (g + 1) * width):
                    coefficients[n, BY_CENTRED, k, c] = real(by_centred)
                    coefficients[n, CONSTANT, k, c] = real(constant)
