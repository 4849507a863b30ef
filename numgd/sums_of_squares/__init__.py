"""Sums of squares: one solver a file, and the table of them."""

from types import ModuleType

from numgd.sums_of_squares import dogbox, gauss_newton, levenberg_marquardt, trust_region_reflective

SOLVERS: dict[str, ModuleType] = {
    "lm": levenberg_marquardt,
    "trf": trust_region_reflective,
    "dogbox": dogbox,
    "gn": gauss_newton,
}
"""Method name to module.  A module has ``make_solver(evaluator)``, and says whether it keeps within BOUNDED
variables and takes ROBUST losses."""
