"""Householder QR with column pivoting of a tall matrix that is stored by columns.

Row j of the array A (n, m) is column j of the m×n matrix, so that every inner loop runs over contiguous
memory.  Golub & Van Loan, Matrix Computations, section 5.4.2.
"""

import math

from numgd.foundations.linalg import epsilon, euclidean_norm
from numgd.jit.portable import portable, seldom


@portable
def _reflect(v, c):
    """Apply the reflection given by v to c; returns the sum of squares of c after its first entry."""
    total = square = v.dtype.type(0)
    for i in range(v.size):
        total += v[i] * c[i]
    total /= v[0]
    c[0] -= total * v[0]
    for i in range(1, v.size):
        c[i] -= total * v[i]
        square += c[i] * c[i]
    return square


@seldom
def factorize(A, diagonal, order, remaining, b):
    """Overwrite A with the factors Q and R of ``A[:, order] = Q R``, and b (m,) with Qᵀ b.

    The magnitudes on R's diagonal do not increase.

    Parameters
    ----------
    A : (n, m)
        On return row k holds column k of R in its first k entries (fewer if m is less), and after them
        the vector of reflection k.
    diagonal : (n,)
        Diagonal of R; zero from m on.
    order : (n,) integers
        ``order[k]`` is the column of the matrix that became column k of R.
    remaining : (n,)
        Scratch: norms of the parts of the columns still to be reduced.
    b : (m,)
    """
    real = A.dtype.type
    n, m = A.shape
    tiny = epsilon(A) * epsilon(A)  # sums of squares below this may have lost digits
    for k in range(n):
        order[k] = k
        diagonal[k] = real(0)
        remaining[k] = euclidean_norm(A[k])
    for k in range(min(m, n)):
        pivot = k
        for j in range(k + 1, n):
            if remaining[j] > remaining[pivot]:
                pivot = j
        if pivot != k:
            for i in range(m):
                A[k, i], A[pivot, i] = A[pivot, i], A[k, i]
            order[k], order[pivot] = order[pivot], order[k]
            remaining[k], remaining[pivot] = remaining[pivot], remaining[k]
        v = A[k, k:]
        size = remaining[k]
        if size == real(0):
            return
        if v[0] < real(0):
            size = -size
        shrink = real(1) / size
        if abs(shrink) < math.inf:
            for i in range(v.size):
                v[i] *= shrink
        else:
            for i in range(v.size):
                v[i] /= size
        v[0] += real(1)
        diagonal[k] = -size
        for j in range(k + 1, n + 1):
            c = A[j, k:] if j < n else b[k:]
            square = _reflect(v, c)
            if j < n:
                safe = square > tiny and square < math.inf
                remaining[j] = math.sqrt(square) if safe else euclidean_norm(c[1:])


@seldom
def reflect_back(A, diagonal, x):
    """x = Q x, with the factors left by `factorize`."""
    last = min(A.shape[0], A.shape[1]) - 1
    for step in range(last + 1):
        k = last - step
        if diagonal[k] != A.dtype.type(0):
            _reflect(A[k, k:], x[k:])


@seldom
def copy_triangle(R, A, diagonal):
    """R (n, n) = the upper triangular factor left by `factorize`; rows beyond m are zero."""
    zero = A.dtype.type(0)
    n, m = A.shape
    for i in range(n):
        R[i, i] = diagonal[i]
        for j in range(i + 1, n):
            R[i, j] = A[j, i] if i < m else zero


@seldom
def independent(R, norms, order, m):
    """Number of leading columns that are linearly independent to working precision, at any scale."""
    n = R.shape[0]
    tolerance = epsilon(R) * R.dtype.type(max(m, n))
    for k in range(n):
        if not abs(R[k, k]) > tolerance * norms[order[k]]:
            return k
    return n


@seldom
def solve_upper(R, rank, x):
    """Overwrite x with the solution y of R y = x over the leading `rank` columns; y is zero beyond them."""
    for i in range(rank, x.size):
        x[i] = x.dtype.type(0)
    for step in range(rank):
        i = rank - 1 - step
        total = x[i]
        for k in range(i + 1, rank):
            total -= R[i, k] * x[k]
        x[i] = total / R[i, i]


@seldom
def solve_upper_transposed(R, x):
    """Overwrite x with the solution of Rᵀ y = x."""
    n = R.shape[0]
    for i in range(n):
        x[i] = x[i] / R[i, i]
        for k in range(i + 1, n):
            x[k] -= R[i, k] * x[i]
