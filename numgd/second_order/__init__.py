"""Second-order and line-search methods: one solver a file, and the table of them."""

from types import ModuleType

from numgd.second_order import bfgs, cg, lbfgs, steepest_descent

SOLVERS: dict[str, ModuleType] = {
    "steepest-descent": steepest_descent,
    "cg": cg,
    "bfgs": bfgs,
    "l-bfgs": lbfgs,
}
"""Method name to module.

A module has OPTIONS (its defaults), ``rows(n, maxcor)`` of scratch memory and ``make_solver(space, access)``.
It may have MAXCOR (how many pairs it keeps), TOLERANCES (the options that `tol` sets, ``("gtol",)`` without),
CURVATURE (``"hessian"`` or ``"product"``: the second derivative that it asks for), BOUNDED (it keeps within
bounds), MATRIX_FREE (it touches vectors through its space alone, so that long ones use all cores) and
``result_fields(x, work, age, maxcor)``, a dictionary for the result from the solver's scratch memory.
"""


def trait(method, name, default=None):
    """What a method's module says about it; `default` where it says nothing, and for an update rule."""
    return getattr(SOLVERS.get(method), name, default)
