"""Trust region with the generalised Lanczos method: the best step of a Krylov space, without a matrix.

N. I. M. Gould, S. Lucidi, M. Roma and Ph. L. Toint, "Solving the trust-region subproblem using the Lanczos
method", SIAM J. Optim. 9 (1999) 504-525.  Where truncated conjugate gradients stop at the boundary of the
region, this method continues along it.  In the basis of Lanczos vectors the model is tridiagonal; the vectors
are kept, so that a step for a smaller radius needs no product.

Memory: at most 20 + 2²⁰ / n Lanczos vectors and 9 + 7 others of length n (one in place of the 7 for long x).
A step within the region that needs more vectors is continued by conjugate gradients, as in trust-ncg; on the
boundary, the best step in the span of the available vectors is taken.  A direction of negative curvature that
is orthogonal to all of them goes unnoticed: in the hard case the step is the best in the Krylov space.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import euclidean_norm
from numgd.foundations.records import Method
from numgd.jit.portable import portable, seldom
from numgd.second_order.secular import Factors, make_secular
from numgd.second_order.trust_ncg import make_truncated_cg
from numgd.second_order.trust_region import (
    SCRATCH_ROWS,
    Model,
    Proposal,
    TrustRegionOptions,
    make_length,
    make_trust_region,
)

VECTORS = 4  # residual, direction, its product, the next Lanczos vector before it is normalised
SMALL = 7  # arrays with a number for each Lanczos vector
ATTEMPTS = 25  # factorisations of the tridiagonal matrix for one step
EASY = 0.01  # relative tolerance for the length of a step that the radius limits


@portable
def basis_size(n):
    """Maximum number of Lanczos vectors."""
    return min(n, 20 + 2**20 // n)


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, the method's own, the small arrays, the Lanczos vectors."""
    kept = basis_size(n)
    together = n // kept
    return SCRATCH_ROWS + VECTORS + (SMALL + together - 1) // together + kept


class Tridiagonal(NamedTuple):
    """A symmetric tridiagonal matrix, or its bidiagonal Cholesky factor."""

    diagonal: Any
    beside: Any


@seldom
def bounds(A, n):
    """Gershgorin bounds on the eigenvalues, and the least diagonal entry; NaN if A is not finite."""
    real = A.diagonal.dtype.type
    least = diagonal = real(math.inf)
    greatest = -real(math.inf)
    everything = before = real(0)
    for i in range(n):
        after = abs(A.beside[i]) if i + 1 < n else real(0)
        total = before + after
        everything += abs(A.diagonal[i]) + total
        least = min(least, A.diagonal[i] - total)
        greatest = max(greatest, A.diagonal[i] + total)
        diagonal = min(diagonal, A.diagonal[i])
        before = after
    if not everything < math.inf:
        least = greatest = diagonal = real(math.nan)
    return least, greatest, diagonal


@seldom
def factorise(F, A, shift, n):
    """F = Cholesky factor of A + shift I."""
    zero = below = A.diagonal.dtype.type(0)
    for i in range(n):
        pivot = A.diagonal[i] + shift - below * below
        if not (pivot > zero and pivot < math.inf):
            F.diagonal[i] = pivot
            return i
        F.diagonal[i] = math.sqrt(pivot)
        if i + 1 < n:
            below = A.beside[i] / F.diagonal[i]
            F.beside[i] = below
    return n


@seldom
def solve(F, x):
    """x = L⁻¹ x."""
    x[0] = x[0] / F.diagonal[0]
    for i in range(1, x.size):
        x[i] = (x[i] - F.beside[i - 1] * x[i - 1]) / F.diagonal[i]


@seldom
def solve_transposed(F, x):
    """x = L⁻ᵀ x."""
    last = x.size - 1
    x[last] = x[last] / F.diagonal[last]
    for back in range(last):
        i = last - 1 - back
        x[i] = (x[i] - F.beside[i] * x[i + 1]) / F.diagonal[i]


@portable
def pivot(F, k):
    """Pivot of row k."""
    return F.diagonal[k]


@seldom
def descend(F, k, v):
    """v = (−L⁻ᵀ l, 1, 0), where l is row k: Conn, Gould & Toint, section 7.3.6."""
    real = v.dtype.type
    for i in range(k + 1, v.size):
        v[i] = real(0)
    v[k] = real(1)
    for back in range(k):
        i = k - 1 - back
        v[i] = -F.beside[i] * v[i + 1] / F.diagonal[i]


