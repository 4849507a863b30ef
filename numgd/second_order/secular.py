"""The trust-region subproblem, solved through its secular equation.

Minimise gᵀp + pᵀA p / 2 within ‖p‖ ≤ Δ: J. J. Moré and D. C. Sorensen, "Computing a trust region step",
SIAM J. Sci. Stat. Comput. 4 (1983) 553-572; A. R. Conn, N. I. M. Gould and Ph. L. Toint, Trust-Region
Methods (2000), section 7.3.  The minimiser solves (A + λI) p = −g with λ ≥ 0 and A + λI positive
semidefinite; λ is 0 within the region and else such that ‖p‖ = Δ, which Newton's method finds as the root
of 1/‖p‖ − 1/Δ.  In the hard case no such root exists, and an eigenvector of the least eigenvalue is added.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import euclidean_norm
from numgd.jit.portable import portable, seldom

HARD = 0.2  # share of the model's decrease that the hard case may give away

APART = 0.01  # a new λ keeps at least this share of the interval away from its lower end


class Factors(NamedTuple):
    """Operations on the Cholesky factors of A + λI = L Lᵀ, for one way to hold a symmetric matrix."""

    bounds: Any  # bounds(A, n) -> (at most its least, at least its greatest eigenvalue, least diagonal entry)
    factorise: Any  # factorise(F, A, shift, n) -> the first row whose pivot is not positive, n where all are
    solve: Any  # solve(F, x): x = L⁻¹ x
    solve_transposed: Any  # solve_transposed(F, x): x = L⁻ᵀ x
    pivot: Any  # pivot(F, k) -> the pivot of row k
    descend: Any  # descend(F, k, v): the vector with v[k] = 1 and vᵀ(A + λI) v = that pivot
    weaken: Any  # weaken(F, z) -> ‖Lᵀz‖², and writes a z with ‖z‖ = 1 for which it is small


class Solution(NamedTuple):
    """A step that a subproblem's solver found."""

    predicted: Any  # how much the model falls; NaN where A is not finite
    length: Any
    boundary: Any  # whether the radius limits it
    shift: Any  # λ
    least: Any  # a lower bound of λ that holds for any smaller radius too


def make_secular(factors):
    """The solver for one way to hold the matrix."""
    bounds, factorise, solve, solve_transposed, pivot, descend, weaken = factors

    @seldom
    def interval(A, g, size, radius, known):
        """Bounds of λ; Conn, Gould & Toint, section 7.3.8.  The upper one is NaN where A is not finite."""
        zero = g.dtype.type(0)
        least, greatest, diagonal = bounds(A, g.size)
        if not greatest - least < math.inf:
            return zero, g.dtype.type(math.nan)
        lower = max(zero, -diagonal, size / radius - greatest)
        if known > lower:
            lower = known
        return lower, max(lower, size / radius - least)

    @portable
    def between(real, lower, upper):
        apart = lower + (upper - lower) * real(APART)
        return max(math.sqrt(lower) * math.sqrt(upper), apart)

    @seldom
    def minimise(A, F, g, p, z, radius, known, guess, easy, limit):
        """Write a step to p; F is scratch for the factors, z for a vector.

        `known` is a lower bound of λ and `guess` a first one, NaN for none.  ‖p‖ may differ from the radius
        by the fraction `easy`; at most `limit` factorisations are made while the last could be used.
        """
        real = g.dtype.type
        zero, half = real(0), real(0.5)
        n = g.size
        size = euclidean_norm(g)
        lower, upper = interval(A, g, size, radius, known)
        nan = real(math.nan)
        if not upper < math.inf:
            return Solution(nan, nan, True, nan, nan)
        shift = guess
        if not (lower <= shift and shift <= upper):
            shift = zero if lower == zero else between(real, lower, upper)
        newton_tried = False
        factorised = False
        attempt = 0
        while True:
            attempt += 1
            newton_tried |= shift == zero
            row = factorise(F, A, shift, n)
            following = nan
            if row == n:
                factorised = True
                for i in range(n):
                    p[i] = -g[i]
                solve(F, p)
                size = euclidean_norm(p)
                decrease = size * size  # −gᵀp
                solve_transposed(F, p)
                length = euclidean_norm(p)
                if shift == zero and length <= radius:
                    return Solution(half * decrease, length, False, shift, lower)
                if abs(length - radius) <= easy * radius:
                    return Solution(half * (decrease + shift * length * length), length, True, shift, lower)
                for i in range(n):
                    z[i] = p[i]
                solve(F, z)
                ratio = length / euclidean_norm(z)
                following = shift + ratio * ratio * ((length - radius) / radius)
                if length > radius:
                    lower = max(lower, shift)
                    if attempt >= limit:
                        back = radius / length
                        for i in range(n):
                            p[i] *= back
                        decrease = back * decrease - half * back * back * (decrease - shift * length * length)
                        return Solution(decrease, radius, True, shift, lower)
                else:
                    upper = min(upper, shift)
                    curvature = weaken(F, z)
                    lower = max(lower, shift - curvature)
                    along = zero
                    for i in range(n):
                        along += p[i] * z[i]
                    # The smaller root of ‖p + τ z‖ = Δ.
                    room = (radius - length) * (radius + length)
                    root = math.sqrt(along * along + room)
                    tau = room / (along + root) if along > zero else room / (along - root)
                    given_away = tau * tau * curvature
                    total = decrease + shift * radius * radius
                    if given_away <= real(HARD) * total:
                        for i in range(n):
                            p[i] += tau * z[i]
                        return Solution(half * (total - given_away), radius, True, shift, lower)
                    if attempt >= limit:
                        return Solution(
                            half * (decrease + shift * length * length), length, True, shift, lower
                        )
                    if following <= zero and lower == zero and not newton_tried:
                        shift = zero
                        continue
            else:
                descend(F, row, z)
                length = euclidean_norm(z)
                lower = max(lower, shift - pivot(F, row) / length / length)
                if attempt > limit + 2:
                    return Solution(zero, zero, True, shift, lower)
                if attempt >= limit and not factorised:
                    shift = upper
                    continue
            shift = following if lower < following and following < upper else between(real, lower, upper)

    return minimise
