"""Numerical optimisation at machine speed, without a deep-learning framework."""

from importlib import import_module

from numgd.system import tbb as _tbb  # noqa: F401  loaded before Numba, whoever imports it, starts threads

__version__ = "0.1.0"

_HOMES = {
    "LeastSquaresResult": "solve.least_squares_in_njit",
    "ManyFits": "solve._curve_fit_many",
    "ManyLeastSquares": "solve._least_squares_many",
    "ManyResult": "solve._minimize_many",
    "MinimizeResult": "solve.minimize_in_njit",
    "Status": "foundations.status",
    "check_grad": "autodiff",
    "curve_fit": "solve.curve_fit_in_njit",
    "curve_fit_many": "solve._curve_fit_many",
    "device_gradient": "kernels.cuda.gradient",
    "grad": "autodiff",
    "hessian": "autodiff",
    "hessp": "autodiff",
    "jacobian": "autodiff",
    "jvp": "autodiff",
    "least_squares": "solve.least_squares_in_njit",
    "least_squares_many": "solve._least_squares_many",
    "load": "foundations.files",
    "minimize": "solve.minimize_in_njit",
    "minimize_many": "solve._minimize_many",
    "minimize_multistart": "solve._minimize_multistart",
    "minimize_stochastic": "solve._minimize_stochastic",
    "register": "registry",
    "save": "foundations.files",
    "value_and_grad": "autodiff",
    "vjp": "autodiff",
}
"""Public name to the module that is imported when the name is first asked for.

That of a function which works inside ``@njit`` code too is the module that teaches Numba its compiled form.
"""

_MODULES = {
    "autodiff": "autodiff",
    "datasets": "datasets",
    "line_searches": "solve.line_searches",
    "nn": "nn",
    "optimizers": "optimizers",
    "plots": "plots",
    "schedules": "schedules",
}
"""Public modules, likewise."""


def __getattr__(name):
    if name in _HOMES:
        found = getattr(import_module(f"numgd.{_HOMES[name]}"), name)
    elif name in _MODULES:
        found = import_module(f"numgd.{_MODULES[name]}")
    elif name == "__all__":
        found = __dir__()
    elif name[:1].isupper() and name in (optimizers := import_module("numgd.optimizers")).__all__:
        found = getattr(optimizers, name)
    else:
        raise AttributeError(f"module 'numgd' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted({*_HOMES, *_MODULES, *import_module("numgd.optimizers").__all__})
