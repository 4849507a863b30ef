"""Convolution of volumes, and its gradients."""

import numpy as np

from numgd.foundations.ranges import Flag, check_arguments
from numgd.kernels.layers import volumes
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.conv import PackedWeight, convolve, convolve_backward
from numgd.nn.functional.operation import operation, sample


@anywhere
def conv3d(
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    bias: np.ndarray | None = None,
    *,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve volumes, such as films, with a kernel, without flipping it.

    Parameters
    ----------
    x : (batch, depth, height, width, in) array
        float32 or float64.
    weight : (out, kd, kh, kw, in / groups) array or PackedWeight
        Of the same dtype.
    bias : (out,) array, optional
    stride, dilation : int or three integers
        Along depth, height and width, at least 1.
    padding : int, three or six integers, 'same', 'same_lower' or 'valid'
        Zeros around the volume: one number for all sides, one for each axis, or (front, back, top, bottom,
        left, right).  The names are those of `conv2d`.
    groups, activation
        As for `conv2d`.
    out : array, optional
        Contiguous memory for the result.

    Returns
    -------
    (batch, depth', height', width', out) array

    Raises
    ------
    TypeError, ValueError
        If dtypes differ or are not float32 or float64, shapes do not match, or an option is out of range.

    Notes
    -----
    Computed as convolutions of images, by the algorithms of `conv2d`.  The result has the same bits for any
    number of threads.  At most 96 MiB are allocated beyond arguments, result and copies of the weights, or
    what the planes that one plane of the result reads take, if that is more.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv3d
    >>> conv3d(np.ones((1, 3, 3, 3, 1)), np.ones((1, 2, 2, 2, 1)))[0, 0, :, :, 0]
    array([[8., 8.],
           [8., 8.]])
    """
    how = stride, padding, dilation, groups
    return convolve(volumes, 3, x, weight, bias, how, activation, None, out)


@anywhere
@check_arguments
def conv3d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    *,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    y: np.ndarray | None = None,
    need_x: Flag = True,
    need_weight: Flag = True,
    need_bias: Flag = True,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Gradients of ``sum(grad * conv3d(x, weight, bias))``.

    Parameters
    ----------
    grad : (batch, depth', height', width', out) array
        With the shape of the result of `conv3d`.
    x : (batch, depth, height, width, in) array
    weight : (out, kd, kh, kw, in / groups) array or PackedWeight
    stride, padding, dilation, groups, activation
        As for `conv3d`.
    y : (batch, depth', height', width', out) array, optional
        The result of `conv3d`; required with an activation.
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
        As for `conv3d`, and if `grad` does not have the shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv3d_backward
    >>> x, weight = np.ones((1, 2, 2, 2, 1)), np.ones((1, 2, 1, 1, 1))
    >>> grad_x, grad_weight, grad_bias = conv3d_backward(np.ones((1, 1, 2, 2, 1)), x, weight)
    >>> grad_x.ravel()
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    >>> grad_weight.ravel(), grad_bias
    (array([4., 4.]), array([4.]))
    """
    how = stride, padding, dilation, groups
    wanted = need_x, need_weight, need_bias
    return convolve_backward(volumes, 3, grad, x, weight, how, activation, y, None, wanted, out)


def _exercise(dtype):
    x, weight = sample(dtype, 2, 4, 8, 8, 8), sample(dtype, 8, 3, 3, 3, 8)
    y = conv3d(x, weight, sample(dtype, 8), padding=1)
    conv3d_backward(y, x, weight, padding=1)


CONV3D = operation(conv3d, conv3d_backward, _exercise)
