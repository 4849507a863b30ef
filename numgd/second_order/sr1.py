"""SR1: the Hessian from differences of gradients by symmetric updates of rank one, in a trust region.

Nocedal & Wright, algorithm 6.2; A. R. Conn, N. I. M. Gould and Ph. L. Toint, Math. Programming 50 (1991)
177-195.  The matrix may be indefinite, like the Hessian: the region, not the update, limits the
step.  Memory: n + 8 vectors of length n.
"""

import math

import numpy as np

from numgd.foundations.linalg import epsilon, multiply, rank_one_update, set_identity
from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order.trust_ncg import make_truncated_cg
from numgd.second_order.trust_region import (
    SCRATCH_ROWS,
    Model,
    Proposal,
    TrustRegionOptions,
    make_length,
    make_trust_region,
)

SKIP = 1e-8
"""Least cosine between step and the error of the model for which the model is updated, eq. 6.26."""


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, those of conjugate gradients, and the matrix."""
    return SCRATCH_ROWS + 3 + n


@portable
def product(B, x, g, p, out):
    """out = B p."""
    multiply(out, B, p)


def make_model(space):
    """The model is the n×n matrix B ≈ ∇²f."""
    dot, copy, scale, axpy = space.dot, space.copy, space.scale, space.axpy
    length = make_length(space)
    truncated_cg = make_truncated_cg(space, product)

    @portable
    def attend(problem, x, g, memory, age):
        if age == 0:
            set_identity(memory[3:], x.dtype.type(1))

    @portable
    def propose(problem, x, g, p, memory, carried, radius, age, options):
        real = x.dtype.type
        r, d, bd, B = memory[0], memory[1], memory[2], memory[3:]
        size = length(g, r)
        if age == 0 and size < math.sqrt(epsilon(x)):  # −g would be lost next to x
            set_identity(B, size / radius)
        copy(r, g)
        scale(r, real(1) / size)
        copy(p, r)
        scale(p, real(0))
        tolerance = min(real(0.1), math.sqrt(size))
        found = truncated_cg(B, x, g, size, p, r, d, bd, real(0), radius, tolerance, 2 * x.size)
        return Proposal(found.decrease * size, math.sqrt(found.square), found.boundary)

    @portable
    def learn(p, g, g_trial, taken, memory, age):
        real = p.dtype.type
        one = real(1)
        y, bs, B = memory[0], memory[1], memory[3:]
        copy(y, g_trial)
        axpy(y, -one, g)
        if age == 0 and taken:
            yy, ys = dot(y, y), dot(y, p)
            if ys > real(0) and yy < math.inf:
                set_identity(B, yy / ys)  # eq. 6.20, for the Hessian
        multiply(bs, B, p)
        axpy(y, -one, bs)
        along = dot(y, p)
        if not abs(along) > real(SKIP) * length(p, bs) * length(y, bs):
            return age
        scale(y, one / math.sqrt(abs(along)))
        rank_one_update(B, -one if along < real(0) else one, y)  # eq. 6.24
        return age + 1

    return Model(attend, propose, learn)


def result_fields(x, work, age, maxcor):
    """The Hessian for the result."""
    return {"hess": work[SCRATCH_ROWS + 3 :].copy() if age else np.eye(x.size, dtype=x.dtype)}


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_trust_region(space, evaluator, make_model(space))


METHOD = Method(
    name="sr1",
    summary="A trust region with the symmetric rank-one update.",
    options=TrustRegionOptions(max_trust_radius=1e10, eta=1e-3, gtol=1e-5, norm=math.inf),
    rows=rows,
    result_fields=result_fields,
    make_solver=make_solver,
)
