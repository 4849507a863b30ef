"""Negative log-likelihood of counts under Poisson distributions."""

import numpy as np

from numgd.foundations.ranges import Flag, NonNegative, check_arguments
from numgd.kernels.layers import elementwise, memory, weights
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.pairs import checked_pair, loss_backward, of_pairs, weighed_loss
from numgd.nn.functional.weighing import result_memory, weighing

_STIRLING = "stirling"
_KINDS = {False: "poisson_nll", True: "poisson_nll_log"}


@anywhere
@check_arguments
def poisson_nll_loss(
    x: np.ndarray,
    target: np.ndarray,
    *,
    log_input: Flag = True,
    full: Flag = False,
    eps: NonNegative = 1e-8,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """eˣ − target x, or x − target log(x + eps) for rates x instead of their logarithms.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape: logarithms of rates.
    target : numpy.ndarray
        Counts, with the shape and dtype of `x`.
    log_input : bool, optional
        Whether `x` contains logarithms of rates, or rates.
    full : bool, optional
        Whether to add t log t − t + ½ log(2π t), Stirling's approximation of log t!, for counts t above 1.
    eps : float, optional
        At least 0: added to rates, whose logarithm is taken.
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
    Up to log t!, which does not depend on `x`: McCullagh and Nelder, Generalized linear models (1989),
    section 6.2.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import poisson_nll_loss
    >>> float(poisson_nll_loss(np.array([0.0, 1.0]), np.array([2.0, 3.0])).round(4))
    0.3591
    """
    x, target = checked_pair(_KINDS[log_input], x, target)
    by = weighing(sample_weight, x.shape, x, reduction)
    out = result_memory(out, x.shape, x.dtype, reduction, x, target, sample_weight)
    kind, added = _KINDS[log_input], 0.0
    if full:
        counts = target.reshape(-1)
        terms = memory.empty(x, counts.shape, x.dtype)
        elementwise.values(_STIRLING, counts, counts, *by[:2], 1.0, 0.0, terms)
        if reduction != "none":
            added = weights.total(terms)
    losses = weighed_loss(kind, x, target, eps, by, reduction, out, added)
    if full and reduction == "none":
        elementwise.add(losses.reshape(-1), terms, losses.reshape(-1))
    return losses


@anywhere
@check_arguments
def poisson_nll_loss_backward(
    grad: float | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    *,
    log_input: Flag = True,
    full: Flag = False,
    eps: NonNegative = 1e-8,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * poisson_nll_loss(x, target, …))`` with respect to `x`.

    Parameters
    ----------
    grad : float or numpy.ndarray
        A number; with reduction 'none', an array of the shape of `x`.
    x, target, log_input, full, eps, sample_weight, reduction
        As for `poisson_nll_loss`.  The gradient does not depend on `full`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import poisson_nll_loss_backward
    >>> poisson_nll_loss_backward(1.0, np.array([0.0, 0.0]), np.array([2.0, 3.0]))
    array([-0.5, -1. ])
    """
    return loss_backward(_KINDS[log_input], grad, x, target, eps, sample_weight, reduction, out)


POISSON_NLL_LOSS = of_pairs(
    poisson_nll_loss, poisson_nll_loss_backward, {"log_input": False, "full": True}, {"log_input": True}
)
