"""Nonlinear conjugate gradients, Polak-Ribière+ (Nocedal & Wright, Numerical Optimization, eq. 5.45).

Memory: 6 vectors of length n.
"""

import math

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import conjugate
from numgd.second_order.descent import DescentOptions, make_descent


def make_beta(space):
    """β = max(0, gᵀy / ‖g_old‖²)."""

    @portable
    def beta(alpha, s, y, g, gg, gg_old, yg):
        return max(g.dtype.type(0), yg / gg_old)

    return beta


def make_solver(space, evaluator):
    """The solver over a space; β = 0 restarts by itself, and other restarts would cost evaluations."""
    return make_descent(space, evaluator, conjugate.make_model(space, make_beta, overlap=math.inf))


METHOD = Method(
    name="cg",
    aliases=("conjugate-gradient",),
    summary="Conjugate gradients of Polak and Ribière, with restarts.",
    options=DescentOptions(c2=0.4),
    matrix_free=True,
    over_device_vectors=True,
    rows=conjugate.rows,
    make_solver=make_solver,
)
