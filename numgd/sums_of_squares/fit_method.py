"""The record of a least-squares method."""

from collections.abc import Callable
from dataclasses import dataclass

from numgd.foundations.records import Record


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FitMethod(Record):
    """A least-squares method.

    Attributes
    ----------
    make_solver : callable
        ``make_solver(evaluator)`` gives its solver; see `numgd.sums_of_squares.evaluator.ResidualEvaluator`.
    bounded : bool
        Whether it supports bounds.
    interior : bool
        Whether it must start strictly within them.
    robust : bool
        Whether it supports losses other than the linear one.
    minpack : bool
        Whether it follows MINPACK's conventions: at least as many residuals as variables, all stopping
        tests enabled, scales that follow the Jacobian.
    """

    make_solver: Callable
    bounded: bool = False
    interior: bool = False
    robust: bool = False
    minpack: bool = False
