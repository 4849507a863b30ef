"""BFGS: the inverse Hessian from differences of gradients (Nocedal & Wright, algorithm 6.1)."""

import numpy as np

from numgd.foundations.linalg import epsilon, multiply, rank_two_update, set_identity
from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, DescentOptions, Model, make_descent


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, H g, H y, and the matrix H."""
    return SCRATCH_ROWS + 2 + n


def make_model(space):
    """The model is the n×n matrix H ≈ (∇²f)⁻¹, updated in n² operations.

    Each iteration takes one product with H: H y is the difference of H g at the new and the last gradient,
    and the rank-two update of H changes H g by multiples of s and H y.
    """
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        one = g.dtype.type(1)
        hg, hy, H = memory[0], memory[1], memory[2:]
        if age == 0:
            copy(hy, y)
            copy(hg, g)
        else:
            copy(hy, hg)
            multiply(hg, H, g)
            combine(hy, -one, one, hg)
        ys = dot(y, s)
        if not ys > epsilon(y) * dot(y, y) * epsilon(y):
            return age
        if age == 0:
            set_identity(H, one)
        # (I − s yᵀ/yᵀs) H (I − y sᵀ/yᵀs) + s sᵀ/yᵀs, eq. 6.17, multiplied out.
        a, b = (one + dot(y, hy) / ys) / ys, -one / ys
        rank_two_update(H, a, s, b, hy)
        sg = dot(s, g)
        along_s = a * sg + b * dot(hy, g)
        axpy(hg, along_s, s)
        axpy(hg, b * sg, hy)
        return age + 1

    @portable
    def direct(problem, x, p, g, memory, age, options):
        hg = memory[0]
        if age > 0 and hg[0] != hg[0]:  # H was given by the user
            multiply(hg, memory[2:], g)
        copy(p, g if age == 0 else hg)
        scale(p, -g.dtype.type(1))

    return Model(remember, direct)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, make_model(space))


def result_fields(x, work, age, maxcor):
    """The inverse Hessian for the result."""
    return {"hess_inv": work[SCRATCH_ROWS + 2 :].copy() if age else np.eye(x.size, dtype=x.dtype)}


def take_hess_inv(matrix, work, maxcor):
    """Start from an inverse Hessian; returns the age that marks the model as given."""
    work[SCRATCH_ROWS] = np.nan
    work[SCRATCH_ROWS + 2 :] = matrix.todense() if hasattr(matrix, "todense") else matrix
    return 1


METHOD = Method(
    name="bfgs",
    summary="The quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno.",
    options=DescentOptions(),
    rows=rows,
    result_fields=result_fields,
    take_hess_inv=take_hess_inv,
    make_solver=make_solver,
)
