"""The Gauss-Newton step: the minimiser of the linearised residuals."""

from numgd.jit.portable import seldom
from numgd.sums_of_squares.qr import copy_triangle, factorize, independent, solve_upper


@seldom
def full_step(A, b, norms, R, order, diagonal, z, p):
    """Write to p the minimiser of ‖A p + b‖, and to R the factor of A; returns the number of columns used.

    The columns of A (n, m), whose norms are `norms`, and b are overwritten.  Columns that depend on others to
    working precision, zero columns included, are not used: their entries of p are zero.
    """
    factorize(A, diagonal, order, z, b)
    copy_triangle(R, A, diagonal)
    rank = independent(R, norms, order, b.size)
    for j in range(rank):
        z[j] = -b[j]
    solve_upper(R, rank, z)
    for j in range(p.size):
        p[order[j]] = z[j]
    return rank
