"""Choice of a solve's derivatives: given by the user, generated from the source, or finite differences."""

from typing import Any, NamedTuple

import numpy as np
from numba import types

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.callables.captured import lift
from numgd.callables.objective.adapter import Functions
from numgd.callables.objective.compiled import compiles_alike
from numgd.callables.objective.schemes import (
    CURVATURE_NAMES,
    NAMES,
    asks_for_source,
    curvature_of,
    scheme_of,
)
from numgd.callables.source_derivative import Made, Trial, make
from numgd.foundations.schemes import (
    EXACT,
    FULL_HESSIAN,
    HESSIAN_PRODUCT,
    NO_CURVATURE,
    PAIR,
    SOURCE_HESSIAN,
    SOURCE_PRODUCT,
    TWO_POINT,
)
from numgd.jit.arguments import fingerprint, native, row_of_args
from numgd.jit.compilable import is_function


class Derivatives(NamedTuple):
    """The functions and derivatives that a solve uses."""

    functions: Functions  # those that are called
    args: tuple  # their arguments after x: the user's args, and numbers that the functions captured
    scheme: Any  # how the gradient is obtained
    curvature: Any  # how second derivatives are obtained
    used: dict  # the same in words, under 'jac' and 'hess'; 'refused': why the source was not used


def choose(given, args, x, wanted=None, box=None, stepped=False, rows=False):
    """Choose the derivatives for what the user gave.

    Parameters
    ----------
    given : Functions
        The user's arguments `fun`, `jac`, `hess` and `hessp`.
    args : tuple
    x : numpy.ndarray
        The starting point, where derivatives generated from the source are compared with differences.
    wanted : {None, 'hessian', 'product'}
        Which second derivatives the method needs.
    box : numpy.ndarray, optional
        Bounds of shape (2, n); no point outside them is evaluated.
    stepped : bool
        Whether difference steps were given: a gradient that was not given is then computed by differences.
    rows : bool
        Whether arrays in args vary along their first axis.

    Raises
    ------
    NotDifferentiable
        If derivatives from the source are asked for but cannot be generated.
    TypeError, ValueError
        For invalid derivative arguments.
    """
    if given.jac is None and hasattr(given.fun, "value_and_gradient"):
        return _by_protocol(given, native(args), wanted, args)
    own, args = args, native(args)
    scheme = scheme_of(given.jac)
    curvature = curvature_of(given.hess, given.hessp) if wanted else NO_CURVATURE
    by_default = given.hess is None and given.hessp is None and scheme == PAIR
    if stepped and scheme == PAIR and not asks_for_source(given.jac):
        scheme = TWO_POINT
    functions = Functions(
        given.fun,
        given.jac if scheme == EXACT else None,
        given.hess if curvature == FULL_HESSIAN else None,
        given.hessp if curvature == HESSIAN_PRODUCT else None,
    )
    functions, numbers = _lifted(functions, x, row_of_args(args, 0) if rows else args)
    if numbers:
        own, args = (*own, *numbers), (*args, *numbers)
    refused = None
    if scheme == PAIR:
        made = _made("value_and_grad_to", functions.fun, args, x, box, rows)
        refused = made.refused
        if made.function is None:
            raise_if_required(given.jac, "jac", refused)
            scheme, by_default = TWO_POINT, False
        functions = functions._replace(pair=made.function)
    used = {"jac": NAMES[scheme]}
    if wanted:
        if by_default or asks_for_source(given.hess):
            mode, kind = ("hessian", SOURCE_HESSIAN) if wanted == "hessian" else ("hessp", SOURCE_PRODUCT)
            made = _made(mode, functions.fun, args, x, box, rows)
            refused = refused or made.refused
            if made.function is None:
                raise_if_required(given.hess, "hess", made.refused)
            else:
                curvature = kind
                functions = functions._replace(**{"hess" if wanted == "hessian" else "hessp": made.function})
        used["hess"] = CURVATURE_NAMES[curvature]
    if refused is not None:
        used["refused"] = refused
    return Derivatives(functions, own, scheme, curvature, used)


