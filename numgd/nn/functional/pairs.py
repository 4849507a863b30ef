"""Losses of numbers, each with its target: checks, values and gradients."""

from functools import partial

import numpy as np

from numgd.kernels.layers import elementwise, memory
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.operation import exercise_loss, operation, sample
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighing
from numgd.scalars import LOSSES

_REQUIREMENTS = {
    "probability": "must lie between 0 and 1 everywhere",
    "sign": "must be −1 or 1 everywhere",
}
"""What an argument of a loss must be, for error messages."""


def checked_pair(kind, x, target):
    """Both arrays, checked."""
    x = real_array("x", x)
    target = real_array("target", target, dtype=x.dtype)
    if target.shape != x.shape:
        raise ValueError(f"target has shape {target.shape}, but x has {x.shape}")
    record = LOSSES[kind]
    for name, array, test in (("x", x, record.x), ("target", target, record.target)):
        if test is not None and elementwise.count_invalid(test, array.reshape(-1)):
            raise ValueError(f"{name} {_REQUIREMENTS[test]}")
    return x, target


def loss(kind, x, target, parameter, sample_weight, reduction, out):
    """A loss of every element, reduced."""
    x, target = checked_pair(kind, x, target)
    by = weighing(sample_weight, x.shape, x, reduction)
    out = result_memory(out, x.shape, x.dtype, reduction, x, target, sample_weight)
    return weighed_loss(kind, x, target, parameter, by, reduction, out)


def weighed_loss(kind, x, target, parameter, by, reduction, out, added=0.0):
    """A loss of every element, reduced, of checked arguments; `added` is added to the sum of losses."""
    vectors = x.reshape(-1), target.reshape(-1), by.weights, by.repeat
    if reduction != "none":
        total = memory.number(elementwise.total(kind, *vectors, parameter))
        return reduced(total + added, by, out, x.dtype)
    elementwise.values(kind, *vectors, 1.0, parameter, out.reshape(-1))
    return out


def loss_backward(kind, grad, x, target, parameter, sample_weight, reduction, out):
    """The gradient of Σ grad loss(x) with respect to x."""
    x, target = checked_pair(kind, x, target)
    by = weighing(sample_weight, x.shape, x, reduction)
    weights = slope_weights(grad, by, x.shape, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, sample_weight, grad)
    return slopes(kind, x, target, parameter, weights, out)


def slopes(kind, x, target, parameter, weights, out):
    """The gradient of Σ weights loss(x) with respect to x, of checked arguments.

    `weights` is what `slope_weights` returns.
    """
    vector, repeat, factor = weights
    elementwise.derivatives(
        kind, x.reshape(-1), target.reshape(-1), vector, repeat, factor, parameter, out.reshape(-1)
    )
    return out


def of_pairs(forward, backward, *settings):
    """The record of a loss of numbers with targets; each of the settings has machine code of its own."""

    def exercise(dtype):
        # A target that suits all losses: a sign, and the probability 1.
        x, target = sample(dtype, 2, 3), np.ones((2, 3), dtype)
        for given in settings or ({},):
            functions = partial(forward, **given), partial(backward, **given)
            exercise_loss(*functions, x, target, sample(dtype, 2, 3))

    return operation(forward, backward, exercise)
