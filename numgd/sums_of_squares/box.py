"""Points and steps within bounds on the variables; a bound that does not exist is infinite."""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.model import smallest


@seldom
def move_inside(x, lower, upper, relative):
    """Move variables on or beyond a bound strictly inside, by `relative`, or minimally if that is 0."""
    real = x.dtype.type
    one, half = real(1), real(0.5)
    tiny, least = epsilon(x), smallest(x)
    for j in range(x.size):
        low, high = lower[j], upper[j]
        if x[j] <= low:
            x[j] = low + (relative * max(one, abs(low)) if relative > 0 else max(tiny * abs(low), least))
        elif x[j] >= high:
            x[j] = high - (relative * max(one, abs(high)) if relative > 0 else max(tiny * abs(high), least))
        if not (x[j] > low and x[j] < high):
            x[j] = half * low + half * high


@portable
def room(x, d, s, lower, upper, j):
    """How many times the step d s fits between x and the bound that it points at, in variable j."""
    real = x.dtype.type
    change = d[j] * s[j]
    if change > real(0):
        return max((upper[j] - x[j]) / change, real(0))
    if change < real(0):
        return max((lower[j] - x[j]) / change, real(0))
    return real(math.inf)


@seldom
def least_room(x, d, s, lower, upper):
    """The smallest `room` of all variables."""
    least = x.dtype.type(math.inf)
    for j in range(x.size):
        least = min(least, room(x, d, s, lower, upper, j))
    return least


@seldom
def to_sphere(p, r, radius):
    """The positive t with ‖p + t r‖ = radius; zero if p is outside."""
    zero = p.dtype.type(0)
    rr = pr = pp = zero
    for j in range(p.size):
        rr += (r[j] / radius) * (r[j] / radius)
        pr += (p[j] / radius) * (r[j] / radius)
        pp += (p[j] / radius) * (p[j] / radius)
    inside = p.dtype.type(1) - pp
    if not (inside > zero and rr > zero):
        return zero
    root = math.sqrt(pr * pr + rr * inside)
    # (−pr + root) / rr, in a form without cancellation.
    return inside / (pr + root) if pr > zero else (root - pr) / rr


@seldom
def lowest(a, b, low, high):
    """The t in [low, high] that minimises a t² + b t."""
    best = low
    if a * (high * high) + b * high < a * (low * low) + b * low:
        best = high
    if a > 0:
        vertex = -b / (a + a)
        if vertex > low and vertex < high:
            best = vertex
    return best


@seldom
def mark_active(x, lower, upper, tolerance, active):
    """active = −1 where x is at its lower bound within a relative tolerance, 1 at its upper bound, else 0."""
    real = x.dtype.type
    one = real(1)
    for j in range(x.size):
        below, above = x[j] - lower[j], upper[j] - x[j]
        active[j] = real(0)
        if below <= min(above, tolerance * max(one, abs(lower[j]))) and lower[j] > -math.inf:
            active[j] = -one
        elif above <= min(below, tolerance * max(one, abs(upper[j]))) and upper[j] < math.inf:
            active[j] = one
