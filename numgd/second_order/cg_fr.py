"""Nonlinear conjugate gradients, Fletcher-Reeves (Nocedal & Wright, algorithm 5.4).

R. Fletcher and C. M. Reeves, "Function minimization by conjugate gradients", Computer J. 7 (1964) 149-154.

Memory: 6 vectors of length n.
"""

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import conjugate
from numgd.second_order.descent import DescentOptions, make_descent


def make_beta(space):
    """β = ‖g‖² / ‖g_old‖²."""

    @portable
    def beta(alpha, s, y, g, gg, gg_old, yg):
        return gg / gg_old

    return beta


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, conjugate.make_model(space, make_beta))


METHOD = Method(
    name="cg-fr",
    summary="Conjugate gradients of Fletcher and Reeves.",
    options=DescentOptions(c2=0.1),
    matrix_free=True,
    over_device_vectors=True,
    rows=conjugate.rows,
    make_solver=make_solver,
)
