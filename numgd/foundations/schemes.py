"""Enumerations of the ways in which derivatives are obtained."""

from enum import IntEnum

from numgd.jit.portable import portable


class Scheme(IntEnum):
    """How the gradient of an objective, or the Jacobian of residuals, is obtained."""

    EXACT = 0  # the objective returns value and gradient in separate calls
    JOINT = 1  # the objective returns both in one call
    PAIR = 2  # gradient generated from the source: a call returns the value, or value and gradient
    TWO_POINT = 3  # steps relative to max(1, |x|); may become central if no steps are given
    TWO_POINT_ABSOLUTE = 4
    THREE_POINT = 5
    THREE_POINT_ABSOLUTE = 6
    COMPLEX_STEP = 7  # like EXACT; the gradient costs one call of the function per variable
    SOURCE = 8  # for sums of squares: like EXACT, with the Jacobian generated from the source


class Curvature(IntEnum):
    """How second derivatives are obtained."""

    NO_CURVATURE = 0
    FULL_HESSIAN = 1  # the objective returns the matrix
    HESSIAN_PRODUCT = 2  # the objective returns products with a vector
    GRADIENT_DIFFERENCES = 3  # one more gradient per column or product
    CENTRAL_GRADIENT_DIFFERENCES = 4  # two more gradients per column or product
    SOURCE_HESSIAN = 5  # like FULL_HESSIAN, generated from the source
    SOURCE_PRODUCT = 6  # like HESSIAN_PRODUCT, generated from the source


# The same codes as plain integers, for compiled code.
(
    EXACT,
    JOINT,
    PAIR,
    TWO_POINT,
    TWO_POINT_ABSOLUTE,
    THREE_POINT,
    THREE_POINT_ABSOLUTE,
    COMPLEX_STEP,
    SOURCE,
) = (int(scheme) for scheme in Scheme)
(
    NO_CURVATURE,
    FULL_HESSIAN,
    HESSIAN_PRODUCT,
    GRADIENT_DIFFERENCES,
    CENTRAL_GRADIENT_DIFFERENCES,
    SOURCE_HESSIAN,
    SOURCE_PRODUCT,
) = (int(curvature) for curvature in Curvature)

IMAGINARY_STEP = 1e-20
"""Length of the imaginary step of COMPLEX_STEP: so small that its square is lost to rounding."""

WITH_ABSOLUTE_STEPS = {TWO_POINT: TWO_POINT_ABSOLUTE, THREE_POINT: THREE_POINT_ABSOLUTE}
"""The same scheme with absolute instead of relative steps."""


@portable
def by_differences(scheme):
    """Whether derivatives are differences of the function."""
    return scheme in (TWO_POINT, TWO_POINT_ABSOLUTE) or two_sided(scheme)


@portable
def two_sided(scheme):
    """Whether derivatives are central differences of the function."""
    return scheme in (THREE_POINT, THREE_POINT_ABSOLUTE)


@portable
def relative(scheme):
    """Whether difference steps are relative to the size of the variable."""
    return scheme in (TWO_POINT, THREE_POINT)


@portable
def by_products(curvature):
    """Whether the objective returns products of its Hessian with a vector."""
    return curvature in (HESSIAN_PRODUCT, SOURCE_PRODUCT)
