"""Numerical optimisation at machine speed, without a deep-learning framework."""

from importlib import import_module

from numgd import autodiff, optimizers, schedules
from numgd.autodiff import check_grad, grad, hessian, hessp, jacobian, jvp, value_and_grad, vjp
from numgd.embedded import MinimizeResult
from numgd.embedded_fit import LeastSquaresResult, curve_fit, least_squares
from numgd.files import load, save
from numgd.minimize import minimize
from numgd.minimize_many import ManyResult, minimize_many
from numgd.minimize_multistart import minimize_multistart
from numgd.minimize_stochastic import minimize_stochastic
from numgd.optimizers import *  # noqa: F403
from numgd.status import Status

__version__ = "0.1.0"
__all__ = [
    "LeastSquaresResult",
    "ManyResult",
    "MinimizeResult",
    "Status",
    "autodiff",
    "check_grad",
    "curve_fit",
    "grad",
    "hessian",
    "hessp",
    "jacobian",
    "jvp",
    "least_squares",
    "load",
    "minimize",
    "minimize_many",
    "minimize_stochastic",
    "optimizers",
    "minimize_multistart",
    "save",
    "schedules",
    "value_and_grad",
    "vjp",
    *optimizers.__all__,
]

_LATE = ("line_searches", "nn")  # modules that are imported when they are first asked for


def __getattr__(name):
    if name in _LATE:
        return import_module(f"numgd.{name}")
    raise AttributeError(f"module 'numgd' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LATE})
