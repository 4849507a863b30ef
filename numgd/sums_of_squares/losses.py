"""Robust losses ρ(z) of squared residuals, and the weights that turn them into sums of squares.

B. Triggs et al., Bundle adjustment: a modern synthesis, in Vision Algorithms: Theory and Practice (2000),
298-372, section 4.3.
"""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable, seldom

LINEAR, SOFT_L1, HUBER, CAUCHY, ARCTAN = range(5)
LOSSES = {"linear": LINEAR, "soft_l1": SOFT_L1, "huber": HUBER, "cauchy": CAUCHY, "arctan": ARCTAN}
"""Losses by SciPy's names."""


@portable
def loss(kind, z, one):
    """ρ(z), ρ'(z) and ρ''(z) for z ≥ 0; `one` is 1 in the dtype of z."""
    two = one + one
    if kind == SOFT_L1:
        root = math.sqrt(one + z)
        return two * (z / (root + one)), one / root, -one / (two * root * (one + z))
    if kind == HUBER:
        if z <= one:
            return z, one, one - one
        root = math.sqrt(z)
        return two * root - one, one / root, -one / (two * root * z)
    if kind == CAUCHY:
        return math.log1p(z), one / (one + z), -one / ((one + z) * (one + z))
    if kind == ARCTAN:
        square = one + z * z
        return math.atan(z), one / square, -two * z / (square * square)
    return z, one, one - one


@seldom
def cost_of(r, options):
    """½ Σ rᵢ², or ½ C² Σ ρ(rᵢ²/C²) with C = f_scale."""
    real = r.dtype.type
    total = real(0)
    if options.loss == LINEAR:
        for i in range(r.size):
            total += r[i] * r[i]
        return real(0.5) * total
    C = options.f_scale
    for i in range(r.size):
        total += loss(options.loss, (r[i] / C) * (r[i] / C), real(1))[0]
    return real(0.5) * (C * C) * total


@seldom
def weigh(r, weighted, columns, options):
    """Scale the residuals, into `weighted`, and the rows of the Jacobian, in place.

    Their products are then the gradient of the cost and the Gauss-Newton part of its Hessian, with the scalar
    factors that Triggs et al. give: ρ' for the gradient and ρ' + 2 ρ'' z for the Hessian.
    """
    real = r.dtype.type
    for i in range(r.size):
        weighted[i] = r[i]
    if options.loss == LINEAR:
        return
    for i in range(r.size):
        z = (r[i] / options.f_scale) * (r[i] / options.f_scale)
        _, first, second = loss(options.loss, z, real(1))
        factor = math.sqrt(max(first + real(2) * second * z, epsilon(r)))
        weighted[i] = r[i] * (first / factor)
        for j in range(columns.shape[0]):
            columns[j, i] *= factor
