"""L-BFGS-B: limited-memory BFGS inside a box.

R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained optimization",
SIAM J. Sci. Comput. 16 (1995) 1190-1208, with the subspace step of J. L. Morales and J. Nocedal, "Remark on
Algorithm 778", ACM TOMS 38 (2011), article 7.

Memory: 2 maxcor + 6 vectors of length n, and as many as 9 maxcor² + 8 maxcor numbers take.  If two n×n
matrices take less, the matrix of the quadratic model is stored in full and forgets nothing.  The result's
``hess_inv`` takes another 2 maxcor vectors, and the bounds 2.
"""

import math

import numpy as np

from numgd.foundations.linalg import epsilon
from numgd.foundations.records import Method
from numgd.foundations.status import GOING_ON, LINE_SEARCH_FAILED, Outcome
from numgd.jit.portable import portable
from numgd.second_order import compact, whole
from numgd.second_order.box import (
    bounded_on_all_sides,
    bounded_step,
    clip,
    ends_inside,
    largest_step,
    make_projected_norm,
    projected_gradient,
)
from numgd.second_order.cauchy_point import make_cauchy_point, straight_until
from numgd.second_order.descent import (
    QUIET,
    SCRATCH_ROWS,
    DescentOptions,
    confirmed,
    is_descent,
    status_of_stop,
)
from numgd.second_order.line_search import (
    ARRIVED,
    CEILING,
    STUCK,
    WOLFE,
    make_limited_strong_wolfe,
    nothing_found,
    unbounded,
)
from numgd.second_order.stopping import (
    iteration_limit,
    make_negligible_decrease,
    make_relative_length_test,
    status_after_step,
    status_at_start,
    status_before_step,
    status_of_step,
)
from numgd.second_order.subspace import projected_direction

CARRIED_F, THETA = 0, 1  # places in `carry` of the value at x and of θ

OWN_ROWS = SCRATCH_ROWS + 1  # the loop's, and which variables are free


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, and the model's."""
    return OWN_ROWS + min(compact.compact_rows(n, maxcor), whole.whole_rows(n))


def make_steepest(space):
    """Function that writes the projected gradient step and marks all variables as free; returns the slope.

    This is the Cauchy point for B = I, used while nothing is known about the curvature.
    """
    dot, max_abs = space.dot, space.max_abs

    @portable
    def steepest(x, g, lower, upper, p, free):
        one = x.dtype.type(1)
        projected_gradient(p, x, one, g, lower, upper)
        slope = dot(g, p)
        if not is_descent(slope):  # squares over- or underflow
            projected_gradient(p, x, one / max_abs(p), g, lower, upper)
            slope = dot(g, p)
        for i in range(x.size):
            free[i] = one
        return slope

    return steepest


def make_unhindered(space):
    """Function that tries the step −B⁻¹g, ignoring the bounds."""
    dot = space.dot

    @portable
    def unhindered(x, g, lower, upper, p, free, newton, model):
        """Write −B⁻¹g to p and return its slope, or 0 if bounds may matter.

        They do not if the path to the Cauchy point is straight and x + p is in the box.  The Cauchy point is
        then at t = gᵀg / gᵀB g, which is at most gᵀB⁻¹g / gᵀg.
        """
        zero = x.dtype.type(0)
        straight = straight_until(x, g, lower, upper, free)
        if straight > zero and newton(model, g, p):
            slope = dot(g, p)
            if -slope <= straight * dot(g, g) and ends_inside(x, p, lower, upper):
                return slope
        return zero

    return unhindered


def make_whole(space):
    """Functions `propose` and `remember` with B stored in full."""
    unhindered, newton = make_unhindered(space), whole.make_newton(space)
    cauchy, subspace = make_cauchy_point(whole.make_quadratic(space)), whole.make_subspace(space)
    remember_pair = whole.make_remember(space)

    @portable
    def propose(x, g, lower, upper, p, free, memory, scratch, theta, age):
        """Write the quasi-Newton step to p; a slope that is not negative means failure."""
        breaks, order, d = scratch[0], scratch[1], scratch[2]
        model = whole.whole(memory)
        slope = unhindered(x, g, lower, upper, p, free, newton, model)
        if slope < x.dtype.type(0):
            return slope
        change = cauchy(model, x, g, lower, upper, p, breaks, order, d)
        if not subspace(model, g, p, breaks, d):
            return x.dtype.type(0)
        return projected_direction(x, g, p, d, change, lower, upper)

    @portable
    def remember(s, y, ys, free, memory, theta, y_free, s_bound, age):
        """Update the model with a step and the change of the gradient; returns θ."""
        remember_pair(whole.whole(memory), s, y, ys, age)
        return theta

    return propose, remember


