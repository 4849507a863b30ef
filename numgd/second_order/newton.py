"""Newton's method with a line search and a modified Cholesky factorisation (Nocedal & Wright, algorithm 3.2).

If the Hessian is not positive definite, it is replaced by a nearby matrix that is (Gill, Murray & Wright,
Practical Optimization, section 4.4.2.2), and at a stationary point that is not a minimum, the search
continues along a direction of negative curvature.  Memory: n + 8 vectors of length n.
"""

import math

from numgd.foundations.linalg import cholesky_solve, epsilon
from numgd.foundations.records import Method
from numgd.jit.portable import portable, seldom
from numgd.second_order.descent import (
    SCRATCH_ROWS,
    DescentOptions,
    Model,
    from_last_decrease,
    make_descent,
)
from numgd.second_order.modified_cholesky import modified_cholesky, modified_solve, negative_curvature

# The kind of the factors in memory and, as `age`, of those at the last point.
UNKNOWN = 0
DEFINITE = 1  # L of H = L Lᵀ
MODIFIED = 2  # those of `modified_cholesky`


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, the order of the rows, two of scratch, and the matrix."""
    return SCRATCH_ROWS + 3 + n


@portable
def one_or_less(first, fresh, f, f_previous, slope, alpha, x, g):
    """One, or less if SciPy's guess is, as after a step cut short along a valley, but at least a quarter."""
    if first:
        return x.dtype.type(1)
    guess = from_last_decrease(first, fresh, f, f_previous, slope, alpha, x, g)
    return max(x.dtype.type(0.25), guess)


def make_factorise(cholesky_rows):
    """Function that factorises a symmetric matrix."""

    @seldom
    def factorise(H, order, diagonal):
        """Overwrite H with its factors; returns their kind, and position and value of the least pivot."""
        zero = H.dtype.type(0)
        n = H.shape[0]
        for i in range(n):
            diagonal[i] = H[i, i]
        definite = cholesky_rows(H) == n
        for i in range(n if definite else 0):
            # A pivot that consists of rounding is as good as none: the step would be arbitrary.
            definite &= H[i, i] * H[i, i] > H.dtype.type(n) * epsilon(H) * diagonal[i]
        if definite:
            return DEFINITE, -1, zero
        for i in range(n):
            H[i, i] = diagonal[i]
            for j in range(i):
                H[i, j] = H[j, i]
        worst, lowest = modified_cholesky(H, order)
        return MODIFIED, worst, lowest

    return factorise


@seldom
def solve(kind, H, order, scratch, p):
    """Overwrite p with the solution by means of the factors of `factorise`."""
    if kind == DEFINITE:
        cholesky_solve(H, p)
    else:
        modified_solve(H, order, p, scratch)


def make_newton_model(space, evaluator):
    """The model is the Hessian at x."""
    dot, copy, scale, max_abs = space.dot, space.copy, space.scale, space.max_abs
    hessian = evaluator.hessian
    factorise = make_factorise(evaluator.cholesky_rows)

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        return int(memory[2, 0])

    @portable
    def direct(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        order, scratch, kinds, H = memory[0], memory[1], memory[2], memory[3:]
        hessian(problem, x, g, H)
        kind, _, lowest = factorise(H, order, scratch)
        kinds[0] = kind
        copy(p, g)
        scale(p, -real(1))
        if lowest != lowest:
            p[0] = lowest
        else:
            solve(kind, H, order, scratch, p)
        if kind == MODIFIED:
            # The model does not say how far to go: first try a step no longer than x, or than one.
            longest = max(real(1), max_abs(x))
            length = max_abs(p)
            if length > longest:
                scale(p, longest / length)

    @seldom
    def escape(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        zero = real(0)
        order, scratch, kinds, H = memory[0], memory[1], memory[2], memory[3:]
        if age == DEFINITE:
            return zero
        hessian(problem, x, g, H)
        largest = zero
        for i in range(H.shape[0]):
            largest = max(largest, max_abs(H[i]))
        kind, worst, lowest = factorise(H, order, scratch)
        kinds[0] = kind
        if not lowest < -math.sqrt(epsilon(g)) * largest:
            return zero
        negative_curvature(H, order, worst, p, scratch)
        length = max_abs(p)
        along = dot(g, p)
        scale(p, (real(1) if along <= zero else -real(1)) / length)
        return (lowest / length / real(2) - abs(along)) / length

    return Model(remember, direct, escape)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, make_newton_model(space, evaluator), guess=one_or_less, local=True)


METHOD = Method(
    name="newton",
    summary="Newton's method with a modified Cholesky factorisation, by a line search.",
    options=DescentOptions(),
    curvature="hessian",
    rows=rows,
    make_solver=make_solver,
)