def _by_protocol(given, args, wanted, own):
    """The derivatives of an object with a method ``value_and_gradient(x, out, *args)``, and maybe `hessp`.

    The objectives of networks are such objects.
    """
    curvature = curvature_of(given.hess, given.hessp) if wanted else NO_CURVATURE
    hess = given.hess if curvature == FULL_HESSIAN else None
    hessp = given.hessp if curvature == HESSIAN_PRODUCT else None
    used = {"jac": "fun.value_and_gradient"}
    if wanted:
        used["hess"] = CURVATURE_NAMES[curvature]
        if given.hess is given.hessp is None and hasattr(given.fun, "hessp"):
            hessp, curvature = given.fun.hessp, HESSIAN_PRODUCT
            used["hess"] = "fun.hessp"
    functions = Functions(given.fun, None, hess, hessp, given.fun.value_and_gradient)
    return Derivatives(functions, own, PAIR, curvature, used)


def _lifted(functions, x, args):
    """The functions with captured numbers as arguments, and these numbers; see `numgd.callables.captured`."""
    if not any(map(is_function, functions)):
        return functions, ()
    call, product = (x, *args), (x, x, *args)
    found, numbers = lift(functions, (call, call, call, product, call))
    return Functions(*found), numbers


def with_replaced(used, **counts):
    """`used` with the number of entries of each derivative, by name, that differences replaced."""
    counts = {name: int(count) for name, count in counts.items() if count}
    return {**used, "replaced": counts} if counts else used


def raise_if_required(derivative, name, refused):
    """Raise if the argument `name` insists on a derivative from the source, which was refused."""
    if asks_for_source(derivative):
        raise NotDifferentiable(f"{name} is 'autodiff', but {refused}")


def _made(mode, fun, args, x, box, rows):
    if not np.isfinite(x).all():
        return Made(None, "x0 is not finite")
    return make(_ObjectiveTrial(mode, fun, args, x, rows), box)


class _ObjectiveTrial(Trial):
    """Trial of an objective ``fun(x, *args)``."""

    def __init__(self, mode, fun, args, x, rows):
        self.args, self.rows = args, rows
        self.first = row_of_args(args, 0) if rows else args
        vectors = (x,) if mode == "hessian" else (x, x)
        super().__init__(mode, 0, fun, x, (*vectors, *self.first))

    def kinds(self):
        return self.x.dtype.char, self.rows, fingerprint(self.args)

    def alike(self, dispatcher, key):
        return compiles_alike(self.fun, dispatcher, key, self.x, self.first)

    def fits(self, answer):
        if self.mode == "value_and_grad_to":
            return isinstance(answer, types.Integer | types.Float | types.Boolean)
        return isinstance(answer, types.Array) and answer.ndim == (2 if self.mode == "hessian" else 1)

    def values(self, dispatcher, x):
        if self.mode == "value_and_grad_to":
            return dispatcher(x, *self.first)
        gradient = np.empty_like(x)
        derived("value_and_grad_to", dispatcher, 0)(x, gradient, *self.first)
        return gradient

    def matrix(self, derivative):
        x = self.x.copy()
        if self.mode == "hessian":
            return derivative(x, *self.first)
        gradient = np.empty_like(x)
        derivative(x, gradient, *self.first)
        return gradient[None]

    def gives(self, dispatcher, derivative):
        if self.mode != "value_and_grad_to":
            return True
        x = self.x.copy()
        value, expected = derivative(x, np.empty_like(x), *self.first), dispatcher(x, *self.first)
        tolerance = 1e3 * np.finfo(x.dtype).eps
        return np.allclose(value, expected, tolerance, tolerance, equal_nan=True)

    def usable(self, derivative):
        return np.ones(self.x.size, bool) if self.mode == "hessp" else super().usable(derivative)

    def change(self, derivative, direction):
        if self.mode == "hessp":
            return derivative(self.x.copy(), direction.copy(), *self.first)
        return super().change(derivative, direction)
