"""Why a solver stopped: one closed enumeration for every method of numgd."""

from enum import IntEnum
from typing import Any, NamedTuple


class Status(IntEnum):
    """Outcome of a minimisation; the first four have SciPy's numbers."""

    CONVERGED_GRADIENT = 0
    MAXITER = 1
    LINE_SEARCH_FAILED = 2
    NOT_FINITE = 3
    CONVERGED_FUNCTION = 4
    CONVERGED_STEP = 5
    MAXFUN = 6
    UNBOUNDED = 7
    INVALID_INPUT = 8
    RAISED = 9
    EPOCHS = 10
    EARLY = 11
    TIME_LIMIT = 12
    ROSE = 13
    INTERRUPTED = 14
    CALLBACK = 99


MESSAGES = {
    Status.CONVERGED_GRADIENT: "Optimization terminated successfully: the gradient norm is within gtol.",
    Status.MAXITER: "Maximum number of iterations has been exceeded.",
    Status.LINE_SEARCH_FAILED: (
        "The line search found no lower point: the gradient may be wrong (scipy.optimize.check_grad tests "
        "it), or gtol may be below what rounding allows. The best point seen is returned."
    ),
    Status.NOT_FINITE: "The objective or its gradient is not finite (NaN or inf).",
    Status.CONVERGED_FUNCTION: (
        "Optimization terminated successfully: the relative decrease, made or still to come, is within ftol "
        "or rounding."
    ),
    Status.CONVERGED_STEP: "Optimization terminated successfully: the step is within xrtol.",
    Status.MAXFUN: "Maximum number of function evaluations has been exceeded.",
    Status.UNBOUNDED: "The objective decreases without bound along a search direction.",
    Status.INVALID_INPUT: "The starting point is not finite (NaN or inf).",
    Status.RAISED: "The objective raised an exception.",
    Status.EPOCHS: "All epochs have been run.",
    Status.EARLY: "The loss did not improve for `patience` epochs.",
    Status.TIME_LIMIT: "The time limit has been reached.",
    Status.ROSE: "The loss ended above that of the starting point: the steps may be too large.",
    Status.INTERRUPTED: "Ctrl-C (KeyboardInterrupt) ended the run.",
    Status.CALLBACK: "`callback` raised `StopIteration`.",
}

SUCCESSES = frozenset(
    (
        Status.CONVERGED_GRADIENT,
        Status.CONVERGED_FUNCTION,
        Status.CONVERGED_STEP,
        Status.EPOCHS,
        Status.EARLY,
    )
)

# The same codes as plain integers, which portable code can return.
(
    CONVERGED_GRADIENT,
    MAXITER,
    LINE_SEARCH_FAILED,
    NOT_FINITE,
    CONVERGED_FUNCTION,
    CONVERGED_STEP,
    MAXFUN,
    UNBOUNDED,
    INVALID_INPUT,
    RAISED,
    EPOCHS,
    EARLY,
    TIME_LIMIT,
    ROSE,
    INTERRUPTED,
    CALLBACK,
) = (int(status) for status in Status)


GOING_ON = -1
"""Returned by a stopping test if the run continues."""

UNLIMITED = 2**62
"""A limit that no solve reaches."""


class Outcome(NamedTuple):
    """What a solver returns; the point is in x, its gradient in row 0 of the scratch memory."""

    status: Any
    nit: Any
    evaluations: Any
    f: Any
    age: Any  # number of updates or steps that the scratch memory holds
