"""A user's residuals, or a model and the data to fit, in the compiled form that solvers call.

The form has the signature of `numgd.jit.pointers.objective_signature`: for WANT_VALUE it writes the
residuals, for WANT_GRADIENT the Jacobian by columns.  Its context is the number of residuals and the
function's data.
"""

from numgd.callables.residuals.binding import (
    bind_many_models,
    bind_many_residuals,
    bind_model,
    bind_residuals,
)
from numgd.callables.residuals.called_back import NotDense
from numgd.callables.residuals.compiled import compile_model, compile_residuals
from numgd.callables.residuals.derivatives import model_jacobian, residual_jacobian, resolve

__all__ = [
    "NotDense",
    "bind_many_models",
    "bind_many_residuals",
    "bind_model",
    "bind_residuals",
    "compile_model",
    "compile_residuals",
    "model_jacobian",
    "residual_jacobian",
    "resolve",
]
