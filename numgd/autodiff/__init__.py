"""Exact derivatives of ordinary functions, by transformation of their source."""

from numgd.autodiff.checking import GradientCheck, check_grad
from numgd.autodiff.custom import custom_jvp, custom_vjp
from numgd.autodiff.derivative import (
    grad,
    hessian,
    hessp,
    jacobian,
    jvp,
    source,
    value_and_grad,
    vjp,
)
from numgd.autodiff.program import NotDifferentiable

__all__ = [
    "GradientCheck",
    "NotDifferentiable",
    "check_grad",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "hessian",
    "hessp",
    "jacobian",
    "jvp",
    "source",
    "value_and_grad",
    "vjp",
]
