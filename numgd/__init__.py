"""Numerical optimisation at machine speed, without a deep-learning framework."""

from numgd.minimize import minimize
from numgd.status import Status

__version__ = "0.1.0"
__all__ = ["Status", "minimize"]
