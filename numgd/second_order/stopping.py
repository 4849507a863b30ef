"""The stopping tests that the methods share."""

import math

from numgd.foundations.linalg import epsilon
from numgd.foundations.status import (
    CALLBACK,
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    GOING_ON,
    MAXFUN,
    MAXITER,
    NOT_FINITE,
    UNBOUNDED,
)
from numgd.jit.portable import portable

AUTOMATIC = -1
"""Value of `maxiter` that means 200 iterations per variable."""


@portable
def iteration_limit(options, x):
    """The largest number of iterations."""
    return options.maxiter if options.maxiter >= 0 else 200 * x.size


@portable
def status_at_start(f, size):
    """Status of a starting point with the value f and a gradient of norm `size`."""
    if f == -math.inf:
        return UNBOUNDED
    if not (f < math.inf and size < math.inf):
        return NOT_FINITE
    return GOING_ON


@portable
def status_at_limits(iteration, evaluations, maxiter, options):
    """Status according to the limits on iterations and evaluations."""
    if iteration >= maxiter:
        return MAXITER
    if evaluations >= options.maxfun:
        return MAXFUN
    return GOING_ON


@portable
def status_before_step(size, iteration, evaluations, maxiter, options):
    """Status according to the norm of the gradient, `size`, and to the limits."""
    if size <= options.gtol:
        return CONVERGED_GRADIENT
    return status_at_limits(iteration, evaluations, maxiter, options)


@portable
def status_after_step(unbounded, size, stop):
    """Status of a new point, where `stop` is what the hook returned."""
    if unbounded:
        return UNBOUNDED
    if not size < math.inf:
        return NOT_FINITE
    if stop:
        return CALLBACK
    return GOING_ON


@portable
def status_of_step(small, f_previous, f, x, options):
    """Status after a step, by whether it is `small` and by its relative decrease as in L-BFGS-B."""
    real = x.dtype.type
    if small:
        return CONVERGED_STEP
    if options.ftol > real(0) and f_previous - f <= options.ftol * max(abs(f_previous), abs(f), real(1)):
        return CONVERGED_FUNCTION
    return GOING_ON


def make_relative_length_test(space):
    """Function ``short(length, x, options)``: whether the length of a step is at most xrtol (xrtol + ‖x‖)."""
    dot = space.dot

    @portable
    def short(length, x, options):
        xrtol = options.xrtol
        return xrtol > x.dtype.type(0) and length <= xrtol * (xrtol + math.sqrt(dot(x, x)))

    return short


def make_relative_step_test(space):
    """Function ``small(s, x, options)``, SciPy's test of BFGS: ‖s‖ ≤ xrtol (xrtol + ‖x‖)."""
    dot, short = space.dot, make_relative_length_test(space)

    @portable
    def small(s, x, options):
        return options.xrtol > x.dtype.type(0) and short(math.sqrt(dot(s, s)), x, options)

    return small


# What rounding hides --------------------------------------------------------------------------------


@portable
def hidden_decrease(f, x):
    """The largest decrease of a value that rounding may hide."""
    return x.dtype.type(8) * epsilon(x) * abs(f)


@portable
def flat(g, x, f):
    """Whether a gradient is small relative to the value: max |gᵢ| max(|xᵢ|, 1) ≤ ε^⅓ max(|f|, 1).

    The slopes along one direction, or along the gradient, say little in a narrow valley.  J. E. Dennis and
    R. B. Schnabel, Numerical Methods for Unconstrained Optimization and Nonlinear Equations (1983), 7.2.
    """
    one = x.dtype.type(1)
    limit = epsilon(x) ** (one / x.dtype.type(3)) * max(abs(f), one)
    largest = x.dtype.type(0)
    for i in range(x.size):
        largest = max(largest, abs(g[i]) * max(abs(x[i]), one))
    return largest <= limit


def make_negligible_decrease(space):
    """Function ``negligible_decrease(tolerance, slope, g, x, f)`` over a space.

    It returns the decrease along a direction below which the search may end: `tolerance`, or what rounding may
    hide.  The latter applies only if the gradient is small relative to the value.
    """
    is_flat = space.form(flat)

    @portable
    def negligible_decrease(tolerance, slope, g, x, f):
        hidden = hidden_decrease(f, x)
        if tolerance > hidden:
            return tolerance
        steep = -slope > x.dtype.type(1e6) * hidden  # such a decrease cannot be hidden: `flat` is not needed
        return hidden if not steep and is_flat(g, x, f) else x.dtype.type(0)

    return negligible_decrease
