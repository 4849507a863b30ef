"""Elementwise losses, forward and backward."""

from functools import partial

import numpy as np

from numgd.foundations.ranges import Finite, Flag, Positive, check_arguments
from numgd.kernels.cpu.layers import elementwise
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.operation import exercise_loss, operation, sample
from numgd.nn.functional.weighing import reduced, result_memory, slope_weights, weighing
from numgd.scalars import LOSSES

_REQUIREMENTS = {
    "probability": "must lie between 0 and 1 everywhere",
    "sign": "must be −1 or 1 everywhere",
}
"""What an argument of a loss must be, for error messages."""

_KL_DIV = {False: "kl_div", True: "kl_div_log"}


def checked_pair(kind, x, target):
    """Both arrays, checked."""
    x = real_array("x", x)
    target = real_array("target", target, dtype=x.dtype)
    if target.shape != x.shape:
        raise ValueError(f"target has shape {target.shape}, but x has {x.shape}")
    loss = LOSSES[kind]
    for name, array, test in (("x", x, loss.x), ("target", target, loss.target)):
        if test is not None and elementwise.count_invalid(test, array.reshape(-1)):
            raise ValueError(f"{name} {_REQUIREMENTS[test]}")
    return x, target


def _loss(kind, x, target, parameter, sample_weight, reduction, out):
    """A loss of every element, reduced."""
    x, target = checked_pair(kind, x, target)
    by = weighing(sample_weight, x.shape, x.dtype, reduction)
    out = result_memory(out, x.shape, x.dtype, reduction, x, target, sample_weight)
    vectors = x.reshape(-1), target.reshape(-1), by.weights, by.repeat
    if reduction != "none":
        return reduced(elementwise.total(kind, *vectors, parameter), by, out, x.dtype)
    elementwise.values(kind, *vectors, 1.0, parameter, out.reshape(-1))
    return out


def _loss_backward(kind, grad, x, target, parameter, sample_weight, reduction, out):
    """The gradient of Σ grad loss(x) with respect to x."""
    x, target = checked_pair(kind, x, target)
    by = weighing(sample_weight, x.shape, x.dtype, reduction)
    weights, repeat, factor = slope_weights(grad, by, x.shape, x.dtype, reduction)
    out = output(out, x.shape, x.dtype, x, target, sample_weight, grad)
    elementwise.derivatives(
        kind, x.reshape(-1), target.reshape(-1), weights, repeat, factor, parameter, out.reshape(-1)
    )
    return out


def l1_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """|x − target|.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    target : numpy.ndarray
        With the shape and dtype of `x`.
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
    The derivative is 0 where both are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import l1_loss
    >>> float(l1_loss(np.array([1.0, 2.0]), np.array([0.0, 5.0])))
    2.0
    """
    return _loss("l1", x, target, 0.0, sample_weight, reduction, out)


def l1_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * l1_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
        As for `l1_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import l1_loss_backward
    >>> l1_loss_backward(1.0, np.array([1.0, 2.0]), np.array([0.0, 5.0]))
    array([ 0.5, -0.5])
    """
    return _loss_backward("l1", grad, x, target, 0.0, sample_weight, reduction, out)


def mse_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """(x − target)².

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    target : numpy.ndarray
        With the shape and dtype of `x`.
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

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import mse_loss
    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([0.0, 5.0])))
    5.0
    """
    return _loss("mse", x, target, 0.0, sample_weight, reduction, out)


def mse_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * mse_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
        As for `mse_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import mse_loss_backward
    >>> mse_loss_backward(1.0, np.array([1.0, 2.0]), np.array([0.0, 5.0]))
    array([ 1., -3.])
    """
    return _loss_backward("mse", grad, x, target, 0.0, sample_weight, reduction, out)


@check_arguments
def smooth_l1_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    beta: Positive = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """d²/(2 beta) where d = |x − target| < beta, else d − beta/2.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    target : numpy.ndarray
        With the shape and dtype of `x`.
    beta : float, optional
        Positive: the width of the quadratic part.
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
    Girshick, Fast R-CNN (2015), equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import smooth_l1_loss
    >>> float(smooth_l1_loss(np.array([1.0, 2.0]), np.array([0.5, 5.0]), reduction="sum"))
    2.625
    """
    return _loss("smooth_l1", x, target, beta, sample_weight, reduction, out)


@check_arguments
def smooth_l1_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    beta: Positive = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * smooth_l1_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, beta, sample_weight, reduction
        As for `smooth_l1_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import smooth_l1_loss_backward
    >>> smooth_l1_loss_backward(1.0, np.array([1.0, 2.0]), np.array([0.5, 5.0]))
    array([ 0.25, -0.5 ])
    """
    return _loss_backward("smooth_l1", grad, x, target, beta, sample_weight, reduction, out)


