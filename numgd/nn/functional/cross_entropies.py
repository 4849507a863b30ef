"""Cross-entropy of softmax, from logits."""

from typing import NamedTuple

import numpy as np

from numgd.foundations.ranges import UnitInterval, check_arguments
from numgd.kernels.layers import cross_entropy as kernel
from numgd.kernels.layers import elementwise, memory, weights
from numgd.kernels.layers import labels as classes
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.labels import (
    Label,
    by_label,
    check_classes,
    class_weights,
    is_labels,
    labels_of,
    without_ignored,
)
from numgd.nn.functional.operation import exercise_loss, operation, sample
from numgd.nn.functional.weighing import Weighing, reduced, result_memory, slope_weights, weighing


@anywhere
@check_arguments
def cross_entropy(
    x: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ignore_index: Label = -100,
    label_smoothing: UnitInterval = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """−Σⱼ tⱼ log softmax(x)ⱼ along the last axis.

    Parameters
    ----------
    x : numpy.ndarray
        Logits, (…, classes), float32 or float64, with at least one class.
    target : numpy.ndarray
        Integer labels from 0 to classes − 1, with the shape of ``x[..., 0]``; or probabilities from 0 to 1,
        with the shape and dtype of `x`.
    weight : numpy.ndarray, optional
        Weights ≥ 0 of the classes, (classes,), of the dtype of `x`: they multiply the terms of the sum.
    ignore_index : int, optional
        Samples with this label count as if they were not there.  It does not concern probabilities.
    label_smoothing : float, optional
        ε from 0 to 1: the target becomes (1 − ε) t + ε / classes.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the losses, with the shape of the first axes of ``x[..., 0]``.
    reduction : {'mean', 'sum', 'none'}, optional
        The mean is Σ w loss / Σ w, where w is the sample's weight, for labels times that of its class; it is
        NaN if there are no samples or all are ignored.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, of the result's shape and dtype, not overlapping the inputs.

    Returns
    -------
    number or numpy.ndarray
        The reduced loss; with 'none', an array of the shape of ``x[..., 0]``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above, for example if labels are out of range or not integers.

    Notes
    -----
    The largest logit of a row is subtracted first, so that no exponential overflows.  Smoothing:
    Szegedy et al., Rethinking the Inception architecture for computer vision (2016), section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import cross_entropy
    >>> float(cross_entropy(np.array([[0.0, 0.0], [1e4, 0.0]]), np.array([0, 1])).round(4))
    5000.3466
    """
    x, terms = _checked(x, target, weight, ignore_index, label_smoothing, sample_weight, reduction)
    samples, by = x.shape[:-1], terms.by
    out = result_memory(out, samples, x.dtype, reduction, x, target, weight, sample_weight)
    vectors = x.reshape(-1), terms.target.reshape(-1), x.shape[-1], by.weights, by.repeat, terms.smoothing
    if reduction != "none":
        return reduced(kernel.cross_entropy(*vectors, by.weights[:0]), by, out, x.dtype)
    kernel.cross_entropy(*vectors, out.reshape(-1))
    return out


@anywhere
@check_arguments
def cross_entropy_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ignore_index: Label = -100,
    label_smoothing: UnitInterval = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * cross_entropy(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of ``x[..., 0]``.
    x, target, weight, ignore_index, label_smoothing, sample_weight, reduction
        As for `cross_entropy`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import cross_entropy_backward
    >>> cross_entropy_backward(1.0, np.zeros((1, 4)), np.array([2]))
    array([[ 0.25,  0.25, -0.75,  0.25]])
    """
    x, terms = _checked(x, target, weight, ignore_index, label_smoothing, sample_weight, reduction)
    *by, factor = slope_weights(grad, terms.by, x.shape[:-1], x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, weight, sample_weight, grad)
    kernel.cross_entropy_backward(
        x.reshape(-1), terms.target.reshape(-1), x.shape[-1], *by, factor, terms.smoothing,
        out.reshape(-1),
    )  # fmt: skip
    return out


class _Terms(NamedTuple):
    """What the kernels take: a target for each class, or a label with smoothing, and weights of the rows."""

    target: np.ndarray
    smoothing: float
    by: Weighing


def _checked(x, target, weight, ignore_index, smoothing, sample_weight, reduction):
    """The logits, and the `_Terms` of all other arguments; raises if one is invalid."""
    x, target = real_array("x", x), memory.taken("target", target)
    check_classes(x)
    of_classes = class_weights(weight, x)
    if not is_labels(target):
        target = _probabilities(target, x)
        by = weighing(sample_weight, x.shape[:-1], x, reduction)
        if of_classes is None:
            return x, _Terms(target, smoothing, by)
        return x, _Terms(_weighed_classes(of_classes, target, smoothing), 0.0, by)
    labels, ignored = labels_of(target, x, ignore_index)
    x = without_ignored(x, ignored)
    by = weighing(sample_weight, x.shape[:-1], x, reduction)
    if of_classes is None or smoothing == 0.0:
        return x, _Terms(labels, smoothing, by_label(by, labels, ignored, of_classes, reduction))
    # The weight of a class concerns each term of the smoothed target, but the mean is that by labels.
    divisor = by_label(by, labels, ignored, of_classes, reduction).divisor
    by = by_label(by, labels, ignored, None, reduction)._replace(divisor=divisor)
    return x, _Terms(_weighed_classes(of_classes, classes.one_hot(labels, x), smoothing), 0.0, by)


def _weighed_classes(weight, target, smoothing):
    """The weights of the classes times (1 − ε) t + ε/C."""
    return weights.of_classes(weight, target, 1.0 - smoothing, smoothing / target.shape[-1])


def _probabilities(target, x):
    """A probability for each class, checked."""
    if target.shape == x.shape[:-1]:
        raise TypeError(f"target must be integers where it holds labels; its dtype is {target.dtype}")
    if target.shape != x.shape:
        raise ValueError(
            f"target has shape {target.shape}, neither {x.shape[:-1]} as labels nor {x.shape} of x"
        )
    target = real_array("target", target, dtype=x.dtype)
    if elementwise.count_invalid("probability", target.reshape(-1)):
        raise ValueError("target must lie between 0 and 1 everywhere")
    return target


def _exercise(dtype):
    x, weight = sample(dtype, 2, 3), sample(dtype, 2)
    for target in (np.array([0, 2]), np.array([0, 2], np.int32), np.full((2, 3), 1 / 3, dtype)):
        exercise_loss(cross_entropy, cross_entropy_backward, x, target, weight)


CROSS_ENTROPY = operation(cross_entropy, cross_entropy_backward, _exercise, lambda ndim: ndim - 1)
