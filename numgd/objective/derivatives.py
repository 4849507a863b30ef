"""Which derivatives a solve uses: those that were given, exact ones made of the source, or differences."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numba import types

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivative import derived
from numgd.functions import LeastRecentlyUsed, dispatcher_of
from numgd.jit.arguments import fingerprint, row_of_args, type_of
from numgd.kernels.cpu.solve import (
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    JOINT,
    NO_CURVATURE,
    PAIR,
    THREE_POINT,
    TWO_POINT,
)
from numgd.objective.adapter import Functions, result_type
from numgd.objective.compiled import compiles_alike
from numgd.objective.schemes import AUTODIFF, curvature_of, scheme_of

NAMES = {
    EXACT: "given", JOINT: "given", PAIR: AUTODIFF, TWO_POINT: "2-point", THREE_POINT: "3-point",
    COMPLEX_STEP: "cs",
}  # fmt: skip
CURVATURE_NAMES = {
    FULL_HESSIAN: "given", HESSIAN_PRODUCT: "given", GRADIENT_DIFFERENCES: "2-point",
    CENTRAL_GRADIENT_DIFFERENCES: "3-point",
}  # fmt: skip

_made = LeastRecentlyUsed(512)


class Derivatives(NamedTuple):
    """What a solve uses."""

    functions: Functions  # those that are called
    scheme: Any  # how the gradient is obtained
    curvature: Any  # how second derivatives are obtained
    used: dict  # the same in words, by ``'jac'`` and ``'hess'``; ``'refused'``: why not those of the source


class Made(NamedTuple):
    """A derivative made of the source of a function, or why there is none."""

    function: Any
    refused: Any = None


def choose(given, args, x, wanted=None, box=None, stepped=False, rows=False):
    """The derivatives for what the user gave.

    Parameters
    ----------
    given : Functions
        The user's arguments `fun`, `jac`, `hess` and `hessp`.
    args : tuple
    x : numpy.ndarray
        The starting point, where derivatives made of the source are compared with differences.
    wanted : {None, 'hessian', 'product'}
        Which second derivatives the method asks for.
    box : numpy.ndarray, optional
        Of shape (2, n): bounds that no point may leave.
    stepped : bool
        Whether the steps of differences were given: then a gradient that was not given is made of these.
    rows : bool
        Whether arrays in args vary along their first axis.

    Raises
    ------
    NotDifferentiable
        If derivatives of the source are asked for that cannot be had.
    TypeError, ValueError
        For arguments that derivatives cannot be.
    """
    scheme = scheme_of(given.jac)
    curvature = curvature_of(given.hess, given.hessp) if wanted else NO_CURVATURE
    by_default = given.hess is None and given.hessp is None and scheme == PAIR
    if stepped and scheme == PAIR and given.jac != AUTODIFF:
        scheme = TWO_POINT
    functions = Functions(
        given.fun,
        given.jac if scheme == EXACT else None,
        given.hess if curvature == FULL_HESSIAN else None,
        given.hessp if curvature == HESSIAN_PRODUCT else None,
    )
    refused = None
    if scheme == PAIR:
        made = _make("value_and_grad", given.fun, args, x, box, rows)
        refused = made.refused
        if made.function is None:
            _insist(given.jac, "jac", refused)
            scheme, by_default = TWO_POINT, False
        functions = functions._replace(pair=made.function)
    used = {"jac": NAMES[scheme]}
    if wanted:
        if given.hess == AUTODIFF or by_default:
            mode, kind = ("hessian", FULL_HESSIAN) if wanted == "hessian" else ("hessp", HESSIAN_PRODUCT)
            made = _make(mode, given.fun, args, x, box, rows)
            refused = refused or made.refused
            if made.function is None:
                _insist(given.hess, "hess", made.refused)
            else:
                curvature = kind
                functions = functions._replace(**{"hess" if kind == FULL_HESSIAN else "hessp": made.function})
        exact = curvature in (FULL_HESSIAN, HESSIAN_PRODUCT) and (given.hess == AUTODIFF or by_default)
        used["hess"] = AUTODIFF if exact else CURVATURE_NAMES[curvature]
    if refused is not None:
        used["refused"] = refused
    return Derivatives(functions, scheme, curvature, used)


def _insist(asked, name, refused):
    if isinstance(asked, str) and asked == AUTODIFF:
        raise NotDifferentiable(f"{name} is 'autodiff', but {refused}")


def _make(mode, fun, args, x, box, rows):
    """A derivative of a user's objective as `Made`."""
    if not np.isfinite(x).all():
        return Made(None, "x0 is not finite")
    first = row_of_args(args, 0) if rows else args
    vectors = (x, x) if mode == "hessp" else (x,)
    return make(
        mode,
        0,
        fun,
        (*vectors, *first),
        lambda: (x.dtype.char, rows, fingerprint(args)),
        lambda dispatcher, key: compiles_alike(fun, dispatcher, key, args, x, first),
        lambda answer: _fits(mode, answer),
        lambda dispatcher, function: _agrees(mode, dispatcher, function, x, first, box),
    )


