"""Many small problems on the device: one thread solves one problem at a time.

Counterpart of `kernels.cpu.solvers.many_problems`.  The objective is compiled into the kernel, since device
code cannot call an address.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.curvature import difference_step, make_differences, symmetrize
from numgd.foundations.evaluator import CARRIED, Evaluator, not_provided
from numgd.foundations.linalg import all_finite, cholesky_rows
from numgd.foundations.spaces import SERIAL
from numgd.foundations.status import (
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    INVALID_INPUT,
    Outcome,
)
from numgd.jit.portable import portable
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.solvers.row_of_args import make_row_of
from numgd.kernels.cuda.target import cuda, kernel, launch

ACCESS_ROWS = 2  # a gradient, and the shifted point of finite differences
OWN_ROWS = 1 + ACCESS_ROWS  # the point itself

MOST_LANES = 131_072
"""Maximum number of threads in a launch, enough to fill a GPU; each then solves several problems in turn."""

MOST_SCRATCH = 2**32
"""Bytes of scratch memory above which there are fewer threads."""

FEWEST_LANES = 4096
"""Number of threads that are given memory in any case, if there are that many problems."""


def lanes_for(count, numbers, dtype):
    """Number of threads for `count` problems with `numbers` words of scratch memory each."""
    fit = MOST_SCRATCH // max(1, numbers * np.dtype(dtype).itemsize)
    return max(1, min(count, MOST_LANES, max(fit, FEWEST_LANES)))


class Problem(NamedTuple):
    """What the functions of `make_evaluator` need; solvers only pass it on."""

    args: Any  # of this problem
    rows: Any  # (ACCESS_ROWS, n) scratch
    box: Any  # (2, n) lower and upper bounds


@cache
def make_evaluator(objective):
    """The `Evaluator` of a device thread; second derivatives are finite differences of the gradient."""
    copy = SERIAL.copy

    @portable
    def evaluate(problem, x, g):
        return x.dtype.type(objective(x, g, *problem.args))

    @portable
    def value(problem, x):
        return evaluate(problem, x, problem.rows[0])

    @portable
    def gradient(problem, x, g):
        copy(g, problem.rows[0])

    @portable
    def difference_rows(problem):
        return problem.rows[1], problem.rows[0]

    column, along = make_differences(SERIAL, evaluate, difference_rows)

    @portable
    def hessian(problem, x, g, H):
        for j in range(x.size):
            column(problem, x, g, difference_step(x, False, False), False, j, H[j])
        symmetrize(H)

    @portable
    def product(problem, x, g, p, out):
        along(problem, x, g, difference_step(x, False, False), False, p, out)

    @portable
    def observe(problem, iteration, f):
        return 0

    @portable
    def bounds(problem):
        return problem.box[0], problem.box[1]

    return Evaluator(
        evaluate, value, gradient, not_provided, hessian, product, cholesky_rows, observe, bounds
    )


@cache
def make_kernel(method, objective, places):
    """The kernel of a method for one objective; its arguments are those of the driver.

    `places` says where each of the args has a problem's entry; see `make_row_of`.  A thread whose problem is
    solved takes another one at once, and neighbouring threads of a warp have neighbouring problems.
    """
    row_of = make_row_of(places)
    descend = solver_of(method)(SERIAL, make_evaluator(objective))

    @portable
    def solve(problem, x, work, carry, limits):
        if not all_finite(x):
            return Outcome(INVALID_INPUT, 0, 0, x.dtype.type(math.nan), 0)
        return descend(problem, x, work, carry, limits, 0)

    @kernel
    def solve_rows(X, J, work, limits, args, box, fun, counts):
        lane = cuda.grid(1)
        if lane >= work.shape[2]:
            return
        x = work[0, :, lane]
        own = work[OWN_ROWS:, :, lane]
        carry = cuda.local.array(CARRIED, X.dtype)
        for row in range(lane, X.shape[0], work.shape[2]):
            for i in range(x.size):
                x[i] = X[row, i]
            for i in range(CARRIED):
                carry[i] = math.nan
            problem = Problem(row_of(args, row, lane), work[1:OWN_ROWS, :, lane], box)
            outcome = solve(problem, x, own, carry, limits)
            for i in range(x.size):
                X[row, i] = x[i]
                J[row, i] = own[0, i]
            fun[row] = outcome.f
            counts[row, 0] = outcome.status
            counts[row, 1] = outcome.nit
            counts[row, 2] = outcome.evaluations

    return solve_rows


def rows_of(method):
    """The function for the rows of scratch memory that the solver of a `Method` needs in a kernel."""
    return method.rows if method.kernel_form is None else method.kernel_form[0]


def solver_of(method):
    """The function that makes the solver of a `Method` for kernels."""
    return method.make_solver if method.kernel_form is None else method.kernel_form[1]


@cache
def solve_many(method, objective):
    """The driver of a `Method` for one objective.

    ``objective(x, g, *args) -> f`` is a ``@cuda.jit(device=True)`` or portable function that writes the
    gradient into `g`, leaves `x` unchanged and allocates nothing.

    ``solve_many(method, objective)(X, J, work, limits, args, box, fun, counts, places=None)`` overwrites the
    rows of `X` (N, n) with the solutions and fills the rows of `J` (N, n) with the gradients there, `fun`
    (N,) with the values and the columns of `counts` (N, 3) with status, nit and evaluations.  `work` comes
    from `scratch_many`; `limits` are the solver's options in the dtype of `X`.  `places` says for each of the
    args how it varies; without it, arrays vary along their first axis, of length N.  `box` (2, n) holds the
    bounds, for methods that respect them; for others, and for 'owl-qn' and 'fista' without bounds, it is
    (2, 0).  All arrays are on the device.  Raises ValueError for a method that is not ``on_device``.
    """
    if not method.on_device:
        raise ValueError(f"method {method.name!r} has no CUDA kernel")

    def drive(X, J, work, limits, args, box, fun, counts, places=None):
        if places is None:
            places = tuple(int(hasattr(value, "shape") and value.shape != ()) for value in args)
        threads = target.THREADS
        blocks = (work.shape[2] + threads - 1) // threads
        if X.shape[0] > 0:
            kernel = make_kernel(method, objective, places)
            launch(kernel, (blocks, threads), X, J, work, limits, args, box, fun, counts)

    return drive


def scratch_many(method, count, n, maxcor, dtype, lanes=None):
    """Scratch memory for `solve_many`.

    The thread is the last index, so that neighbouring threads access neighbouring words.
    """
    rows = rows_of(method)(n, maxcor) + OWN_ROWS
    return target.empty((rows, n, lanes or lanes_for(count, rows * n, dtype)), dtype)


# Preparing and reading a batch ------------------------------------------------------------------------------


def by_columns(array):
    """The array (N, …) with its first axis last, in new memory."""
    count, size = array.shape[0], math.prod(array.shape[1:])
    found = target.empty((*array.shape[1:], count), array.dtype)
    if found.size:
        rows, columns = array.reshape(count, size), found.reshape(size, count)
        launch(_transpose, target.launch_shape(found.size), rows, columns)
    return found


@kernel
def _transpose(rows, columns):
    for i in range(cuda.grid(1), columns.size, cuda.gridsize(1)):
        j, row = i // rows.shape[0], i % rows.shape[0]
        columns[j, row] = rows[row, j]


def counted(counts, calls, per_gradient):
    """What `solve_many` counted, as arrays (N,) that users know.

    Parameters
    ----------
    counts : device array of shape (N, 3)
    calls : int
        Number of calls of the function in an evaluation.
    per_gradient : int
        Number of gradients in an evaluation: 0 for differences, else 1.

    Returns
    -------
    nit, nfev, njev, none, status : device arrays of int64
    success : device array of bool
    """
    count = counts.shape[0]
    nit, nfev, njev, none, status = (target.empty((count,), np.int64) for _ in range(5))
    success = target.empty((count,), np.bool_)
    if count:
        launch(
            _split, target.launch_shape(count), counts, calls, per_gradient, nit, nfev, njev, none, status,
            success,
        )  # fmt: skip
    return nit, nfev, njev, none, status, success


@kernel
def _split(counts, calls, per_gradient, nit, nfev, njev, none, status, success):
    for row in range(cuda.grid(1), counts.shape[0], cuda.gridsize(1)):
        found = counts[row, 0]
        status[row], nit[row] = found, counts[row, 1]
        nfev[row], njev[row] = calls * counts[row, 2], per_gradient * counts[row, 2]
        none[row] = 0
        success[row] = found in (CONVERGED_GRADIENT, CONVERGED_FUNCTION, CONVERGED_STEP)


def copied(X):
    """A copy of an array on the device."""
    found = target.empty(X.shape, X.dtype)
    memory.copy(X, found)
    return found
