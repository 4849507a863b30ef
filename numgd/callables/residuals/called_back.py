"""Residuals that Numba cannot compile, called back from the compiled solver."""

import numpy as np
from numba import types

from numgd.callables.objective.adapter import fill
from numgd.callables.objective.called_back import described
from numgd.foundations.schemes import COMPLEX_STEP, IMAGINARY_STEP
from numgd.jit.arguments import loader, storage_size
from numgd.jit.making import made_once
from numgd.jit.pointers import (
    WANT_GRADIENT,
    WANT_VALUE,
    call_python,
    function_address,
    objective_signature,
    vector_view,
)
from numgd.jit.portable import compile_quietly, compiled


class NotDense(Exception):
    """Raised for a sparse Jacobian or a LinearOperator, which is left to SciPy."""


def residual_vector(answer, name="fun"):
    """A user function's return value as a 1-D real array; raises an error that describes any other value."""
    values = np.atleast_1d(np.asarray(answer))
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must return real numbers; it returned {described(answer)}")
    if values.ndim > 1:
        raise ValueError(
            f"{name} must return a number or a one-dimensional array; it returned {described(answer)}"
        )
    return values


class PythonResiduals:
    """Residual functions that the compiled solver calls back.

    The solver calls the object with the quantity that it wants; x is read from `argument`, which the solver
    has written.  The result is left in `residuals` or, by columns, in `columns`.

    Parameters
    ----------
    fun, jac : callable
        Functions of x alone, returning (m,) and (m, n) arrays; `jac` is None unless the scheme is EXACT or
        SOURCE.
    scheme : int
    argument : numpy.ndarray
    m : int
    name : str
        Name of `fun` in the caller's interface, for error messages.
    """

    def __init__(self, fun, jac, scheme, argument, m, name="fun"):
        self.fun, self.jac, self.scheme, self.name = fun, jac, scheme, name
        self.argument = argument
        self.residuals = np.empty(m)
        self.columns = np.empty((argument.size, m))

    def __call__(self, wanted):
        if wanted == WANT_VALUE:
            values = residual_vector(self.fun(self.argument.copy()), self.name)
            if values.size != self.residuals.size:
                raise ValueError(
                    f"{self.name} must return as many residuals as it did at x0, {self.residuals.size}; "
                    f"it returned {values.size}"
                )
            self.residuals[:] = values
        elif self.scheme == COMPLEX_STEP:
            for j in range(self.argument.size):
                moved = self.argument.astype(complex)
                moved[j] += IMAGINARY_STEP * 1j
                self.columns[j] = np.asarray(self.fun(moved)).imag / IMAGINARY_STEP
        else:
            self._take(self.jac(self.argument.copy()))
        return 0.0

    def _take(self, answer):
        if hasattr(answer, "toarray") or hasattr(answer, "matvec"):
            raise NotDense
        matrix = np.atleast_2d(np.asarray(answer))
        if matrix.dtype.kind not in "fiub":
            raise TypeError(f"jac must return a matrix of real numbers; it returned {described(answer)}")
        if matrix.shape != self.columns.shape[::-1]:
            raise ValueError(
                f"jac must return a matrix of shape {self.columns.shape[::-1]}; "
                f"it returned {described(answer)}"
            )
        self.columns[:] = matrix.T


@made_once
def bridge():
    """Address of the compiled function that calls `PythonResiduals`, and the size of its context in bytes."""
    real = types.float64
    array = types.Array(real, 1, "C")
    context_type = types.Tuple((array, array, types.int64))
    load = loader(context_type)
    view = vector_view(real)

    @compiled("python-residuals")
    def call(x, out, n, wanted, context):
        residuals, columns, target = load(context)
        call_python(target, wanted)
        if wanted & WANT_VALUE:
            fill(view(out, residuals.size), residuals)
        if wanted & WANT_GRADIENT:
            fill(view(out, columns.size), columns)
        return 0.0

    signature = objective_signature(real)
    compile_quietly(call, signature)
    return function_address(call.overloads[signature.args]), storage_size(context_type)
