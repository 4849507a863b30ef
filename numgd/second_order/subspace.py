"""From the Cauchy point and the minimiser over the free variables to a direction that stays in the box.

J. L. Morales and J. Nocedal, "Remark on Algorithm 778", ACM TOMS 38 (2011), article 7.
"""

from numgd.jit.portable import portable


@portable
def projected_direction(x, g, z, d, change, lower, upper):
    """Overwrite z with P(x + z + d) − x, or with z + a d, with the largest a ≤ 1 that stays in the box.

    z leads to the Cauchy point, where the quadratic model has changed by `change`, and d from there to
    the minimiser over the free variables; it is zero for the others.  Returns the slope gᵀz.

    The second is used if the projection has turned the step so far that it promises less decrease, to first
    order, than the Cauchy point.  (Morales and Nocedal require only descent, which lets steps shrink to
    nothing where the model is nearly singular.)
    """
    real = x.dtype.type
    zero, one = real(0), real(1)
    slope = zero
    for i in range(x.size):
        slope += g[i] * max(min(z[i] + d[i], upper[i] - x[i]), lower[i] - x[i])
    a = one
    if not slope <= change:
        for i in range(x.size):
            if d[i] < zero:
                a = min(a, (lower[i] - x[i] - z[i]) / d[i])
            elif d[i] > zero:
                a = min(a, (upper[i] - x[i] - z[i]) / d[i])
        a = max(a, zero)
        slope = zero
        for i in range(x.size):
            slope += g[i] * max(min(z[i] + a * d[i], upper[i] - x[i]), lower[i] - x[i])
    for i in range(x.size):
        z[i] = max(min(z[i] + a * d[i], upper[i] - x[i]), lower[i] - x[i])
    return slope
