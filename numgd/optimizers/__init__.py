"""Optimizers: `step(params, grads)` updates arrays in place by an update rule."""

from numgd.optimizers.optimizer import Optimizer, optimizer_class

SGD = optimizer_class("SGD", "gd", "Gradient descent, stochastic where the gradients are.")
Momentum = optimizer_class("Momentum", "momentum", "Gradient descent with momentum.")
Adam = optimizer_class("Adam", "adam", "Adam.")


def of_rule(name):
    """The optimizer of a rule by its name."""
    return next(cls for cls in Optimizer.__subclasses__() if cls.rule_name == name)


__all__ = ["SGD", "Adam", "Momentum", "Optimizer"]
