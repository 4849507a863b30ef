"""Update rules: one rule a file, and the table of them."""

from types import ModuleType

from numgd.first_order import adam, gd, momentum
from numgd.first_order.descent import options_type

RULES: dict[str, ModuleType] = {
    "gd": gd,
    "momentum": momentum,
    "adam": adam,
}
"""Rule name to module.

A module has Options (a NamedTuple of hyper-parameters with defaults), SLOTS (names of the running quantities
kept for each parameter), ``coefficients(real, options, t, running)`` (the scalars of step t = 1, 2, …, in the
scalar type `real`; what products over all steps need it may keep in the array `running`, of a few numbers)
and ``update(p, g, slots, c) -> (p, slots)`` for one parameter.  ``initial(options)``, the first values of
the slots, is 0 for each where it is not there.
"""

METHOD_OPTIONS = {name: options_type(rule) for name, rule in RULES.items()}
"""Rule name to the options of its method: those of the loop and those of the rule."""
