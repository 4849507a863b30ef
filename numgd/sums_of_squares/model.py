"""Parts shared by the solvers: the gradient, the scales of the variables, and the stopping tests."""

import math

from numgd.foundations.linalg import euclidean_norm
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.evaluator import (
    BOTH,
    BY_FUNCTION,
    BY_GRADIENT,
    BY_STEP,
    CALLBACK,
    GOING_ON,
    MAX_NFEV,
    NOT_FINITE,
)


@portable
def smallest(x):
    """Smallest normal number of the dtype of an array."""
    if x.itemsize == 4:
        return x.dtype.type(2.0**-126)
    return x.dtype.type(2.0**-1022)


@seldom
def scaled_norm(D, x):
    """‖D x‖ of a short vector, even if squares over- or underflow."""
    largest = total = x.dtype.type(0)
    for j in range(x.size):
        magnitude = abs(D[j] * x[j])
        if not magnitude < math.inf:
            return magnitude
        largest = max(largest, magnitude)
    if largest == total:
        return largest
    for j in range(x.size):
        total += (D[j] * x[j] / largest) * (D[j] * x[j] / largest)
    return largest * math.sqrt(total)


@seldom
def fill_gradient(columns, r, g):
    """g = Jᵀ r."""
    for j in range(g.size):
        column = columns[j]
        total = r.dtype.type(0)
        for i in range(r.size):
            total += column[i] * r[i]
        g[j] = total


@seldom
def fill_norms(columns, norms):
    """Write the norms of the Jacobian's columns; returns whether all are finite."""
    finite = True
    for j in range(norms.size):
        norms[j] = euclidean_norm(columns[j])
        finite &= norms[j] < math.inf
    return finite


@seldom
def widen(D, norms, first):
    """D = the largest norms of the Jacobian's columns so far, Moré (1978), eq. 6.3; 1 for a zero column."""
    zero, one = norms.dtype.type(0), norms.dtype.type(1)
    for j in range(D.size):
        longest = norms[j] if first else max(norms[j], D[j])
        D[j] = longest if longest > zero else one


@seldom
def change_along(R, order, p, out):
    """out = R Pᵀ p, which has the same norm as J p if J P = Q R."""
    for i in range(p.size):
        total = p.dtype.type(0)
        for j in range(i, p.size):
            total += R[i, j] * p[order[j]]
        out[i] = total


@portable
def agreement_of(decrease, predicted, real):
    """Actual over predicted decrease; 1 if both are zero, 0 if no decrease was predicted."""
    if predicted > real(0):
        return decrease / predicted
    return real(1) if predicted == real(0) and decrease == real(0) else real(0)


@portable
def next_radius(radius, agreement, size, real):
    """Radius of the next trust region after a step of length `size`; Nocedal & Wright, algorithm 4.1."""
    if not agreement >= real(0.25):
        return real(0.25) * size
    if agreement > real(0.75) and size > real(0.95) * radius:
        return real(2) * radius
    return radius


@portable
def status_at_point(status, finite, optimality, stop, nfev, options):
    """Status at a new point, where `status` is that of the step to it and `stop` the answer of the hook."""
    if not finite:
        return NOT_FINITE
    if optimality < options.gtol:
        return BY_GRADIENT
    if status == GOING_ON and stop:
        return CALLBACK
    if status == GOING_ON and nfev >= options.max_nfev:
        return MAX_NFEV
    return status


@seldom
def tested(decrease, cost, step, size, agreement, options):
    """Status after testing a step's decrease relative to the cost, and its length relative to that of x."""
    by_function = decrease < options.ftol * cost and agreement > 0.25
    by_step = step < options.xtol * (options.xtol + size)
    if by_function and by_step:
        return BOTH
    if by_function:
        return BY_FUNCTION
    if by_step:
        return BY_STEP
    return GOING_ON
