"""The covariance of fitted parameters, (JᵀJ)⁻¹ or its pseudo-inverse, from the factors of the Jacobian."""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.model import fill_norms
from numgd.sums_of_squares.qr import (
    copy_triangle,
    factorize,
    independent,
    reflect_back,
    solve_upper,
    solve_upper_transposed,
)


@seldom
def covariance(A, b, R, T, G, order, again, diagonal, norms, z, out):
    """Write the pseudo-inverse of AᵀA to `out` (n, n); how many columns of A are linearly independent.

    With fewer than n it is found by a complete orthogonal decomposition: Golub & Van Loan, section 5.4.7.
    A (n, m) holds the matrix by columns; it is overwritten by the columns of its factor R and, behind R's
    diagonal, what is left of the reflections, b (m,) by Qᵀ b.  R, T, G (n, n), the integers order and again
    (n,), and diagonal, norms, z (n,) are scratch.
    """
    zero, one = A.dtype.type(0), A.dtype.type(1)
    n = A.shape[0]
    fill_norms(A, norms)
    columns, right, rank = A, b, n
    for stage in range(2):
        size = columns.shape[0]
        pivots = order if stage == 0 else again[:size]
        factorize(columns, diagonal[:size], pivots, G[0, :size], right)
        copy_triangle(R[:size], columns, diagonal[:size])
        if stage == 0:
            rank = independent(R, norms, order, b.size)
            for k in range(min(n, b.size)):
                A[k, k] = R[k, k]
        if rank == n:
            break
        # The leading rows W of R as W = P Sᵀ Qᵀ: the pseudo-inverse of WᵀW is GᵀG with G = S⁻¹ Qᵀ.
        if stage == 0:
            for i in range(rank):
                for j in range(n):
                    T[i, j] = R[i, j] if j >= i else zero
            columns, right = T[:rank], z
    # Row k of G: of S⁻¹ Qᵀ, or where all columns count of R⁻ᵀ.
    for k in range(n):
        for j in range(n):
            z[j] = one if j == k and k < rank else zero
        if rank < n:
            solve_upper_transposed(R[:rank], z[:rank])
            reflect_back(T[:rank], diagonal[:rank], z)
        else:
            solve_upper(R, n, z)
        for j in range(n):
            G[k, order[j]] = z[j]
    for i in range(n):
        for j in range(n):
            total = zero
            for k in range(n):
                total += G[k, i] * G[k, j]
            out[i, j] = total
    return rank


@portable
def determined(pcov, x):
    """Whether no parameter's standard deviation exceeds it, or one, by more than half of the digits.

    Beyond that the data say nothing of a parameter.  Differences of SciPy's width do not see its column of
    the Jacobian then, and give a matrix that is exactly singular; an exact Jacobian holds some 1e-15.
    """
    one = x.dtype.type(1)
    for j in range(x.size):
        limit = max(one, abs(x[j])) / math.sqrt(epsilon(x))
        if not math.sqrt(pcov[j, j]) <= limit:
            return False
    return True
