"""L-BFGS-B: limited-memory BFGS inside a box.

R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained optimization",
SIAM J. Sci. Comput. 16 (1995) 1190-1208, with the subspace step of J. L. Morales and J. Nocedal, "Remark on
Algorithm 778", ACM TOMS 38 (2011), article 7.

Memory: 2 maxcor + 6 vectors of length n, and as many as 9 maxcor² + 8 maxcor numbers take.  Where two
n×n matrices take less, the matrix of the quadratic model is held whole, and it forgets nothing.  The result's
``hess_inv`` takes 2 maxcor vectors more, and the bounds 2.
"""

import math

import numpy as np

from numgd.foundations.linalg import epsilon
from numgd.foundations.records import Method
from numgd.foundations.spaces import make_norm
from numgd.foundations.status import (
    CALLBACK,
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    LINE_SEARCH_FAILED,
    MAXFUN,
    MAXITER,
    NOT_FINITE,
    UNBOUNDED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order import compact, whole
from numgd.second_order.box import (
    bounded_on_all_sides,
    bounded_step,
    clip,
    ends_inside,
    largest_step,
    projected_gradient,
)
from numgd.second_order.cauchy_point import make_cauchy_point, straight_until
from numgd.second_order.descent import QUIET, SCRATCH_ROWS, DescentOptions, decrease_to_miss
from numgd.second_order.line_search import (
    ARRIVED,
    DECREASE,
    DESCENDS,
    FAILED,
    MINUS_INFINITY,
    STUCK,
    make_limited_strong_wolfe,
)
from numgd.second_order.subspace import projected_direction

OWN_ROWS = SCRATCH_ROWS + 1  # the loop's, and which variables are free


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, and the model's."""
    return OWN_ROWS + min(compact.compact_rows(n, maxcor), whole.whole_rows(n))


def make_solver(space, evaluator):
    """The solver over a space."""
    dot, copy, scale, combine = space.dot, space.copy, space.scale, space.combine
    evaluate, observe, bounds, refine = (
        evaluator.evaluate,
        evaluator.observe,
        evaluator.bounds,
        evaluator.refine,
    )
    max_abs, norm = space.max_abs, make_norm(space)
    whole_quadratic, compact_quadratic = whole.make_quadratic(space), compact.make_quadratic(space)
    cauchy_whole, cauchy_compact = make_cauchy_point(whole_quadratic), make_cauchy_point(compact_quadratic)
    subspace_whole, subspace_compact = whole.make_subspace(space), compact.make_subspace(space)
    newton_whole, newton_compact = whole.make_newton(space), compact.make_newton(space)
    remember_whole, remember_compact = whole.make_remember(space), compact.make_remember(space)

    @portable
    def move(problem, out, x, alpha, p):
        lower, upper = bounds(problem)
        bounded_step(out, x, alpha, p, lower, upper)

    strong_wolfe = make_limited_strong_wolfe(space, evaluate, move)

    @portable
    def steepest(x, g, lower, upper, p, free):
        """The projected gradient step: the Cauchy point where nothing is known of the curvature."""
        real = x.dtype.type
        projected_gradient(p, x, real(1), g, lower, upper)
        slope = dot(g, p)
        if not (slope < real(0) and slope > -math.inf):  # squares over- or underflow
            projected_gradient(p, x, real(1) / max_abs(p), g, lower, upper)
            slope = dot(g, p)
        for i in range(x.size):
            free[i] = real(1)
        return slope

    @portable
    def unhindered(x, g, lower, upper, p, free, newton, model):
        """Write −B⁻¹g to p; its slope, or 0 where bounds may have a say.

        They have none where the path to the Cauchy point is straight and x + p is in the box.  That point is
        at t = gᵀg / gᵀB g, which gᵀB⁻¹g / gᵀg bounds from above.
        """
        zero = x.dtype.type(0)
        straight = straight_until(x, g, lower, upper, free)
        if straight > zero and newton(model, g, p):
            slope = dot(g, p)
            if -slope <= straight * dot(g, g) and ends_inside(x, p, lower, upper):
                return slope
        return zero

    @portable
    def propose(x, g, lower, upper, p, free, memory, scratch, theta, age):
        """Write the quasi-Newton step to p; a slope that is not negative means failure."""
        breaks, order, d = scratch[0], scratch[1], scratch[2]
        zero = x.dtype.type(0)
        if memory.shape[0] == whole.whole_rows(x.size):
            full = whole.whole(memory)
            slope = unhindered(x, g, lower, upper, p, free, newton_whole, full)
            if slope < zero:
                return slope
            change = cauchy_whole(full, x, g, lower, upper, p, breaks, order, d)
            sound = subspace_whole(full, g, p, breaks, d)
        else:
            model = compact.compact(memory, free, theta, age)
            slope = unhindered(x, g, lower, upper, p, free, newton_compact, model)
            if slope < zero:
                return slope
            if not compact.factorize(model.N, model.factors, theta, True):
                return zero
            change = cauchy_compact(model, x, g, lower, upper, p, breaks, order, d)
            sound = subspace_compact(model, g, p, breaks, d)
        if not sound:
            return zero
        return projected_direction(x, g, p, d, change, lower, upper)

    @portable
    def remember(s, y, ys, free, memory, theta, y_free, s_bound, age):
        """Take in a step and the change of the gradient; returns θ."""
        if memory.shape[0] == whole.whole_rows(s.size):
            remember_whole(whole.whole(memory), s, y, ys, age)
            return theta
        model = compact.compact(memory, free, theta, age + 1)
        newest = age % compact.pairs_in(s.size, memory.shape[0])
        return remember_compact(model, newest, s, y, ys, y_free, s_bound)

    @portable
    def solve(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one = real(0), real(1)
        g, p, x_trial, gradients, scratch = work[0], work[1], work[2], work[3:5], work[2:5]
        free, memory = work[SCRATCH_ROWS], work[OWN_ROWS:]
        lower, upper = bounds(problem)
        clip(x, lower, upper)
        f = evaluate(problem, x, g)
        evaluations = 1
        iteration = 0
        maxiter = options.maxiter if options.maxiter >= 0 else 200 * x.size
        projected_gradient(p, x, one, g, lower, upper)
        size = norm(p, options.norm)
        if f == -math.inf:
            return Outcome(UNBOUNDED, iteration, evaluations, f, age)
        if not (f < math.inf and size < math.inf):
            return Outcome(NOT_FINITE, iteration, evaluations, f, age)
        first = carry[0] != carry[0]  # nothing is carried: NaN
        theta = carry[1]
        observe(problem, iteration, f)
        while True:
            if size <= options.gtol:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            slope = zero
            if age > 0:
                slope = propose(x, g, lower, upper, p, free, memory, scratch, theta, age)
            if not (slope < zero and slope > -math.inf):
                age = 0
                slope = steepest(x, g, lower, upper, p, free)

            alpha, ceiling = one, one
            if not first:
                ceiling = max(one, largest_step(x, p, lower, upper))
            elif not bounded_on_all_sides(lower, upper):
                alpha = min(one, one / math.sqrt(dot(p, p)))
            limit = min(options.maxls, options.maxfun - evaluations)
            tolerance = options.ftol * max(abs(f), one)
            projected_gradient(x_trial, x, one, g, lower, upper)
            negligible = decrease_to_miss(tolerance, slope, x_trial, x, f)
            found = strong_wolfe(
                problem, x, f, slope, p, alpha, x_trial, gradients, options.c1, options.c2, limit,
                negligible, ceiling,
            )  # fmt: skip
            evaluations += found.evaluations
            quiet = found.outcome == ARRIVED
            arrived = quiet and (carry[QUIET] > zero if age == 0 else negligible == tolerance)
            arrived = arrived and negligible > zero
            if found.outcome == FAILED or (quiet and found.alpha == zero):
                if arrived:
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)
                if evaluations >= options.maxfun:
                    return Outcome(MAXFUN, iteration, evaluations, f, age)
                if refine(problem, x, g):
                    projected_gradient(p, x, one, g, lower, upper)
                    size = norm(p, options.norm)
                    continue
                if age == 0:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age = 0  # forget the model and try along the projected gradient
                carry[QUIET] = one if quiet else zero
                continue

            # p becomes the step s, g the change of the gradient y, then the new gradient.
            g_new = gradients[found.row]
            scale(p, found.alpha)
            combine(g, -one, one, g_new)
            copy(x, x_trial)
            fresh = age == 0
            ys = dot(g, p)
            if ys > -epsilon(x) * found.alpha * slope:
                other = gradients[1 - found.row]
                theta = remember(p, g, ys, free, memory, theta, x_trial, other, age)
                age += 1
            copy(g, g_new)
            f_previous, f = f, found.f
            first = False
            carry[0], carry[1], carry[QUIET] = f, theta, one if quiet else zero
            iteration += 1
            moved = dot(p, p)
            projected_gradient(p, x, one, g, lower, upper)
            size = norm(p, options.norm)
            stop = observe(problem, iteration, f)
            if found.outcome == MINUS_INFINITY or found.outcome == DESCENDS:
                return Outcome(UNBOUNDED, iteration, evaluations, f, age)
            if not size < math.inf:
                return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if (quiet or found.outcome == STUCK) and size > options.gtol:
                if arrived:
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)
                if refine(problem, x, g):
                    projected_gradient(p, x, one, g, lower, upper)
                    size = norm(p, options.norm)
                    continue
                if fresh:
                    return Outcome(LINE_SEARCH_FAILED, iteration, evaluations, f, age)
                age = 0  # forget the model and go on along the projected gradient
                continue
            if size > options.gtol and found.outcome != DECREASE:
                if options.xrtol > zero and math.sqrt(moved) <= options.xrtol * (
                    options.xrtol + math.sqrt(dot(x, x))
                ):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)

    return solve


def result_fields(x, work, age, maxcor):
    """The inverse Hessian for the result, as a product of its pairs or as the inverse of the whole matrix."""
    memory = work[OWN_ROWS:]
    if age and len(memory) == whole.whole_rows(x.size):
        return {"hess_inv": whole.inverse_class()(whole.whole(memory).B.copy())}
    from scipy.optimize import LbfgsInvHessProduct

    order = np.arange(max(0, age - maxcor), age) % maxcor  # oldest first
    return {"hess_inv": LbfgsInvHessProduct(memory[order], memory[maxcor + order])}


METHOD = Method(
    name="l-bfgs-b",
    summary="L-BFGS within bounds.",
    options=DescentOptions(ftol=2.220446049250313e-09, c1=1e-3, maxiter=15000, maxfun=15000, maxls=20),
    maxcor=10,
    tolerances=("gtol", "ftol"),
    bounded=True,
    matrix_free=True,
    on_device=False,
    rows=rows,
    result_fields=result_fields,
    make_solver=make_solver,
)
