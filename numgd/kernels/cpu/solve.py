"""One problem on the host: how a solver reaches a compiled objective, and its compiled entry."""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from numgd.jit.pointers import GRADIENT, VALUE, borrow, call_objective, call_python, check_signals
from numgd.jit.portable import compiled, portable
from numgd.solvers import all_finite, make_rows, make_solver
from numgd.spaces import SERIAL, THREADED
from numgd.status import INVALID_INPUT, Outcome

# How the gradient is obtained
EXACT = 0  # the objective gives value and gradient in separate calls
JOINT = 1  # the objective gives both in one call
TWO_POINT = 2  # differences with the steps given, relative to max(1, |x|)
TWO_POINT_ABSOLUTE = 3
THREE_POINT = 4
THREE_POINT_ABSOLUTE = 5
COMPLEX_STEP = 6  # as EXACT, and the gradient costs one call of the function a variable

# Fields of the report that the entry leaves for its caller
NFEV, NJEV, F, ITERATION = 0, 1, 2, 3
REPORT_SIZE = 4

HOST_ROWS = 2  # what the objective receives, and the point that differences move


class Problem(NamedTuple):
    """What `evaluate` and `observe` need; solvers only pass it on."""

    function: Any  # address of the compiled objective
    context: Any  # address of its packed args
    scheme: Any  # one of the seven above
    steps: Any  # difference steps, one a variable (empty for exact gradients)
    report: Any
    rows: Any  # (HOST_ROWS, n) scratch
    interactive: Any  # whether the caller holds the GIL: signals are looked at
    hook: Any  # address of a Python callable that sees every iteration, 0 for none


def make_evaluate(space):
    """The host's `evaluate` over a space."""
    copy = space.copy

    @portable
    def value(problem, x, g, wanted):
        # The user's function gets a copy: whatever it writes there is nobody's loss.
        argument = problem.rows[0]
        copy(argument, x)
        if wanted & VALUE:
            problem.report[NFEV] += 1
        if wanted & GRADIENT:
            problem.report[NJEV] += 1
        return call_objective(problem.function, argument, g, wanted, problem.context)

    @portable
    def differences(problem, x, f, g):
        real = x.dtype.type
        moved = problem.rows[1]
        copy(moved, x)
        central = problem.scheme >= THREE_POINT
        relative = problem.scheme == TWO_POINT or problem.scheme == THREE_POINT
        for i in range(x.size):
            h = problem.steps[i]
            if relative:
                h *= max(real(1), abs(x[i]))
                if x[i] < real(0) and not central:
                    h = -h
            moved[i] = x[i] + h
            ahead = value(problem, moved, g, VALUE)
            width = moved[i] - x[i]  # the step as it was rounded
            behind = f
            if central:
                moved[i] = x[i] - h
                behind = value(problem, moved, g, VALUE)
                width += x[i] - moved[i]
            moved[i] = x[i]
            g[i] = (ahead - behind) / width

    @portable
    def evaluate(problem, x, g):
        if problem.interactive:
            check_signals()
        if problem.scheme == JOINT:
            return value(problem, x, g, VALUE + GRADIENT)
        f = value(problem, x, g, VALUE)
        if f - f == x.dtype.type(0):  # finite: elsewhere no gradient is asked for
            if problem.scheme == EXACT or problem.scheme == COMPLEX_STEP:
                answer = value(problem, x, g, GRADIENT)
                if answer != answer:  # jac divided by zero: what stands in g is no gradient
                    g[0] = answer
                if problem.scheme == COMPLEX_STEP:
                    problem.report[NFEV] += x.size
            else:
                differences(problem, x, f, g)
                problem.report[NJEV] += 1
        return f

    return evaluate


@portable
def observe(problem, iteration, f):
    """Tell the caller's hook, if there is one, about an iteration; non-zero stops the solver."""
    if problem.hook == 0:
        return 0
    problem.report[F] = f
    problem.report[ITERATION] = iteration
    return int(call_python(problem.hook, iteration))


def entry(method, threads=False):
    """The compiled solver of a method: once per dtype for all objectives, kept on disk.

    ``entry(...)(x, work, options, age, function, context, scheme, steps, report, interactive, hook)``
    overwrites `x` by the solution, row 0 of `work` by the gradient there, and returns an `Outcome`; the
    last HOST_ROWS rows of `work` are the objective's.  The arguments from `function` on are the fields of
    `Problem`.
    """
    return _compiled_entry(method, bool(threads))


@cache
def _compiled_entry(method, threads):
    space = THREADED if threads else SERIAL
    solver = make_solver(method, space, make_evaluate(space), observe)

    @compiled(f"solve-{method}{'-threads' if threads else ''}")
    def solve(x, work, options, age, function, context, scheme, steps, report, interactive, hook):
        x, work, steps, report = borrow(x), borrow(work), borrow(steps), borrow(report)
        own = work.shape[0] - HOST_ROWS
        report[NFEV] = 0
        report[NJEV] = 0
        problem = Problem(function, context, scheme, steps, report, work[own:], interactive, hook)
        if not all_finite(x):
            for i in range(x.size):
                work[0, i] = math.nan
            return Outcome(INVALID_INPUT, 0, 0, x.dtype.type(math.nan), age)
        return solver(problem, x, work[:own], options, age)

    return solve


def scratch(method, n, maxcor, dtype):
    """Scratch memory for `entry`."""
    return np.empty((make_rows(method)(n, maxcor) + HOST_ROWS, n), dtype)
