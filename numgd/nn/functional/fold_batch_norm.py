"""Batch norm folded into the layer before it, for inference."""

import numpy as np

from numgd.foundations.ranges import Positive, check_arguments
from numgd.kernels.layers import batch_norm as kernels
from numgd.kernels.layers import memory
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import per_channel, real_array


@anywhere
@check_arguments
def fold_batch_norm(
    weight: np.ndarray,
    bias: np.ndarray | None,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    eps: Positive = 1e-5,
) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a layer that computes a convolution or dense layer followed by a batch norm.

    Parameters
    ----------
    weight : array_like of shape (out, ...)
        Of the convolution or dense layer; its first axis holds the output channels.
    bias : array_like of shape (out,) or None
    gamma, beta : array_like of shape (out,) or None
    mean, variance : array_like of shape (out,)
        The running statistics.
    eps : float
        ε > 0.

    Returns
    -------
    tuple of arrays
        New weight and bias, of the dtype of `weight`, for inference.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import fold_batch_norm
    >>> fold_batch_norm(np.ones((1, 2)), None, [2.0], [1.0], [3.0], [0.25], eps=0.75)
    (array([[2., 2.]]), array([-5.]))
    """
    weight = real_array("weight", weight)
    if weight.ndim == 0:
        raise ValueError("weight must have at least one axis, for the channels; it has none")
    channels, rows = memory.empty(weight, weight.shape[:1], weight.dtype), weight.shape[0]
    vectors = []
    for name, given, default in (
        ("bias", bias, 0),
        ("gamma", gamma, 1),
        ("beta", beta, 0),
        ("mean", mean, None),
        ("variance", variance, None),
    ):
        if given is None and default is None:
            raise ValueError(f"{name} must be given")
        if given is not None:
            given = real_array(name, given, 1, weight.dtype)
            if given.shape != weight.shape[:1]:
                raise ValueError(f"{name} has shape {given.shape}, but weight has shape {weight.shape}")
        vectors.append(per_channel(name, given, channels, default))
    if np.any(memory.fetched(vectors[-1]) < 0):
        raise ValueError("variance must not be negative")
    folded = memory.empty(weight, weight.shape, weight.dtype)
    if rows:
        matrix = rows, weight.size // rows
        kernels.fold(weight.reshape(matrix), *vectors, eps, folded.reshape(matrix), channels)
    return folded, channels
