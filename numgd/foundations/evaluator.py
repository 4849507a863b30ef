"""The interface between a solver and its problem: the functions that a driver provides."""

from typing import Any, NamedTuple

from numgd.jit.portable import portable

CARRIED = 4
"""Number of scalars that a solver may leave in `carry` for a run that continues it."""


@portable
def not_provided(*_):
    """Placeholder for a function that a driver does not provide."""


@portable
def no_refinement(*_):
    """`refine` for a driver that has no more accurate derivatives."""
    return False


class Evaluator(NamedTuple):
    """Portable functions of a driver; `problem` is private to the driver, and solvers only pass it on.

    A solver is a portable function ``solve(problem, x, work, carry, options, age) -> Outcome``.  It
    overwrites `x` with the best point seen and row 0 of `work` (rows, n) with the gradient there.  `age` is 0
    for a fresh start; the `age` of an outcome, with the same `work` and `carry` (CARRIED,), resumes that run
    where it stopped.
    """

    evaluate: Any  # evaluate(problem, x, g) -> f; writes the gradient to g
    value: Any  # value(problem, x) -> f
    gradient: Any  # gradient(problem, x, g): writes the gradient to g, at the point of the last `value`
    curve: Any  # curve(problem, x, g): announces second derivatives at x, where the gradient is g
    hessian: Any  # hessian(problem, x, g, H): writes ∇²f(x), symmetric, to H (n, n)
    product: Any  # product(problem, x, g, p, out): writes ∇²f(x) p to out; x is that of the last `curve`
    cholesky_rows: Any  # cholesky_rows(A): as in `numgd.foundations.linalg`, or the driver's version of it
    observe: Any  # observe(problem, iteration, f) -> non-zero to stop
    bounds: Any  # bounds(problem) -> (lower, upper), each (n,), for methods that support bounds
    # refine(problem, x, g) -> whether derivatives are more accurate from now on; if so, the new gradient at x
    # is written to g.  A solver calls it where it would otherwise give up.
    refine: Any = no_refinement
