"""Trust region with truncated conjugate gradients: the Newton step without a matrix.

T. Steihaug, "The conjugate gradient method and trust regions in large scale optimization", SIAM J. Numer.
Anal. 20 (1983) 626-637; Nocedal & Wright, algorithm 7.2.  Memory: 7 vectors of length n.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order.trust_region import (
    SCRATCH_ROWS,
    Model,
    Proposal,
    TrustRegionOptions,
    make_length,
    make_trust_region,
)


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, and residual, direction and its product."""
    return SCRATCH_ROWS + 3


class Truncated(NamedTuple):
    """Where truncated conjugate gradients ended."""

    decrease: Any  # of the model, divided by ‖g‖; NaN if the curvature is not finite
    square: Any  # ‖p‖²
    boundary: Any


def make_truncated_cg(space, product):
    """Conjugate gradients from an interior point up to the boundary of the region."""
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine

    @portable
    def truncated_cg(problem, x, g, size, p, r, d, hd, square, radius, tolerance, limit):
        """Move p, where ‖p‖² = `square` and r is the model's gradient divided by `size`.

        Ends at the boundary, where ‖r‖ ≤ tolerance, or after `limit` products.  Lengths are kept by their
        recurrences (Conn, Gould & Toint, eq. 7.5.5 to 7.5.7).
        """
        real = x.dtype.type
        zero, one, half = real(0), real(1), real(0.5)
        copy(d, r)
        scale(d, -one)
        rr = dot(r, r)
        dd = rr
        pd = decrease = zero
        elsewhere = square > zero  # p is not a sum of these directions
        if elsewhere:
            pd = dot(p, d)
        for _ in range(limit):
            product(problem, x, g, d, hd)
            curvature = dot(d, hd) / size
            if not abs(curvature) < math.inf:
                return Truncated(real(math.nan), square, True)
            alpha = rr / curvature
            after = square + alpha * (pd + pd + alpha * dd)
            if not (curvature > zero and after < radius * radius):
                # The positive root of ‖p + τ d‖ = Δ.
                room = max(zero, radius * radius - square)
                root = math.sqrt(pd * pd + dd * room)
                tau = room / (pd + root) if pd > zero else (root - pd) / dd
                axpy(p, tau, d)
                decrease += tau * (rr - half * tau * curvature)
                return Truncated(decrease, radius * radius, True)
            axpy(p, alpha, d)
            axpy(r, alpha / size, hd)
            decrease += half * alpha * rr
            square = after
            before, rr = rr, dot(r, r)
            if rr <= tolerance * tolerance:
                break
            beta = rr / before
            combine(d, beta, -one, r)
            pd = dot(p, d) if elsewhere else beta * (pd + alpha * dd)
            dd = rr + beta * beta * dd
        return Truncated(decrease, square, False)

    return truncated_cg


def make_model(space, evaluator):
    """The model is the Hessian, through its products; nothing is kept."""
    copy, scale = space.copy, space.scale
    curve = evaluator.curve
    length = make_length(space)
    truncated_cg = make_truncated_cg(space, evaluator.product)

    @portable
    def attend(problem, x, g, memory, age):
        curve(problem, x, g)

    @portable
    def propose(problem, x, g, p, memory, carried, radius, age, options):
        real = x.dtype.type
        r, d, hd = memory[0], memory[1], memory[2]
        size = length(g, r)
        copy(r, g)
        scale(r, real(1) / size)
        copy(p, r)
        scale(p, real(0))
        tolerance = min(real(0.5), math.sqrt(size))
        limit = 2 * x.size + 10
        found = truncated_cg(problem, x, g, size, p, r, d, hd, real(0), radius, tolerance, limit)
        return Proposal(found.decrease * size, math.sqrt(found.square), found.boundary)

    return Model(attend, propose)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_trust_region(space, evaluator, make_model(space, evaluator))


METHOD = Method(
    name="trust-ncg",
    summary="A trust region by Steihaug's truncated conjugate gradients.",
    options=TrustRegionOptions(),
    curvature="product",
    matrix_free=True,
    over_device_vectors=True,
    rows=rows,
    make_solver=make_solver,
)
