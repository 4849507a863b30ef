"""Trust region with the nearly exact step of the quadratic model (Moré & Sorensen 1983).

The Hessian is factorised once or a few times per step; directions of negative curvature are always found, so
that the method leaves saddle points.  Memory: 2 n + 5 vectors of length n.
"""

import math
from typing import Annotated, NamedTuple

from numgd.foundations.linalg import euclidean_norm, solve_lower, solve_lower_transposed
from numgd.foundations.ranges import (
    Acceptance,
    AtMost,
    Extent,
    Limit,
    LimitFromOne,
    NormOrder,
    Positive,
    Tolerance,
)
from numgd.foundations.records import Method
from numgd.jit.portable import portable, seldom
from numgd.second_order.secular import Factors, make_secular
from numgd.second_order.trust_region import (
    AUTOMATIC,
    SCRATCH_ROWS,
    UNLIMITED,
    Model,
    Proposal,
    make_trust_region,
)

EASY = 0.1  # relative tolerance for the length of a step that the radius limits


class TrustExactOptions(NamedTuple):
    """`TrustRegionOptions`, and the iteration limit of the subproblem's solver."""

    initial_trust_radius: Annotated[Positive, AtMost("max_trust_radius")] = 1.0
    max_trust_radius: Extent = 1000.0
    eta: Acceptance = 0.15
    gtol: Tolerance = 1e-4
    norm: NormOrder = 2.0
    xrtol: Tolerance = 0.0
    ftol: Tolerance = 0.0
    maxiter: Limit = AUTOMATIC
    maxfun: LimitFromOne = UNLIMITED
    subproblem_maxiter: LimitFromOne = 25  # factorisations per step


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, a vector, the Hessian and its factor."""
    return SCRATCH_ROWS + 1 + 2 * n


@seldom
def bounds(A, n):
    """Gershgorin bounds on the eigenvalues, and the least diagonal entry; NaN if A is not finite."""
    real = A.dtype.type
    least = diagonal = real(math.inf)
    greatest = -real(math.inf)
    everything = real(0)
    for i in range(n):
        total = real(0)
        for j in range(n):
            total += abs(A[i, j])
        everything += total
        total -= abs(A[i, i])
        least = min(least, A[i, i] - total)
        greatest = max(greatest, A[i, i] + total)
        diagonal = min(diagonal, A[i, i])
    if not everything < math.inf:
        least = greatest = diagonal = real(math.nan)
    return least, greatest, diagonal


def make_factorise(cholesky_rows):
    """Function that factorises a symmetric matrix plus a multiple of the identity."""

    @seldom
    def factorise(F, A, shift, n):
        """Lower triangle of F = Cholesky factor of A + shift I."""
        for i in range(n):
            for j in range(i):
                F[i, j] = A[i, j]
            F[i, i] = A[i, i] + shift
        return cholesky_rows(F)

    return factorise


@portable
def pivot(F, k):
    """Pivot of row k."""
    return F[k, k]


@seldom
def descend(F, k, v):
    """v = (−L⁻ᵀ l, 1, 0), where l is row k: Conn, Gould & Toint, section 7.3.6."""
    real = v.dtype.type
    for i in range(k):
        v[i] = -F[k, i]
    solve_lower_transposed(F[:k, :k], v[:k])
    v[k] = real(1)
    for i in range(k + 1, v.size):
        v[i] = real(0)


@seldom
def weaken(F, z):
    """Solve Lᵀz = w where L w = e, with the signs of e = ±1 chosen so that w grows.

    A. K. Cline, C. B. Moler, G. W. Stewart and J. H. Wilkinson, SIAM J. Numer. Anal. 16 (1979) 368-375.
    """
    real = z.dtype.type
    n = z.size
    for i in range(n):
        total = real(0)
        for k in range(i):
            total += F[i, k] * z[k]
        sign = real(-1) if total > real(0) else real(1)
        z[i] = (sign - total) / F[i, i]
    before = euclidean_norm(z)
    solve_lower_transposed(F, z)
    size = euclidean_norm(z)
    for i in range(n):
        z[i] = z[i] / size
    return (before / size) * (before / size)


def make_model(evaluator):
    """The model is the Hessian; bounds on λ are kept until the point changes."""
    hessian = evaluator.hessian
    factorise = make_factorise(evaluator.cholesky_rows)
    minimise = make_secular(
        Factors(bounds, factorise, solve_lower, solve_lower_transposed, pivot, descend, weaken)
    )

    @portable
    def attend(problem, x, g, memory, age):
        n = x.size
        hessian(problem, x, g, memory[1 : 1 + n])

    @portable
    def propose(problem, x, g, p, memory, carried, radius, age, options):
        real = x.dtype.type
        n = x.size
        z, H, F = memory[0], memory[1 : 1 + n], memory[1 + n : 1 + 2 * n]
        found = minimise(
            H, F, g, p, z, radius, carried[0], carried[1], real(EASY), options.subproblem_maxiter
        )
        carried[0] = found.least
        return Proposal(found.predicted, found.length, found.boundary)

    return Model(attend, propose)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_trust_region(space, evaluator, make_model(evaluator))


METHOD = Method(
    name="trust-exact",
    summary="A trust region whose subproblem is solved nearly exactly.",
    options=TrustExactOptions(),
    curvature="hessian",
    rows=rows,
    make_solver=make_solver,
)
