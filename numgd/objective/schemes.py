"""How derivatives are obtained, from SciPy's arguments `jac`, `hess` and `hessp`."""

from numgd.kernels.cpu.solve import (
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    JOINT,
    THREE_POINT,
    TWO_POINT,
)
from numgd.objective.adapter import Functions


def scheme_of(jac):
    """How a gradient is obtained, from SciPy's `jac` argument; raises for what it cannot be."""
    if callable(jac):
        return EXACT
    if jac is None or jac is False:
        return TWO_POINT
    if jac is True:
        return JOINT
    try:
        return {"2-point": TWO_POINT, "3-point": THREE_POINT, "cs": COMPLEX_STEP}[jac]
    except (KeyError, TypeError):
        raise ValueError(
            f"jac must be a callable, True, '2-point', '3-point', 'cs' or None; it is {jac!r}"
        ) from None


def curvature_of(hess, hessp):
    """How second derivatives are obtained; raises for what they cannot be."""
    if hess is not None and (callable(hess) or hasattr(hess, "get_matrix")):
        return FULL_HESSIAN
    if hess is None or hess is False:
        if hessp is None:
            return GRADIENT_DIFFERENCES
        if callable(hessp):
            return HESSIAN_PRODUCT
        raise TypeError(f"hessp must be callable or None; it is {hessp!r}")
    try:
        return {"2-point": GRADIENT_DIFFERENCES, "3-point": CENTRAL_GRADIENT_DIFFERENCES}[hess]
    except (KeyError, TypeError):
        raise ValueError(
            f"hess must be a callable, a HessianUpdateStrategy, '2-point', '3-point' or None; it is {hess!r}"
        ) from None


def callables(given, scheme, curvature):
    """The `Functions` that are called: those of the user's arguments that the schemes make use of."""
    return Functions(
        given.fun,
        given.jac if scheme == EXACT else None,
        given.hess if curvature == FULL_HESSIAN else None,
        given.hessp if curvature == HESSIAN_PRODUCT else None,
    )
