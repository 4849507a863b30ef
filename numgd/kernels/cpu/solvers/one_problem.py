"""One problem on the host: the compiled entry point of every method."""

import math

import numpy as np
from numba import typeof

from numgd.foundations.evaluator import CARRIED
from numgd.foundations.linalg import all_finite
from numgd.foundations.memory import method_memory
from numgd.foundations.spaces import SERIAL, THREADED
from numgd.foundations.status import INVALID_INPUT, Outcome
from numgd.jit.making import made_once
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled
from numgd.kernels.cpu.solvers.host_evaluator import (
    ASYMMETRY,
    HOST_CARRIED,
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    REFINED,
    REPLACED,
    REPLACED_CURVATURE,
    REPORT_SIZE,
    Problem,
    make_evaluator,
)


def entry(method, threads=False):
    """The compiled solver of a method: compiled once per dtype for all objectives, and cached on disk.

    ``entry(...)(x, work, carry, options, age, function, context, scheme, steps, report, attention, hook,
    curvature, matrix, box)`` overwrites `x` with the solution and row 0 of `work` with the gradient there,
    and returns an `Outcome`; the last HOST_ROWS rows of `work` are the objective's.  The arguments from
    `function` on are the fields of `Problem`.
    """
    return _compiled_entry(method, bool(threads))


@made_once
def _compiled_entry(method, threads):
    space = THREADED if threads else SERIAL
    solver = method.make_solver(space, make_evaluator(space))

    @compiled(method.code_name("solve", method.name, "threads" if threads else ""))
    def solve(
        x, work, carry, options, age, function, context, scheme, steps, report, attention, hook, curvature,
        matrix, box,
    ):  # fmt: skip
        x, work, carry, steps, report = borrow(x), borrow(work), borrow(carry), borrow(steps), borrow(report)
        matrix, box = borrow(matrix), borrow(box)
        own = work.shape[0] - HOST_ROWS
        report[NFEV] = 0
        report[NJEV] = 0
        report[NHEV] = 0
        report[ASYMMETRY] = 0
        report[REPLACED] = 0
        report[REPLACED_CURVATURE] = 0
        report[REFINED] = 1 if carry[CARRIED] > 0 else 0
        problem = Problem(
            function, context, scheme, steps, report, work[own:], attention, hook, curvature, matrix, box
        )
        if not all_finite(x):
            for i in range(x.size):
                work[0, i] = math.nan
            return Outcome(INVALID_INPUT, 0, 0, x.dtype.type(math.nan), age)
        outcome = solver(problem, x, work[:own], carry, options, age)
        carry[CARRIED] = report[REFINED]
        return outcome

    return solve


def signature_of(method, options, dtype):
    """The types of the arguments of `entry`, which depend on those of the options and on the dtype."""
    work, carry = scratch(method, 1, 1, dtype)
    vector, matrix, report = work[0], work[:0], np.empty(1)
    arguments = (
        vector, work, carry, options, 0, 0, 0, 0, vector, report, 0, 0, 0, matrix, matrix,
    )  # fmt: skip
    return tuple(map(typeof, arguments))


def scratch(method, n, maxcor, dtype):
    """Scratch memory for `entry`: `work`, and `carry` (HOST_CARRIED,) for a fresh start."""
    work = method_memory(method, (method.rows(n, maxcor) + HOST_ROWS, n), dtype)
    carry = np.empty(HOST_CARRIED, dtype)
    carry.fill(np.nan)
    return work, carry


@made_once
def allocator(dtype):
    """The compiled function that allocates the memory of a solve, for callers in compiled code.

    ``allocate(n, rows, order, bounded, size)`` returns x, work (`rows`, n), carry for a fresh start, the
    report, the matrix (`order`, `order`), the box (2, `bounded`) and the context of `size` bytes.
    """

    @compiled(f"memory-{dtype}")
    def allocate(n, rows, order, bounded, size):
        carry = np.empty(HOST_CARRIED, dtype)
        for i in range(carry.size):
            carry[i] = math.nan
        matrix, box = np.empty((order, order), dtype), np.empty((2, bounded), dtype)
        report, context = np.empty(REPORT_SIZE), np.empty(size, np.uint8)
        return np.empty(n, dtype), np.empty((rows, n), dtype), carry, report, matrix, box, context

    return allocate
