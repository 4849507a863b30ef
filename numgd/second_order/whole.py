"""The full BFGS matrix, for bound-constrained problems with few variables.

B itself is stored, not its inverse: systems are solved with the rows and columns of the free variables.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.linalg import cholesky, cholesky_solve, multiply, set_identity
from numgd.jit.portable import portable
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


@cache
def inverse_class():
    """The class for the inverse of B as a SciPy linear operator, computed only when it is used."""
    from scipy.sparse.linalg import LinearOperator

    class InverseHessian(LinearOperator):
        """Inverse of the matrix of a quadratic model."""

        def __init__(self, B):
            super().__init__(B.dtype, B.shape)
            self._B = B

        def _matvec(self, v):
            return np.linalg.solve(self._B, v)

        def todense(self):
            """The matrix as an array."""
            return np.linalg.inv(self._B)

        def __reduce__(self):
            return _inverse_of, (self._B,)

    return InverseHessian


def _inverse_of(B):
    """For pickling, as the class is created only when SciPy is first needed."""
    return inverse_class()(B)


def make_quadratic(space):
    """The `Quadratic` for the Cauchy point; B z and B d are updated along the path."""
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
            d[i] = -(g[i] + model.bz[i]) if free else zero
            for j in range(i):
                factor[i, j] = model.B[i, j] if free and breaks[j] >= zero else zero
            factor[i, i] = model.B[i, i] if free else one
        if not cholesky(factor):
            return False
        cholesky_solve(factor, d)
        return True

    return subspace


def make_newton(space):
    """The minimiser of the quadratic without bounds."""
    copy, scale = space.copy, space.scale

    @portable
    def newton(model, g, p):
        """Write −B⁻¹g to p; False on failure."""
        factor = model.factor
        for i in range(p.size):
            for j in range(i + 1):
                factor[i, j] = model.B[i, j]
        if not cholesky(factor):
            return False
        copy(p, g)
        scale(p, -p.dtype.type(1))
        cholesky_solve(factor, p)
        return True

    return newton


def make_remember(space):
    """The BFGS update (Nocedal & Wright, eq. 6.19) of a matrix that is first scaled down if it is large.

    The scaling is that of M. Al-Baali, Comput. Optim. Appl. 9 (1998) 191-203, but by no more than a half: it
    corrects all directions at once if the first pair made B too large.
    """
    dot = space.dot

    @portable
    def remember(model, s, y, ys, age):
        """Update B with (s, y), where yᵀs = `ys`."""
        one, half = s.dtype.type(1), s.dtype.type(0.5)
        if age == 0:
            set_identity(model.B, dot(y, y) / ys)
        bs = model.bd
        multiply(bs, model.B, s)
        sbs = dot(s, bs)
        tau = max(half, min(one, ys / sbs))
        for i in range(s.size):
            a, b = -tau * bs[i] / sbs, y[i] / ys
            for j in range(s.size):
                model.B[i, j] = tau * model.B[i, j] + (a * bs[j] + b * y[j])

    return remember
