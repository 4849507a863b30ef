"""Conversion of any user callable to the compiled form that solvers call.

A plain or ``@njit`` function that Numba can compile becomes machine code with the fixed signature of
`numgd.jit.pointers.objective_signature`; anything else is called back from the same compiled solver.
"""

from numgd.callables.objective.adapter import Functions, make_adapter
from numgd.callables.objective.binding import bind, bind_called_back, bind_compiled
from numgd.callables.objective.compiled import compile_objective
from numgd.callables.objective.derivatives import choose, with_replaced
from numgd.callables.objective.schemes import asks_for_source, curvature_of, scheme_of

__all__ = [
    "Functions",
    "asks_for_source",
    "bind",
    "bind_called_back",
    "bind_compiled",
    "choose",
    "compile_objective",
    "curvature_of",
    "make_adapter",
    "scheme_of",
    "with_replaced",
]
