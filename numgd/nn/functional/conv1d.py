"""Convolution of signals, and its gradients."""

import numpy as np

from numgd.foundations.ranges import Flag, check_arguments
from numgd.kernels.layers import signals
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.conv import PackedWeight, convolve, convolve_backward
from numgd.nn.functional.operation import operation, sample


@anywhere
def conv1d(
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    bias: np.ndarray | None = None,
    *,
    stride: int = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve signals with a kernel, without flipping it.

    Parameters
    ----------
    x : (batch, length, in) array
        float32 or float64.
    weight : (out, k, in / groups) array or PackedWeight
        Of the same dtype.
    bias : (out,) array, optional
    stride, dilation : int
        At least 1.
    padding : int, pair, 'same', 'same_lower' or 'valid'
        Zeros around the signal: one number for both ends, or (before, after).  The names are those of
        `conv2d`.
    groups, activation
        As for `conv2d`.
    algorithm : str, optional
        As for `conv2d`, of which this is the case of images of height 1.
    out : array, optional
        Contiguous memory for the result.

    Returns
    -------
    (batch, length', out) array

    Raises
    ------
    TypeError, ValueError
        If dtypes differ or are not float32 or float64, shapes do not match, or an option is out of range.

    Notes
    -----
    ``out[b, i, o] = bias[o] + Σ x[b, s·i + d·k − p, c] · weight[o, k, c]``.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv1d
    >>> x, difference = np.array([1.0, 4.0, 9.0, 16.0]), np.array([-1.0, 1.0])
    >>> conv1d(x.reshape(1, 4, 1), difference.reshape(1, 2, 1)).ravel()
    array([3., 5., 7.])
    """
    how = stride, padding, dilation, groups
    return convolve(signals, 1, x, weight, bias, how, activation, algorithm, out)


@anywhere
@check_arguments
def conv1d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    *,
    stride: int = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
    y: np.ndarray | None = None,
    algorithm: str | None = None,
    need_x: Flag = True,
    need_weight: Flag = True,
    need_bias: Flag = True,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Gradients of ``sum(grad * conv1d(x, weight, bias))``.

    Parameters
    ----------
    grad : (batch, length', out) array
        With the shape of the result of `conv1d`.
    x : (batch, length, in) array
    weight : (out, k, in / groups) array or PackedWeight
    stride, padding, dilation, groups, activation, algorithm
        As for `conv1d`.
    y : (batch, length', out) array, optional
        The result of `conv1d`; required with an activation.
    need_x, need_weight, need_bias : bool
        Which gradients are computed.
    out : tuple of three arrays, optional
        Contiguous memory for the gradients; an entry may be None.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of `x`, `weight` and (out,)
        None for those that are not needed.

    Raises
    ------
    TypeError, ValueError
        As for `conv1d`, and if `grad` does not have the shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv1d_backward
    >>> x, weight = np.ones((1, 4, 1)), np.ones((1, 2, 1))
    >>> conv1d_backward(np.ones((1, 3, 1)), x, weight)[0].ravel()
    array([1., 2., 2., 1.])
    """
    how = stride, padding, dilation, groups
    wanted = need_x, need_weight, need_bias
    return convolve_backward(signals, 1, grad, x, weight, how, activation, y, algorithm, wanted, out)


def _exercise(dtype):
    x, weight = sample(dtype, 2, 40, 8), sample(dtype, 8, 3, 8)
    y = conv1d(x, weight, sample(dtype, 8), padding=1)
    conv1d_backward(y, x, weight, padding=1)


CONV1D = operation(conv1d, conv1d_backward, _exercise)