@seldom
def weaken(F, z):
    """Solve Lᵀz = w where L w = e, with the signs of e = ±1 chosen so that w grows."""
    real = z.dtype.type
    total = real(0)
    for i in range(z.size):
        sign = real(-1) if total > real(0) else real(1)
        z[i] = (sign - total) / F.diagonal[i]
        if i + 1 < z.size:
            total = F.beside[i] * z[i]
    before = euclidean_norm(z)
    solve_transposed(F, z)
    size = euclidean_norm(z)
    for i in range(z.size):
        z[i] = z[i] / size
    return (before / size) * (before / size)


minimise = make_secular(Factors(bounds, factorise, solve, solve_transposed, pivot, descend, weaken))


def make_model(space, evaluator):
    """The model is the Hessian in the basis of Lanczos vectors, which are kept until the point changes."""
    dot, copy, scale, axpy = space.dot, space.copy, space.scale, space.axpy
    curve, product = evaluator.curve, evaluator.product
    length = make_length(space)
    truncated_cg = make_truncated_cg(space, product)

    @portable
    def small(memory, which):
        """One of the SMALL arrays; they share rows where a row has room for several."""
        kept = basis_size(memory.shape[1])
        together = memory.shape[1] // kept
        start = which % together * kept
        return memory[VECTORS + which // together][start : start + kept]

    @portable
    def attend(problem, x, g, memory, age):
        curve(problem, x, g)

    @portable
    def lanczos(problem, x, g, Q, k, w, A):
        """Compute column k of A and, in w, Lanczos vector k + 1 before it is normalised."""
        product(problem, x, g, Q[k], w)
        A.diagonal[k] = dot(Q[k], w)
        axpy(w, -A.diagonal[k], Q[k])
        if k > 0:
            axpy(w, -A.beside[k - 1], Q[k - 1])

    @portable
    def propose(problem, x, g, p, memory, carried, radius, age, options):
        real = x.dtype.type
        zero, one = real(0), real(1)
        n = x.size
        kept = basis_size(n)
        r, d, hd, w = memory[0], memory[1], memory[2], memory[3]
        Q = memory[memory.shape[0] - kept :]
        A, F = (
            Tridiagonal(small(memory, 0), small(memory, 1)),
            Tridiagonal(small(memory, 2), small(memory, 3)),
        )
        first, h, z = small(memory, 4), small(memory, 5), small(memory, 6)
        size = length(g, r)
        relative = min(real(0.5), math.sqrt(size))
        tolerance = relative * size
        held = 0
        if carried[0] == carried[0]:
            held = int(carried[0])
        shift = carried[1]
        while True:
            if held > 0:
                first[0] = size
                for i in range(1, held):
                    first[i] = zero
                found = minimise(
                    A, F, first[:held], h[:held], z[:held], radius, zero, shift, real(EASY), ATTEMPTS
                )
                shift = found.shift
                open_end = abs(A.beside[held - 1] * h[held - 1]) > tolerance
                if not (found.predicted < math.inf and open_end and held < kept):
                    break
                copy(Q[held], w)
                scale(Q[held], one / A.beside[held - 1])
            else:
                copy(Q[0], g)
                scale(Q[0], one / size)
            lanczos(problem, x, g, Q, held, w, A)
            A.beside[held] = length(w, hd)
            held += 1
        carried[0], carried[1] = real(held), shift

        copy(p, Q[0])
        scale(p, h[0])
        for j in range(1, held):
            axpy(p, h[j], Q[j])
        if found.boundary or not open_end:
            return Proposal(found.predicted, found.length, found.boundary)
        copy(r, w)
        scale(r, h[held - 1] / size)
        more = truncated_cg(
            problem, x, g, size, p, r, d, hd, found.length * found.length, radius, relative, 2 * n + 10
        )
        return Proposal(found.predicted + more.decrease * size, math.sqrt(more.square), more.boundary)

    return Model(attend, propose)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_trust_region(space, evaluator, make_model(space, evaluator))


METHOD = Method(
    name="trust-krylov",
    summary="A trust region by the Lanczos method of Gould, Lucidi, Roma and Toint.",
    options=TrustRegionOptions(),
    curvature="product",
    matrix_free=True,
    on_device=False,
    rows=rows,
    make_solver=make_solver,
)
