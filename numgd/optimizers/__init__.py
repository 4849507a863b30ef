"""Optimizers: `step(params, grads)` updates arrays in place by an update rule."""

from numgd.optimizers.optimizer import Optimizer, optimizer_class

SGD = optimizer_class("SGD", "gd", "Gradient descent, stochastic where the gradients are.")
Momentum = optimizer_class("Momentum", "momentum", "Gradient descent with momentum.")
Nesterov = optimizer_class("Nesterov", "nesterov", "Gradient descent with Nesterov's momentum.")
ASGD = optimizer_class("ASGD", "asgd", "Averaged gradient descent.")
Rprop = optimizer_class("Rprop", "rprop", "Resilient propagation, for full batches.")
Adagrad = optimizer_class("Adagrad", "adagrad", "Adagrad.")
Adadelta = optimizer_class("Adadelta", "adadelta", "Adadelta.")
RMSprop = optimizer_class("RMSprop", "rmsprop", "RMSprop.")
RMSpropMomentum = optimizer_class("RMSpropMomentum", "rmsprop-momentum", "RMSprop with momentum.")
RMSpropCentred = optimizer_class("RMSpropCentred", "rmsprop-centred", "RMSprop by the variance of gradients.")
Adam = optimizer_class("Adam", "adam", "Adam.")
AMSGrad = optimizer_class("AMSGrad", "amsgrad", "Adam with the largest second moment so far.")
Adamax = optimizer_class("Adamax", "adamax", "Adam with the infinity norm.")
NAdam = optimizer_class("NAdam", "nadam", "Adam with Nesterov's momentum.")
RAdam = optimizer_class("RAdam", "radam", "Adam with a rectified variance.")
AdamW = optimizer_class("AdamW", "adamw", "Adam with decoupled weight decay.")
NAdamW = optimizer_class("NAdamW", "nadamw", "NAdam with decoupled weight decay.")
AdaBelief = optimizer_class("AdaBelief", "adabelief", "Adam by the variance about the mean.")
Yogi = optimizer_class("Yogi", "yogi", "Adam with an additive second moment.")
Lion = optimizer_class("Lion", "lion", "Steps by the sign of a momentum.")

_CLASSES = {cls.rule_name: cls for cls in Optimizer.__subclasses__()}


def of_rule(name):
    """The optimizer of a rule by its name."""
    return _CLASSES[name]


__all__ = ["Optimizer", *(cls.__name__ for cls in _CLASSES.values())]
