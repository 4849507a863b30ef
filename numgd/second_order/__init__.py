"""Second-order and line-search methods: one solver a file, and the table of them."""

from types import ModuleType

from numgd.second_order import bfgs, cg, lbfgs, steepest_descent

SOLVERS: dict[str, ModuleType] = {
    "steepest-descent": steepest_descent,
    "cg": cg,
    "bfgs": bfgs,
    "l-bfgs": lbfgs,
}
"""Method name to module.  A module has OPTIONS (its defaults), UNIT_STEP, ``memory_rows(n, maxcor)`` and
``make_model(space)``; one that keeps pairs has MAXCOR."""
