"""The interface between a least-squares solver and its problem: inputs, memory, options and outcome."""

from enum import IntEnum
from typing import Any, NamedTuple

from numgd.foundations.ranges import Flag, LimitFromOne, Positive, Tolerance, Unchecked
from numgd.jit.portable import portable


class ResidualEvaluator(NamedTuple):
    """Portable functions of a driver; `problem` is private to the driver, and solvers only pass it on.

    A solver is a portable function ``solve(problem, x, scale, memory, options) -> FitOutcome``.  On entry
    row `RESIDUALS` of ``memory.long`` holds the residuals at `x`, which are finite and count as the first
    evaluation; `scale` (n,) is the size of a typical change of each variable.  A solver overwrites `x` with
    the best point seen, that row with the residuals there, the rows from `JACOBIAN` on with the columns of
    the Jacobian there, and fills rows `GRADIENT` and `ACTIVE` of ``memory.short``.
    """

    residuals: Any  # residuals(problem, x, r): writes the m residuals at x to r
    jacobian: Any  # jacobian(problem, x, r, columns): writes ∂r/∂xⱼ to columns[j]; r are the residuals at x
    observe: Any  # observe(problem, iteration, nfev, cost, optimality) -> non-zero to stop
    bounds: Any  # bounds(problem) -> (lower, upper), each (n,); infinite if there is no bound


class Memory(NamedTuple):
    """Scratch memory of a solver for m residuals of n variables."""

    long: Any  # (long_rows(n), m)
    short: Any  # (short_rows(n), n)
    order: Any  # (n,) integers


# Rows of Memory.long
RESIDUALS, TRIAL, WEIGHTED, PROJECTED, JACOBIAN = range(5)

# Rows of Memory.short
GRADIENT, ACTIVE, SCALE, STEP, POINT, NORMS, DIAGONAL, RIGHT_SIDE, WORK = range(9)
MATRICES = WORK + 11  # two of n rows each


@portable
def long_rows(n):
    """Rows of `Memory.long`: four vectors, the Jacobian's columns and a copy of them to factorise."""
    return JACOBIAN + 2 * n


@portable
def short_rows(n):
    """Rows of `Memory.short`: vectors, and two n×n matrices."""
    return MATRICES + 2 * n


class FitOptions(NamedTuple):
    """Options of all methods, under SciPy's names."""

    ftol: Tolerance = 1e-8  # stop when the relative decrease is below this
    xtol: Tolerance = 1e-8  # stop when the relative step is below this
    gtol: Tolerance = 1e-8  # stop when the gradient, as the method measures it, is below this
    max_nfev: LimitFromOne = 100
    loss: Unchecked = 0  # one of `numgd.sums_of_squares.losses`
    f_scale: Positive = 1.0  # residuals much smaller than this have full weight
    factor: Positive = 100.0  # first radius of 'lm', as a multiple of the scaled length of x0
    adaptive: Flag = False  # whether the scale follows the columns of the Jacobian


class FitStatus(IntEnum):
    """Why a least-squares solver stopped; 4 to −2 are SciPy's numbers."""

    CONVERGED_FUNCTION_AND_STEP = 4
    CONVERGED_STEP = 3
    CONVERGED_FUNCTION = 2
    CONVERGED_GRADIENT = 1
    MAX_NFEV = 0
    NOT_FINITE_AT_START = -1
    CALLBACK = -2
    NOT_FINITE = -3
    LINE_SEARCH_FAILED = -4
    ROUNDING = -5
    TIME_LIMIT = -6
    TOO_FEW = -7
    INTERRUPTED = -8


MESSAGES = {
    FitStatus.CONVERGED_FUNCTION_AND_STEP: "Both `ftol` and `xtol` termination conditions are satisfied.",
    FitStatus.CONVERGED_STEP: "`xtol` termination condition is satisfied.",
    FitStatus.CONVERGED_FUNCTION: "`ftol` termination condition is satisfied.",
    FitStatus.CONVERGED_GRADIENT: "`gtol` termination condition is satisfied.",
    FitStatus.MAX_NFEV: "The maximum number of function evaluations is exceeded.",
    FitStatus.NOT_FINITE_AT_START: "Residuals are not finite in the initial point.",
    FitStatus.CALLBACK: "`callback` raised `StopIteration`.",
    FitStatus.NOT_FINITE: "The Jacobian is not finite (NaN or inf).",
    FitStatus.LINE_SEARCH_FAILED: "The line search found no lower point: the Jacobian may be wrong.",
    FitStatus.ROUNDING: "The tolerances are below what rounding allows: no further reduction is possible.",
    FitStatus.TIME_LIMIT: "The time limit has been reached.",
    FitStatus.TOO_FEW: "There are too few data points.",
    FitStatus.INTERRUPTED: "The user interrupted the fits before this one was finished.",
}

# The same codes as plain integers, which portable code can return.
BOTH = int(FitStatus.CONVERGED_FUNCTION_AND_STEP)
BY_STEP = int(FitStatus.CONVERGED_STEP)
BY_FUNCTION = int(FitStatus.CONVERGED_FUNCTION)
BY_GRADIENT = int(FitStatus.CONVERGED_GRADIENT)
MAX_NFEV = int(FitStatus.MAX_NFEV)
NOT_FINITE_AT_START = int(FitStatus.NOT_FINITE_AT_START)
CALLBACK = int(FitStatus.CALLBACK)
NOT_FINITE = int(FitStatus.NOT_FINITE)
LINE_SEARCH_FAILED = int(FitStatus.LINE_SEARCH_FAILED)
ROUNDING = int(FitStatus.ROUNDING)
TIME_LIMIT = int(FitStatus.TIME_LIMIT)
TOO_FEW = int(FitStatus.TOO_FEW)
INTERRUPTED = int(FitStatus.INTERRUPTED)
GOING_ON = 99


class FitOutcome(NamedTuple):
    """What a solver returns; x and the rest are in the memory passed to it."""

    status: Any
    nit: Any  # accepted steps
    nfev: Any  # evaluations of the residuals, not counting those for differences
    njev: Any
    cost: Any  # half the sum of squares, or of losses
    optimality: Any  # largest magnitude of the gradient, as the method measures it
