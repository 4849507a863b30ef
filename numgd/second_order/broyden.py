"""The convex Broyden class: quasi-Newton formulas between BFGS and DFP (Nocedal & Wright, eq. 6.32).

C. G. Broyden, "Quasi-Newton methods and their application to function minimisation", Math. Comp. 21 (1967)
368-381.
"""

import math
from typing import Annotated, NamedTuple

from numgd.foundations.ranges import (
    Below,
    Limit,
    LimitFromOne,
    NormOrder,
    OpenFraction,
    Tolerance,
    UnitInterval,
)
from numgd.foundations.records import Method
from numgd.foundations.status import UNLIMITED
from numgd.jit.portable import portable
from numgd.second_order import secant
from numgd.second_order.descent import AUTOMATIC, make_descent


class BroydenOptions(NamedTuple):
    """Options of the line-search methods, and the position in the class."""

    phi: UnitInterval = 0.5  # 0: BFGS, 1: DFP
    gtol: Tolerance = 1e-5  # stop when the norm of the gradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the relative length of the step is at most this; 0: never
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0: never
    c1: Annotated[OpenFraction, Below("c2")] = 1e-4  # sufficient decrease
    c2: OpenFraction = 0.5  # curvature
    maxiter: Limit = AUTOMATIC  # 200 n
    maxfun: LimitFromOne = UNLIMITED
    maxls: LimitFromOne = 100  # evaluations in one line search


@portable
def weight(real, options, ys, yhy, sbs):
    """The weight in the formula for H that corresponds to φ in the formula for the Hessian B.

    φ changes B₊ by a matrix of rank one, and so H₊: (1 − φ) / (1 + φ (μ − 1)) with μ = yᵀHy sᵀBs / (yᵀs)².
    """
    one = real(1)
    mu = (yhy / ys) * (sbs / ys)
    return (one - options.phi) / (one + options.phi * (mu - one))


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, secant.make_model(space, weight))


METHOD = Method(
    name="broyden",
    summary="Broyden's family of quasi-Newton methods, from BFGS to DFP.",
    options=BroydenOptions(),
    rows=secant.rows,
    result_fields=secant.result_fields,
    take_hess_inv=secant.take_hess_inv,
    make_solver=make_solver,
)