@check_arguments
def huber_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    delta: Positive = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """d²/2 where d = |x − target| ≤ delta, else delta (d − delta/2).

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    target : numpy.ndarray
        With the shape and dtype of `x`.
    delta : float, optional
        Positive: the width of the quadratic part.
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
    Huber, Robust estimation of a location parameter (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import huber_loss
    >>> float(huber_loss(np.array([1.0, 2.0]), np.array([0.5, 5.0]), delta=2.0, reduction="sum"))
    4.125
    """
    return _loss("huber", x, target, delta, sample_weight, reduction, out)


@check_arguments
def huber_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    delta: Positive = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * huber_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, delta, sample_weight, reduction
        As for `huber_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import huber_loss_backward
    >>> huber_loss_backward(1.0, np.array([1.0, 2.0]), np.array([0.5, 5.0]))
    array([ 0.25, -0.5 ])
    """
    return _loss_backward("huber", grad, x, target, delta, sample_weight, reduction, out)


def hinge_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """max(0, 1 − target x).

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: scores.
    target : numpy.ndarray
        With the shape and dtype of `x`: −1 or 1.
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
    Cortes and Vapnik, Support-vector networks (1995).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hinge_loss
    >>> float(hinge_loss(np.array([0.5, -3.0]), np.array([1.0, -1.0]), reduction="sum"))
    0.5
    """
    return _loss("hinge", x, target, 0.0, sample_weight, reduction, out)


def hinge_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * hinge_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
        As for `hinge_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hinge_loss_backward
    >>> hinge_loss_backward(1.0, np.array([0.5, 2.0]), np.array([1.0, 1.0]))
    array([-0.5,  0. ])
    """
    return _loss_backward("hinge", grad, x, target, 0.0, sample_weight, reduction, out)


def soft_margin_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """log(1 + exp(−target x)).

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: scores.
    target : numpy.ndarray
        With the shape and dtype of `x`: −1 or 1.
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
    Friedman, Hastie and Tibshirani, Additive logistic regression (2000).  No exponential overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import soft_margin_loss
    >>> soft_margin_loss(np.array([0.5, -3.0]), np.array([1.0, -1.0]), reduction="none").round(3)
    array([0.474, 0.049])
    """
    return _loss("soft_margin", x, target, 0.0, sample_weight, reduction, out)


def soft_margin_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * soft_margin_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
        As for `soft_margin_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import soft_margin_loss_backward
    >>> soft_margin_loss_backward(1.0, np.array([0.5, 2.0]), np.array([1.0, 1.0])).round(3)
    array([-0.189, -0.06 ])
    """
    return _loss_backward("soft_margin", grad, x, target, 0.0, sample_weight, reduction, out)


@check_arguments
def hinge_embedding_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    margin: Finite = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """x where target is 1, max(0, margin − x) where it is −1.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: distances.
    target : numpy.ndarray
        With the shape and dtype of `x`: −1 or 1.
    margin : float, optional
        The distance from which on what does not belong together costs nothing.
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
    Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping (2006), equation 4,
    with distances that are not squared.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hinge_embedding_loss
    >>> hinge_embedding_loss(np.array([0.5, 0.2, 3.0]), np.array([1.0, -1.0, -1.0]), reduction="none")
    array([0.5, 0.8, 0. ])
    """
    return _loss("hinge_embedding", x, target, margin, sample_weight, reduction, out)


