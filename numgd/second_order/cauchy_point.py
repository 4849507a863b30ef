"""The generalised Cauchy point: the first minimiser of a quadratic along the projected steepest descent.

R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained optimization",
SIAM J. Sci. Comput. 16 (1995) 1190-1208, section 4.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable


class Quadratic(NamedTuple):
    """Operations for the curvature of mₖ(x + z) = f + gᵀz + zᵀB z / 2 along a bent path.

    The path starts at z = 0 with direction d; `model` holds B.
    """

    begin: Any  # begin(model, d) -> dᵀB d
    advance: Any  # advance(model, dt): z = z + dt d
    probe: Any  # probe(model, b, z_b, d_b) -> (B z)_b, (B d)_b, B_bb
    stop: Any  # stop(model, b, d_b): d_b = 0


@portable
def sift_down(order, keys, root, count):
    """Restore the heap of indices `order`, smallest key first, below position `root`."""
    index = order[root]
    key = keys[int(index)]
    child = 2 * root + 1
    while child < count:
        if child + 1 < count and keys[int(order[child + 1])] < keys[int(order[child])]:
            child += 1
        if not keys[int(order[child])] < key:
            break
        order[root] = order[child]
        root, child = child, 2 * child + 1
    order[root] = index


@portable
def straight_until(x, g, lower, upper, free):
    """The t up to which no variable meets a bound on the path x − t g; 0 if not all are `free`."""
    zero = x.dtype.type(0)
    nearest = x.dtype.type(math.inf)
    for i in range(x.size):
        move = -g[i]
        room = upper[i] - x[i] if move > zero else lower[i] - x[i]
        if free[i] == zero or room == zero or (move == zero and x[i] == upper[i]):
            nearest = zero
        elif move != zero:
            nearest = min(nearest, room / move)
    return nearest


def make_cauchy_point(quadratic):
    """The search for one way to store the matrix."""
    begin, advance, probe, stop = quadratic

    @portable
    def cauchy_point(model, x, g, lower, upper, z, breaks, order, d):
        """Write the displacement of the Cauchy point to z, and −1 to `breaks` for each variable at a bound.

        Returns how much the quadratic changes on the way there.  `order` and `d` are scratch; `order` holds
        indices in the dtype of x, which are exact for up to 2²⁴ variables in float32 and 2⁵³ in float64.
        """
        real = x.dtype.type
        zero, one, half = real(0), real(1), real(0.5)
        slope = zero
        nearest = real(math.inf)
        moving = count = 0
        for i in range(x.size):
            move = -g[i]
            room = upper[i] - x[i] if move > zero else lower[i] - x[i]
            z[i] = zero
            if room == zero or (move == zero and x[i] == upper[i]):
                d[i] = zero
                breaks[i] = -one
                continue
            moving += 1
            d[i] = move
            slope -= move * move
            breaks[i] = real(math.inf)
            if move != zero:
                breaks[i] = room / move
            if breaks[i] < math.inf:
                order[count] = real(i)
                count += 1
                nearest = min(nearest, breaks[i])

        curvature = begin(model, d)
        least_curvature = epsilon(x) * curvature
        t = change = zero
        ahead = -slope / curvature
        if nearest <= ahead:
            for root in range(count // 2 - 1, -1, -1):
                sift_down(order, breaks, root, count)
            while count > 0:
                b = int(order[0])
                interval = breaks[b] - t
                if not ahead >= interval:
                    break
                t = breaks[b]
                change += interval * (slope + half * interval * curvature)
                advance(model, interval)
                d_b = d[b]
                z[b] = upper[b] - x[b] if d_b > zero else lower[b] - x[b]
                bz, bd, bb = probe(model, b, z[b], d_b)
                slope += interval * curvature + d_b * (d_b - bz)
                curvature += d_b * (d_b * bb - bd - bd)
                curvature = max(curvature, least_curvature)
                stop(model, b, d_b)
                d[b] = zero
                moving -= 1
                count -= 1
                order[0] = order[count]
                if count > 0:
                    sift_down(order, breaks, 0, count)
                breaks[b] = -one
                ahead = -slope / curvature
                if moving == 0 or not ahead > zero:
                    ahead = zero
        advance(model, ahead)
        change += ahead * (slope + half * ahead * curvature)
        t += ahead
        for i in range(x.size):
            if breaks[i] >= zero:
                z[i] = t * d[i]
        return change

    return cauchy_point
