"""L-BFGS: the inverse Hessian of BFGS from only the last few steps (Nocedal & Wright, algorithm 7.4).

Memory: 2 maxcor + 8 vectors of length n, and up to another 2 maxcor for the result's ``hess_inv``.
"""

import math
from functools import cache, cached_property

import numpy as np

from numgd.foundations.linalg import epsilon
from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, DescentOptions, Model, make_descent, unit_after_first

MAXCOR = 10


@portable
def coefficient_rows(n, maxcor):
    """Rows that hold one scalar for each pair."""
    return (maxcor + n - 1) // n


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, the pairs, and a scalar for each."""
    return SCRATCH_ROWS + 2 * maxcor + coefficient_rows(n, maxcor)


def make_model(space):
    """The model is a ring of pairs (s, y), each scaled by 1/√(sᵀy) so that sᵀy = 1."""
    dot, copy, scale, axpy = space.dot, space.copy, space.scale, space.axpy

    @portable
    def pairs_held(n, rows):
        # rows = 2 m + ⌈m/n⌉, solved for m
        return (rows * n) // (2 * n + 1)

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        real = g.dtype.type
        ys = dot(y, s)
        if not ys > epsilon(y) * dot(y, y) * epsilon(y):
            return age
        maxcor = pairs_held(memory.shape[1], memory.shape[0])
        slot = 2 * (age % maxcor)
        factor = real(1) / math.sqrt(ys)
        copy(memory[slot], s)
        scale(memory[slot], factor)
        copy(memory[slot + 1], y)
        scale(memory[slot + 1], factor)
        return age + 1

    @portable
    def direct(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        n = memory.shape[1]
        maxcor = pairs_held(n, memory.shape[0])
        coefficients = memory[2 * maxcor :]
        copy(p, g)
        scale(p, -real(1))
        held = min(age, maxcor)
        for back in range(1, held + 1):
            k = (age - back) % maxcor
            a = dot(memory[2 * k], p)
            coefficients[k // n, k % n] = a
            axpy(p, -a, memory[2 * k + 1])
        if held > 0:
            newest = memory[2 * ((age - 1) % maxcor) + 1]
            scale(p, real(1) / dot(newest, newest))  # γ = sᵀy / yᵀy, eq. 7.20
        for back in range(held, 0, -1):
            k = (age - back) % maxcor
            b = dot(memory[2 * k + 1], p)
            axpy(p, coefficients[k // n, k % n] - b, memory[2 * k])

    return Model(remember, direct)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, make_model(space), guess=unit_after_first)


def result_fields(x, work, age, maxcor):
    """The inverse Hessian for the result, as a product of its pairs."""
    return {"hess_inv": inverse_class()(work[SCRATCH_ROWS : SCRATCH_ROWS + 2 * maxcor], age, maxcor)}


@cache
def inverse_class():
    """SciPy's inverse Hessian of L-BFGS, with pairs that are copied only when first accessed."""
    from scipy.optimize import LbfgsInvHessProduct

    class InverseHessian(LbfgsInvHessProduct):
        """Product of the pairs in a solver's memory, which later runs do not overwrite."""

        def __init__(self, memory, age, maxcor):
            self.shape, self.dtype = (memory.shape[1],) * 2, np.dtype(np.float64)
            self.n_corrs = min(age, maxcor)
            self._memory, self._age, self._maxcor = memory, age, maxcor

        def _rows(self, first):
            order = np.arange(self._age - self.n_corrs, self._age) % self._maxcor  # oldest first
            return self._memory[2 * order + first]

        @cached_property
        def sk(self):
            """The steps, oldest first, of shape (n_corrs, n)."""
            return self._rows(0)

        @cached_property
        def yk(self):
            """The differences of gradients, oldest first, of shape (n_corrs, n)."""
            return self._rows(1)

        @cached_property
        def rho(self):
            """1 / sᵀy of each pair."""
            return 1 / np.einsum("ij,ij->i", self.sk, self.yk)

        def __reduce__(self):
            return LbfgsInvHessProduct, (self.sk, self.yk)

    return InverseHessian


def take_hess_inv(matrix, work, maxcor):
    """Start from the newest pairs of an inverse Hessian; returns their number."""
    if not hasattr(matrix, "sk"):
        raise TypeError("option 'hess_inv0' of 'l-bfgs' must be a scipy.optimize.LbfgsInvHessProduct")
    age = 0
    for s, y in zip(matrix.sk[-maxcor:], matrix.yk[-maxcor:], strict=True):
        factor = 1 / np.sqrt(s @ y)
        work[SCRATCH_ROWS + 2 * age] = factor * s
        work[SCRATCH_ROWS + 2 * age + 1] = factor * y
        age += 1
    return age


METHOD = Method(
    name="l-bfgs",
    aliases=("lbfgs",),
    summary="BFGS from the last few steps alone.",
    options=DescentOptions(ftol=2.220446049250313e-09, maxiter=15000, maxfun=15000, maxls=20),
    maxcor=MAXCOR,
    tolerances=("gtol", "ftol"),
    matrix_free=True,
    over_device_vectors=True,
    rows=rows,
    result_fields=result_fields,
    take_hess_inv=take_hess_inv,
    make_solver=make_solver,
)
