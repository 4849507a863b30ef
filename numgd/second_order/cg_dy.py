"""Nonlinear conjugate gradients, Dai-Yuan (Nocedal & Wright, eq. 5.49).

Y. H. Dai and Y. Yuan, "A nonlinear conjugate gradient method with a strong global convergence property",
SIAM J. Optim. 10 (1999) 177-182.

Memory: 6 vectors of length n.
"""

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import conjugate
from numgd.second_order.descent import DescentOptions, make_descent


def make_beta(space):
    """β = ‖g‖² / dᵀy."""
    dot = space.dot

    @portable
    def beta(alpha, s, y, g, gg, gg_old, yg):
        return alpha * gg / dot(s, y)

    return beta


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, conjugate.make_model(space, make_beta))


METHOD = Method(
    name="cg-dy",
    summary="Conjugate gradients of Dai and Yuan.",
    options=DescentOptions(c2=0.1),
    matrix_free=True,
    over_device_vectors=True,
    rows=conjugate.rows,
    make_solver=make_solver,
)
