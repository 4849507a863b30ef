"""Moving inside a box: componentwise operations of bound-constrained methods."""

import math

from numgd.foundations.linalg import epsilon, is_finite
from numgd.foundations.spaces import make_norm
from numgd.jit.portable import portable


@portable
def clip(x, lower, upper):
    """Move x to the nearest point of the box; empty arrays mean no bounds."""
    for i in range(lower.size):
        if x[i] < lower[i]:
            x[i] = lower[i]
        elif x[i] > upper[i]:
            x[i] = upper[i]


@portable
def projected_gradient(out, x, a, g, lower, upper):
    """out = P(x − a g) − x with P the projection onto the box; not finite where g is not."""
    for i in range(x.size):
        move = -a * g[i]
        if is_finite(move):
            move = max(min(move, upper[i] - x[i]), lower[i] - x[i])
        out[i] = move


def make_projected_norm(space):
    """Function ``distance(x, g, order, lower, upper, scratch)``: the norm of the projected gradient step."""
    norm, project = make_norm(space), space.form(projected_gradient)

    @portable
    def distance(x, g, order, lower, upper, scratch):
        project(scratch, x, x.dtype.type(1), g, lower, upper)
        return norm(scratch, order)

    return distance


@portable
def bounded_step(out, x, alpha, p, lower, upper):
    """out = P(x + alpha p); a variable that comes within rounding of its bound lands on it."""
    one = x.dtype.type(1)
    stretch = one + x.dtype.type(4) * epsilon(x)
    for i in range(x.size):
        move = alpha * p[i]
        if move * stretch <= lower[i] - x[i]:
            out[i] = lower[i]
        elif move * stretch >= upper[i] - x[i]:
            out[i] = upper[i]
        else:
            out[i] = x[i] + move


@portable
def land(out, x, lower, upper):
    """As `bounded_step`, for a point `out` that was reached from x; empty arrays mean no bounds."""
    stretch = x.dtype.type(1) + x.dtype.type(4) * epsilon(x)
    for i in range(lower.size):
        move = stretch * (out[i] - x[i])
        if move <= lower[i] - x[i]:
            out[i] = lower[i]
        elif move >= upper[i] - x[i]:
            out[i] = upper[i]


@portable
def ends_inside(x, p, lower, upper):
    """Whether x + p is in the box."""
    inside = True
    for i in range(x.size):
        inside &= lower[i] - x[i] <= p[i] <= upper[i] - x[i]
    return inside


@portable
def largest_step(x, p, lower, upper):
    """The largest alpha for which x + alpha p is in the box, or infinity."""
    zero = x.dtype.type(0)
    largest = x.dtype.type(math.inf)
    for i in range(x.size):
        if p[i] < zero:
            largest = min(largest, (lower[i] - x[i]) / p[i])
        elif p[i] > zero:
            largest = min(largest, (upper[i] - x[i]) / p[i])
    return largest


@portable
def bounded_on_all_sides(lower, upper):
    """Whether no bound is infinite."""
    bounded = True
    for i in range(lower.size):
        bounded &= lower[i] > -math.inf and upper[i] < math.inf
    return bounded
