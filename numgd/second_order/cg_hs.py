"""Nonlinear conjugate gradients, Hestenes-Stiefel (Nocedal & Wright, eq. 5.46), with β never negative.

M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", J. Res. Nat. Bur.
Standards 49 (1952) 409-436; the bound: J. C. Gilbert and J. Nocedal, SIAM J. Optim. 2 (1992) 21-42.

Memory: 6 vectors of length n.
"""

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import conjugate
from numgd.second_order.descent import DescentOptions, make_descent


def make_beta(space):
    """β = max(0, gᵀy / dᵀy)."""
    dot = space.dot

    @portable
    def beta(alpha, s, y, g, gg, gg_old, yg):
        return max(g.dtype.type(0), alpha * yg / dot(s, y))

    return beta


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, conjugate.make_model(space, make_beta))


METHOD = Method(
    name="cg-hs",
    summary="Conjugate gradients of Hestenes and Stiefel.",
    options=DescentOptions(c2=0.1),
    matrix_free=True,
    over_device_vectors=True,
    rows=conjugate.rows,
    make_solver=make_solver,
)
