"""How derivatives are obtained, from SciPy's arguments `jac`, `hess` and `hessp`."""

from numgd.kernels.cpu.solve import (
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    JOINT,
    PAIR,
    THREE_POINT,
    TWO_POINT,
)

AUTODIFF = "autodiff"
"""What `jac` and `hess` may be for derivatives made of the source."""


def scheme_of(jac):
    """How a gradient is obtained, from SciPy's `jac` argument; raises for what it cannot be.

    PAIR where it was not given: it is for the source to say whether it has one.
    """
    if callable(jac):
        return EXACT
    if jac is None or jac is False:
        return PAIR
    if jac is True:
        return JOINT
    try:
        return {AUTODIFF: PAIR, "2-point": TWO_POINT, "3-point": THREE_POINT, "cs": COMPLEX_STEP}[jac]
    except (KeyError, TypeError):
        raise ValueError(
            f"jac must be a callable, True, 'autodiff', '2-point', '3-point', 'cs' or None; it is {jac!r}"
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
        return {
            AUTODIFF: GRADIENT_DIFFERENCES,  # unless the source has it
            "2-point": GRADIENT_DIFFERENCES,
            "3-point": CENTRAL_GRADIENT_DIFFERENCES,
        }[hess]
    except (KeyError, TypeError):
        known = "a callable, a HessianUpdateStrategy, 'autodiff', '2-point', '3-point' or None"
        raise ValueError(f"hess must be {known}; it is {hess!r}") from None
