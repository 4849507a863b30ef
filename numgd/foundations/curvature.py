"""Second derivatives from differences of the gradient."""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable, seldom


def make_differences(space, slopes, rows):
    """Make the functions ``column`` and ``along`` over a space.

    Parameters
    ----------
    space : numgd.foundations.spaces.Space
    slopes : callable
        Portable function ``slopes(problem, x, g)`` that writes the gradient at x to g.
    rows : callable
        Portable function ``rows(problem)`` that returns two vectors of scratch memory.

    Returns
    -------
    column : callable
        ``column(problem, x, g, h, central, j, out)`` writes column j of the Hessian to out; g is the gradient
        at x and h the step relative to max(1, |xⱼ|).  Differences are central if `central`, else forward.
    along : callable
        ``along(problem, x, g, h, central, p, out)`` writes the product of the Hessian and p to out; h is the
        step relative to (max |x| + 1) / max |p|.
    """
    copy, step, combine, max_abs = space.copy, space.step, space.combine, space.max_abs

    @portable
    def column(problem, x, g, h, central, j, out):
        real = x.dtype.type
        moved, behind = rows(problem)
        copy(moved, x)
        moved[j] = x[j] + h * max(real(1), abs(x[j]))
        width = moved[j] - x[j]  # the step after rounding
        slopes(problem, moved, out)
        if central:
            moved[j] = x[j] - width
            slopes(problem, moved, behind)
            width += x[j] - moved[j]
            combine(out, real(1) / width, -real(1) / width, behind)
        else:
            combine(out, real(1) / width, -real(1) / width, g)

    @portable
    def along(problem, x, g, h, central, p, out):
        real = x.dtype.type
        moved, behind = rows(problem)
        size = max_abs(p)
        h *= real(1) + max_abs(x)
        if size > real(0):
            h /= size
        step(moved, x, h, p)
        slopes(problem, moved, out)
        if central:
            step(moved, x, -h, p)
            slopes(problem, moved, behind)
            combine(out, real(0.5) / h, real(-0.5) / h, behind)
        else:
            combine(out, real(1) / h, -real(1) / h, g)

    return column, along


@seldom
def difference_step(x, noisy, central):
    """Relative step that balances the truncation error of differences against rounding of the gradient.

    A gradient is `noisy` if it is itself made of differences: about half of its digits are correct.
    """
    noise = epsilon(x)
    if noisy:
        noise = math.sqrt(noise)
    if central:
        return noise ** (x.dtype.type(1) / x.dtype.type(3))
    return math.sqrt(noise)


@seldom
def symmetrize(H):
    """Overwrite H with its symmetric part; returns max |Hᵢⱼ − Hⱼᵢ| over the largest off-diagonal entry."""
    real = H.dtype.type
    largest = asymmetry = real(0)
    for i in range(H.shape[0]):
        for j in range(i):
            largest = max(largest, abs(H[i, j]), abs(H[j, i]))
            asymmetry = max(asymmetry, abs(H[i, j] - H[j, i]))
            H[i, j] = H[j, i] = real(0.5) * (H[i, j] + H[j, i])
    if asymmetry > real(0):
        return asymmetry / largest
    return asymmetry
