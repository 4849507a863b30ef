"""Many small problems on all cores: each thread solves one problem at a time."""

import hashlib
import math
from typing import Any, NamedTuple

import numpy as np
from numba import types

from numgd.foundations.memory import hessian_memory, method_memory
from numgd.foundations.status import (
    CONVERGED_FUNCTION,
    CONVERGED_GRADIENT,
    CONVERGED_STEP,
    INVALID_INPUT,
    RAISED,
    TIME_LIMIT,
)
from numgd.jit.making import made_once
from numgd.jit.parallel import UNKNOWN, parallel_for
from numgd.jit.pointers import address_of, compiled_call, count_on, function_address, interrupted
from numgd.jit.portable import SOLVER_FLAGS, compile_quietly, compiled, portable
from numgd.kernels.cpu.solvers.host_evaluator import (
    HOST_CARRIED,
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    REPLACED,
    REPLACED_CURVATURE,
    REPORT_SIZE,
)
from numgd.kernels.cpu.solvers.one_problem import entry, signature_of

MOST_TOGETHER = 16
"""Maximum number of problems that a thread takes at a time."""


class Batch(NamedTuple):
    """Data shared by all problems of a batch; see `host_evaluator.Problem` for the undocumented fields."""

    options: Any  # the solver's NamedTuple
    function: Any  # address of the compiled objective
    context: Any  # address of its packed args
    varies: Any  # whether arrays in the args have an entry per problem
    halt: Any  # (1,) becomes 1 when unfinished problems are to be abandoned
    scheme: Any
    steps: Any
    curvature: Any
    box: Any


def solve_many(method, memory, batch):
    """The compiled driver of a method, for the types of the given arguments.

    ``drive(X, J, fun, counts, *memory, batch)`` overwrites the rows of `X` with the solutions and fills the
    rows of `J` with the gradients there, `fun` with the values, and the columns of `counts` with status, nit,
    nfev, njev, nhev and the number of derivative entries that were replaced.  `memory` comes from
    `scratch_many`, with one block per thread.  If the args vary, the objective gets the address of two words,
    the address of the args and the number of the problem; otherwise ``batch.context``, as from `entry`.

    Problems that are unfinished when ``batch.halt`` becomes 1 end with TIME_LIMIT, at the best point so far.
    A function that raises an exception sets it: the problem's status is then RAISED, and its row of `J` holds
    the point.
    """
    solve, signature = entry(method), signature_of(method, batch.options, memory[0].dtype)
    compile_quietly(solve, signature)
    solver = solve.overloads[signature]
    drive, address = _driver(solver.signature), function_address(solver)

    def call(*arguments):
        drive(address, *arguments)

    return call


@made_once
def _driver(signature):
    """The driver of all solvers with a signature, called by address, so that it is compiled only once."""
    solve = compiled_call(signature)
    word = types.int64

    @portable
    def solve_row(solver, row, X, J, fun, counts, work, report, context, matrix, batch):
        carry = np.full(HOST_CARRIED, math.nan, X.dtype)
        arguments = (
            X[row], work, carry, batch.options, word(0), batch.function, context, batch.scheme, batch.steps,
            report, address_of(batch.halt), word(0), batch.curvature, matrix, batch.box,
        )  # fmt: skip
        outcome = solve(solver, arguments)
        status = outcome.status
        done = status in (CONVERGED_GRADIENT, CONVERGED_FUNCTION, CONVERGED_STEP)
        if interrupted(address_of(batch.halt)) and not done:
            status = TIME_LIMIT
        counts[row, 0] = status
        if status == INVALID_INPUT:
            return
        fun[row] = outcome.f
        for i in range(X.shape[1]):
            J[row, i] = work[0, i]
        counts[row, 1] = outcome.nit
        counts[row, 2] = int(report[NFEV])
        counts[row, 3] = int(report[NJEV])
        counts[row, 4] = int(report[NHEV])
        counts[row, 5] = int(report[REPLACED] + report[REPLACED_CURVATURE])

    @portable
    def guarded(solver, row, X, J, fun, counts, work, report, context, matrix, batch):
        # An exception must not leave a parallel loop: the row is marked, and the caller reproduces the error.
        try:
            solve_row(solver, row, X, J, fun, counts, work, report, context, matrix, batch)
        except Exception:
            counts[row, 0] = RAISED
            for i in range(X.shape[1]):
                J[row, i] = work[work.shape[0] - HOST_ROWS, i]
            batch.halt[0] = 1

    @portable
    def solve_rows(thread, taken, solver, X, J, fun, counts, work, reports, words, matrices, batch):
        rows = X.shape[0]
        together = max(1, min(MOST_TOGETHER, rows // (4 * work.shape[0])))
        begin = count_on(address_of(taken), together)
        while begin < rows:
            for row in range(begin, min(begin + together, rows)):
                words[thread, 0] = batch.context
                words[thread, 1] = row
                if interrupted(address_of(batch.halt)):
                    counts[row, 0] = TIME_LIMIT
                    continue
                context = address_of(words[thread]) if batch.varies else batch.context
                guarded(
                    solver, row, X, J, fun, counts, work[thread], reports[thread], context, matrices[thread],
                    batch,
                )  # fmt: skip
            begin = count_on(address_of(taken), together)

    @compiled(f"solve-many-{_digest(signature.return_type)}", {**SOLVER_FLAGS, "nogil": True})
    def drive(solver, X, J, fun, counts, work, reports, words, matrices, batch):
        taken = np.zeros(1, np.int64)
        parallel_for(
            solve_rows, work.shape[0], UNKNOWN if X.shape[0] > 1 else 0, taken, solver, X, J, fun, counts,
            work, reports, words, matrices, batch,
        )  # fmt: skip

    return drive


def _digest(numba_type):
    """A short name for a type that does not appear among the types of a driver's arguments."""
    return hashlib.sha256(str(numba_type).encode()).hexdigest()[:8]


def scratch_many(method, threads, n, maxcor, dtype, order=0):
    """Scratch memory for `solve_many`: work, reports, words and matrices (of the given order)."""
    work = method_memory(method, (threads, method.rows(n, maxcor) + HOST_ROWS, n), dtype)
    words = np.empty((threads, 2), np.int64)
    return work, np.empty((threads, REPORT_SIZE)), words, hessian_memory((threads, order, order), dtype)
