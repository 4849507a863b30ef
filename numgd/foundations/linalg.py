"""Small dense matrices for one thread, in memory that the caller provides.

Symmetric matrices are stored in full, by rows.  Factorisations overwrite their argument and report success by
their return value; nothing is allocated or raised, so everything here also runs in CUDA kernels.
"""

import math

from numgd.jit.portable import portable, seldom


@portable
def epsilon(x):
    """Machine epsilon of the dtype of an array."""
    if x.itemsize == 4:
        return x.dtype.type(2.0**-23)
    return x.dtype.type(2.0**-52)


@portable
def is_finite(value):
    """Whether a number is neither NaN nor infinite.

    ``value - value == 0`` would not do: where sums may be reordered, LLVM simplifies the difference of a sum
    and itself to 0, whatever its value.
    """
    return abs(value) < math.inf


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
    """out = A x, four rows at a time, so that each xⱼ is loaded once for all four."""
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
    """Overwrite the lower triangle of A with L, where A = L Lᵀ; False if A is not positive definite."""
    return cholesky_rows(A) == A.shape[0]


@seldom
def cholesky_rows(A):
    """Like `cholesky`, but returns the first row whose pivot is not positive and finite, or n if all are.

    Golub & Van Loan, Matrix Computations, algorithm 4.2.1 in its row-oriented form, in blocks of four rows
    by four columns.  On failure that pivot, a Schur complement, is left on the diagonal.
    """
    zero = A.dtype.type(0)
    n = A.shape[0]
    blocked = n - n % 4
    for i in range(n):
        done = 0  # columns whose products have already been subtracted
        if i < blocked:
            done = i - i % 4
            if i == done:
                for j in range(0, i + 1, 4):
                    _cholesky_block(A, i, j)
        for j in range(done, i + 1):
            total = A[i, j]
            for k in range(done, j):
                total -= A[i, k] * A[j, k]
            if i == j:
                if not (total > zero and total < math.inf):
                    A[i, i] = total
                    return i
                A[i, i] = math.sqrt(total)
            else:
                A[i, j] = total / A[j, j]
    return n


@portable
def _cholesky_block(A, i, j):
    """Rows i to i + 3 of L in columns j to j + 3; if i = j, only subtract the products of columns before j.

    Each number is loaded once and used in four products.
    """
    zero, one = A.dtype.type(0), A.dtype.type(1)
    a00 = a01 = a02 = a03 = a10 = a11 = a12 = a13 = zero
    a20 = a21 = a22 = a23 = a30 = a31 = a32 = a33 = zero
    for k in range(j):
        x0, x1, x2, x3 = A[i, k], A[i + 1, k], A[i + 2, k], A[i + 3, k]
        y0, y1, y2, y3 = A[j, k], A[j + 1, k], A[j + 2, k], A[j + 3, k]
        a00 += x0 * y0
        a01 += x0 * y1
        a02 += x0 * y2
        a03 += x0 * y3
        a10 += x1 * y0
        a11 += x1 * y1
        a12 += x1 * y2
        a13 += x1 * y3
        a20 += x2 * y0
        a21 += x2 * y1
        a22 += x2 * y2
        a23 += x2 * y3
        a30 += x3 * y0
        a31 += x3 * y1
        a32 += x3 * y2
        a33 += x3 * y3
    if i == j:
        A[i, i] -= a00
        A[i + 1, i] -= a10
        A[i + 1, i + 1] -= a11
        A[i + 2, i] -= a20
        A[i + 2, i + 1] -= a21
        A[i + 2, i + 2] -= a22
        A[i + 3, i] -= a30
        A[i + 3, i + 1] -= a31
        A[i + 3, i + 2] -= a32
        A[i + 3, i + 3] -= a33
        return
    inverses = one / A[j, j], one / A[j + 1, j + 1], one / A[j + 2, j + 2], one / A[j + 3, j + 3]
    _cholesky_four(A, i, j, inverses, a00, a01, a02, a03)
    _cholesky_four(A, i + 1, j, inverses, a10, a11, a12, a13)
    _cholesky_four(A, i + 2, j, inverses, a20, a21, a22, a23)
    _cholesky_four(A, i + 3, j, inverses, a30, a31, a32, a33)


@portable
def _cholesky_four(A, i, j, inverses, first, second, third, fourth):
    """Row i of L in columns j to j + 3, given the products with the columns before them."""
    a = (A[i, j] - first) * inverses[0]
    b = (A[i, j + 1] - second - a * A[j + 1, j]) * inverses[1]
    c = (A[i, j + 2] - third - a * A[j + 2, j] - b * A[j + 2, j + 1]) * inverses[2]
    d = (A[i, j + 3] - fourth - a * A[j + 3, j] - b * A[j + 3, j + 1] - c * A[j + 3, j + 2]) * inverses[3]
    A[i, j], A[i, j + 1], A[i, j + 2], A[i, j + 3] = a, b, c, d


@portable
def solve_lower(L, x):
    """Overwrite x with the solution of L y = x."""
    for i in range(L.shape[0]):
        total = x[i]
        for k in range(i):
            total -= L[i, k] * x[k]
        x[i] = total / L[i, i]


@portable
def solve_lower_transposed(L, x):
    """Overwrite x with the solution of Lᵀ y = x."""
    n = L.shape[0]
    for step in range(n):
        i = n - 1 - step
        x[i] = x[i] / L[i, i]
        for k in range(i):
            x[k] -= L[i, k] * x[i]


@portable
def cholesky_solve(L, x):
    """Overwrite x with the solution of L Lᵀ y = x."""
    solve_lower(L, x)
    solve_lower_transposed(L, x)


@portable
def ldl(A):
    """Overwrite A with L (unit lower, below the diagonal) and D (on it), A = L D Lᵀ, without pivoting.

    Golub & Van Loan, algorithm 4.1.2.  Returns False if a pivot is zero or not finite; D may have any sign,
    so an indefinite matrix whose leading minors do not vanish is factorised too.
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
    """Overwrite x with the solution of L D Lᵀ y = x, with the factors left in A by `ldl`."""
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


@portable
def euclidean_norm(x):
    """√Σ xᵢ², even if the squares over- or underflow."""
    total = largest = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * x[i]
    if total != total or (total > epsilon(x) * epsilon(x) and total < math.inf):
        return math.sqrt(total)
    for i in range(x.size):
        largest = max(largest, abs(x[i]))
    if largest == x.dtype.type(0) or largest == math.inf:
        return largest
    total = x.dtype.type(0)
    for i in range(x.size):
        total += (x[i] / largest) * (x[i] / largest)
    return largest * math.sqrt(total)


@portable
def all_finite(x):
    """Whether no component is NaN or infinite."""
    finite = True
    for i in range(x.size):
        finite &= is_finite(x[i])
    return finite
