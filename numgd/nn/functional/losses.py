"""Elementwise losses, forward and backward."""

import numpy as np

from numgd.foundations.ranges import Finite, Flag, NonNegative, Positive, check_arguments
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.pairs import loss, loss_backward, of_pairs

_KL_DIV = {False: "kl_div", True: "kl_div_log"}


@anywhere
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
    return loss("l1", x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("l1", grad, x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss("mse", x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("mse", grad, x, target, 0.0, sample_weight, reduction, out)


@anywhere
@check_arguments
def smooth_l1_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    beta: NonNegative = 1.0,
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
        At least 0: the width of the quadratic part.  With 0, this is `l1_loss`.
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
    return loss("smooth_l1", x, target, beta, sample_weight, reduction, out)


@anywhere
@check_arguments
def smooth_l1_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    beta: NonNegative = 1.0,
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
    return loss_backward("smooth_l1", grad, x, target, beta, sample_weight, reduction, out)


@anywhere
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
        At least 0: the width of the quadratic part.  With 0, this is `l1_loss`.
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
    return loss("huber", x, target, delta, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("huber", grad, x, target, delta, sample_weight, reduction, out)


@anywhere
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
    return loss("hinge", x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("hinge", grad, x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss("soft_margin", x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("soft_margin", grad, x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss("hinge_embedding", x, target, margin, sample_weight, reduction, out)


@anywhere
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
    return loss_backward("hinge_embedding", grad, x, target, margin, sample_weight, reduction, out)


@anywhere
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
    return loss(_KL_DIV[log_target], x, target, 0.0, sample_weight, reduction, out)


@anywhere
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
    return loss_backward(_KL_DIV[log_target], grad, x, target, 0.0, sample_weight, reduction, out)


L1_LOSS = of_pairs(l1_loss, l1_loss_backward)
MSE_LOSS = of_pairs(mse_loss, mse_loss_backward)
SMOOTH_L1_LOSS = of_pairs(smooth_l1_loss, smooth_l1_loss_backward)
HUBER_LOSS = of_pairs(huber_loss, huber_loss_backward)
HINGE_LOSS = of_pairs(hinge_loss, hinge_loss_backward)
SOFT_MARGIN_LOSS = of_pairs(soft_margin_loss, soft_margin_loss_backward)
HINGE_EMBEDDING_LOSS = of_pairs(hinge_embedding_loss, hinge_embedding_loss_backward)
KL_DIV = of_pairs(kl_div, kl_div_backward, {"log_target": False}, {"log_target": True})
