"""Several labels per sample: the mean over labels of binary cross-entropies."""

import numpy as np

from numgd.kernels.layers import elementwise, memory
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output
from numgd.nn.functional.operation import exercise_loss, operation, sample
from numgd.nn.functional.pairs import checked_pair
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighing

_KIND = "binary_cross_entropy_with_logits"


@anywhere
def multilabel_soft_margin_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """Multi-label binary cross-entropy from logits: a sample's loss is the mean over its labels.

    Parameters
    ----------
    x : numpy.ndarray
        Logits, (…, labels), float32 or float64, with at least one label.
    target : numpy.ndarray
        With the shape and dtype of `x`, from 0 to 1.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the samples' losses, with the shape of the first axes of ``x[..., 0]``.
    reduction : {'mean', 'sum', 'none'}, optional
        Over samples.  The mean is Σ w loss / Σ w, which is NaN for no samples.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, of the result's shape and dtype, not overlapping the inputs.

    Returns
    -------
    number or numpy.ndarray
        The reduced loss; with 'none', an array of the shape of ``x[..., 0]``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import multilabel_soft_margin_loss
    >>> float(multilabel_soft_margin_loss(np.zeros((2, 3)), np.ones((2, 3))).round(4))
    0.6931
    """
    x, target, samples = _samples(x, target)
    by = weighing(sample_weight, samples, x, reduction)
    out = result_memory(out, samples, x.dtype, reduction, x, target, sample_weight)
    labels = x.shape[-1]
    vectors = x.reshape(-1), target.reshape(-1)
    if reduction != "none":
        total = elementwise.total(_KIND, *vectors, by.weights, by.repeat * labels, 0.0)
        return reduced(memory.number(total) / labels, by, out, x.dtype)
    elementwise.totals_of_rows(
        _KIND, *vectors, labels, by.weights, by.repeat, 1.0 / labels, 0.0, out.reshape(-1)
    )
    return out


@anywhere
def multilabel_soft_margin_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * multilabel_soft_margin_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of ``x[..., 0]``.
    x, target, sample_weight, reduction
        As for `multilabel_soft_margin_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import multilabel_soft_margin_loss_backward
    >>> multilabel_soft_margin_loss_backward(1.0, np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    array([[-0.25,  0.25]])
    """
    x, target, samples = _samples(x, target)
    by = weighing(sample_weight, samples, x, reduction)
    weights, repeat, factor = slope_weights(grad, by, samples, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, sample_weight, grad)
    labels = x.shape[-1]
    elementwise.derivatives(
        _KIND,
        x.reshape(-1),
        target.reshape(-1),
        weights,
        repeat * labels,
        factor / labels,
        0.0,
        out.reshape(-1),
    )
    return out


def _samples(x, target):
    """Both arrays, checked, and the shape of the samples."""
    x, target = checked_pair(_KIND, x, target)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have a last axis with elements, the labels; its shape is {x.shape}")
    return x, target, x.shape[:-1]


def _exercise(dtype):
    x, target = sample(dtype, 2, 3), np.ones((2, 3), dtype)
    exercise_loss(
        multilabel_soft_margin_loss, multilabel_soft_margin_loss_backward, x, target, sample(dtype, 2)
    )


MULTILABEL_SOFT_MARGIN_LOSS = operation(
    multilabel_soft_margin_loss, multilabel_soft_margin_loss_backward, _exercise, lambda ndim: ndim - 1
)
