"""The trust-region subproblem, solved through its secular equation.

Minimise gᵀp + pᵀA p / 2 within ‖p‖ ≤ Δ: J. J. Moré and D. C. Sorensen, "Computing a trust region step",
SIAM J. Sci. Stat. Comput. 4 (1983) 553-572; A. R. Conn, N. I. M. Gould and Ph. L. Toint, Trust-Region
Methods (2000), section 7.3.  The minimiser solves (A + λI) p = −g with λ ≥ 0 and A + λI positive
semidefinite; λ is 0 inside the region and otherwise such that ‖p‖ = Δ, which Newton's method finds as the
root of 1/‖p‖ − 1/Δ.  In the hard case there is no such root, and an eigenvector of the least
eigenvalue is added.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import euclidean_norm
from numgd.jit.portable import portable, seldom

HARD = 0.2  # share of the model's decrease that may be given up in the hard case

APART = 0.01  # a new λ keeps at least this share of the interval away from its lower end


class Factors(NamedTuple):
    """Operations on the Cholesky factors of A + λI = L Lᵀ, for one way to store a symmetric matrix."""

    bounds: Any  # bounds(A, n) -> (lower and upper bound of its eigenvalues, least diagonal entry)
    factorise: Any  # factorise(F, A, shift, n) -> the first row whose pivot is not positive, or n
    solve: Any  # solve(F, x): x = L⁻¹ x
    solve_transposed: Any  # solve_transposed(F, x): x = L⁻ᵀ x
    pivot: Any  # pivot(F, k) -> the pivot of row k
    descend: Any  # descend(F, k, v): the vector with v[k] = 1 and vᵀ(A + λI) v = that pivot
    weaken: Any  # weaken(F, z) -> ‖Lᵀz‖², after writing a z with ‖z‖ = 1 for which this is small


class Solution(NamedTuple):
    """A step that a subproblem's solver found."""

    predicted: Any  # decrease of the model; NaN if A is not finite
    length: Any
    boundary: Any  # whether the radius limits it
    shift: Any  # λ
    least: Any  # a lower bound of λ that is valid for any smaller radius too


@portable
def between(real, lower, upper):
    """A λ inside the interval, nearer to its lower end."""
    apart = lower + (upper - lower) * real(APART)
    return max(math.sqrt(lower) * math.sqrt(upper), apart)


@portable
def cut_to_radius(p, length, radius, shift, decrease, lower):
    """Shorten a step that is too long; `decrease` is −gᵀp before that."""
    real = p.dtype.type
    back = radius / length
    for i in range(p.size):
        p[i] *= back
    predicted = back * decrease - real(0.5) * back * back * (decrease - shift * length * length)
    return Solution(predicted, radius, True, shift, lower)


@portable
def to_boundary(p, z, length, radius):
    """The τ of least magnitude with ‖p + τ z‖ = Δ, where ‖z‖ = 1 and ‖p‖ = `length` ≤ Δ."""
    along = p.dtype.type(0)
    for i in range(p.size):
        along += p[i] * z[i]
    room = (radius - length) * (radius + length)
    root = math.sqrt(along * along + room)
    return room / (along + root) if along > p.dtype.type(0) else room / (along - root)


def make_interval(bounds):
    """Function that bounds λ from the bounds of the eigenvalues."""

    @seldom
    def interval(A, g, size, radius, known):
        """Bounds of λ; Conn, Gould & Toint, section 7.3.8.  The upper one is NaN if A is not finite."""
        zero = g.dtype.type(0)
        least, greatest, diagonal = bounds(A, g.size)
        if not greatest - least < math.inf:
            return zero, g.dtype.type(math.nan)
        lower = max(zero, -diagonal, size / radius - greatest)
        if known > lower:
            lower = known
        return lower, max(lower, size / radius - least)

    return interval


def make_secular(factors):
    """The solver for one way to store the matrix."""
    _, factorise, solve, solve_transposed, pivot, descend, weaken = factors
    interval = make_interval(factors.bounds)

    @portable
    def newton_shift(F, p, z, shift, length, radius):
        """The next λ of Newton's method after `shift`, where L Lᵀ p = −g; z is scratch."""
        for i in range(p.size):
            z[i] = p[i]
        solve(F, z)
        ratio = length / euclidean_norm(z)
        return shift + ratio * ratio * ((length - radius) / radius)

    @seldom
    def minimise(A, F, g, p, z, radius, known, guess, easy, limit):
        """Write a step to p; F is scratch for the factors, z for a vector.

        `known` is a lower bound of λ and `guess` a first value, NaN for none.  ‖p‖ may differ from the radius
        by the fraction `easy`; at most `limit` factorisations are made once one has succeeded.
        """
        real = g.dtype.type
        zero, half, nan = real(0), real(0.5), real(math.nan)
        n = g.size
        lower, upper = interval(A, g, euclidean_norm(g), radius, known)
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
            if row < n:
                descend(F, row, z)
                length = euclidean_norm(z)
                lower = max(lower, shift - pivot(F, row) / length / length)
                if attempt > limit + 2:
                    return Solution(zero, zero, True, shift, lower)
                if attempt >= limit and not factorised:
                    shift = upper
                    continue
            else:
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
                predicted = half * (decrease + shift * length * length)
                if abs(length - radius) <= easy * radius:
                    return Solution(predicted, length, True, shift, lower)
                following = newton_shift(F, p, z, shift, length, radius)
                if length > radius:
                    lower = max(lower, shift)
                    if attempt >= limit:
                        return cut_to_radius(p, length, radius, shift, decrease, lower)
                else:
                    upper = min(upper, shift)
                    curvature = weaken(F, z)
                    lower = max(lower, shift - curvature)
                    tau = to_boundary(p, z, length, radius)
                    given_away = tau * tau * curvature
                    total = decrease + shift * radius * radius
                    if given_away <= real(HARD) * total:
                        for i in range(n):
                            p[i] += tau * z[i]
                        return Solution(half * (total - given_away), radius, True, shift, lower)
                    if attempt >= limit:
                        return Solution(predicted, length, True, shift, lower)
                    if following <= zero and lower == zero and not newton_tried:
                        shift = zero
                        continue
            shift = following if lower < following and following < upper else between(real, lower, upper)

    return minimise
