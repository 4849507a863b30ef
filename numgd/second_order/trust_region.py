"""The loop that all trust-region methods share: a step within a radius, its test, the next radius.

Nocedal & Wright, Numerical Optimization (2006), algorithm 4.1.  Additions: after a trial point where the
function is not finite, the radius shrinks; where rounding hides the change of the value, it is computed from
the gradients at both ends; if model and function seem to fall without bound, a point far away is tried.
"""

import math
from typing import Annotated, Any, NamedTuple

from numgd.foundations.evaluator import nothing
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
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    LINE_SEARCH_FAILED,
    MAXFUN,
    MAXITER,
    NOT_FINITE,
    UNBOUNDED,
    UNLIMITED,
    Outcome,
)
from numgd.jit.portable import portable, seldom
from numgd.second_order.stopping import AUTOMATIC, hidden_decrease

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
    learn: Any = nothing


def make_length(space):
    """The Euclidean norm over a space, even where squares over- or underflow; `scratch` is overwritten."""
    dot, max_abs, copy, scale = space.dot, space.max_abs, space.copy, space.scale

    @seldom
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


def make_trust_region(space, evaluator, model):
    """The loop over a space for one method."""
    dot, max_abs, copy, scale, step = space.dot, space.max_abs, space.copy, space.scale, space.step
    value, gradient, observe, refine = (
        evaluator.value,
        evaluator.gradient,
        evaluator.observe,
        evaluator.refine,
    )
    norm = make_norm(space)
    attend, propose, learn = model
    learns = learn is not nothing

    @portable
    def trust_region(problem, x, work, carry, options, age):
        real = x.dtype.type
        zero, one, half, quarter = real(0), real(1), real(0.5), real(0.25)
        infinity, nan = real(math.inf), real(math.nan)
        g, p, x_trial, g_trial, memory = work[0], work[1], work[2], work[3], work[SCRATCH_ROWS:]
        maxiter = options.maxiter if options.maxiter >= 0 else 200 * x.size
        evaluations, iteration = 1, 0
        f = value(problem, x)
        if not abs(f) < infinity:
            scale(g, nan)
            return Outcome(UNBOUNDED if f == -infinity else NOT_FINITE, iteration, evaluations, f, age)
        gradient(problem, x, g)
        size = norm(g, options.norm)
        if not (size < infinity or max_abs(g) < infinity):
            return Outcome(NOT_FINITE, iteration, evaluations, f, age)
        greatest = min(options.max_trust_radius, one / epsilon(x) ** 4)  # its square is finite
        radius = carry[RADIUS]
        if radius != radius:  # nothing is carried
            radius = min(options.initial_trust_radius, greatest)
            carry[RADIUS], carry[FALLING] = radius, zero
            carry[MODEL] = carry[MODEL + 1] = nan
        moved = True
        observe(problem, iteration, f)
        while True:
            if size <= options.gtol:
                return Outcome(CONVERGED_GRADIENT, iteration, evaluations, f, age)
            if iteration >= maxiter:
                return Outcome(MAXITER, iteration, evaluations, f, age)
            if evaluations >= options.maxfun:
                return Outcome(MAXFUN, iteration, evaluations, f, age)

            far = carry[FALLING] >= real(FALLS)
            if far:
                scale(p, real(FAR))
                slope = dot(g, p)
                proposal = Proposal(-slope, radius, True)
                far = slope < zero
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
            hopeless = not predicted > zero
            if carry[FALLING] < zero and predicted <= real(0.1) * epsilon(x) * abs(f):
                hopeless = True  # any decrease would be hidden
            elif length <= epsilon(x) * reach:
                step(g_trial, x_trial, -one, x)
                hopeless |= max_abs(g_trial) == zero
            noise = hidden_decrease(f, x)
            quiet = carry[FALLING] == real(QUIET)
            negligible = max(noise, options.ftol * max(abs(f), one))
            quiet |= not boundary and predicted > zero and predicted <= negligible
            if hopeless and not quiet and refine(problem, x, g):
                size = norm(g, options.norm)
                moved, carry[MODEL], carry[MODEL + 1] = True, nan, nan
                radius = min(options.initial_trust_radius, greatest)
                carry[RADIUS], carry[FALLING] = radius, zero
                continue
            if hopeless:
                if not learns or age == 0 or carry[MODEL] == one:
                    quiet |= carry[MODEL + 1] == one if learns else False
                    status = CONVERGED_FUNCTION if quiet else LINE_SEARCH_FAILED
                    return Outcome(status, iteration, evaluations, f, age)
                # Forget what was learnt and try once more from here.
                age, moved, carry[MODEL], carry[MODEL + 1] = 0, True, one, one if quiet else zero
                radius = min(options.initial_trust_radius, greatest)
                carry[RADIUS], carry[FALLING] = radius, zero
                continue

            f_trial = value(problem, x_trial)
            evaluations += 1
            iteration += 1
            if f_trial == -infinity:
                copy(x, x_trial)
                scale(g, nan)
                observe(problem, iteration, f_trial)
                return Outcome(UNBOUNDED, iteration, evaluations, f_trial, age)
            finite = f_trial < infinity
            ratio = (f - f_trial) / predicted if finite else -one
            hidden = False
            if finite:
                hidden = predicted <= noise and f_trial <= f and f - f_trial <= noise
            size_trial = size
            if hidden or learns or ratio > options.eta:
                if finite:
                    gradient(problem, x_trial, g_trial)
                    size_trial = norm(g_trial, options.norm)
                    finite = size_trial < infinity or max_abs(g_trial) < infinity
                if not finite:
                    ratio = -one
                elif hidden:  # the trapezoidal rule over both gradients
                    ratio = -half * (dot(g, p) + dot(g_trial, p)) / predicted
                    if not size_trial < size:
                        ratio = -one
                if learns and finite and not far:
                    age = learn(p, g, g_trial, ratio > options.eta, memory, age)

            limited = boundary and radius >= greatest
            endless = limited and ratio > real(0.75) and predicted >= -dot(g, p)
            failed = not ratio > options.eta
            if far:
                carry[FALLING] = zero
            elif endless:
                carry[FALLING] += one
            else:
                carry[FALLING] = (real(QUIET) if quiet else -one) if failed else zero
            if far:
                pass
            elif not ratio >= quarter:
                radius = quarter * min(length, radius)
            elif ratio > real(0.75) and boundary:
                radius = min(radius + radius, greatest)
            carry[RADIUS] = radius
            if not failed:
                f_previous, f = f, f_trial
                copy(x, x_trial)
                copy(g, g_trial)
                size = size_trial
                carry[MODEL] = carry[MODEL + 1] = nan
                moved = True
            stop = observe(problem, iteration, f)
            if far and not failed:
                return Outcome(UNBOUNDED, iteration, evaluations, f, age)
            if stop:
                return Outcome(CALLBACK, iteration, evaluations, f, age)
            if moved and not boundary and size > options.gtol:
                if options.xrtol > zero and length <= options.xrtol * (options.xrtol + math.sqrt(dot(x, x))):
                    return Outcome(CONVERGED_STEP, iteration, evaluations, f, age)
                if options.ftol > zero and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), one):
                    return Outcome(CONVERGED_FUNCTION, iteration, evaluations, f, age)

    return trust_region
