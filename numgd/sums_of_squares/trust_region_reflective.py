"""A trust region in variables scaled by the distance to the bounds, with steps reflected at the bounds.

M. A. Branch, T. F. Coleman and Y. Li, A subspace, interior, and conjugate gradient method for large-scale
bound-constrained minimization problems, SIAM J. Sci. Comput. 21 (1999), 1-23.  The trust-region subproblem
is solved as in Moré (1978); without bounds the method is Levenberg-Marquardt with another rule for the
radius.
"""

import math

from numgd.foundations.linalg import euclidean_norm
from numgd.foundations.spaces import copy, dot
from numgd.jit.portable import portable, seldom
from numgd.sums_of_squares.box import least_room, lowest, mark_active, move_inside, room, to_sphere
from numgd.sums_of_squares.damping import WORK_VECTORS, damped_step, eliminate
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    DIAGONAL,
    GOING_ON,
    GRADIENT,
    JACOBIAN,
    MATRICES,
    MAX_NFEV,
    NORMS,
    NOT_FINITE_AT_START,
    POINT,
    PROJECTED,
    RESIDUALS,
    RIGHT_SIDE,
    ROUNDING,
    SCALE,
    STEP,
    TRIAL,
    WEIGHTED,
    WORK,
    FitOutcome,
)
from numgd.sums_of_squares.fit_method import FitMethod
from numgd.sums_of_squares.losses import cost_of, weigh
from numgd.sums_of_squares.model import (
    agreement_of,
    change_along,
    fill_gradient,
    fill_norms,
    next_radius,
    status_at_point,
    tested,
    widen,
)
from numgd.sums_of_squares.qr import copy_triangle, factorize, independent

TOLERANCE = 1e-4  # of a step's length, relative to the radius
INSIDE = 0.995  # least fraction of the way to a bound that a step may go


@seldom
def scale_by_distance(x, g, D, lower, upper, d, root):
    """Fill d, with x̂ = x/d, and the root of the curvature that bounds add in x̂; returns the largest |g v|.

    Branch, Coleman & Li (1999), section 2: v is the distance to the bound that −g points at, or 1 if there
    is none; d² = v in the variables D x.
    """
    real = x.dtype.type
    zero, one = real(0), real(1)
    largest = zero
    for j in range(x.size):
        v = one
        d[j] = one / D[j]
        root[j] = zero
        bounded = (g[j] < zero and upper[j] < math.inf) or (g[j] > zero and lower[j] > -math.inf)
        if bounded:
            v = upper[j] - x[j] if g[j] < zero else x[j] - lower[j]
            d[j] = math.sqrt(v / D[j])
            root[j] = math.sqrt(abs(g[j]) / D[j])
        largest = max(largest, abs(g[j]) * v)
    return largest


@seldom
def _value(R, order, gradient, s, out):
    """The quadratic model's change ½ ‖R Pᵀ s‖² + gradient·s; out = R Pᵀ s."""
    change_along(R, order, s, out)
    return s.dtype.type(0.5) * dot(out, out) + dot(gradient, s)


@seldom
def bounded_step(x, p, d, gradient, lower, upper, R, order, radius, inside, s, x_edge, r, Rs, Rr):
    """Write to s, in x̂, the best of three steps inside the bounds by the model; returns the model's change.

    If the trust region's step p fits, it is taken.  Otherwise the three are p cut short before the bound, p
    reflected at the bound, and steepest descent; the lengths of the last two minimise the model within the
    region and the bounds.
    """
    real = x.dtype.type
    one, half, zero = real(1), real(0.5), real(0)
    n = x.size
    fitting = least_room(x, d, p, lower, upper)
    copy(s, p)
    if fitting > one:
        return _value(R, order, gradient, s, Rs)

    for j in range(n):
        edge = x[j] + fitting * d[j] * p[j]
        x_edge[j] = min(max(edge, lower[j]), upper[j])
        r[j] = p[j]
        if room(x, d, p, lower, upper, j) <= fitting:
            r[j] = -p[j]
        s[j] = fitting * p[j]
    longest = to_sphere(s, r, radius)
    bound = inside * least_room(x_edge, d, r, lower, upper)
    longest = min(longest, bound)
    shortest = (one - inside) * fitting
    reflected = zero
    amount = zero
    _value(R, order, gradient, s, Rs)
    change_along(R, order, r, Rr)
    if longest > shortest:
        a, b = half * dot(Rr, Rr), dot(Rs, Rr) + dot(gradient, r)
        amount = lowest(a, b, shortest, longest)
        for j in range(n):
            r[j] = s[j] + amount * r[j]
        reflected = _value(R, order, gradient, r, Rr)

    for j in range(n):
        s[j] = inside * s[j]
    best = _value(R, order, gradient, s, Rs)
    if amount > zero and reflected < best:
        best = reflected
        copy(s, r)

    steepness = euclidean_norm(gradient)
    if steepness > zero:
        for j in range(n):
            r[j] = -gradient[j] / steepness
        change_along(R, order, r, Rr)
        longest = min(radius, inside * least_room(x, d, r, lower, upper))
        amount = lowest(half * dot(Rr, Rr), dot(gradient, r), zero, longest)
        for j in range(n):
            r[j] = amount * r[j]
        steepest = _value(R, order, gradient, r, Rr)
        if steepest < best:
            best = steepest
            copy(s, r)
    return best


@seldom
def first_radius(x, d, spare):
    """The length of x̂, or 1 if it is zero or not finite."""
    for j in range(x.size):
        spare[j] = x[j] / d[j]
    radius = euclidean_norm(spare)
    return radius if radius > x.dtype.type(0) and radius < math.inf else x.dtype.type(1)


