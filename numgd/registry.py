"""Every method as a solver of one problem, for any driver: the host's, and the CUDA kernels'."""

import math
from functools import cache

import numpy as np

from numgd.first_order import RULES
from numgd.first_order.descent import SCRATCH_ROWS as RULE_ROWS
from numgd.first_order.descent import make_rule_descent
from numgd.foundations.linalg import is_finite
from numgd.jit.portable import portable
from numgd.second_order import SOLVERS, trait


def make_solver(method, space, evaluator):
    """The solver of a method over a space, for a driver's `Evaluator`."""
    if method in RULES:
        return make_rule_descent(space, evaluator, RULES[method])
    return SOLVERS[method].make_solver(space, evaluator)


@cache
def make_rows(method):
    """Function ``rows(n, maxcor)``: how many rows of scratch memory a method's solver needs."""
    if method not in RULES:
        return SOLVERS[method].rows
    rule_rows = RULE_ROWS + len(RULES[method].SLOTS)

    @portable
    def rows(n, maxcor):
        return rule_rows

    return rows


def new_memory(owner, remedy, shape, dtype=np.float64, unit="variables"):
    """Memory without values; raises MemoryError that says how much `owner` takes, and the remedy."""
    try:
        return np.empty(shape, dtype)
    except (MemoryError, OverflowError, ValueError):  # the last two where addresses cannot count so much
        size = math.prod(shape) * np.dtype(dtype).itemsize / 2**30
    raise MemoryError(f"{owner} takes {size:.3g} GiB for {shape[-1]} {unit}{remedy}")


def method_memory(method, shape, dtype):
    """Memory for the solver of a method."""
    vectors_alone = method in RULES or trait(method, "MATRIX_FREE", False)
    remedy = "" if vectors_alone else ": 'l-bfgs' keeps no matrix, and takes a few vectors"
    return new_memory(f"method {method!r}", remedy, shape, dtype)


def hessian_memory(shape, dtype):
    """Memory for Hessians where a solver takes their products alone."""
    return new_memory("the Hessian", ": hessp gives its products alone", shape, dtype)


@portable
def all_finite(x):
    """Whether no component is NaN or infinite."""
    finite = True
    for i in range(x.size):
        finite &= is_finite(x[i])
    return finite
