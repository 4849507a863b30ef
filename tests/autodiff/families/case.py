"""What a function to be differentiated is, and the points that the families share."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher


class Case(NamedTuple):
    """
    A function and a point at which it is smooth.

    Attributes
    ----------
    name : str
        Name, unique among all cases.
    function : callable
        A plain Python function that `njit` compiles, or an ``@njit`` one where it needs flags.
    arguments : tuple
        Arrays and scalars, float64 where they are real; to be copied before a call.
    argnum : int or tuple of int
        Which are differentiated.
    second : bool
        Whether second derivatives are tested as well.
    single : bool
        Whether the function is tested at float32 as well.
    recursive : bool
        Whether it calls a function that calls itself: Numba crashes when it loads such a one from its cache.
    """

    name: str
    function: Callable
    arguments: tuple
    argnum: int | tuple[int, ...] = 0
    second: bool = False
    single: bool = False
    recursive: bool = False

    @property
    def argnums(self):
        """`argnum` as a tuple."""
        return self.argnum if isinstance(self.argnum, tuple) else (self.argnum,)

    def compiled(self):
        """The function as an ``@njit`` one."""
        return _compiled(self.function, not self.recursive)


@cache
def _compiled(function, on_disk):
    if isinstance(function, Dispatcher):
        return function
    return njit(cache=on_disk and function.__closure__ is None)(function)


def case(function, *arguments, name=None, **options):
    """A `Case` named like its function."""
    return Case(function.__name__ if name is None else name, function, arguments, **options)


def copied(arguments):
    """Arguments that a call may write into."""
    return tuple(value.copy() if isinstance(value, np.ndarray) else value for value in arguments)


def normal(seed, *shape):
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


def positive(seed, *shape):
    """Numbers in [0.5, 2)."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)


def definite(seed, n):
    """A symmetric positive definite matrix."""
    a = normal(seed, n, n)
    return a @ a.T / n + np.eye(n)


X5 = np.array([0.7, -1.3, 0.4, 1.9, -0.6])
P5 = np.array([0.9, 1.7, 0.6, 1.2, 2.1])
U5 = np.array([0.31, -0.62, 0.15, 0.48, -0.77])
"""In (-1, 1)."""
