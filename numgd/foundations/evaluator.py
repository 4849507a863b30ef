"""How a solver reaches its problem: the functions that a driver gives it."""

from typing import Any, NamedTuple

from numgd.jit.portable import portable

CARRIED = 4
"""Scalars that a solver may leave in `carry` for a run that continues it."""


@portable
def nothing(*_):
    """For a driver that has no such function."""


@portable
def never(*_):
    """For a driver that has no better derivatives."""
    return False


class Evaluator(NamedTuple):
    """Portable functions of a driver; `problem` is the driver's own and passes through a solver untouched.

    A solver is a portable function ``solve(problem, x, work, carry, options, age) -> Outcome``.  It
    overwrites `x` by the best point seen and row 0 of `work` (rows, n) by the gradient there.  `age` is 0 for
    a fresh start; an outcome's `age`, with the same `work` and `carry` (CARRIED,), continues a run where it
    stopped.
    """

    evaluate: Any  # evaluate(problem, x, g) -> f, and writes the gradient to g
    value: Any  # value(problem, x) -> f
    gradient: Any  # gradient(problem, x, g): writes the gradient to g, at the point of the last `value`
    curve: Any  # curve(problem, x, g): second derivatives are asked for at x next, whose gradient is g
    hessian: Any  # hessian(problem, x, g, H): writes ∇²f(x), symmetric, to H (n, n)
    product: Any  # product(problem, x, g, p, out): writes ∇²f(x) p to out; x as in the last `curve`
    cholesky_rows: Any  # cholesky_rows(A): that of `numgd.foundations.linalg`, however the driver does it
    observe: Any  # observe(problem, iteration, f) -> non-zero to stop
    bounds: Any  # bounds(problem) -> (lower, upper), each (n,), of methods that keep within a box
    # refine(problem, x, g) -> whether derivatives are more exact from now on, and g, the gradient at x, is
    # written anew; a solver asks where it would give up.
    refine: Any = never
