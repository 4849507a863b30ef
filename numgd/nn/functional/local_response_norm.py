"""Local response normalisation over the last axis."""

import numpy as np

from numgd.foundations.ranges import NonNegative, Positive, check_arguments
from numgd.kernels.layers import local_response_norm as local_response_kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import Size, output, same_shape
from numgd.nn.functional.columns import with_channels
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def local_response_norm(
    x: np.ndarray,
    size: Size,
    alpha: NonNegative = 1e-4,
    beta: NonNegative = 0.75,
    k: Positive = 1.0,
    *,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Divide each number by (k + α/n Σ x²)^β, the sum over the n = `size` channels around its own.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., C)
    size : int
        Number of channels: size // 2 before the number's own, that one, and the rest after it.  Channels that
        do not exist count as zeros.
    alpha, beta, k : float
        α and β at least zero, k positive.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        Values out of range.
    TypeError
        Dtypes other than float32 and float64.

    Notes
    -----
    Source: A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet classification with deep convolutional
    neural networks, NeurIPS (2012), section 3.3, with α divided by n as in Caffe and PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import local_response_norm
    >>> local_response_norm(np.array([[1.0, 1.0, 1.0]]), 3, alpha=3.0, beta=1.0).round(4)
    array([[0.3333, 0.25  , 0.3333]])
    """
    x, constants = _response_arguments(x, size, alpha, beta, k)
    out = output(out, x.shape, x.dtype, x)
    if x.size:
        shape = (-1, x.shape[-1])
        local_response_kernels.forward(x.reshape(shape), *constants, out.reshape(shape))
    return out


@anywhere
@check_arguments
def local_response_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    size: Size,
    alpha: NonNegative = 1e-4,
    beta: NonNegative = 0.75,
    k: Positive = 1.0,
    *,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * local_response_norm(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, size, alpha, beta, k
        As given to `local_response_norm`.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import local_response_norm_backward
    >>> local_response_norm_backward(np.array([1.0]), np.array([1.0]), 1, alpha=1.0, beta=1.0)
    array([0.])
    """
    x, constants = _response_arguments(x, size, alpha, beta, k)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    out = output(out, x.shape, x.dtype, grad, x)
    if x.size:
        shape = (-1, x.shape[-1])
        local_response_kernels.backward(grad.reshape(shape), x.reshape(shape), *constants, out.reshape(shape))
    return out


def _response_arguments(x, size, alpha, beta, k):
    x = with_channels(x)
    return x, window(x.shape[-1], size, alpha, beta, k)


def window(channels, size, alpha, beta, k):
    """The constants as the kernels take them."""
    width = min(size, 2 * max(1, channels))  # a wider window contains no further channels
    return width, alpha * (width / size), beta, k


def _exercise(dtype):
    x = sample(dtype, 2, 3, 3, 4)
    local_response_norm_backward(local_response_norm(x, 3), x, 3)


LOCAL_RESPONSE_NORM = operation(local_response_norm, local_response_norm_backward, _exercise)
