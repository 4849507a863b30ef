"""The loop that all trust-region methods share: a step within a radius, its test, the next radius.

Nocedal & Wright, Numerical Optimization (2006), algorithm 4.1.  Additions: after a trial point where the
function is not finite, the radius shrinks; where rounding hides the change of the value, it is computed from
the gradients at both ends; if model and function seem to fall without bound, a point far away is tried.
"""

import math
from typing import Annotated, Any, NamedTuple

from numgd.foundations.evaluator import not_provided
from numgd.foundations.linalg import epsilon
from numgd.foundations.ranges import (
    Acceptance,
    AtMost,
    Extent,
    Limit,
    LimitFromOne,
    NormOrder,
    Positive,
    Tolerance,
)
from numgd.foundations.spaces import make_norm
from numgd.foundations.status import (
    CALLBACK,
    CONVERGED_FUNCTION,
    CONVERGED_STEP,
    GOING_ON,
    LINE_SEARCH_FAILED,
    NOT_FINITE,
    UNBOUNDED,
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.second_order.stopping import AUTOMATIC, hidden_decrease, iteration_limit, status_before_step

SCRATCH_ROWS = 4  # gradient, step, trial point, gradient there


# Scalars in `carry`: the radius; the number of successive steps of the greatest length that fell as if
# without bound, or -1 after a failed trial, or QUIET if that was the model's minimiser and predicted a
# negligible decrease; and two that the model may use between trials at the same point, NaN at a new point.
RADIUS, FALLING, MODEL = 0, 1, 2
QUIET = -2

FALLS = 5
"""Number of successive such steps after which a point far away is tried."""

FAR = 1e10
"""How many times longer than the last step that trial is."""


class TrustRegionOptions(NamedTuple):
    """Options of the trust-region methods, under SciPy's names."""

    initial_trust_radius: Annotated[Positive, AtMost("max_trust_radius")] = 1.0
    max_trust_radius: Extent = 1000.0
    eta: Acceptance = 0.15  # least ratio of actual to predicted decrease for a step to be taken
    gtol: Tolerance = 1e-4  # stop when the norm of the gradient is at most this
    norm: NormOrder = 2.0  # order of that norm
    xrtol: Tolerance = 0.0  # stop when the relative length of an interior step is at most this; 0: never
    ftol: Tolerance = 0.0  # stop when the relative decrease of such a step is at most this; 0: never
    maxiter: Limit = AUTOMATIC  # 200 n
    maxfun: LimitFromOne = UNLIMITED


class Proposal(NamedTuple):
    """A step that a model proposes."""

    predicted: Any  # decrease of the model; NaN if the model is not finite
    length: Any
    boundary: Any  # whether the radius, not the model, limits the step


class Model(NamedTuple):
    """What distinguishes one trust-region method from another, over one space.

    attend(problem, x, g, memory, age) is called at the start and at each new point, before anything is
    proposed there.  propose(problem, x, g, p, memory, carried, radius, age, options) -> Proposal writes a
    step to p; `carried` holds its two scalars.  learn(p, g, g_trial, taken, memory, age) -> age is called for
    each step, taken or not, with the gradients at both ends, which are then evaluated at every trial point.
    """

    attend: Any
    propose: Any
    learn: Any = not_provided


def make_length(space):
    """The Euclidean norm over a space, even where squares over- or underflow; `scratch` is overwritten."""
    dot, max_abs, copy, scale = space.dot, space.max_abs, space.copy, space.scale

    @portable
    def length(x, scratch):
        square = dot(x, x)
        if square != square or (square > epsilon(x) * epsilon(x) and square < math.inf):
            return math.sqrt(square)
        largest = max_abs(x)
        if not (largest > x.dtype.type(0) and largest < math.inf):
            return largest
        copy(scratch, x)
        scale(scratch, x.dtype.type(1) / largest)
        return largest * math.sqrt(dot(scratch, scratch))

    return length


@portable
def restart(carry, first, second, options, greatest):
    """Start again with the initial radius, which is returned, and the model's two scalars."""
    radius = min(options.initial_trust_radius, greatest)
    carry[RADIUS], carry[FALLING] = radius, carry.dtype.type(0)
    carry[MODEL], carry[MODEL + 1] = first, second
    return radius


@portable
def is_quiet(proposal, falling, noise, f, options, real):
    """Whether the model's minimiser, here or at the last trial, predicts a negligible decrease."""
    negligible = max(noise, options.ftol * max(abs(f), real(1)))
    interior = not proposal.boundary and proposal.predicted > real(0)
    return (interior and proposal.predicted <= negligible) or falling == real(QUIET)


@portable
def next_radius(ratio, boundary, length, radius, greatest, real):
    """The radius after a step of this length, whose actual decrease is `ratio` times the predicted one."""
    if not ratio >= real(0.25):
        return real(0.25) * min(length, radius)
    if ratio > real(0.75) and boundary:
        return min(radius + radius, greatest)
    return radius


@portable
def falling_after(falling, endless, failed, quiet, real):
    """The next value of the scalar FALLING."""
    if endless:
        return falling + real(1)
    if failed:
        return real(QUIET) if quiet else -real(1)
    return real(0)


def make_start(space, evaluator):
    """Function ``start(problem, x, g, options)``: status, value and the norm of the gradient g there."""
    scale, max_abs = space.scale, space.max_abs
    value, gradient, norm = evaluator.value, evaluator.gradient, make_norm(space)

    @portable
    def start(problem, x, g, options):
        real = x.dtype.type
        infinity = real(math.inf)
        f = value(problem, x)
        if not abs(f) < infinity:
            scale(g, real(math.nan))
            return UNBOUNDED if f == -infinity else NOT_FINITE, f, infinity
        gradient(problem, x, g)
        size = norm(g, options.norm)
        return GOING_ON if size < infinity or max_abs(g) < infinity else NOT_FINITE, f, size

    return start


def make_is_hopeless(space):
    """Function that says whether a trial cannot be lower, or is x itself; `scratch` is overwritten."""
    step, max_abs = space.step, space.max_abs

    @portable
    def is_hopeless(x, x_trial, scratch, f, predicted, length, reach, failed):
        real = x.dtype.type
        if failed and predicted <= real(0.1) * epsilon(x) * abs(f):
            return True  # any decrease would be hidden
        hopeless = not predicted > real(0)
        if length <= epsilon(x) * reach:
            step(scratch, x_trial, -real(1), x)
            hopeless |= max_abs(scratch) == real(0)
        return hopeless

    return is_hopeless


def make_judge(space, evaluator, learns):
    """Function ``judge(…)`` of a trial: actual over predicted decrease, the norm of its gradient, finiteness.

    The gradient is evaluated only where it is needed.  The ratio is -1 where the trial is not finite.
    """
    dot, max_abs = space.dot, space.max_abs
    gradient, norm = evaluator.gradient, make_norm(space)

    @portable
    def judge(problem, x_trial, p, g, g_trial, f, f_trial, predicted, size, noise, options):
        real = x_trial.dtype.type
        one, infinity = real(1), real(math.inf)
        finite = f_trial < infinity
        ratio = (f - f_trial) / predicted if finite else -one
        hidden = finite and predicted <= noise and f_trial <= f and f - f_trial <= noise
        size_trial = size
        if hidden or learns or ratio > options.eta:
            if finite:
                gradient(problem, x_trial, g_trial)
                size_trial = norm(g_trial, options.norm)
                finite = size_trial < infinity or max_abs(g_trial) < infinity
            if not finite:
                ratio = -one
            elif hidden:  # the trapezoidal rule over both gradients
                ratio = -real(0.5) * (dot(g, p) + dot(g_trial, p)) / predicted
                if not size_trial < size:
                    ratio = -one
        return ratio, size_trial, finite

    return judge


def make_status_of_step(space):
    """Function that tests the length of an interior step and its decrease."""
    dot = space.dot

    @portable
    def status_of_step(x, f, f_previous, length, options):
        zero, one = x.dtype.type(0), x.dtype.type(1)
        if options.xrtol > zero and length <= options.xrtol * (options.xrtol + math.sqrt(dot(x, x))):
            return CONVERGED_STEP
        if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
            return CONVERGED_FUNCTION
        return GOING_ON

    return status_of_step


@portable
def resume(carry, options, x):
    """The greatest radius, and the one that is carried or, if nothing is carried, the initial one."""
    real = x.dtype.type
    nan = real(math.nan)
    greatest = min(options.max_trust_radius, real(1) / epsilon(x) ** 4)  # its square is finite
    radius = carry[RADIUS]
    if radius != radius:
        radius = restart(carry, nan, nan, options, greatest)
    return greatest, radius


def make_adjust(space):
    """Function that updates the radius, which it returns, and the scalar FALLING after a trial."""
    dot = space.dot

    @portable
    def adjust(carry, p, g, proposal, ratio, failed, quiet, far, radius, greatest):
        real = g.dtype.type
        predicted, length, boundary = proposal
        limited = boundary and radius >= greatest
        endless = limited and ratio > real(0.75) and predicted >= -dot(g, p)
        carry[FALLING] = real(0) if far else falling_after(carry[FALLING], endless, failed, quiet, real)
        if not far:
            radius = next_radius(ratio, boundary, length, radius, greatest, real)
        carry[RADIUS] = radius
        return radius

    return adjust


def make_propose_far(space):
    """Function that lengthens the last step p for a trial far away."""
    dot, scale = space.dot, space.scale

    @portable
    def propose_far(p, g, radius):
        scale(p, g.dtype.type(FAR))
        return Proposal(-dot(g, p), radius, True)

    return propose_far


def make_trust_region(space, evaluator, model):
    """The loop over a space for one method."""
    max_abs, copy, scale, step = space.max_abs, space.copy, space.scale, space.step
    value, observe, refine = evaluator.value, evaluator.observe, evaluator.refine
    attend, propose, learn = model
    learns = learn is not not_provided
    norm, start = make_norm(space), make_start(space, evaluator)
    is_hopeless, status_of_step = make_is_hopeless(space), make_status_of_step(space)
    propose_far, adjust = make_propose_far(space), make_adjust(space)
    judge = make_judge(space, evaluator, learns)

    @portable
    def trust_region(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one = real(0), real(1)
        infinity, nan = real(math.inf), real(math.nan)
        g, p, x_trial, g_trial, memory = work[0], work[1], work[2], work[3], work[SCRATCH_ROWS:]
        maxiter = iteration_limit(options, x)
        evaluations, iteration = 1, 0
        status, f, size = start(problem, x, g, options)
        if status != GOING_ON:
            return Outcome(status, iteration, evaluations, f, age)
        greatest, radius = resume(carry, options, x)
        moved = True
        observe(problem, iteration, f)
        while True:
            status = status_before_step(size, iteration, evaluations, maxiter, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)

            far = carry[FALLING] >= real(FALLS)
            if far:
                proposal = propose_far(p, g, radius)
                far = proposal.predicted > zero
            if not far:
                if moved:
                    attend(problem, x, g, memory, age)
                    reach = max_abs(x)
                    moved = False
                proposal = propose(problem, x, g, p, memory, carry[MODEL:], radius, age, options)
            predicted, length, boundary = proposal
            if not predicted < infinity:
                return Outcome(NOT_FINITE, iteration, evaluations, f, age)
            step(x_trial, x, one, p)
            hopeless = is_hopeless(x, x_trial, g_trial, f, predicted, length, reach, carry[FALLING] < zero)
            noise = hidden_decrease(f, x)
            quiet = is_quiet(proposal, carry[FALLING], noise, f, options, real)
            if hopeless and not quiet and refine(problem, x, g):
                moved, size = True, norm(g, options.norm)
                radius = restart(carry, nan, nan, options, greatest)
                continue
            if hopeless:
                if not learns or age == 0 or carry[MODEL] == one:
                    quiet |= carry[MODEL + 1] == one if learns else False
                    status = CONVERGED_FUNCTION if quiet else LINE_SEARCH_FAILED
                    return Outcome(status, iteration, evaluations, f, age)
                # Forget what was learnt and try once more from here.
                age, moved = 0, True
                radius = restart(carry, one, one if quiet else zero, options, greatest)
                continue

            f_trial = value(problem, x_trial)
            evaluations, iteration = evaluations + 1, iteration + 1
            if f_trial == -infinity:
                copy(x, x_trial)
                scale(g, nan)
                observe(problem, iteration, f_trial)
                return Outcome(UNBOUNDED, iteration, evaluations, f_trial, age)
            ratio, size_trial, finite = judge(
                problem, x_trial, p, g, g_trial, f, f_trial, predicted, size, noise, options
            )
            if learns and finite and not far:
                age = learn(p, g, g_trial, ratio > options.eta, memory, age)

            failed = not ratio > options.eta
            radius = adjust(carry, p, g, proposal, ratio, failed, quiet, far, radius, greatest)
            if not failed:
                f_previous, f = f, f_trial
                copy(x, x_trial)
                copy(g, g_trial)
                size = size_trial
                carry[MODEL] = carry[MODEL + 1] = nan
                moved = True
            status = CALLBACK if observe(problem, iteration, f) else GOING_ON
            status = UNBOUNDED if far and not failed else status
            if status == GOING_ON and moved and not boundary and size > options.gtol:
                status = status_of_step(x, f, f_previous, length, options)
            if status != GOING_ON:
                return Outcome(status, iteration, evaluations, f, age)

    return trust_region
