"""Jacobians of residuals and models, made of their source."""

import numpy as np
from numba import types

from numgd.autodiff import NotDifferentiable
from numgd.kernels.cpu.solve import EXACT, PAIR, TWO_POINT
from numgd.objective.derivatives import NAMES, Made, make, random_direction, slopes_agree
from numgd.objective.schemes import AUTODIFF
from numgd.residuals.compiled import kinds_of, same


def residual_jacobian(fun, args, x, box):
    """The Jacobian (m, n) of ``fun(x, *args)`` as a `Made`; no point leaves the box (2, n)."""

    def alike(dispatcher, key):
        return same(fun, dispatcher, key, (x,), args)

    def agrees(dispatcher, function):
        return _agrees(lambda moved: dispatcher(moved, *args), lambda: function(x.copy(), *args), x, box)

    def fits(answer):
        return isinstance(answer, types.Array) and answer.ndim == 2

    return make("jacobian", 0, fun, (x, *args), lambda: kinds_of(args, None), alike, fits, agrees)


def model_jacobian(f, data, x, box):
    """The columns of the Jacobian of a model ``f(xdata, *x)`` as a `Made`."""
    xdata, parameters = data[0], tuple(x.tolist())

    def alike(dispatcher, key):
        return same(f, dispatcher, key, (xdata,), parameters)

    def agrees(dispatcher, function):
        return _agrees(
            lambda moved: dispatcher(xdata, *moved.tolist()),
            lambda: np.column_stack(function(xdata, *parameters)),
            x,
            box,
        )

    if type(xdata) is not np.ndarray:
        return Made(None, "xdata is no array")

    def fits(answer):
        return (
            isinstance(answer, types.UniTuple)
            and isinstance(answer.dtype, types.Array)
            and answer.dtype.ndim == 1
        )

    argnum = tuple(range(1, x.size + 1))
    arguments = (xdata, *parameters)
    return make("jacobian", argnum, f, arguments, lambda: kinds_of(data, x.size), alike, fits, agrees)


def resolve(made, jac, scheme, stepped):
    """The Jacobian's function and scheme, and what a result says of them.

    `made()` gives the `Made`; it is asked where the scheme is PAIR, and not by default where the steps of
    differences were given.
    """
    if scheme != PAIR:
        return (jac if scheme == EXACT else None), scheme, {"jac": NAMES[scheme]}
    if stepped and jac != AUTODIFF:
        return None, TWO_POINT, {"jac": NAMES[TWO_POINT]}
    found = made()
    if found.function is not None:
        return found.function, EXACT, {"jac": AUTODIFF}
    if jac == AUTODIFF:
        raise NotDifferentiable(f"jac is 'autodiff', but {found.refused}")
    return None, TWO_POINT, {"jac": NAMES[TWO_POINT], "refused": found.refused}


def _agrees(values, jacobian, x, box):
    """Whether a Jacobian has the slope that differences have, of a random sum along a random direction."""
    direction = random_direction(x, box)
    matrix = np.atleast_2d(jacobian())
    weights = np.random.default_rng(matrix.shape[0]).normal(size=matrix.shape[0])

    def along(t):
        return float(np.dot(weights, np.ravel(values(x + t * direction))))

    slope = float(np.dot(weights, matrix @ direction))
    return slopes_agree(along, slope, np.finfo(float).eps)
