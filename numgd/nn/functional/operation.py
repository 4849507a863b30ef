"""The record of an operation on arrays: its function, its gradient, and calls that use all its code."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numgd.foundations.records import Record


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Operation(Record):
    """An operation of a network; defining one in a module of this package makes it available.

    Attributes
    ----------
    forward, backward : callable
        Public functions.
    exercise : callable
        ``exercise(dtype)`` calls both with small arrays, once for each piece of machine code that they use.
    axes : callable
        ``axes(ndim)`` is the number of axes of the result, before a reduction, for x with `ndim`.
    """

    forward: Callable
    backward: Callable
    exercise: Callable
    axes: Callable


def operation(forward, backward, exercise, axes=lambda ndim: ndim):
    """The record of an operation, named and summarised as its public function is."""
    return Operation(
        name=forward.__name__,
        summary=forward.__doc__.partition("\n")[0],
        forward=forward,
        backward=backward,
        exercise=exercise,
        axes=axes,
    )


def sample(dtype, *shape):
    """An array of numbers between 0 and 1, to exercise operations with."""
    return ((np.arange(np.prod(shape)) % 7 + 0.5) / 7).reshape(shape).astype(dtype)


def exercise_loss(loss, backward, x, target, weight):
    """Call a loss and its gradient with all reductions, without and with weights of the samples."""
    for reduction in ("mean", "sum", "none"):
        for given in (None, weight):
            value = loss(x, target, reduction=reduction, sample_weight=given)
            grad = np.ones_like(value) if reduction == "none" else 1.0
            backward(grad, x, target, reduction=reduction, sample_weight=given)
