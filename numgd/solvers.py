"""Every method as a solver of one problem, for any driver: the host's, and the CUDA kernels'."""

from functools import cache

from numgd.first_order import RULES
from numgd.first_order.descent import SCRATCH_ROWS as RULE_ROWS
from numgd.first_order.descent import make_rule_descent
from numgd.jit.portable import portable
from numgd.linalg import is_finite
from numgd.second_order import SOLVERS


def make_solver(method, space, access):
    """The solver of a method over a space, for a driver's `Access`."""
    if method in RULES:
        return make_rule_descent(space, access, RULES[method])
    return SOLVERS[method].make_solver(space, access)


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


@portable
def all_finite(x):
    """Whether no component is NaN or infinite."""
    finite = True
    for i in range(x.size):
        finite &= is_finite(x[i])
    return finite