@check_arguments
def hinge_embedding_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    margin: Finite = 1.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * hinge_embedding_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, margin, sample_weight, reduction
        As for `hinge_embedding_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hinge_embedding_loss_backward
    >>> hinge_embedding_loss_backward(1.0, np.array([0.5, 0.2]), np.array([1.0, -1.0]))
    array([ 0.5, -0.5])
    """
    return _loss_backward("hinge_embedding", grad, x, target, margin, sample_weight, reduction, out)


@check_arguments
def kl_div(
    x: np.ndarray,
    target: np.ndarray,
    *,
    log_target: Flag = False,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """target (log target − x): the Kullback-Leibler divergence of exp(x) from the target, term by term.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: logarithms of probabilities.
    target : numpy.ndarray
        With the shape and dtype of `x`: probabilities.
    log_target : bool, optional
        Whether `target` contains logarithms of probabilities.
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
    Kullback and Leibler, On information and sufficiency (1951).  Terms of probability 0 are 0.
    The divergence of distributions in rows is the sum of its terms: sum, and divide by the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import kl_div
    >>> x = np.log(np.array([0.5, 0.5]))
    >>> round(float(kl_div(x, np.array([0.25, 0.75]), reduction="sum")), 3)
    0.131
    """
    return _loss(_KL_DIV[log_target], x, target, 0.0, sample_weight, reduction, out)


@check_arguments
def kl_div_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    log_target: Flag = False,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * kl_div(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, log_target, sample_weight, reduction
        As for `kl_div`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import kl_div_backward
    >>> kl_div_backward(1.0, np.log(np.array([0.5, 0.5])), np.array([0.25, 0.75]), reduction="sum")
    array([-0.25, -0.75])
    """
    return _loss_backward(_KL_DIV[log_target], grad, x, target, 0.0, sample_weight, reduction, out)


def binary_cross_entropy_with_logits(
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """−t log σ(x) − (1 − t) log(1 − σ(x)) with t = target.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: logits.
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
    Computed as max(x, 0) − x t + log(1 + e^−|x|), which neither overflows nor cancels.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import binary_cross_entropy_with_logits
    >>> float(binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0])).round(4))
    0.6931
    """
    return _loss("binary_cross_entropy_with_logits", x, target, 0.0, sample_weight, reduction, out)


def binary_cross_entropy_with_logits_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * binary_cross_entropy_with_logits(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, sample_weight, reduction
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
    return _loss_backward(
        "binary_cross_entropy_with_logits", grad, x, target, 0.0, sample_weight, reduction, out
    )


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
    return _loss("binary_cross_entropy", x, target, 0.0, sample_weight, reduction, out)


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
    return _loss_backward("binary_cross_entropy", grad, x, target, 0.0, sample_weight, reduction, out)


def _of_pairs(forward, backward):
    def exercise(dtype):
        # A target that suits all losses: a sign, and the probability 1.
        x, target = sample(dtype, 2, 3), np.ones((2, 3), dtype)
        exercise_loss(forward, backward, x, target, sample(dtype, 2, 3))

    return operation(forward, backward, exercise)


def _exercise_kl_div(dtype):
    x, weights = sample(dtype, 2, 3), sample(dtype, 2, 3)
    for log_target in (False, True):
        exercise_loss(
            partial(kl_div, log_target=log_target), partial(kl_div_backward, log_target=log_target),
            x, np.ones((2, 3), dtype), weights,
        )  # fmt: skip


L1_LOSS = _of_pairs(l1_loss, l1_loss_backward)
MSE_LOSS = _of_pairs(mse_loss, mse_loss_backward)
SMOOTH_L1_LOSS = _of_pairs(smooth_l1_loss, smooth_l1_loss_backward)
HUBER_LOSS = _of_pairs(huber_loss, huber_loss_backward)
HINGE_LOSS = _of_pairs(hinge_loss, hinge_loss_backward)
SOFT_MARGIN_LOSS = _of_pairs(soft_margin_loss, soft_margin_loss_backward)
HINGE_EMBEDDING_LOSS = _of_pairs(hinge_embedding_loss, hinge_embedding_loss_backward)
KL_DIV = operation(kl_div, kl_div_backward, _exercise_kl_div)
BINARY_CROSS_ENTROPY = _of_pairs(binary_cross_entropy, binary_cross_entropy_backward)
BINARY_CROSS_ENTROPY_WITH_LOGITS = _of_pairs(
    binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_backward
)
