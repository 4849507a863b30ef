"""Small dense matrices for one thread, in caller-given memory.

A symmetric matrix is held whole, in rows.  Factorisations overwrite their argument and report by their
return value; nothing is allocated and nothing is raised, so all of it runs in CUDA kernels too.
"""

import math

from numgd.jit.portable import portable


@portable
def set_identity(A, diagonal):
    """A = diagonal · I."""
    zero = A.dtype.type(0)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            A[i, j] = zero
        A[i, i] = diagonal


@portable
def multiply(out, A, x):
    """out = A x, four rows at a time: each xⱼ is loaded once for the four."""
    zero = A.dtype.type(0)
    columns = A.shape[1]
    blocked = A.shape[0] - A.shape[0] % 4
    for i in range(0, blocked, 4):
        first = second = third = fourth = zero
        for j in range(columns):
            first += A[i, j] * x[j]
            second += A[i + 1, j] * x[j]
            third += A[i + 2, j] * x[j]
            fourth += A[i + 3, j] * x[j]
        out[i], out[i + 1], out[i + 2], out[i + 3] = first, second, third, fourth
    for i in range(blocked, A.shape[0]):
        total = zero
        for j in range(columns):
            total += A[i, j] * x[j]
        out[i] = total


@portable
def rank_one_update(A, a, x):
    """A = A + a x xᵀ."""
    for i in range(A.shape[0]):
        factor = a * x[i]
        for j in range(A.shape[1]):
            A[i, j] += factor * x[j]


@portable
def rank_two_update(A, a, x, b, y):
    """A = A + a x xᵀ + b (x yᵀ + y xᵀ)."""
    for i in range(A.shape[0]):
        with_x = a * x[i] + b * y[i]
        with_y = b * x[i]
        for j in range(A.shape[1]):
            A[i, j] += with_x * x[j] + with_y * y[j]


@portable
def cholesky(A):
    """Overwrite the lower triangle of A by L with A = L Lᵀ; False if A is not positive definite.

    Golub & Van Loan, Matrix Computations, algorithm 4.2.1 in its row-oriented form.
    """
    zero = A.dtype.type(0)
    for i in range(A.shape[0]):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= A[i, k] * A[j, k]
            if i == j:
                if not (total > zero and total < math.inf):
                    return False
                A[i, i] = math.sqrt(total)
            else:
                A[i, j] = total / A[j, j]
    return True


@portable
def solve_lower(L, x):
    """Overwrite x by the solution of L y = x."""
    for i in range(L.shape[0]):
        total = x[i]
        for k in range(i):
            total -= L[i, k] * x[k]
        x[i] = total / L[i, i]


@portable
def solve_lower_transposed(L, x):
    """Overwrite x by the solution of Lᵀ y = x."""
    n = L.shape[0]
    for step in range(n):
        i = n - 1 - step
        x[i] = x[i] / L[i, i]
        for k in range(i):
            x[k] -= L[i, k] * x[i]


@portable
def cholesky_solve(L, x):
    """Overwrite x by the solution of L Lᵀ y = x."""
    solve_lower(L, x)
    solve_lower_transposed(L, x)


@portable
def ldl(A):
    """Overwrite A by L (unit lower, below the diagonal) and D (on it) with A = L D Lᵀ, without pivoting.

    Golub & Van Loan, algorithm 4.1.2.  False if a pivot is zero or not finite; D may have any sign, so
    an indefinite matrix whose leading minors do not vanish is factorised too.
    """
    zero = A.dtype.type(0)
    for i in range(A.shape[0]):
        for j in range(i):
            total = A[i, j]
            for k in range(j):
                total -= A[i, k] * A[j, k] * A[k, k]
            A[i, j] = total / A[j, j]
        pivot = A[i, i]
        for k in range(i):
            pivot -= A[i, k] * A[i, k] * A[k, k]
        if pivot == zero or not abs(pivot) < math.inf:
            return False
        A[i, i] = pivot
    return True


@portable
def ldl_solve(A, x):
    """Overwrite x by the solution of L D Lᵀ y = x, with the factors that `ldl` left in A."""
    n = A.shape[0]
    for i in range(n):
        for k in range(i):
            x[i] -= A[i, k] * x[k]
    for i in range(n):
        x[i] = x[i] / A[i, i]
    for step in range(n):
        i = n - 1 - step
        for k in range(i):
            x[k] -= A[i, k] * x[i]
