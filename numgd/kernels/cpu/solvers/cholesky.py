"""Cholesky factorisation on the host: numgd's own, or LAPACK's if that is faster."""

import math

from numgd.foundations.linalg import cholesky_rows as own_cholesky_rows
from numgd.jit.lapack import potrf
from numgd.jit.portable import seldom

LAPACK_FROM = 1500
"""Rows from which LAPACK is faster; below, one thread of OpenBLAS takes 1.1 to 1.9 times as long."""


@seldom
def cholesky_rows(A):
    """As `numgd.foundations.linalg.cholesky_rows`."""
    n = A.shape[0]
    if n < LAPACK_FROM:
        return own_cholesky_rows(A)
    info = int(potrf(A))
    rows = info - 1 if info > 0 else n
    for i in range(rows):
        if not A[i, i] < math.inf:  # LAPACK goes on past NaN
            return i
    return rows