def make_compact(space):
    """Functions `propose` and `remember` with B as the product of its pairs."""
    unhindered, newton = make_unhindered(space), compact.make_newton(space)
    cauchy, subspace = make_cauchy_point(compact.make_quadratic(space)), compact.make_subspace(space)
    remember_pair = compact.make_remember(space)

    @portable
    def propose(x, g, lower, upper, p, free, memory, scratch, theta, age):
        """Write the quasi-Newton step to p; a slope that is not negative means failure."""
        breaks, order, d = scratch[0], scratch[1], scratch[2]
        zero = x.dtype.type(0)
        model = compact.compact(memory, free, theta, age)
        slope = unhindered(x, g, lower, upper, p, free, newton, model)
        if slope < zero:
            return slope
        if not compact.factorize(model.N, model.factors, theta, True):
            return zero
        change = cauchy(model, x, g, lower, upper, p, breaks, order, d)
        if not subspace(model, g, p, breaks, d):
            return zero
        return projected_direction(x, g, p, d, change, lower, upper)

    @portable
    def remember(s, y, ys, free, memory, theta, y_free, s_bound, age):
        """Update the model with a step and the change of the gradient; returns θ."""
        model = compact.compact(memory, free, theta, age + 1)
        newest = age % compact.pairs_in(s.size, memory.shape[0])
        return remember_pair(model, newest, s, y, ys, y_free, s_bound)

    return propose, remember


def make_either(space):
    """Functions `propose` and `remember`, for whichever form of B the scratch memory holds."""
    propose_whole, remember_whole = make_whole(space)
    propose_compact, remember_compact = make_compact(space)

    @portable
    def propose(x, g, lower, upper, p, free, memory, scratch, theta, age):
        if memory.shape[0] == whole.whole_rows(x.size):
            return propose_whole(x, g, lower, upper, p, free, memory, scratch, theta, age)
        return propose_compact(x, g, lower, upper, p, free, memory, scratch, theta, age)

    @portable
    def remember(s, y, ys, free, memory, theta, y_free, s_bound, age):
        if memory.shape[0] == whole.whole_rows(s.size):
            return remember_whole(s, y, ys, free, memory, theta, y_free, s_bound, age)
        return remember_compact(s, y, ys, free, memory, theta, y_free, s_bound, age)

    return propose, remember


def make_search_along(space, evaluator):
    """Function that searches along p; it returns what was found and whether x is `confirmed` as a minimum."""
    dot, bounds = space.dot, evaluator.bounds

    @portable
    def move(problem, out, x, alpha, p):
        lower, upper = bounds(problem)
        bounded_step(out, x, alpha, p, lower, upper)

    strong_wolfe = make_limited_strong_wolfe(space, evaluator.evaluate, move)
    negligible_decrease = make_negligible_decrease(space)

    @portable
    def search_along(problem, x, f, g, slope, p, x_trial, gradients, age, carry, left, options):
        one = x.dtype.type(1)
        lower, upper = bounds(problem)
        alpha, ceiling = one, one
        if carry[CARRIED_F] == carry[CARRIED_F]:
            ceiling = max(one, largest_step(x, p, lower, upper))
        elif not bounded_on_all_sides(lower, upper):  # nothing is carried: NaN
            alpha = min(one, one / math.sqrt(dot(p, p)))
        limit = min(options.maxls, left)
        tolerance = options.ftol * max(abs(f), one)
        projected_gradient(x_trial, x, one, g, lower, upper)
        negligible = negligible_decrease(tolerance, slope, x_trial, x, f)
        found = strong_wolfe(
            problem, x, f, slope, p, alpha, x_trial, gradients, options.c1, options.c2, limit,
            negligible, ceiling,
        )  # fmt: skip
        return found, confirmed(found.outcome, age == 0, False, carry, negligible, tolerance)

    return search_along


