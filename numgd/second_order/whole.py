"""BFGS's matrix held whole, for bound-constrained problems of few variables.

B itself, not its inverse: the rows and columns of the free variables are what is solved with.
"""

from typing import Any, NamedTuple

from numgd.jit.portable import portable
from numgd.linalg import cholesky, cholesky_solve, multiply, rank_one_update, set_identity
from numgd.second_order.cauchy_point import Quadratic


class Whole(NamedTuple):
    """The matrix and what is derived from it."""

    bz: Any  # B z
    bd: Any  # B d
    B: Any  # (n, n)
    factor: Any  # (n, n)


@portable
def whole_rows(n):
    """Rows of scratch memory."""
    return 2 + 2 * n


@portable
def whole(memory):
    """The model in scratch memory."""
    n = memory.shape[1]
    return Whole(memory[0], memory[1], memory[2 : 2 + n], memory[2 + n : 2 + n + n])


def make_quadratic(space):
    """How the Cauchy point asks for curvature: B z and B d are kept along the path."""
    dot, axpy = space.dot, space.axpy

    @portable
    def begin(model, d):
        multiply(model.bd, model.B, d)
        for i in range(d.size):
            model.bz[i] = d.dtype.type(0)
        return dot(d, model.bd)

    @portable
    def advance(model, dt):
        axpy(model.bz, dt, model.bd)

    @portable
    def probe(model, b, z_b, d_b):
        return model.bz[b], model.bd[b], model.B[b, b]

    @portable
    def stop(model, b, d_b):
        axpy(model.bd, -d_b, model.B[b])

    return Quadratic(begin, advance, probe, stop)


def make_subspace(space):
    """The minimiser over the free variables from the Cauchy point."""

    @portable
    def subspace(model, g, z, breaks, d):
        """Write −B_FF⁻¹ (g + B z)_F to d; those with negative `breaks` are not free.  False on failure."""
        zero, one = d.dtype.type(0), d.dtype.type(1)
        factor = model.factor
        for i in range(d.size):
            free = breaks[i] >= zero
            for j in range(i):
                factor[i, j] = model.B[i, j] if free and breaks[j] >= zero else zero
            factor[i, i] = model.B[i, i] if free else one
            d[i] = -(g[i] + model.bz[i]) if free else zero
        if not cholesky(factor):
            return False
        cholesky_solve(factor, d)
        return True

    return subspace


def make_remember(space):
    """The BFGS update (Nocedal & Wright, eq. 6.19)."""
    dot = space.dot

    @portable
    def remember(model, s, y, ys, age):
        """Take in (s, y) with yᵀs = `ys`."""
        one = s.dtype.type(1)
        if age == 0:
            set_identity(model.B, dot(y, y) / ys)
        bs = model.bd
        multiply(bs, model.B, s)
        rank_one_update(model.B, -one / dot(s, bs), bs)
        rank_one_update(model.B, one / ys, y)

    return remember
