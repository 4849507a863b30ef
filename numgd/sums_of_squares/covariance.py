"""The covariance of fitted parameters, (JᵀJ)⁻¹ or its pseudo-inverse, from the factorised Jacobian."""

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
    """Write the pseudo-inverse of AᵀA to `out` (n, n); returns the number of independent columns of A.

    If that is less than n, it uses a complete orthogonal decomposition: Golub & Van Loan, section 5.4.7.
    A (n, m) holds the matrix by columns.  It is overwritten with the columns of its factor R and, after R's
    diagonal, the rest of the reflection vectors; b (m,) is overwritten with Qᵀ b.  R, T, G (n, n), the
    integer arrays order and again (n,), and diagonal, norms, z (n,) are scratch.
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
        # Write the leading rows W of R as W = P Sᵀ Qᵀ: the pseudo-inverse of WᵀW is GᵀG with G = S⁻¹ Qᵀ.
        if stage == 0:
            for i in range(rank):
                for j in range(n):
                    T[i, j] = R[i, j] if j >= i else zero
            columns, right = T[:rank], z
    # Row k of G, which is S⁻¹ Qᵀ, or R⁻ᵀ if all columns are independent.
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
def variance_of(cost, m, n, absolute):
    """The variance of a residual of a fit of n parameters to m points, and whether it is known.

    It is 1 in absolute units, else the reduced sum of squares, of which half is `cost`.
    """
    if absolute:
        return 1.0, True
    if m > n:
        return 2.0 * cost / (m - n), True
    return 1.0, False


@portable
def determined(pcov, x):
    """Whether no parameter's standard deviation exceeds max(1, |parameter|) by more than half of the digits.

    Beyond that the data do not determine the parameter.  Differences with SciPy's steps then miss its column
    of the Jacobian, and give an exactly singular matrix; an exact Jacobian has entries of about 1e-15.
    """
    one = x.dtype.type(1)
    for j in range(x.size):
        limit = max(one, abs(x[j])) / math.sqrt(epsilon(x))
        if not math.sqrt(pcov[j, j]) <= limit:
            return False
    return True
