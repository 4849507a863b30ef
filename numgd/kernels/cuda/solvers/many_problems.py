"""Many small problems on the device: one thread solves one problem at a time.

Counterpart of `kernels.cpu.solvers.many_problems`.  The objective is compiled into the kernel, since device
code cannot call an address.
"""

import math
from functools import cache
from typing import Any, NamedTuple

from numgd.foundations.curvature import difference_step, make_differences, symmetrize
from numgd.foundations.evaluator import CARRIED, Evaluator, not_provided
from numgd.foundations.linalg import all_finite, cholesky_rows
from numgd.foundations.spaces import SERIAL
from numgd.foundations.status import INVALID_INPUT, Outcome
from numgd.jit.portable import portable
from numgd.kernels.cuda.target import THREADS, cuda

ACCESS_ROWS = 2  # a gradient, and the shifted point of finite differences
OWN_ROWS = 1 + ACCESS_ROWS  # the point itself

MOST_LANES = 131_072
"""Maximum number of threads in a launch, enough to fill a GPU; each then solves several problems in turn."""


def make_row_of(varies):
    """Function ``row_of(args, row)``: the args of one problem.

    `varies` says for each argument whether it is an array with one entry per problem.
    """
    if not varies:

        @portable
        def row_of(args, row):
            return ()

        return row_of

    rest = make_row_of(varies[1:])
    if varies[0]:

        @portable
        def row_of(args, row):
            return (args[0][row],) + rest(args[1:], row)

    else:

        @portable
        def row_of(args, row):
            return (args[0],) + rest(args[1:], row)

    return row_of


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
def make_kernel(method, objective, varies):
    """The kernel of a method for one objective; its arguments are those of the driver."""
    row_of = make_row_of(varies)
    descend = method.make_solver(SERIAL, make_evaluator(objective))

    @portable
    def solve(problem, x, work, carry, limits):
        if not all_finite(x):
            return Outcome(INVALID_INPUT, 0, 0, x.dtype.type(math.nan), 0)
        return descend(problem, x, work, carry, limits, 0)

    @cuda.jit
    def kernel(X, J, work, limits, args, box, fun, counts):
        lane = cuda.grid(1)
        if lane >= work.shape[2]:
            return
        x = work[0, :, lane]
        memory = work[OWN_ROWS:, :, lane]
        carry = cuda.local.array(CARRIED, X.dtype)
        for row in range(lane, X.shape[0], work.shape[2]):
            for i in range(x.size):
                x[i] = X[row, i]
            for i in range(CARRIED):
                carry[i] = math.nan
            problem = Problem(row_of(args, row), work[1:OWN_ROWS, :, lane], box)
            outcome = solve(problem, x, memory, carry, limits)
            for i in range(x.size):
                X[row, i] = x[i]
                J[row, i] = memory[0, i]
            fun[row] = outcome.f
            counts[row, 0] = outcome.status
            counts[row, 1] = outcome.nit
            counts[row, 2] = outcome.evaluations

    return kernel


@cache
def solve_many(method, objective):
    """The driver of a `Method` for one objective.

    ``objective(x, g, *args) -> f`` is a ``@cuda.jit(device=True)`` or portable function that writes the
    gradient into `g`, only reads `x` and allocates not_provided.

    ``solve_many(method, objective)(X, J, work, limits, args, box, fun, counts)`` overwrites the rows of `X`
    (N, n) with the solutions and fills the rows of `J` (N, n) with the gradients there, `fun` (N,) with the
    values and the columns of `counts` (N, 3) with status, nit and evaluations.  `work` comes from
    `scratch_many`; `limits` are the solver's options in the dtype of `X`.  Arrays among `args` vary along
    their first axis, of length N.  `box` (2, n) holds the bounds, for methods that respect them; otherwise
    it can be any array of that dtype and dimension.  All arrays are on the device.  Raises ValueError for a
    method that is not ``on_device``.
    """
    if not method.on_device:
        raise ValueError(f"method {method.name!r} has no CUDA kernel")

    def drive(X, J, work, limits, args, box, fun, counts):
        varies = tuple(hasattr(value, "shape") and value.shape != () for value in args)
        blocks = (work.shape[2] + THREADS - 1) // THREADS
        if X.shape[0] > 0:
            make_kernel(method, objective, varies)[blocks, THREADS](
                X, J, work, limits, args, box, fun, counts
            )  # fmt: skip

    return drive


def scratch_many(method, count, n, maxcor, dtype):
    """Scratch memory for `solve_many`.

    The thread is the last index, so that neighbouring threads access neighbouring words.
    """
    rows = method.rows(n, maxcor) + OWN_ROWS
    return cuda.device_array((rows, n, max(1, min(count, MOST_LANES))), dtype)
