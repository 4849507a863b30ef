"""Optimizers: `step(params, grads)` updates arrays in place by an update rule; a class for each rule."""

from numgd.optimizers.optimizer import Optimizer, optimizer_class
from numgd.registry import RULES


def of_rule(name):
    """The optimizer of a rule by its name."""
    rule = RULES[name]
    found = globals().get(rule.optimizer)
    if found is None or found.rule_name != name:  # a rule that was registered
        found = globals()[rule.optimizer] = optimizer_class(rule)
    return found


__all__ = ["Optimizer", *sorted(of_rule(name).__name__ for name in RULES)]
