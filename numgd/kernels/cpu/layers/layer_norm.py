"""Layer norm: each row of x (rows, D) is normalised separately.

J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization (2016), eq. 3.  A row stays in the cache while
its mean, its variance and the result are computed.  Rows are divided into blocks, as in `columns`.
"""

import math

import numpy as np

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable


@portable
def _moments(row, eps):
    """Mean and 1/√(σ² + ε) of a row."""
    mean = 0.0
    for j in range(row.size):
        mean += np.float64(row[j])
    mean /= row.size
    squares = 0.0
    for j in range(row.size):
        away = np.float64(row[j]) - mean
        squares += away * away
    return mean, 1.0 / math.sqrt(squares / row.size + eps)


@portable
def _normalise_row(i, x, gamma, beta, eps, out):
    real = x.dtype.type
    row, result = borrow(x)[i], borrow(out)[i]
    mean, inverse = _moments(row, eps)
    centre = real(mean)
    rest = real((np.float64(centre) - mean) * inverse)
    scale = real(inverse)
    for j in range(row.size):
        result[j] = gamma[j] * ((row[j] - centre) * scale + rest) + beta[j]


@compiled("layer_norm-forward")
def forward(x, gamma, beta, eps, out):
    """out = γ (x - μ) / √(σ² + ε) + β."""
    parallel_for(_normalise_row, x.shape[0], 2 * x.size, x, gamma, beta, eps, out)


@portable
def _do_block(b, grad, x, gamma, eps, block, partial, out):
    real = x.dtype.type
    plain, weighted = borrow(partial)[b, 0], borrow(partial)[b, 1]
    plain[:] = 0.0
    weighted[:] = 0.0
    for i in range(b * block, min((b + 1) * block, x.shape[0])):
        row, slope, result = borrow(x)[i], borrow(grad)[i], borrow(out)[i]
        mean, inverse = _moments(row, eps)
        centre = real(mean)
        rest = real((np.float64(centre) - mean) * inverse)
        scale = real(inverse)
        of_plain = of_weighted = 0.0
        for j in range(row.size):
            normalised = (row[j] - centre) * scale + rest
            plain[j] += np.float64(slope[j])
            weighted[j] += np.float64(slope[j] * normalised)
            of_plain += np.float64(gamma[j] * slope[j])
            of_weighted += np.float64(gamma[j] * slope[j] * normalised)
        by_plain = real(of_plain / row.size)
        by_normalised = real(of_weighted / row.size)
        for j in range(row.size):
            normalised = (row[j] - centre) * scale + rest
            result[j] = scale * (gamma[j] * slope[j] - by_plain - normalised * by_normalised)


@compiled("layer_norm-backward")
def backward(grad, x, gamma, eps, block, partial, out):
    """The gradient of x; partial[b] receives the sums of grad and grad · x̂ over the rows of block b.

    ∂x = (γ ∂y - Σ γ ∂y/D - x̂ Σ γ ∂y x̂/D) / √(σ² + ε).
    """
    parallel_for(_do_block, partial.shape[0], 4 * x.size, grad, x, gamma, eps, block, partial, out)
