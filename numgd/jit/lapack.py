"""Cholesky factorisation from compiled code, by the LAPACK in SciPy."""

import numpy as np
from numba import types
from numba.extending import overload
from numba.np.linalg import _LAPACK, ensure_lapack


def potrf(A):
    """Overwrite the lower triangle of A (n, n), contiguous, by L with A = L Lᵀ; LAPACK's `info`.

    It is 0, or k > 0 if the k-th pivot, which is then on the diagonal, is not positive.
    """
    from scipy.linalg.lapack import get_lapack_funcs  # imported late: only interpreted solvers come here

    (factorise,) = get_lapack_funcs(("potrf",), (A,))
    # Rows are columns to LAPACK: it sees the lower triangle as the upper one.
    factor, info = factorise(A.T, lower=0, clean=0, overwrite_a=1)
    if not np.shares_memory(factor, A):
        A[:] = factor.T
    return info


@overload(potrf)
def _compiled_potrf(A):
    ensure_lapack()
    routine = _LAPACK().numba_xxpotrf(A.dtype)
    kind = np.int8(ord("s" if A.dtype == types.float32 else "d"))
    upper = np.int8(ord("U"))

    def compiled_potrf(A):
        return int(routine(kind, upper, A.shape[0], A.ctypes, A.shape[0]))

    return compiled_potrf