def _fits(mode, answer):
    if mode == "value_and_grad":
        answer = answer[1]
    return isinstance(answer, types.Array) and answer.ndim == (2 if mode == "hessian" else 1)


def make(mode, argnum, fun, arguments, kinds, alike, fits, agrees):
    """A derivative of a user's function as `Made`; compiled and compared with differences the first time.

    Parameters
    ----------
    mode, argnum : str and int or tuple of int
        As for `numgd.autodiff.derivative.derived`.
    fun : callable
    arguments : tuple
        Of a call of the derivative.
    kinds : callable
        ``kinds()`` gives what beside the function the compiled form depends on.
    alike : callable
        ``alike(dispatcher, key)`` says whether the compiled function gives what the user's gives.
    fits : callable
        ``fits(type)`` says whether a solver can take a derivative of that Numba type.
    agrees : callable
        ``agrees(dispatcher, derivative)`` says whether the derivative agrees with differences.
    """
    name = getattr(fun, "__name__", type(fun).__name__)
    dispatcher, key = dispatcher_of(fun)
    try:
        key = (key, *kinds())
    except Exception:  # args of a type that Numba does not know
        dispatcher = None
    if dispatcher is None:
        return Made(None, f"{name} is called back: Numba cannot compile it")
    place = (mode, argnum, *key)
    found = _made.get(place)
    if found is None:
        found = _make_first(mode, argnum, name, dispatcher, key, arguments, alike, fits, agrees)
        _made.remember(place, found)
    return found


def _make_first(mode, argnum, name, dispatcher, key, arguments, alike, fits, agrees):
    if not alike(dispatcher, key):
        return Made(None, f"{name} is called back: Numba cannot compile it, or not to the same results")
    try:
        function = derived(mode, dispatcher, argnum)
        kinds = tuple(type_of(arguments))
        result_type(dispatcher, function.derivation.own_kinds(kinds))
        answer = result_type(function, kinds)
    except NotDifferentiable as error:
        return Made(None, str(error))
    except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
        return Made(None, f"{name}: its {mode} cannot be compiled: {str(error).strip().splitlines()[0]}")
    if not fits(answer):
        return Made(None, f"{name}: its {mode} is {answer}, which a solver cannot take")
    try:
        right = agrees(dispatcher, function)
    except Exception:  # what the function raises, it raises in the solve too
        right = True
    if right:
        return Made(function)
    message = f"the {mode} of {name} by numgd.autodiff differs from differences along a random direction"
    warnings.warn(f"{message}; differences are used", RuntimeWarning, stacklevel=7)
    return Made(None, message)


# The first use is checked --------------------------------------------------------------------------------


def random_direction(x, box=None):
    """A step in a random direction, as long as suits differences; none in variables that lack the room."""
    real = x.dtype.type
    sizes = np.maximum(1, np.abs(x))
    direction = np.random.default_rng(x.size).normal(size=x.size).astype(x.dtype)
    direction *= real(np.finfo(x.dtype).eps ** 0.25) / np.abs(direction).max() * sizes
    if box is not None and box.size:
        room = np.abs(direction)
        direction[(x - room < box[0]) | (x + room > box[1])] = 0
    return direction


def _agrees(mode, fun, function, x, args, box):
    """Whether a derivative of an objective has the slope that differences have along a random direction."""
    direction = random_direction(x, box)
    real = x.dtype.type
    if mode == "value_and_grad":
        slope = np.dot(function(x.copy(), *args)[1], direction)

        def along(t):
            return float(fun(x + real(t) * direction, *args))

    else:
        weights = random_direction(np.zeros_like(x))
        gradient = derived("value_and_grad", fun, 0)
        if mode == "hessian":
            changed = np.dot(function(x.copy(), *args), direction)
        else:
            changed = function(x.copy(), direction.copy(), *args)
        slope = np.dot(weights, changed)

        def along(t):
            return float(np.dot(weights, gradient(x + real(t) * direction, *args)[1]))

    return slopes_agree(along, float(slope), np.finfo(x.dtype).eps)


def slopes_agree(along, slope, eps):
    """Whether the slope of a function of t at 0 is `slope`, as far as differences can tell.

    Where one-sided slopes differ, as at a kink, any slope between them will do.
    """
    behind, near_behind, here, near_ahead, ahead = (along(t) for t in (-1.0, -0.5, 0.0, 0.5, 1.0))
    values = np.array([behind, near_behind, here, near_ahead, ahead])
    if not (np.isfinite(values).all() and np.isfinite(slope)):
        return True
    wide, narrow = (ahead - behind) / 2.0, near_ahead - near_behind
    kink = abs((near_ahead - here) - (here - near_behind))
    rounding = 64.0 * eps * np.abs(values).max()
    return abs(slope - narrow) <= 2.0 * abs(wide - narrow) + kink + rounding + np.sqrt(eps) * abs(narrow)
