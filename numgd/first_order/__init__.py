"""Update rules: one rule a file, and the table of them."""

from types import ModuleType

from numgd.first_order import (
    adabelief,
    adadelta,
    adagrad,
    adam,
    adamax,
    adamw,
    amsgrad,
    asgd,
    gd,
    lion,
    momentum,
    nadam,
    nadamw,
    nesterov,
    radam,
    rmsprop,
    rmsprop_centred,
    rmsprop_momentum,
    rprop,
    yogi,
)
from numgd.first_order.descent import options_type

RULES: dict[str, ModuleType] = {
    "gd": gd,
    "momentum": momentum,
    "nesterov": nesterov,
    "asgd": asgd,
    "rprop": rprop,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "rmsprop-momentum": rmsprop_momentum,
    "rmsprop-centred": rmsprop_centred,
    "adam": adam,
    "amsgrad": amsgrad,
    "adamax": adamax,
    "nadam": nadam,
    "radam": radam,
    "adamw": adamw,
    "nadamw": nadamw,
    "adabelief": adabelief,
    "yogi": yogi,
    "lion": lion,
}
"""Rule name to module.

A module has Options (a NamedTuple of hyper-parameters with defaults), SLOTS (names of the running quantities
kept for each parameter), ``coefficients(real, options, t, running)`` (the scalars of step t = 1, 2, …, in the
scalar type `real`; what products over all steps need it may keep in the array `running`, of a few numbers)
and ``update(p, g, slots, c) -> (p, slots)`` for one parameter.

It may have ``initial(real, options)``, the first values of the slots, which are 0 without, and
``position(p, slots, c)``, the point that the rule stands for where that is not the parameter p itself.
"""

METHOD_OPTIONS = {name: options_type(rule) for name, rule in RULES.items()}
"""Rule name to the options of its method: those of the loop and those of the rule."""
