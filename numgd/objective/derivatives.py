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
    BOTH,
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    JOINT,
    NO_CURVATURE,
    THREE_POINT,
    TWO_POINT,
)
from numgd.objective.adapter import Functions, numba_real, result_type
from numgd.objective.compiled import compiles_alike
from numgd.objective.schemes import AUTODIFF, curvature_of, scheme_of

NAMES = {
    EXACT: "given", JOINT: "given", BOTH: AUTODIFF, TWO_POINT: "2-point", THREE_POINT: "3-point",
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
    by_default = given.hess is None and given.hessp is None and scheme == BOTH
    if stepped and scheme == BOTH and given.jac != AUTODIFF:
        scheme = TWO_POINT
    functions = Functions(
        given.fun,
        given.jac if scheme == EXACT else None,
        given.hess if curvature == FULL_HESSIAN else None,
        given.hessp if curvature == HESSIAN_PRODUCT else None,
    )
    refused = None
    if scheme == BOTH:
        made = _make("value_and_grad", given.fun, args, x, box, rows)
        refused = made.refused
        if made.function is None:
            _insist(given.jac, "jac", refused)
            scheme, by_default = TWO_POINT, False
        functions = functions._replace(both=made.function)
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
    """A derivative of a user's function as `Made`; compiled and compared with differences the first time."""
    name = getattr(fun, "__name__", type(fun).__name__)
    dispatcher, key = dispatcher_of(fun)
    try:
        key = (key, x.dtype.char, rows, fingerprint(args))
    except Exception:  # args of a type that Numba does not know
        dispatcher = None
    if dispatcher is None:
        return Made(None, f"{name} is called back: Numba cannot compile it")
    found = _made.get((mode, *key))
    if found is None:
        found = _made_first(mode, name, fun, dispatcher, key, args, x, box, rows)
        _made.remember((mode, *key), found)
    return found


def _made_first(mode, name, fun, dispatcher, key, args, x, box, rows):
    if not np.isfinite(x).all():
        return Made(None, "x0 is not finite")
    first = row_of_args(args, 0) if rows else args
    if not compiles_alike(fun, dispatcher, key, args, x, first):
        return Made(None, f"{name} is called back: Numba cannot compile it, or not to the same results")
    try:
        function = derived(mode, dispatcher, 0)
        vector = types.Array(numba_real(x.dtype), 1, "C")
        vectors = (vector, vector) if mode == "hessp" else (vector,)
        result_type(function, (*vectors, *type_of(first)))
    except NotDifferentiable as error:
        return Made(None, str(error))
    except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
        return Made(None, f"{name}: its {mode} cannot be compiled: {str(error).strip().splitlines()[0]}")
    if not _agrees_with_differences(mode, dispatcher, function, x, first, box):
        message = f"the {mode} of {name} by numgd.autodiff differs from differences along a random direction"
        warnings.warn(f"{message}; differences are used", RuntimeWarning, stacklevel=6)
        return Made(None, message)
    return Made(function)


# The first use is checked --------------------------------------------------------------------------------


def _agrees_with_differences(mode, fun, function, x, args, box):
    """Whether a derivative has the slope that differences have along one random direction."""
    generator = np.random.default_rng(x.size)
    real = x.dtype.type
    size = real(np.finfo(x.dtype).eps ** 0.25)
    direction = generator.normal(size=x.size).astype(x.dtype) * np.maximum(1, np.abs(x))
    direction *= size / np.abs(direction / np.maximum(1, np.abs(x))).max()
    if box is not None and box.size:
        room = np.abs(direction)
        direction[(x - room < box[0]) | (x + room > box[1])] = 0
    if not direction.any():
        return True
    try:
        if mode == "value_and_grad":
            slope = float(np.dot(function(x.copy(), *args)[1], direction))

            def along(t):
                return float(fun(x + real(t) * direction, *args))

        else:
            weights = generator.normal(size=x.size).astype(x.dtype)
            gradient = derived("value_and_grad", fun, 0)
            changed = (
                np.dot(function(x.copy(), *args), direction)
                if mode == "hessian"
                else function(x.copy(), direction.copy(), *args)
            )
            slope = float(np.dot(weights, changed))

            def along(t):
                return float(np.dot(weights, gradient(x + real(t) * direction, *args)[1]))

        return slopes_agree(along, slope, np.finfo(x.dtype).eps)
    except Exception:  # what the function raises, it raises in the solve too
        return True


def slopes_agree(along, slope, eps):
    """Whether the slope of a function of t at 0 is `slope`, as far as differences can tell.

    Where one-sided slopes differ, as at a kink, any slope between them will do.
    """
    behind, near_behind, here, near_ahead, ahead = (along(t) for t in (-1.0, -0.5, 0.0, 0.5, 1.0))
    values = np.array([behind, near_behind, here, near_ahead, ahead])
    if not (np.isfinite(values).all() and np.isfinite(slope)):
        return True
    wide, narrow = (ahead - behind) / 2.0, near_ahead - near_behind
    kink = abs(2.0 * (near_ahead - here) - 2.0 * (here - near_behind))
    rounding = 64.0 * eps * np.abs(values).max()
    return abs(slope - narrow) <= 2.0 * abs(wide - narrow) + kink + rounding + np.sqrt(eps) * abs(narrow)