@seldom
def triangulate(A, projected, norms, root, R, S, order, diagonal, b, vectors):
    """Write to R and b the triangular form of the model: the Jacobian A, then the curvature of the bounds.

    `norms` are those of the columns of A.  Rows of R that hold only rounding errors become zero.
    """
    zero, one = b.dtype.type(0), b.dtype.type(1)
    n = b.size
    factorize(A, diagonal, order, b, projected)
    copy_triangle(R, A, diagonal)
    rank = independent(R, norms, order, projected.size)
    curved = False
    for j in range(n):
        curved |= root[j] > zero
        b[j] = projected[j] if j < rank else zero
        for k in range(j, n):
            if j >= rank:
                R[j, k] = zero
    if curved:
        eliminate(R, S, order, one, root, b, vectors[0], vectors[1])
        copy(b, vectors[0])
        for j in range(n):
            copy(R[j], S[j])


@seldom
def scale_model(J, g, norms, d, A, g_scaled, scaled_norms):
    """Write the Jacobian, its columns' norms and the gradient in the scaled variables x / d."""
    for j in range(d.size):
        g_scaled[j] = d[j] * g[j]
        scaled_norms[j] = d[j] * norms[j]
        for i in range(J.shape[1]):
            A[j, i] = d[j] * J[j, i]


@seldom
def stretch(p, radius):
    """Scale a step to the length of the radius."""
    size = euclidean_norm(p)
    if size > p.dtype.type(0):
        for j in range(p.size):
            p[j] = p[j] * (radius / size)


@seldom
def distance(x, x_trial, spare):
    """The distance of two points."""
    for j in range(x.size):
        spare[j] = x_trial[j] - x[j]
    return euclidean_norm(spare)


def make_solver(evaluator):
    """The solver for a driver's `ResidualEvaluator`."""
    residuals, jacobian, observe, bounds = evaluator

    @portable
    def trust_region_reflective(problem, x, scale, memory, options):
        real = x.dtype.type
        zero, one = real(0), real(1)
        long, short, order = memory
        n = x.size
        r, r_trial, weighted, projected = long[RESIDUALS], long[TRIAL], long[WEIGHTED], long[PROJECTED]
        J, A = long[JACOBIAN : JACOBIAN + n], long[JACOBIAN + n : JACOBIAN + n + n]
        g, D, s, x_trial, norms = short[GRADIENT], short[SCALE], short[STEP], short[POINT], short[NORMS]
        diagonal, b = short[DIAGONAL], short[RIGHT_SIDE]
        vectors = short[WORK:]
        others = short[WORK + WORK_VECTORS :]
        d, root, ones, p, g_scaled, spare = others[0], others[1], others[2], others[3], others[4], others[5]
        R, S = short[MATRICES : MATRICES + n], short[MATRICES + n : MATRICES + n + n]

        lower, upper = bounds(problem)
        for j in range(n):
            D[j] = one / scale[j]
            ones[j] = one
        radius = damping = zero
        nfev, njev, iteration = 1, 0, 0
        status = GOING_ON
        cost = cost_of(r, options)
        if not cost < math.inf:
            return FitOutcome(NOT_FINITE_AT_START, iteration, nfev, njev, cost, cost)
        while True:
            # At every return below, J and g are those at x.
            jacobian(problem, x, r, J)
            njev += 1
            weigh(r, weighted, J, options)
            fill_gradient(J, weighted, g)
            finite = fill_norms(J, norms)
            if options.adaptive:
                widen(D, norms, iteration == 0)
            optimality = scale_by_distance(x, g, D, lower, upper, d, root)
            mark_active(x, lower, upper, options.xtol, short[ACTIVE])
            stop = observe(problem, iteration, nfev, cost, optimality)
            status = status_at_point(status, finite, optimality, stop, nfev, options)
            if status != GOING_ON:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)

            if iteration == 0:
                radius = first_radius(x, d, spare)
            scale_model(J, g, norms, d, A, g_scaled, spare)
            copy(projected, weighted)
            triangulate(A, projected, spare, root, R, S, order, diagonal, b, vectors)
            inside = max(real(INSIDE), one - optimality)

            decrease = -one
            while status == GOING_ON and not decrease > zero:
                damping = damped_step(R, S, order, ones, b, radius, damping, real(TOLERANCE), p, vectors)
                if damping > zero:
                    stretch(p, radius)
                predicted = -bounded_step(
                    x, p, d, g_scaled, lower, upper, R, order, radius, inside, s, x_trial, spare,
                    vectors[0], vectors[1],
                )  # fmt: skip
                size = euclidean_norm(s)
                for j in range(n):
                    x_trial[j] = x[j] + d[j] * s[j]
                move_inside(x_trial, lower, upper, zero)
                residuals(problem, x_trial, r_trial)
                nfev += 1
                cost_trial = cost_of(r_trial, options)
                before = radius
                agreement = -one
                if cost_trial < math.inf:
                    decrease = cost - cost_trial
                    agreement = agreement_of(decrease, predicted, real)
                    step_size = distance(x, x_trial, spare)
                    status = tested(decrease, cost, step_size, euclidean_norm(x), agreement, options)
                radius = next_radius(radius, agreement, size, real)
                if not radius > zero:
                    status = ROUNDING
                else:
                    damping *= before / radius
                if status == GOING_ON and nfev >= options.max_nfev:
                    status = MAX_NFEV
            if not decrease > zero:
                return FitOutcome(status, iteration, nfev, njev, cost, optimality)
            copy(x, x_trial)
            copy(r, r_trial)
            cost = cost_trial
            iteration += 1

    return trust_region_reflective


METHOD = FitMethod(
    name="trf",
    summary="Trust region reflective.",
    make_solver=make_solver,
    bounded=True,
    interior=True,
    robust=True,
)
