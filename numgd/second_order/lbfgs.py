"""L-BFGS: the inverse Hessian of BFGS from the last few steps alone (Nocedal & Wright, algorithm 7.4).

Memory: 2 maxcor + 8 vectors of length n, and 2 maxcor more for the result's ``hess_inv`` once more than
maxcor steps were taken.
"""

import math

from numgd.jit.portable import portable
from numgd.second_order.descent import DescentOptions, Model
from numgd.second_order.line_search import epsilon

OPTIONS = DescentOptions(ftol=2.220446049250313e-09, maxiter=15000, maxfun=15000, maxls=20)
UNIT_STEP = True
MAXCOR = 10


@portable
def coefficient_rows(n, maxcor):
    """Rows that hold one scalar for each pair."""
    return (maxcor + n - 1) // n


@portable
def memory_rows(n, maxcor):
    """Rows of scratch memory beyond the loop's own: the pairs, and a scalar for each."""
    return 2 * maxcor + coefficient_rows(n, maxcor)


def make_model(space):
    """The model is a ring of pairs (s, y), each scaled by 1/√(sᵀy) so that sᵀy = 1."""
    dot, copy, scale, axpy = space.dot, space.copy, space.scale, space.axpy

    @portable
    def pairs_held(n, rows):
        # rows = 2 m + ⌈m/n⌉, solved for m
        return (rows * n) // (2 * n + 1)

    @portable
    def remember(s, y, g, memory, age):
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
    def direct(p, g, memory, age):
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
