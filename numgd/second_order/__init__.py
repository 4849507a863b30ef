"""Second-order and line-search methods: one solver a file, and the table of them."""

from types import ModuleType

from numgd.second_order import (
    bfgs,
    broyden,
    cg,
    cg_dy,
    cg_fr,
    cg_hs,
    cg_hz,
    dfp,
    dogleg,
    fista,
    lbfgs,
    lbfgsb,
    newton,
    newton_cg,
    owlqn,
    sr1,
    steepest_descent,
    trust_exact,
    trust_krylov,
    trust_ncg,
)

SOLVERS: dict[str, ModuleType] = {
    "steepest-descent": steepest_descent,
    "cg": cg,
    "cg-fr": cg_fr,
    "cg-hs": cg_hs,
    "cg-dy": cg_dy,
    "cg-hz": cg_hz,
    "bfgs": bfgs,
    "dfp": dfp,
    "broyden": broyden,
    "l-bfgs": lbfgs,
    "l-bfgs-b": lbfgsb,
    "owl-qn": owlqn,
    "fista": fista,
    "newton": newton,
    "newton-cg": newton_cg,
    "trust-exact": trust_exact,
    "trust-ncg": trust_ncg,
    "trust-krylov": trust_krylov,
    "dogleg": dogleg,
    "sr1": sr1,
}
"""Method name to module.

A module has OPTIONS (its defaults), ``rows(n, maxcor)`` of scratch memory and
``make_solver(space, evaluator)``.
It may have MAXCOR (how many pairs it keeps), TOLERANCES (the options that `tol` sets, ``("gtol",)`` without),
CURVATURE (``"hessian"`` or ``"product"``: the second derivative that it asks for), BOUNDED (it keeps within
bounds), MATRIX_FREE (it touches vectors through its space alone, so that long ones use all cores), HOST_ONLY
(it has no CUDA kernel: a subproblem returns views, or computes in float64) and
``result_fields(x, work, age, maxcor)``, a dictionary for the result from the solver's scratch memory, and no
part of that memory, which a resumed run reads again.

The memory that a module speaks of is the solver's scratch; from Python 7 vectors come to it: x and its copy
for a run that goes on, the gradient in the result, and 4 through which the objective is reached.
"""


def trait(method, name, default=None):
    """What a method's module says about it; `default` where it says nothing, and for an update rule."""
    return getattr(SOLVERS.get(method), name, default)
