"""How derivatives are obtained, from SciPy's arguments `jac`, `hess` and `hessp`."""

from numgd.foundations.schemes import (
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    JOINT,
    PAIR,
    SOURCE_HESSIAN,
    SOURCE_PRODUCT,
    THREE_POINT,
    TWO_POINT,
)

AUTODIFF = "autodiff"
"""Value of `jac` and `hess` that asks for derivatives generated from the source."""

_GRADIENTS = {AUTODIFF: PAIR, "2-point": TWO_POINT, "3-point": THREE_POINT, "cs": COMPLEX_STEP}
_CURVATURES = {"2-point": GRADIENT_DIFFERENCES, "3-point": CENTRAL_GRADIENT_DIFFERENCES}
GIVEN = "given"
NAMES = {EXACT: GIVEN, JOINT: GIVEN} | {scheme: name for name, scheme in _GRADIENTS.items()}
"""How a gradient is obtained, in words."""
CURVATURE_NAMES = {
    FULL_HESSIAN: GIVEN,
    HESSIAN_PRODUCT: GIVEN,
    SOURCE_HESSIAN: AUTODIFF,
    SOURCE_PRODUCT: AUTODIFF,
    **{curvature: name for name, curvature in _CURVATURES.items()},
}
"""How second derivatives are obtained, in words."""


def asks_for_source(derivative):
    """Whether `jac` or `hess` insists on derivatives generated from the source."""
    return isinstance(derivative, str) and derivative == AUTODIFF


def scheme_of(jac, joint=True):
    """How a gradient is obtained, from SciPy's `jac` argument; raises for an invalid one.

    PAIR if it was not given, because the source may provide a gradient.  True, for a function that returns
    value and gradient, is accepted only with `joint`.
    """
    if callable(jac):
        return EXACT
    if jac is None or (joint and isinstance(jac, int) and not jac):
        return PAIR
    if joint and jac is True:
        return JOINT
    if isinstance(jac, str) and jac in _GRADIENTS:
        return _GRADIENTS[jac]
    known = "a callable, True, 'autodiff'" if joint else "a callable, 'autodiff'"
    raise ValueError(f"jac must be {known}, '2-point', '3-point', 'cs' or None; it is {jac!r}")


def curvature_of(hess, hessp):
    """How second derivatives are obtained; raises for invalid arguments."""
    if hess is not None and (callable(hess) or hasattr(hess, "get_matrix")):
        return FULL_HESSIAN
    if hess is None or hess is False:
        if hessp is None:
            return GRADIENT_DIFFERENCES
        if callable(hessp):
            return HESSIAN_PRODUCT
        raise TypeError(f"hessp must be callable or None; it is {hessp!r}")
    if asks_for_source(hess):
        return GRADIENT_DIFFERENCES  # unless they can be generated from the source
    if isinstance(hess, str) and hess in _CURVATURES:
        return _CURVATURES[hess]
    known = "a callable, a HessianUpdateStrategy, 'autodiff', '2-point', '3-point' or None"
    raise ValueError(f"hess must be {known}; it is {hess!r}")
