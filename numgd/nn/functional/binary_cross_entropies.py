"""Binary cross-entropy of logits and of probabilities."""

import numpy as np

from numgd.kernels.layers import elementwise, memory
from numgd.kernels.layers import weights as kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output
from numgd.nn.functional.pairs import checked_pair, loss, loss_backward, of_pairs, slopes, weighed_loss
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighing

_OF_LOGITS, _PART = "binary_cross_entropy_with_logits", "soft_margin"


@anywhere
def binary_cross_entropy_with_logits(
    x: np.ndarray,
    target: np.ndarray,
    *,
    pos_weight: float | np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """−p t log σ(x) − (1 − t) log(1 − σ(x)) with t = target and p = pos_weight, by default 1.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: logits.
    target : numpy.ndarray
        With the shape and dtype of `x`, from 0 to 1.
    pos_weight : number or array_like, optional
        Weights ≥ 0 of the terms with t: one number, or one per label, (labels,) along the last axis of `x`.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the losses, with the shape of the first axes of `x` and its dtype.
    reduction : {'mean', 'sum', 'none'}, optional
        The mean is Σ w loss / Σ w with the weights of `sample_weight`, which is NaN for no elements.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, of the result's shape and dtype, not overlapping the inputs.

    Returns
    -------
    number or numpy.ndarray
        The reduced loss; with 'none', an array of the shape of `x`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Computed as max(x, 0) − x t + log(1 + e^−|x|), which neither overflows nor cancels; with `pos_weight` as
    p t log(1 + e^−x) + (1 − t) log(1 + e^x).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import binary_cross_entropy_with_logits
    >>> float(binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0])).round(4))
    0.6931
    """
    x, target = checked_pair(_OF_LOGITS, x, target)
    by = weighing(sample_weight, x.shape, x, reduction)
    positive = _positive(pos_weight, x)
    out = result_memory(out, x.shape, x.dtype, reduction, x, target, pos_weight, sample_weight)
    if positive is None:
        return weighed_loss(_OF_LOGITS, x, target, 0.0, by, reduction, out)
    vectors = [
        (x.reshape(-1), labels.reshape(-1), *by.multiplied(weights, reduction)[:2])
        for labels, weights in _parts(target, positive)
    ]
    if reduction != "none":
        totals = (memory.number(elementwise.total(_PART, *given, 0.0)) for given in vectors)
        return reduced(sum(totals), by, out, x.dtype)
    other = memory.empty(x, x.shape, x.dtype)
    for given, losses in zip(vectors, (out, other), strict=True):
        elementwise.values(_PART, *given, 1.0, 0.0, losses.reshape(-1))
    elementwise.add(out.reshape(-1), other.reshape(-1), out.reshape(-1))
    return out


@anywhere
def binary_cross_entropy_with_logits_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    pos_weight: float | np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * binary_cross_entropy_with_logits(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, pos_weight, sample_weight, reduction
        As for `binary_cross_entropy_with_logits`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import binary_cross_entropy_with_logits_backward
    >>> binary_cross_entropy_with_logits_backward(1.0, np.zeros(2), np.array([1.0, 0.0]))
    array([-0.25,  0.25])
    """
    x, target = checked_pair(_OF_LOGITS, x, target)
    by = weighing(sample_weight, x.shape, x, reduction)
    positive = _positive(pos_weight, x)
    weights = slope_weights(grad, by, x.shape, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, pos_weight, sample_weight, grad)
    if positive is None:
        return slopes(_OF_LOGITS, x, target, 0.0, weights, out)
    other = memory.empty(x, x.shape, x.dtype)
    for (labels, factors), found in zip(_parts(target, positive), (out, other), strict=True):
        part = by.multiplied(factors, reduction)._replace(divisor=by.divisor)
        slopes(_PART, x, labels, 0.0, slope_weights(grad, part, x.shape, x.dtype, reduction), found)
    elementwise.add(out.reshape(-1), other.reshape(-1), out.reshape(-1))
    return out


def _positive(pos_weight, x):
    """Weights of the terms with t, checked, a vector of the dtype of x: one, or one per number; or None."""
    if pos_weight is None:
        return None
    given = memory.taken("pos_weight", pos_weight)
    if given.dtype.kind not in "fiu":
        raise TypeError(f"pos_weight must be a number or an array of numbers; it is {pos_weight!r}")
    if given.ndim and given.shape != x.shape[-1:]:
        raise ValueError(
            f"pos_weight has shape {given.shape}, but x has shape {x.shape}: the last axis counts"
        )
    positive = memory.empty(x, given.shape or (1,), x.dtype)
    with np.errstate(over="ignore"):
        memory.assign(positive, given if given.ndim else memory.fetched(given))
    if elementwise.count_invalid("weight", positive):
        raise ValueError("pos_weight must be finite and at least 0")
    return positive


def _parts(target, positive):
    """−p t log σ(x) − (1 − t) log(1 − σ(x)) as two soft-margin losses: their labels and their weights."""
    one = elementwise.one(target)
    for label, weights in (
        (1, kernels.of_classes(positive, target, 1.0, 0.0)),
        (-1, kernels.of_classes(one, target, -1.0, 1.0)),
    ):
        labels = memory.empty(target, target.shape, target.dtype)
        memory.assign(labels, label)
        yield labels, weights


@anywhere
def binary_cross_entropy(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """−t log x − (1 − t) log(1 − x) with t = target.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: probabilities.
    target : numpy.ndarray
        With the shape and dtype of `x`, from 0 to 1.
    sample_weight : numpy.ndarray, optional
        Weights ≥ 0 of the losses, with the shape of the first axes of `x` and its dtype.
    reduction : {'mean', 'sum', 'none'}, optional
        The mean is Σ w loss / Σ w, which is NaN for no elements.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, of the result's shape and dtype, not overlapping the inputs.

    Returns
    -------
    number or numpy.ndarray
        The reduced loss; with 'none', an array of the shape of `x`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    As in PyTorch, logarithms are at least −100, and the denominator x (1 − x) of the derivative is at least
    10⁻¹².  For logits, use `binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import binary_cross_entropy
    >>> float(binary_cross_entropy(np.array([0.5]), np.array([1.0])).round(4))
    0.6931
    """
    return loss("binary_cross_entropy", x, target, 0.0, sample_weight, reduction, out)


@anywhere
def binary_cross_entropy_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * binary_cross_entropy(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
        As for `binary_cross_entropy`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import binary_cross_entropy_backward
    >>> binary_cross_entropy_backward(1.0, np.array([0.5, 0.25]), np.array([1.0, 0.0])).round(3)
    array([-1.   ,  0.667])
    """
    return loss_backward("binary_cross_entropy", grad, x, target, 0.0, sample_weight, reduction, out)


BINARY_CROSS_ENTROPY = of_pairs(binary_cross_entropy, binary_cross_entropy_backward)
BINARY_CROSS_ENTROPY_WITH_LOGITS = of_pairs(
    binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_backward
)
