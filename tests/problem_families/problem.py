"""What a standard problem is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """
    An unconstrained minimisation problem.

    Attributes
    ----------
    name : str
        Name, unique among all problems.
    fun : callable
        Compiled objective, ``fun(x) -> float``.
    jac : callable
        Compiled gradient, ``jac(x) -> ndarray`` of the shape and dtype of ``x``.
    hess : callable
        Compiled Hessian, ``hess(x) -> ndarray (n, n)`` of the dtype of ``x``, symmetric.
    x0 : ndarray
        Start, float64; to be copied before anything writes to it.
    minimum : float
        Value at the minimiser that descent from ``x0`` reaches.
    minimizer : ndarray or None
        That minimiser, float64.
    tags : frozenset of str
        Properties, listed in the docstring of `problems`.
    """

    name: str
    fun: Callable
    jac: Callable
    hess: Callable
    x0: np.ndarray
    minimum: float
    minimizer: np.ndarray | None
    tags: frozenset[str]


def entry(name, fun, jac, hess, x0, minimum, minimizer=None, tags=""):
    """A `Problem` from what is shortest to write: sequences of numbers, and tags in one string."""
    if minimizer is not None:
        minimizer = np.array(minimizer, dtype=np.float64)
    return Problem(
        name,
        fun,
        jac,
        hess,
        np.array(x0, dtype=np.float64),
        float(minimum),
        minimizer,
        frozenset(tags.split()),
    )
