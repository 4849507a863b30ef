"""What the CUDA tests solve: objectives that write their gradient, starts, options; no test is in here."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from numgd import second_order
from numgd.jit.portable import portable
from numgd.registry import METHODS as ALL_METHODS
from numgd.registry import RULES

DTYPES = ("float64", "float32")
SOLVING_RULES = ("gd", "adam", "nadam", "rprop")
"""Rules without slots, with slots, with a running product, with first values; all have the same loop."""

METHODS = (*(name for name in second_order.METHODS if ALL_METHODS[name].on_device), *SOLVING_RULES)


@portable
def rosenbrock(x, g):
    """Rosenbrock's function of two variables."""
    real = x.dtype.type
    t = x[1] - x[0] * x[0]
    r = real(1) - x[0]
    g[0] = real(-400) * x[0] * t - real(2) * r
    g[1] = real(200) * t
    return real(100) * t * t + r * r


@portable
def quadratic(x, g, centre, weight):
    """A quadratic with coupled neighbours around a centre, and a constant beside it."""
    real = x.dtype.type
    total = real(0)
    for i in range(x.size):
        g[i] = real(0)
    for i in range(x.size):
        d = x[i] - centre[i]
        total += weight * d * d
        g[i] += real(2) * weight * d
        if i > 0:
            t = d - (x[i - 1] - centre[i - 1])
            total += t * t
            g[i] += real(2) * t
            g[i - 1] -= real(2) * t
    return total


FEW = ("bfgs", "adam")
SOME = ("l-bfgs", "cg-hz", "newton-cg", "trust-ncg")


def grid(fast, methods=METHODS, default=None, few=FEW):
    """Methods in both dtypes; by default both of `few`, one of the others or of those in `default`."""
    found = []
    for method in methods:
        for dtype in DTYPES:
            often = (dtype == fast and (default is None or method in default)) or method in few
            found.append(pytest.param(method, dtype, marks=() if often else pytest.mark.slow))
    return found


WIDE = 1e3
"""Bounds, on both sides of zero, that no problem reaches: for methods that respect some."""


class Case(NamedTuple):
    """One batch of problems."""

    name: str
    objective: Any
    starts: Any  # (N, n)
    args: Any
    maxiter: dict  # of the methods that do not get to the end


CASES = (
    Case(
        "rosenbrock",
        rosenbrock,
        np.array([[-1.2, 1.0], [0.0, 0.0], [2.0, 3.0]]),
        (),
        {"steepest-descent": 8, **dict.fromkeys(SOLVING_RULES, 40)},
    ),
    Case(
        "quadratic",
        quadratic,
        np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [3.0, 3.0, -3.0], [1e-3, 4.0, 0.0]]),
        (np.array([[0.5, 0.25, -1.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [-1.0, -1.0, 2.0]]), 0.75),
        dict.fromkeys(SOLVING_RULES, 60),
    ),
)


def chained(x, count):
    """A recurrence and a branch, kept on the tape."""
    y = x[0]
    for _ in range(count):
        y = np.sin(y) * x[1] if y > 0 else y * y + x[2]
    return y


def oscillator(x, count):
    """Euler steps of a damped oscillator, in scratch of its own."""
    state = np.zeros(2)
    slope = np.empty(2)
    state[0] = x[0]
    for _ in range(count):
        slope[0] = state[1]
        slope[1] = -x[1] * state[0] - abs(x[2] * state[1]) * state[1]
        for i in range(2):
            state[i] += 0.1 * slope[i]
    return state[0] ** 2 + state[1] ** 2


def halvings(x, count):
    """A loop whose length depends on x."""
    y, steps = x[0], 0
    while y > 0.5 and steps < count:
        y = y * x[1] + math.sqrt(abs(y)) * 0.1
        steps += 1
    return y + steps * x[2] ** 2


DIFFERENTIATED = {function.__name__: function for function in (chained, oscillator, halvings)}
"""What is differentiated on the device, for three numbers and a count."""

DIFFERENTIATED_AT = np.array([[0.4, 0.8, 0.3], [2.0, 0.7, -0.5], [-1.1, 0.6, 0.2]])
TAPE = 60
"""Long enough for a count of 5, too short for one of 50."""


def in_dtype(args, dtype):
    """The args with their numbers in a dtype."""
    return tuple(np.asarray(value, dtype)[()] for value in args)


def options_of(case, method):
    """Options of one method in one case; the rules take a step that they survive."""
    options = {"maxiter": case.maxiter[method]} if method in case.maxiter else {}
    if method in RULES:
        options["learning_rate"] = 1e-3
    return options
