"""Every method as a solver of one problem, for any driver: the host's, and the CUDA kernels'."""

from functools import cache

from numgd.first_order import RULES
from numgd.first_order.descent import SCRATCH_ROWS as RULE_ROWS
from numgd.first_order.descent import make_rule_descent
from numgd.jit.portable import portable
from numgd.second_order import SOLVERS
from numgd.second_order.descent import SCRATCH_ROWS as DESCENT_ROWS
from numgd.second_order.descent import make_descent


def make_solver(method, space, evaluate, observe):
    """The solver of a method over a space, for a driver's `evaluate` and `observe`."""
    if method in RULES:
        return make_rule_descent(space, evaluate, observe, RULES[method])
    module = SOLVERS[method]
    return make_descent(space, evaluate, observe, module.make_model(space), module.UNIT_STEP)


@cache
def make_rows(method):
    """Function ``rows(n, maxcor)``: how many rows of scratch memory a method's solver needs."""
    if method in RULES:
        rule_rows = RULE_ROWS + len(RULES[method].SLOTS)

        @portable
        def rows(n, maxcor):
            return rule_rows

    else:
        memory_rows = SOLVERS[method].memory_rows

        @portable
        def rows(n, maxcor):
            return DESCENT_ROWS + memory_rows(n, maxcor)

    return rows


@portable
def all_finite(x):
    """Whether no component is NaN or infinite."""
    finite = True
    for i in range(x.size):
        finite &= x[i] - x[i] == x[i] - x[i]
    return finite
