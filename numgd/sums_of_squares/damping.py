"""The trust-region step for a linear least-squares model: Moré (1978), sections 3 and 5.

J. J. Moré, The Levenberg-Marquardt algorithm: implementation and theory, Lecture Notes in Mathematics 630
(1978), 105-116.
"""

import math

from numgd.foundations.linalg import euclidean_norm
from numgd.jit.portable import seldom
from numgd.sums_of_squares.model import scaled_norm, smallest
from numgd.sums_of_squares.qr import solve_upper, solve_upper_transposed

ITERATIONS = 10  # of Newton's method for the damping parameter; two or three usually suffice

WORK_VECTORS = 3


@seldom
def eliminate(R, S, order, factor, D, b, c, row):
    """S and c from R and b, by rotations that bring (R; factor · D Pᵀ) to triangular form.

    Moré (1978), section 3: after this S z = c solves the damped problem, and SᵀS = RᵀR + factor² PᵀD²P.
    """
    real = R.dtype.type
    zero, one = real(0), real(1)
    n = R.shape[0]
    for i in range(n):
        c[i] = b[i]
        for j in range(i, n):
            S[i, j] = R[i, j]
    for j in range(n):
        row[j] = factor * D[order[j]]
        if row[j] == zero:
            continue
        for k in range(j + 1, n):
            row[k] = zero
        carried = zero
        for k in range(j, n):
            if row[k] == zero:
                continue
            if abs(S[k, k]) < abs(row[k]):
                cotangent = S[k, k] / row[k]
                sine = one / math.sqrt(one + cotangent * cotangent)
                cosine = sine * cotangent
            else:
                tangent = row[k] / S[k, k]
                cosine = one / math.sqrt(one + tangent * tangent)
                sine = cosine * tangent
            for i in range(k, n):
                above, below = S[k, i], row[i]
                S[k, i] = cosine * above + sine * below
                row[i] = cosine * below - sine * above
            above = c[k]
            c[k] = cosine * above + sine * carried
            carried = cosine * carried - sine * above


@seldom
def _solve(S, order, c, p, z):
    """p = −P S⁻¹ c, zero from the first zero on S's diagonal on; True if there is none.  z is scratch."""
    n = p.size
    rank = n
    for i in range(n):
        j = n - 1 - i
        z[j] = -c[j]
        if S[j, j] == S.dtype.type(0):
            rank = j
    solve_upper(S, rank, z)
    for j in range(n):
        p[order[j]] = z[j]
    return rank == n


@seldom
def _newton_change(S, order, D, p, size, excess, radius, w):
    """Change of the damping parameter by Newton's method, Moré (1978), eqs. 5.5 and 5.8; size is ‖D p‖."""
    for j in range(p.size):
        k = order[j]
        w[j] = D[k] * (D[k] * p[k] / size)
    solve_upper_transposed(S, w)
    slope = euclidean_norm(w)
    return ((excess / radius) / slope) / slope


@seldom
def damped_step(R, S, order, D, b, radius, guess, tolerance, p, vectors):
    """Write to p the minimiser of ‖R Pᵀ p + b‖ with ‖D p‖ ≤ radius; returns its damping parameter.

    ‖D p‖ is within a relative `tolerance` of the radius, unless the damping parameter is zero.  `guess` is a
    first guess of that parameter; `vectors` (WORK_VECTORS, n) and S (n, n) are scratch.
    """
    real = R.dtype.type
    zero = real(0)
    n = p.size
    c, z, row = vectors[0], vectors[1], vectors[2]
    damping = low = high = excess = zero
    for iteration in range(ITERATIONS + 1):
        eliminate(R, S, order, math.sqrt(damping), D, b, c, row)
        whole = _solve(S, order, c, p, z)
        size = scaled_norm(D, p)
        previous, excess = excess, size - radius
        if excess <= tolerance * radius:
            if iteration == 0 or -excess <= tolerance * radius:
                break
            if low == zero and excess <= previous and previous < zero:
                break
        if iteration == ITERATIONS:
            break
        change = zero
        if whole and size > zero and size < math.inf:
            change = _newton_change(S, order, D, p, size, excess, radius, z)
        if iteration == 0:
            if change < math.inf:
                low = change
            # The gradient with respect to the variables D x.
            for j in range(n):
                z[j] = zero
                for i in range(j + 1):
                    z[j] += R[i, j] * b[i]
                z[j] /= D[order[j]]
            steepness = euclidean_norm(z)
            high = steepness / radius
            if high == zero:
                high = smallest(p) / min(radius, real(0.1))
            damping = min(max(guess, low), high)
            if not damping > zero:
                damping = steepness / size
        else:
            if excess > zero:
                low = max(low, damping)
            else:
                high = min(high, damping)
            damping = max(low, damping + change)
        if not damping > zero:
            damping = max(smallest(p), real(0.001) * high)
    return damping
