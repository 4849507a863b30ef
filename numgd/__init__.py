"""Numerical optimisation at machine speed, without a deep-learning framework."""

from numgd.embedded import MinimizeResult
from numgd.embedded_fit import LeastSquaresResult, curve_fit, least_squares
from numgd.minimize import minimize
from numgd.minimize_many import ManyResult, minimize_many
from numgd.status import Status

__version__ = "0.1.0"
__all__ = [
    "LeastSquaresResult",
    "ManyResult",
    "MinimizeResult",
    "Status",
    "curve_fit",
    "least_squares",
    "minimize",
    "minimize_many",
]
