"""Modified Cholesky factorisation: a positive definite matrix near a symmetric one.

P. E. Gill, W. Murray and M. H. Wright, Practical Optimization (1981), section 4.4.2.2: P (A + E) Pᵀ = L D Lᵀ
with a diagonal E ≥ 0 that vanishes where A is safely positive definite, and L and D bounded.
"""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable, seldom


@portable
def _exchange(A, j, q):
    """Exchange rows and columns j < q of a symmetric matrix held in its lower triangle."""
    for k in range(j):
        A[j, k], A[q, k] = A[q, k], A[j, k]
    for k in range(j + 1, q):
        A[k, j], A[q, k] = A[q, k], A[k, j]
    for k in range(q + 1, A.shape[0]):
        A[k, j], A[k, q] = A[k, q], A[k, j]
    A[j, j], A[q, q] = A[q, q], A[j, j]


@seldom
def modified_cholesky(A, order):
    """Overwrite the lower triangle of A with L (unit lower, below the diagonal) and D of A + E.

    `order` (n,) receives the permutation: row i of the factors belongs to row ``order[i]`` of A.  Returns
    the position and the value of the most negative pivot before it was modified, (-1, 0) if there is
    none, and (-1, NaN) for a matrix that is not finite.
    """
    real = A.dtype.type
    zero, one = real(0), real(1)
    n = A.shape[0]
    diagonal = beside = zero
    finite = True
    for i in range(n):
        order[i] = i
        finite &= abs(A[i, i]) < math.inf
        diagonal = max(diagonal, abs(A[i, i]))
        for j in range(i):
            finite &= abs(A[i, j]) < math.inf
            beside = max(beside, abs(A[i, j]))
    if not finite:
        return -1, real(math.nan)
    # β bounds the elements of L √D.  δ bounds D from below; it is larger than the authors' ε, so that a line
    # search can still correct a step along a direction without curvature.
    across = math.sqrt(max(real(n) * real(n) - one, one))
    beta = math.sqrt(max(diagonal, beside / across, epsilon(A)))
    delta = max(epsilon(A) ** (one / real(3)) * max(diagonal, beside), epsilon(A))
    worst, lowest = -1, zero
    for j in range(n):
        q = j
        for i in range(j + 1, n):
            if abs(A[i, i]) > abs(A[q, q]):
                q = i
        if q > j:
            _exchange(A, j, q)
            order[j], order[q] = order[q], order[j]
        for k in range(j):
            A[j, k] = A[j, k] / A[k, k]
        theta = zero
        for i in range(j + 1, n):
            total = A[i, j]
            for k in range(j):
                total -= A[j, k] * A[i, k]
            A[i, j] = total
            theta = max(theta, abs(total))
        pivot = A[j, j]
        if pivot < lowest:
            worst, lowest = j, pivot
        bound = theta / beta
        pivot = max(delta, abs(pivot), bound * bound)
        for i in range(j + 1, n):
            A[i, i] -= A[i, j] / pivot * A[i, j]
        A[j, j] = pivot
    return worst, lowest


@seldom
def modified_solve(A, order, x, scratch):
    """Overwrite x with the solution of (A + E) y = x, by means of the factors of `modified_cholesky`."""
    n = A.shape[0]
    for i in range(n):
        total = x[int(order[i])]
        for k in range(i):
            total -= A[i, k] * scratch[k]
        scratch[i] = total
    for i in range(n):
        scratch[i] = scratch[i] / A[i, i]
    _solve_unit_transposed(A, scratch)
    for i in range(n):
        x[int(order[i])] = scratch[i]


@seldom
def negative_curvature(A, order, worst, x, scratch):
    """Overwrite x with a direction of negative curvature of A.

    Lᵀ P x = e_s, where s is the position of a negative pivot: xᵀA x is at most that pivot.
    """
    zero, one = A.dtype.type(0), A.dtype.type(1)
    n = A.shape[0]
    for i in range(n):
        scratch[i] = zero
    scratch[worst] = one
    _solve_unit_transposed(A, scratch)
    for i in range(n):
        x[int(order[i])] = scratch[i]


@portable
def _solve_unit_transposed(A, x):
    """Overwrite x with the solution of Lᵀ y = x, where L has ones on its diagonal."""
    n = A.shape[0]
    for step in range(n):
        i = n - 1 - step
        for k in range(i):
            x[k] -= A[i, k] * x[i]
