"""The optimizer classes, made from the update rules."""

import inspect
import sys

from numgd.first_order.rule import Rule
from numgd.optimizers.group import Penalty
from numgd.optimizers.optimizer import Optimizer
from numgd.registry import RULES

_classes: dict[Rule, type[Optimizer]] = {}


def of_rule(name):
    """The optimizer class of the update rule with this name."""
    rule = RULES[name]
    if rule not in _classes:
        _classes[rule] = _class_of(rule)
    return _classes[rule]


def _class_of(rule):
    """The optimizer class of a rule."""
    own = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=value)
        for field, value in rule.options()._asdict().items()
    ]
    own[0] = own[0].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    shared = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(Optimizer).parameters.values()
        if parameter.name not in ("learning_rate", "hyperparameters")
    ]
    if "weight_decay" not in rule.options._fields:
        own += [
            inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=value)
            for field, value in Penalty()._asdict().items()
        ]
    own_file = sys.modules.get(f"numgd.first_order.{rule.name.replace('-', '_')}")
    text = f"{rule.summary}\n\n{rule.formula if own_file is None else inspect.getdoc(own_file)}\n"
    made = type(rule.optimizer, (Optimizer,), {"rule_name": rule.name, "__doc__": text})
    made.__module__ = "numgd.optimizers"
    made.__signature__ = inspect.Signature([*own, *shared])
    return made
