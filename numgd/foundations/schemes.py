"""How derivatives are obtained, as closed enumerations."""

from enum import IntEnum

from numgd.jit.portable import portable


class Scheme(IntEnum):
    """How the gradient of an objective, or the Jacobian of residuals, is obtained."""

    EXACT = 0  # the objective gives value and gradient in separate calls
    JOINT = 1  # the objective gives both in one call
    PAIR = 2  # a gradient made of the source: the value in one call, or value and gradient in one
    TWO_POINT = (
        3  # differences with steps relative to max(1, |x|); those that are not given may become central
    )
    TWO_POINT_ABSOLUTE = 4
    THREE_POINT = 5
    THREE_POINT_ABSOLUTE = 6
    COMPLEX_STEP = 7  # as EXACT, and the gradient costs one call of the function per variable
    SOURCE = 8  # of sums of squares: as EXACT, and the Jacobian is made of the source


class Curvature(IntEnum):
    """How second derivatives are obtained."""

    NO_CURVATURE = 0
    FULL_HESSIAN = 1  # the objective gives the matrix
    HESSIAN_PRODUCT = 2  # the objective gives products with a vector
    GRADIENT_DIFFERENCES = 3  # one more gradient per column or product
    CENTRAL_GRADIENT_DIFFERENCES = 4  # two
    SOURCE_HESSIAN = 5  # as FULL_HESSIAN, made of the source
    SOURCE_PRODUCT = 6  # as HESSIAN_PRODUCT, made of the source


# The same codes as plain integers, which compiled code takes.
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

WITH_ABSOLUTE_STEPS = {TWO_POINT: TWO_POINT_ABSOLUTE, THREE_POINT: THREE_POINT_ABSOLUTE}
"""The scheme with absolute steps in the place of relative ones."""


@portable
def by_differences(scheme):
    """Whether a derivative is made of differences of the function."""
    return scheme in (TWO_POINT, TWO_POINT_ABSOLUTE) or two_sided(scheme)


@portable
def two_sided(scheme):
    """Whether these differences are central."""
    return scheme in (THREE_POINT, THREE_POINT_ABSOLUTE)


@portable
def relative(scheme):
    """Whether their steps are relative to the size of the variable."""
    return scheme in (TWO_POINT, THREE_POINT)


@portable
def by_products(curvature):
    """Whether the objective gives products with the Hessian."""
    return curvature in (HESSIAN_PRODUCT, SOURCE_PRODUCT)
