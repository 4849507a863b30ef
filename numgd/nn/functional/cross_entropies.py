"""Cross-entropy of softmax, from logits."""

import numpy as np

from numgd.foundations.ranges import UnitInterval, check_arguments
from numgd.kernels.cpu.layers import cross_entropy as kernel
from numgd.kernels.cpu.layers import elementwise
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.operation import exercise_loss, operation, sample
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighing


@check_arguments
def cross_entropy(
    x: np.ndarray,
    target: np.ndarray,
    *,
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
    label_smoothing : float, optional
        ε from 0 to 1: the target becomes (1 − ε) t + ε / classes.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the losses, with the shape of the first axes of ``x[..., 0]``.
    reduction : {'mean', 'sum', 'none'}, optional
        The mean is Σ w loss / Σ w, which is NaN for no samples.
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
    x, target, samples = _checked(x, target)
    smoothing = label_smoothing
    by = weighing(sample_weight, samples, x.dtype, reduction)
    out = result_memory(out, samples, x.dtype, reduction, x, target, sample_weight)
    vectors = x.reshape(-1), target.reshape(-1), x.shape[-1], by.weights, by.repeat, smoothing
    if reduction != "none":
        return reduced(kernel.cross_entropy(*vectors, _NOWHERE[x.dtype]), by, out, x.dtype)
    kernel.cross_entropy(*vectors, out.reshape(-1))
    return out


@check_arguments
def cross_entropy_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
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
    x, target, label_smoothing, sample_weight, reduction
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
    x, target, samples = _checked(x, target)
    smoothing = label_smoothing
    by = weighing(sample_weight, samples, x.dtype, reduction)
    weights, repeat, factor = slope_weights(grad, by, samples, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, sample_weight, grad)
    kernel.cross_entropy_backward(
        x.reshape(-1), target.reshape(-1), x.shape[-1], weights, repeat, factor, smoothing, out.reshape(-1)
    )
    return out


_NOWHERE = {np.dtype(real): np.empty(0, real) for real in (np.float32, np.float64)}


def _checked(x, target):
    """Logits, int64 labels or probabilities, and the shape of the samples."""
    x = real_array("x", x)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have a last axis with elements, the classes; its shape is {x.shape}")
    samples, classes = x.shape[:-1], x.shape[-1]
    target = np.asarray(target)
    if target.dtype.kind in "iu":
        if target.shape != samples:
            raise ValueError(f"target has shape {target.shape}, but the labels of x {x.shape} have {samples}")
        target = np.ascontiguousarray(target, np.int64).reshape(samples)
        if not kernel.labels_within(target.reshape(-1), classes):
            raise ValueError(f"target has labels below 0 or above {classes - 1}; x has {classes} classes")
        return x, target, samples
    if target.shape != x.shape:
        if target.shape == samples:
            raise TypeError(f"target must be integers where it holds labels; its dtype is {target.dtype}")
        raise ValueError(f"target has shape {target.shape}, neither {samples} as labels nor {x.shape} of x")
    target = real_array("target", target, dtype=x.dtype)
    if elementwise.count_invalid("probability", target.reshape(-1)):
        raise ValueError("target must lie between 0 and 1 everywhere")
    return x, target, samples


def _exercise(dtype):
    x, weight = sample(dtype, 2, 3), sample(dtype, 2)
    for target in (np.array([0, 2]), np.array([0, 2], np.int32), np.full((2, 3), 1 / 3, dtype)):
        exercise_loss(cross_entropy, cross_entropy_backward, x, target, weight)


CROSS_ENTROPY = operation(cross_entropy, cross_entropy_backward, _exercise, lambda ndim: ndim - 1)
