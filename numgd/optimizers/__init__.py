"""Optimizers, one class per update rule: `step(params, grads)` updates arrays in place."""

from numgd.optimizers.optimizer import Optimizer, optimizer_class
from numgd.registry import RULES


def of_rule(name):
    """The optimizer class of the update rule with this name."""
    rule = RULES[name]
    found = globals().get(rule.optimizer)
    if found is None or found.rule_name != name:  # a rule added by `register`
        found = globals()[rule.optimizer] = optimizer_class(rule)
    return found


__all__ = ["Optimizer", *sorted(of_rule(name).__name__ for name in RULES)]
