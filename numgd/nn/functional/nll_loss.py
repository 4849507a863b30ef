"""Negative log-likelihood of labels, from log-probabilities."""

import numpy as np

from numgd.foundations.ranges import check_arguments
from numgd.kernels.layers import labels as kernels
from numgd.kernels.layers import memory, weights
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
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighed, weighing


@anywhere
@check_arguments
def nll_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ignore_index: Label = -100,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """−xⱼ for the label j of each row of log-probabilities.

    Parameters
    ----------
    x : numpy.ndarray
        Log-probabilities, (…, classes), float32 or float64, with at least one class.
    target : numpy.ndarray
        Integer labels from 0 to classes − 1, with the shape of ``x[..., 0]``.
    weight : numpy.ndarray, optional
        Weights ≥ 0 of the classes, (classes,), of the dtype of `x`.
    ignore_index : int, optional
        Samples with this label count as if they were not there.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the losses, with the shape of the first axes of ``x[..., 0]``.
    reduction : {'mean', 'sum', 'none'}, optional
        The mean is Σ w loss / Σ w, where w is the sample's weight times that of its class; it is NaN if there
        are no samples or all are ignored.
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
    After `log_softmax` this is `cross_entropy`, which takes one pass instead of two.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import nll_loss
    >>> float(nll_loss(np.log([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1])).round(4))
    0.4581
    """
    x, labels, by = _checked(x, target, weight, ignore_index, sample_weight, reduction)
    out = result_memory(out, labels.shape, x.dtype, reduction, x, target, weight, sample_weight)
    picked = kernels.picked(x, labels)
    if reduction != "none":
        return reduced(weights.total(weighed(picked, by.weights, -1.0).reshape(-1)), by, out, x.dtype)
    weighed(picked, by.weights, -1.0, out)
    return out


@anywhere
@check_arguments
def nll_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ignore_index: Label = -100,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * nll_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of ``x[..., 0]``.
    x, target, weight, ignore_index, sample_weight, reduction
        As for `nll_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import nll_loss_backward
    >>> nll_loss_backward(1.0, np.log([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1]))
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """
    x, labels, by = _checked(x, target, weight, ignore_index, sample_weight, reduction)
    own, repeat, factor = slope_weights(grad, by, labels.shape, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, weight, sample_weight, grad)
    kernels.spread(labels, own, repeat, -factor, out)
    return out


def _checked(x, target, weight, ignore_index, sample_weight, reduction):
    """Log-probabilities, labels, and the weights of the losses."""
    x, target = real_array("x", x), memory.taken("target", target)
    check_classes(x)
    if not is_labels(target):
        raise TypeError(f"target must be integers, the labels; its dtype is {target.dtype}")
    labels, ignored = labels_of(target, x, ignore_index)
    by = weighing(sample_weight, labels.shape, x, reduction)
    x = without_ignored(x, ignored)
    return x, labels, by_label(by, labels, ignored, class_weights(weight, x), reduction)


def _exercise(dtype):
    nll_loss_backward(1.0, sample(dtype, 2, 3), np.array([0, 2]), weight=sample(dtype, 3))


NLL_LOSS = operation(nll_loss, nll_loss_backward, _exercise, lambda ndim: ndim - 1)
