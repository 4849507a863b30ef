"""Trust region along a dogleg: from the minimiser along the gradient towards the Newton step.

M. J. D. Powell, "A new algorithm for unconstrained optimization", in Nonlinear Programming (1970) 31-65;
Nocedal & Wright, section 4.1.  One factorisation per point, whatever the radius.  If the Hessian H is not
positive definite, H + σI replaces it in the path but not in the model, and a step that ends within the region
is extended to its boundary along a direction of negative curvature.  Memory: 2 n + 6 vectors of length n.
"""

import math

from numgd.foundations.linalg import cholesky_solve, epsilon, euclidean_norm, multiply
from numgd.foundations.records import Method
from numgd.jit.portable import portable, seldom
from numgd.second_order.trust_exact import bounds, descend, make_factorise
from numgd.second_order.trust_region import (
    SCRATCH_ROWS,
    Model,
    Proposal,
    TrustRegionOptions,
    make_trust_region,
)


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, a product and a direction, the Hessian and its factor."""
    return SCRATCH_ROWS + 2 + 2 * n


def make_shifted_factor(cholesky_rows):
    """Function that factorises a positive definite H + σI."""
    factorise = make_factorise(cholesky_rows)

    @seldom
    def shifted_factor(F, H, v):
        """Factorise H + σI; returns σ, which is 0 if H is positive definite and NaN if it is not finite.

        If σ is not 0, v becomes a direction of negative curvature of H.  A failed factorisation bounds σ from
        below.
        """
        real = v.dtype.type
        n = v.size
        least, greatest, _ = bounds(H, n)
        shift = real(0)
        if not (greatest < math.inf and least > -math.inf):
            return real(math.nan)
        row = factorise(F, H, shift, n)
        if row == n:
            return shift
        descend(F, row, v)
        size = euclidean_norm(v)
        for i in range(n):
            v[i] = v[i] / size
        margin = math.sqrt(epsilon(v)) * max(abs(least), abs(greatest))
        if not margin > real(0):
            margin = epsilon(v)
        shortfall = -F[row, row] / size / size
        while row < n and shift < math.inf:
            shift = max(shift + shift, margin, shortfall + shortfall)
            row = factorise(F, H, shift, n)
        return shift if row == n else real(math.nan)

    return shifted_factor


@seldom
def extend(p, d, length, radius):
    """Add τ d to p with τ ≥ 0 such that ‖p‖ = Δ, where ‖p‖ = `length` ≤ Δ before."""
    real = p.dtype.type
    along = square = real(0)
    for i in range(p.size):
        along += p[i] * d[i]
        square += d[i] * d[i]
    room = (radius - length) * (radius + length)
    root = math.sqrt(along * along + square * room)
    tau = room / (along + root) if along > real(0) else (root - along) / square
    for i in range(p.size):
        p[i] += tau * d[i]


@seldom
def step_along_path(p, H, F, v, d, g, radius, shift):
    """Write the step for H + σI with the factor F to p and return its length; d is scratch."""
    real = p.dtype.type
    n = p.size
    for i in range(n):
        p[i] = -g[i]
    cholesky_solve(F, p)
    length = euclidean_norm(p)
    if length <= radius:
        if shift > real(0):
            along = real(0)
            for i in range(n):
                along += p[i] * v[i]
            # The model's slope along v is −σ pᵀv, so that it falls if pᵀv ≥ 0.
            for i in range(n):
                d[i] = -v[i] if along < real(0) else v[i]
            extend(p, d, length, radius)
            length = radius
        return length
    size = euclidean_norm(g)
    curvature = shift  # along g / ‖g‖: H g may over- or underflow
    for i in range(n):
        product = real(0)
        for j in range(n):
            product += H[i, j] * (g[j] / size)
        curvature += g[i] / size * product
    cauchy = size / curvature
    for i in range(n):
        d[i] = p[i]
        p[i] = -g[i] / size * min(cauchy, radius)
        d[i] -= p[i]
    if cauchy < radius:
        extend(p, d, cauchy, radius)
    return radius


def make_model(evaluator):
    """The model is the Hessian; its factor is kept until the point changes."""
    hessian = evaluator.hessian
    shifted_factor = make_shifted_factor(evaluator.cholesky_rows)

    @portable
    def attend(problem, x, g, memory, age):
        hessian(problem, x, g, memory[2 : 2 + x.size])

    @portable
    def propose(problem, x, g, p, memory, carried, radius, age, options):
        n = x.size
        real = x.dtype.type
        d, v, H, F = memory[0], memory[1], memory[2 : 2 + n], memory[2 + n : 2 + 2 * n]
        if carried[0] != carried[0]:
            carried[0] = shifted_factor(F, H, v)
        shift = carried[0]
        if shift != shift:
            return Proposal(shift, shift, True)
        length = step_along_path(p, H, F, v, d, g, radius, shift)
        multiply(d, H, p)
        predicted = real(0)
        for i in range(n):
            predicted -= p[i] * (g[i] + real(0.5) * d[i])
        return Proposal(predicted, length, shift > real(0) or length >= radius)

    return Model(attend, propose)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_trust_region(space, evaluator, make_model(evaluator))


METHOD = Method(
    name="dogleg",
    summary="A trust region by Powell's dogleg.",
    options=TrustRegionOptions(),
    curvature="hessian",
    rows=rows,
    make_solver=make_solver,
)