def make_advance(space, remember):
    """Function that moves x to the point that a search found and updates the model.

    It returns the new age and the length of the step; on return g is the new gradient.
    """
    dot, copy, scale, combine = space.dot, space.copy, space.scale, space.combine

    @portable
    def advance(found, x, slope, x_trial, p, g, gradients, free, carry, memory, age):
        one = x.dtype.type(1)
        g_new, other = gradients[found.row], gradients[1 - found.row]
        scale(p, found.alpha)
        combine(g, -one, one, g_new)  # y
        copy(x, x_trial)
        ys = dot(g, p)
        theta = carry[THETA]
        if ys > -epsilon(x) * found.alpha * slope:
            theta = remember(p, g, ys, free, memory, theta, x_trial, other, age)
            age += 1
        copy(g, g_new)
        carry[CARRIED_F], carry[THETA], carry[QUIET] = found.f, theta, found.outcome == ARRIVED
        return age, math.sqrt(dot(p, p))

    return advance


def make_solver(space, evaluator, make_model=make_either):
    """The solver over a space."""
    evaluate, observe, bounds = evaluator.evaluate, evaluator.observe, evaluator.bounds
    refine = evaluator.refine
    projected_norm, short = make_projected_norm(space), make_relative_length_test(space)
    steepest = make_steepest(space)
    propose, remember = make_model(space)
    search_along, advance = make_search_along(space, evaluator), make_advance(space, remember)

    @portable
    def solve(problem, x, work, carry, options, age):
        g, p, x_trial, gradients, scratch = work[0], work[1], work[2], work[3:5], work[2:5]
        free, memory = work[SCRATCH_ROWS], work[OWN_ROWS:]
        lower, upper = bounds(problem)
        maxiter = iteration_limit(options, x)
        clip(x, lower, upper)
        f = evaluate(problem, x, g)
        evaluations, iteration = 1, 0
        size = projected_norm(x, g, options.norm, lower, upper, p)
        status = status_at_start(f, size)
        if status != GOING_ON:
            return Outcome(status, iteration, evaluations, f, age)
        observe(problem, iteration, f)
        while True:
            status = status_before_step(size, iteration, evaluations, maxiter, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            slope = x.dtype.type(0)
            if age > 0:
                slope = propose(x, g, lower, upper, p, free, memory, scratch, carry[THETA], age)
            if not is_descent(slope):
                age = 0
                slope = steepest(x, g, lower, upper, p, free)

            found, arrived = search_along(
                problem, x, f, g, slope, p, x_trial, gradients, age, carry, options.maxfun - evaluations,
                options,
            )  # fmt: skip
            evaluations += found.evaluations
            quiet = found.outcome == ARRIVED
            moved = not nothing_found(found)
            fresh = age == 0
            if moved:
                age, length = advance(found, x, slope, x_trial, p, g, gradients, free, carry, memory, age)
                f_previous, f = f, found.f
                iteration += 1
                size = projected_norm(x, g, options.norm, lower, upper, p)
                stop = observe(problem, iteration, f)
                status = status_after_step(unbounded(found), size, stop)
                whole_step = found.outcome == WOLFE or found.outcome == CEILING
                if status == GOING_ON and size > options.gtol and whole_step:
                    status = status_of_step(short(length, x, options), f_previous, f, x, options)
                if status != GOING_ON:
                    return Outcome(status, iteration, evaluations, f, age)
                if size <= options.gtol or not (quiet or found.outcome == STUCK):
                    continue
            # Up to rounding, there is no lower point along p.
            status = status_of_stop(moved, False, False, arrived, evaluations, options)
            if status == GOING_ON and refine(problem, x, g):
                size = projected_norm(x, g, options.norm, lower, upper, p)
                continue
            if status == GOING_ON and fresh:
                status = LINE_SEARCH_FAILED
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)
            age = 0  # forget the model and continue along the projected gradient
            carry[QUIET] = quiet

    return solve


@portable
def whole_rows(n, maxcor):
    """Rows of scratch memory for B in full."""
    return OWN_ROWS + whole.whole_rows(n)


def make_whole_solver(space, evaluator):
    """The solver with B in full, whichever form takes less memory: half of the code."""
    return make_solver(space, evaluator, make_whole)


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
    rows=rows,
    result_fields=result_fields,
    make_solver=make_solver,
    kernel_form=(whole_rows, make_whole_solver),
)
