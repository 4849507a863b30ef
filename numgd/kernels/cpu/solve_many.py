"""Many small problems on all cores: one thread solves one problem at a time."""

import math
from functools import cache

import numpy as np
from numba import get_thread_id, prange, types

from numgd.access import CARRIED
from numgd.jit.pointers import address_of
from numgd.jit.portable import THREADED_FLAGS, compiled, portable
from numgd.kernels.cpu.solve import HOST_ROWS, NFEV, NHEV, NJEV, REPORT_SIZE, entry, make_rows
from numgd.status import INVALID_INPUT, RAISED


@cache
def solve_many(method):
    """The compiled driver of a method.

    ``solve_many(method)(X, J, work, reports, words, matrices, limits, function, context, varies, first,
    scheme, steps, curvature, box, fun, counts)`` overwrites the rows of `X` by the solutions and fills the
    rows of `J` by the gradients there, `fun` by the values and the columns of `counts` by status, nit, nfev,
    njev and nhev.  `work`, `reports`, `words` and `matrices` have one block for each thread.  Where the args
    vary (`varies`), the objective gets the address of two words, the args' own and the number of the problem,
    of which the first has the number `first`; else it gets `context`, as from `entry`.
    """
    solve = entry(method)
    word, flag = types.int64, types.boolean  # literals would have the solver compiled for themselves

    @portable
    def solve_row(
        row, X, J, work, report, limits, function, context, scheme, steps, curvature, matrix, box, fun, counts
    ):  # fmt: skip
        outcome = solve(
            X[row], work, np.full(CARRIED, math.nan, X.dtype), limits, word(0), function, context, scheme,
            steps, report, flag(False), word(0), curvature, matrix, box,
        )  # fmt: skip
        counts[row, 0] = outcome.status
        if outcome.status == INVALID_INPUT:
            return
        fun[row] = outcome.f
        for i in range(X.shape[1]):
            J[row, i] = work[0, i]
        counts[row, 1] = outcome.nit
        counts[row, 2] = int(report[NFEV])
        counts[row, 3] = int(report[NJEV])
        counts[row, 4] = int(report[NHEV])

    @portable
    def guarded(
        row, X, J, work, report, limits, function, context, scheme, steps, curvature, matrix, box, fun, counts
    ):  # fmt: skip
        # An exception must not leave a parallel loop: the row is marked, and the caller meets it again.
        try:
            solve_row(
                row, X, J, work, report, limits, function, context, scheme, steps, curvature, matrix, box,
                fun, counts,
            )  # fmt: skip
        except Exception:
            counts[row, 0] = RAISED

    @compiled(f"solve-many-{method}", THREADED_FLAGS)
    def drive(
        X, J, work, reports, words, matrices, limits, function, context, varies, first, scheme, steps,
        curvature, box, fun, counts,
    ):  # fmt: skip
        for row in prange(X.shape[0]):
            thread = get_thread_id()
            words[thread, 0] = context
            words[thread, 1] = first + row
            guarded(
                row, X, J, work[thread], reports[thread], limits, function,
                address_of(words[thread]) if varies else context, scheme, steps, curvature, matrices[thread],
                box, fun, counts,
            )  # fmt: skip

    return drive


def scratch_many(method, threads, n, maxcor, dtype, order=0):
    """Scratch memory for `solve_many`: work, reports, words and matrices (of the given order)."""
    work = np.empty((threads, make_rows(method)(n, maxcor) + HOST_ROWS, n), dtype)
    words = np.empty((threads, 2), np.int64)
    return work, np.empty((threads, REPORT_SIZE)), words, np.empty((threads, order, order), dtype)
