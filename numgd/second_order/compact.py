"""The compact form of L-BFGS's matrix, for bound-constrained problems of many variables.

With the pairs scaled so that sᵀy = 1, and with W = [Y S],

    B = θ (I − W N⁻¹ Wᵀ),   N = [ −θI   R  ]     θ = yᵀy of the newest pair,
                               [  Rᵀ  SᵀS ]     R = the part of YᵀS in which s is newer than y

(R. H. Byrd, J. Nocedal and R. B. Schnabel, Math. Program. 63 (1994) 129-156, theorem 2.3).  For the rows of
the free variables F alone, by the Sherman-Morrison-Woodbury formula,

    B_FF⁻¹ = (I + W_F K⁻¹ W_Fᵀ) / θ,   K = N − W_FᵀW_F.

K is stored without its θ: the w wᵀ of a variable is subtracted when it becomes free, and added when it
reaches a bound.  The cost depends on the number of variables that change, not on the number of variables.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import cholesky, cholesky_solve, solve_lower, solve_lower_transposed
from numgd.jit.portable import portable, seldom
from numgd.second_order.cauchy_point import Quadratic


class Blocks(NamedTuple):
    """A symmetric matrix [[−P, R], [Rᵀ, Q]] over the columns of W; lower triangles of P and Q.

    Each is (held, maxcor) with contiguous rows, of which the first `held` numbers are used.
    """

    P: Any
    R: Any
    Q: Any


class Compact(NamedTuple):
    """The pairs that are held, in order of their slots, and the small matrices and vectors."""

    s: Any  # (held, n)
    y: Any
    free: Any  # (n,) 1 for each variable that K treats as free, 0 for the others
    theta: Any
    N: Any  # Blocks, of which P is not used
    K: Any  # Blocks, whose P is without θ
    factors: Any  # Blocks C, T, D of the last `factorize`
    along_d: Any  # Wᵀd and Wᵀz of a path, each (2 held,)
    along_z: Any
    column: Any  # a row of W
    solution: Any


@portable
def small_numbers(maxcor):
    """Number of elements of the small matrices and vectors."""
    return 9 * maxcor * maxcor + 4 * 2 * maxcor


@portable
def compact_rows(n, maxcor):
    """Rows of scratch memory."""
    return 2 * maxcor + (small_numbers(maxcor) + n - 1) // n


@portable
def pairs_in(n, rows):
    """The maxcor for which `compact_rows` is `rows`; 0 if there is none."""
    maxcor = rows // 2
    while maxcor > 0 and compact_rows(n, maxcor) != rows:
        maxcor -= 1
    return maxcor


@portable
def vector(small, maxcor, held, k):
    """Small vector k, after the matrices."""
    start = 9 * maxcor * maxcor + 2 * maxcor * k
    return small[start : start + 2 * held]


@portable
def compact(memory, free, theta, age):
    """The model in scratch memory."""
    m = pairs_in(memory.shape[1], memory.shape[0])
    held = min(age, m)
    small = memory[2 * m :].reshape(-1)
    matrices = small[: 9 * m * m].reshape(9, m, m)
    return Compact(
        memory[:held],
        memory[m : m + held],
        free,
        theta,
        Blocks(matrices[0, :held], matrices[1, :held], matrices[2, :held]),
        Blocks(matrices[3, :held], matrices[4, :held], matrices[5, :held]),
        Blocks(matrices[6, :held], matrices[7, :held], matrices[8, :held]),
        vector(small, m, held, 0),
        vector(small, m, held, 1),
        vector(small, m, held, 2),
        vector(small, m, held, 3),
    )


@seldom
def factorize(matrix, factors, theta, diagonal):
    """Factors of a matrix with θ added to P: C Cᵀ = P, T = C⁻¹R, D Dᵀ = Q + TᵀT; False on failure.

    `diagonal`: whether P is θ I alone.
    """
    zero, one = matrix.R.dtype.type(0), matrix.R.dtype.type(1)
    C, T, D = factors
    held = T.shape[0]
    root = math.sqrt(theta)
    for i in range(held):
        for j in range(i):
            C[i, j] = zero if diagonal else matrix.P[i, j]
            D[i, j] = matrix.Q[i, j]
        C[i, i] = root if diagonal else theta + matrix.P[i, i]
        D[i, i] = matrix.Q[i, i]
    if not (diagonal or cholesky(C)):
        return False
    for i in range(held):
        for j in range(held):
            T[i, j] = matrix.R[i, j]
        if not diagonal:
            for k in range(i):
                for j in range(held):
                    T[i, j] -= C[i, k] * T[k, j]
        factor = one / C[i, i]
        for j in range(held):
            T[i, j] *= factor
        for k in range(held):
            for j in range(k + 1):
                D[k, j] += T[i, k] * T[i, j]
    return cholesky(D)


@seldom
def solve_small(factors, v):
    """Overwrite v by the solution of [[−P, R], [Rᵀ, Q]] x = v."""
    C, T, D = factors
    held = T.shape[0]
    upper, lower = v[:held], v[held:]
    solve_lower(C, upper)
    for i in range(held):
        for j in range(held):
            lower[j] += T[i, j] * upper[i]
    cholesky_solve(D, lower)
    for i in range(held):
        total = -upper[i]
        for j in range(held):
            total += T[i, j] * lower[j]
        upper[i] = total
    solve_lower_transposed(C, upper)


@portable
def set_free(model, breaks):
    """Update K for the free variables of a new Cauchy point: those whose `breaks` are not negative."""
    zero, one = breaks.dtype.type(0), breaks.dtype.type(1)
    s, y, K = model.s, model.y, model.K
    for b in range(breaks.size):
        free = one if breaks[b] >= zero else zero
        if free != model.free[b]:
            sign = model.free[b] - free  # −1: it has become free
            model.free[b] = free
            for i in range(s.shape[0]):
                for j in range(i + 1):
                    K.P[i, j] -= sign * y[i, b] * y[j, b]
                    K.Q[i, j] += sign * s[i, b] * s[j, b]
                for j in range(s.shape[0]):
                    K.R[i, j] += sign * y[i, b] * s[j, b]


def make_products(space):
    """Functions ``project(model, out, v)``: out = Wᵀv; ``spread(model, out, v)``: out = out + W v."""
    dot, axpy = space.dot, space.axpy

    @portable
    def project(model, out, v):
        held = model.s.shape[0]
        for k in range(held):
            out[k] = dot(model.y[k], v)
            out[held + k] = dot(model.s[k], v)

    @portable
    def spread(model, out, v):
        held = model.s.shape[0]
        for k in range(held):
            axpy(out, v[k], model.y[k])
            axpy(out, v[held + k], model.s[k])

    return project, spread


def make_quadratic(space):
    """The `Quadratic` for the Cauchy point; Wᵀz and Wᵀd are updated along the path."""
    dot = space.dot
    project, _ = make_products(space)

    @portable
    def begin(model, d):
        project(model, model.along_d, d)
        for k in range(model.along_d.size):
            model.along_z[k] = d.dtype.type(0)
            model.solution[k] = model.along_d[k]
        solve_small(model.factors, model.solution)
        return model.theta * (dot(d, d) - small_dot(model.along_d, model.solution))

    @portable
    def advance(model, dt):
        for k in range(model.along_z.size):
            model.along_z[k] += dt * model.along_d[k]

    @portable
    def probe(model, b, z_b, d_b):
        held = model.s.shape[0]
        for k in range(held):
            model.column[k] = model.solution[k] = model.y[k, b]
            model.column[held + k] = model.solution[held + k] = model.s[k, b]
        solve_small(model.factors, model.solution)
        return (
            model.theta * (z_b - small_dot(model.solution, model.along_z)),
            model.theta * (d_b - small_dot(model.solution, model.along_d)),
            model.theta * (model.along_d.dtype.type(1) - small_dot(model.solution, model.column)),
        )

    @portable
    def stop(model, b, d_b):
        for k in range(model.along_d.size):
            model.along_d[k] -= d_b * model.column[k]

    return Quadratic(begin, advance, probe, stop)


@portable
def small_dot(v, w):
    """Sum of products over the columns of W."""
    total = v.dtype.type(0)
    for k in range(v.size):
        total += v[k] * w[k]
    return total


def make_subspace(space):
    """The minimiser over the free variables from the Cauchy point."""
    copy, combine = space.copy, space.combine
    project, spread = make_products(space)

    @portable
    def keep_free(model, v):
        for i in range(v.size):
            v[i] *= model.free[i]

    @portable
    def subspace(model, g, z, breaks, d):
        """Write −B_FF⁻¹ (g + B z)_F to d; those with negative `breaks` are not free.  False on failure."""
        one = d.dtype.type(1)
        set_free(model, breaks)
        solve_small(model.factors, model.along_z)
        copy(d, z)
        combine(d, -one, -one / model.theta, g)
        spread(model, d, model.along_z)  # −(g + B z) / θ
        keep_free(model, d)
        if not factorize(model.K, model.factors, model.theta, False):
            return False
        project(model, model.solution, d)
        solve_small(model.factors, model.solution)
        spread(model, d, model.solution)
        keep_free(model, d)
        return True

    return subspace


def make_newton(space):
    """The minimiser of the quadratic without bounds."""
    copy, scale = space.copy, space.scale
    project, spread = make_products(space)

    @portable
    def newton(model, g, p):
        """Write −B⁻¹g to p, if K treats all variables as free; False on failure."""
        if not factorize(model.K, model.factors, model.theta, False):
            return False
        copy(p, g)
        scale(p, -p.dtype.type(1) / model.theta)
        project(model, model.solution, p)
        solve_small(model.factors, model.solution)
        spread(model, p, model.solution)
        return True

    return newton


def make_remember(space):
    """The update of the model by a pair, in place of the oldest."""
    dot, copy, scale = space.dot, space.copy, space.scale
    project, _ = make_products(space)

    @portable
    def remember(model, newest, s, y, ys, y_free, s_bound):
        """Put (s, y) with yᵀs = `ys` in the slot `newest` and return θ; the last two vectors are scratch."""
        zero, one = s.dtype.type(0), s.dtype.type(1)
        N, K = model.N, model.K
        factor = one / math.sqrt(ys)
        s_new, y_new = model.s[newest], model.y[newest]
        copy(s_new, s)
        scale(s_new, factor)
        copy(y_new, y)
        scale(y_new, factor)
        all_free = True
        for i in range(s.size):
            y_free[i] = y_new[i] * model.free[i]
            s_bound[i] = s_new[i] * (one - model.free[i])
            all_free &= model.free[i] == one
        products, free_products, bound_products = model.along_d, model.along_z, model.column
        project(model, products, s_new)
        project(model, free_products, y_free)
        if all_free:
            for k in range(bound_products.size):
                bound_products[k] = zero
        else:
            project(model, bound_products, s_bound)
        held = model.s.shape[0]
        for k in range(held):
            high, low = max(k, newest), min(k, newest)
            N.Q[high, low] = products[held + k]
            K.Q[high, low] = bound_products[held + k]
            K.P[high, low] = free_products[k]
            N.R[newest, k] = zero
            K.R[newest, k] = -free_products[held + k]
            if k != newest:
                N.R[k, newest] = products[k]
                K.R[k, newest] = bound_products[k]
        return dot(y_new, y_new)

    return remember
