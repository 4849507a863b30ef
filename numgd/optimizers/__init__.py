"""Optimizers, one class per update rule: `step(params, grads)` updates arrays in place."""

from numgd.optimizers.classes import of_rule
from numgd.optimizers.optimizer import Optimizer
from numgd.registry import RULES

__all__ = ["Optimizer", *sorted(rule.optimizer for rule in RULES.values())]


def __getattr__(name):
    for rule in RULES.values():  # also those that a user has registered
        if rule.optimizer == name:
            return of_rule(rule.name)
    raise AttributeError(f"module 'numgd.optimizers' has no attribute {name!r}")
