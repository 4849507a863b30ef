"""Jacobians of residuals and models, generated from their source."""

import numpy as np
from numba import types

from numgd.callables.objective.derivatives import raise_if_required
from numgd.callables.objective.schemes import AUTODIFF, NAMES, asks_for_source
from numgd.callables.residuals.compiled import kinds_of, same
from numgd.callables.source_derivative import Made, Trial, make
from numgd.foundations.schemes import EXACT, PAIR, SOURCE, TWO_POINT
from numgd.jit.arguments import native


class _ResidualTrial(Trial):
    """Trial of residuals ``fun(x, *args)``."""

    def __init__(self, fun, args, x):
        args = native(args)
        super().__init__("jacobian", 0, fun, x, (x, *args))
        self.args = args

    def kinds(self):
        return kinds_of(self.args, None)

    def alike(self, dispatcher, key):
        return same(self.fun, dispatcher, key, (self.x,), self.args)

    def fits(self, answer):
        return isinstance(answer, types.Array) and answer.ndim == 2

    def values(self, dispatcher, x):
        return dispatcher(x, *self.args)

    def matrix(self, derivative):
        return derivative(self.x.copy(), *self.args)


class _ModelTrial(Trial):
    """Trial of a model ``f(xdata, *x)``; its Jacobian is a tuple of columns."""

    def __init__(self, f, data, x):
        self.data, self.xdata, self.numbers = data, data[0], data[3:]
        arguments = (self.xdata, *x.tolist(), *self.numbers)
        super().__init__("jacobian", tuple(range(1, x.size + 1)), f, x, arguments)

    def kinds(self):
        return kinds_of(self.data, self.x.size)

    def alike(self, dispatcher, key):
        return same(self.fun, dispatcher, key, (self.xdata,), self.arguments[1:])

    def fits(self, answer):
        column = answer.dtype if isinstance(answer, types.UniTuple) else None
        return isinstance(column, types.Array) and column.ndim == 1

    def values(self, dispatcher, x):
        return dispatcher(self.xdata, *x.tolist(), *self.numbers)

    def matrix(self, derivative):
        return np.column_stack(derivative(*self.arguments))


def residual_jacobian(fun, args, x, box):
    """The Jacobian (m, n) of ``fun(x, *args)`` as a `Made`; no point outside the box (2, n) is evaluated."""
    return make(_ResidualTrial(fun, args, x), box)


def model_jacobian(f, data, x, box):
    """The columns of the Jacobian of a model ``f(xdata, *x)`` as a `Made`."""
    if type(data[0]) is not np.ndarray:
        return Made(None, "xdata is not an array")
    return make(_ModelTrial(f, data, x), box)


def resolve(made, jac, scheme, stepped):
    """The Jacobian's function and scheme, and how a result describes them.

    `made()` returns the `Made`.  It is called if the scheme is PAIR, except by default when the difference
    steps were given.
    """
    if scheme != PAIR:
        return (jac if scheme == EXACT else None), scheme, {"jac": NAMES[scheme]}
    if stepped and not asks_for_source(jac):
        return None, TWO_POINT, {"jac": NAMES[TWO_POINT]}
    found = made()
    if found.function is not None:
        return found.function, SOURCE, {"jac": AUTODIFF}
    raise_if_required(jac, "jac", found.refused)
    return None, TWO_POINT, {"jac": NAMES[TWO_POINT], "refused": found.refused}
