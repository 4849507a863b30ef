"""A user's functions that Numba cannot compile, called back from the compiled solver."""

import numpy as np
from numba import types

from numgd.callables.objective.adapter import fill, numba_real
from numgd.foundations.schemes import COMPLEX_STEP, IMAGINARY_STEP, JOINT, PAIR
from numgd.jit.arguments import loader, storage_size
from numgd.jit.making import made_once
from numgd.jit.pointers import (
    WANT_GRADIENT,
    WANT_HESSIAN,
    WANT_PRODUCT,
    WANT_VALUE,
    address_of,
    call_python,
    function_address,
    objective_signature,
    vector_view,
)
from numgd.jit.portable import compile_quietly, compiled


class PythonObjective:
    """User functions that the compiled solver calls back.

    The solver calls the object with what it wants: WANT_VALUE, WANT_GRADIENT, both, WANT_HESSIAN or
    WANT_PRODUCT.  It has written x to row 0 of `rows`, for a Hessian the gradient at x to row 1, for a
    product the direction to row 2.  The result is left in `vector` or `matrix`.
    """

    def __init__(self, functions, scheme, args, rows):
        self.functions, self.scheme, self.args = functions, scheme, args
        self.argument, self.gradient, self.direction = rows[:3]
        n = self.argument.size
        self.vector = np.empty_like(self.argument)
        self.matrix = np.empty((n, n) if functions.hess is not None else (0, 0), self.vector.dtype)
        self._last = None  # point and gradient that a HessianUpdateStrategy saw last

    def __call__(self, wanted):
        fun, jac, hess, hessp, pair = self.functions
        if wanted & WANT_HESSIAN:
            self.matrix[:] = self._hessian(hess)
            return 0.0
        if wanted & WANT_PRODUCT:
            self._take(hessp(self.argument.copy(), self.direction.copy(), *self.args), "hessp")
            return 0.0
        f = 0.0
        if self.scheme == PAIR and wanted & WANT_GRADIENT:
            return _real_scalar(pair(self.argument.copy(), self.vector, *self.args))
        if self.scheme == JOINT:
            answer = fun(self.argument.copy(), *self.args)
            try:
                f, gradient = answer
            except (TypeError, ValueError):
                raise TypeError(
                    f"fun must return (value, gradient) when jac is True; it returned {described(answer)}"
                ) from None
            self._take(gradient, "fun")
            return _real_scalar(f)
        if wanted & WANT_VALUE:
            f = _real_scalar(fun(self.argument.copy(), *self.args))
        if wanted & WANT_GRADIENT:
            if self.scheme == COMPLEX_STEP:
                self._complex_step()
            else:
                self._take(jac(self.argument.copy(), *self.args), "jac")
        return f

    def _take(self, vector, name):
        values = np.atleast_1d(np.asarray(vector))
        what = "a product" if name == "hessp" else "a gradient"
        if values.dtype.kind not in "fiub":
            raise TypeError(f"{name} must return {what} of real numbers; it returned {described(vector)}")
        if values.size != self.vector.size:
            raise ValueError(
                f"{name} must return {what} of length {self.vector.size}; it returned {described(vector)}"
            )
        self.vector[:] = values.ravel()

    def _complex_step(self):
        for i in range(self.argument.size):
            moved = self.argument.astype(np.result_type(self.argument, np.complex64))
            moved[i] += IMAGINARY_STEP * 1j
            self.vector[i] = np.asarray(self.functions.fun(moved, *self.args)).item().imag / IMAGINARY_STEP

    def _hessian(self, hess):
        """The Hessian at the argument as an array, whatever form the user gave it in."""
        if not callable(hess):
            return self._updated(hess)
        answer = hess(self.argument.copy(), *self.args)
        if hasattr(answer, "toarray"):  # sparse
            answer = answer.toarray()
        elif hasattr(answer, "matmat"):  # LinearOperator
            answer = answer.matmat(np.eye(self.argument.size))
        values = np.atleast_2d(np.asarray(answer))
        if values.dtype.kind not in "fiub":
            raise TypeError(f"hess must return a matrix of real numbers; it returned {described(answer)}")
        if values.shape != self.matrix.shape:
            raise ValueError(
                f"hess must return a matrix of shape {self.matrix.shape}; it returned {described(answer)}"
            )
        return values

    def _updated(self, strategy):
        """The matrix of a SciPy `HessianUpdateStrategy`, updated by the step to the argument."""
        x, g = self.argument.astype(float), self.gradient.astype(float)
        if self._last is None:
            strategy.initialize(x.size, "hess")
        elif not np.array_equal(x, self._last[0]):
            strategy.update(x - self._last[0], g - self._last[1])
        self._last = x, g
        return strategy.get_matrix()


def described(value):
    if value is None:
        return "None: has it a `return`?"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return f"{value!r:.60} ({type(value).__name__})"


def _real_scalar(value):
    """A user function's return value as a float; raises an error that describes any other value."""
    if type(value) is not float:
        try:
            value = np.asarray(value).item()
        except ValueError:
            raise ValueError(
                "The user-provided objective function must return a scalar value. "
                f"fun returned {described(value)}."
            ) from None
        if not isinstance(value, float | int):
            raise TypeError(f"fun must return a real number; it returned {described(value)}")
    return float(value)


@made_once
def bridge(dtype):
    """Address of the compiled objective that calls a `PythonObjective`, and its context's size in bytes."""
    real = numba_real(dtype)
    array = types.Array(real, 1, "C")
    context_type = types.Tuple((array, array, array, types.int64))
    load = loader(context_type)
    view = vector_view(real)
    scalar = dtype.type

    @compiled(f"python-objective-{dtype}")
    def call(x, g, n, wanted, context):
        argument, vector, matrix, target = load(context)
        if address_of(argument) != x:
            fill(argument, view(x, n))
        f = call_python(target, wanted)
        if wanted & WANT_GRADIENT:
            fill(view(g, n), vector)
        elif wanted & WANT_PRODUCT:
            fill(view(g, 2 * n)[n:], vector)
        elif wanted & WANT_HESSIAN:
            fill(view(g, n * n), matrix)
        return scalar(f)

    signature = objective_signature(real)
    compile_quietly(call, signature)
    return function_address(call.overloads[signature.args]), storage_size(context_type)
