"""Nonlinear conjugate gradients, Hager-Zhang (CG_DESCENT), with the line search designed for it.

W. W. Hager and H. Zhang, SIAM J. Optim. 16 (2005) 170-192, eq. 1.3; the lower bound: the same, "The limited
memory conjugate gradient method", SIAM J. Optim. 23 (2013) 2150-2168.

Memory: 6 vectors of length n.
"""

import math

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import conjugate
from numgd.second_order.descent import DescentOptions, make_descent
from numgd.second_order.hager_zhang import make_hager_zhang


def make_beta(space):
    """β = (y − 2 d ‖y‖² / dᵀy)ᵀg / dᵀy, and at least 0.4 dᵀg_old / ‖d‖²."""
    dot = space.dot

    @portable
    def beta(alpha, s, y, g, gg, gg_old, yg):
        real = g.dtype.type
        sy, sg = dot(s, y), dot(s, g)
        share = (yg - real(2) * dot(y, y) * sg / sy) / sy
        least = real(0.4) * (sg - sy) / dot(s, s)
        return alpha * max(share, least)

    return beta


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(
        space, evaluator, conjugate.make_model(space, make_beta, overlap=math.inf), search=make_hager_zhang
    )


METHOD = Method(
    name="cg-hz",
    summary="Conjugate gradients of Hager and Zhang, with their line search.",
    options=DescentOptions(c1=0.1, c2=0.9),
    matrix_free=True,
    over_device_vectors=True,
    rows=conjugate.rows,
    make_solver=make_solver,
)
