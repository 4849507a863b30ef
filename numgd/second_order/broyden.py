"""The convex Broyden class: quasi-Newton formulas between BFGS and DFP (Nocedal & Wright, eq. 6.32).

C. G. Broyden, "Quasi-Newton methods and their application to function minimisation", Math. Comp. 21 (1967)
368-381.
"""

import math
from typing import Any, NamedTuple

from numgd.jit.portable import portable
from numgd.second_order import secant
from numgd.second_order.descent import AUTOMATIC, make_descent
from numgd.status import UNLIMITED


class BroydenOptions(NamedTuple):
    """Options of the line-search methods, and the place in the class."""

    phi: Any = 0.5  # 0 BFGS, 1 DFP
    gtol: Any = 1e-5  # stop when the norm of the gradient is at most this
    norm: Any = math.inf  # order of that norm
    xrtol: Any = 0.0  # stop when the step is relatively at most this; 0 never
    ftol: Any = 0.0  # stop when the relative decrease is at most this; 0 never
    c1: Any = 1e-4  # sufficient decrease
    c2: Any = 0.5  # curvature
    maxiter: Any = AUTOMATIC  # 200 n
    maxfun: Any = UNLIMITED
    maxls: Any = 100  # evaluations in one line search


OPTIONS = BroydenOptions()

rows = secant.rows
result_fields = secant.result_fields
take_hess_inv = secant.take_hess_inv


@portable
def weight(real, options, ys, yhy, sbs):
    """What φ of the formula for the Hessian B is in the formula for its inverse.

    B₊ changes by φ in one rank, so H₊ does: (1 − φ) / (1 + φ (μ − 1)) with μ = yᵀHy sᵀBs / (yᵀs)².
    """
    one = real(1)
    mu = (yhy / ys) * (sbs / ys)
    return (one - options.phi) / (one + options.phi * (mu - one))


def make_solver(space, access):
    """The solver over a space."""
    return make_descent(space, access, secant.make_model(space, weight))
