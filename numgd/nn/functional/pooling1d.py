"""Maxima and averages over windows of signals (N, L, C), which are images of height 1."""

import numpy as np

from numgd.foundations.ranges import Flag, Positive, check_arguments
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import check_beside, output, same_shape
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    indices_of,
    max_pool2d,
    max_pool2d_backward,
    with_pixels,
)
from numgd.nn.functional.windows import Windowing, number_of, windows_of


def _of_images(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Checked signals, the shape of the result, and the arguments of the same windows in images."""
    x = with_pixels(x, 1)
    how = Windowing.of(x.shape[1:2], kernel_size, stride, padding, dilation)
    (windows,) = windows_of(x.shape[1:-1], *how, ceil_mode)
    settings = {
        "kernel_size": (1, *how.size),
        "stride": (1, *how.stride),
        "padding": (0, 0, *how.padding),
        "dilation": (1, *how.dilation),
        "ceil_mode": ceil_mode,
    }
    return x, (x.shape[0], number_of(windows), x.shape[2]), settings


def _images(signals):
    """Signals as images of height 1, in the same memory."""
    batch, length, channels = signals.shape
    return signals.reshape(batch, 1, length, channels)


def _of_images_backward(grad, out, x, *how):
    """The arguments of the gradient, with memory for it."""
    x, shape, settings = _of_images(x, *how)
    grad = same_shape("grad", grad, shape, x.dtype)
    check_beside(x, grad=grad)
    return x, grad, output(out, x.shape, x.dtype, grad, x), settings


@anywhere
@check_arguments
def max_pool1d(
    x: np.ndarray,
    kernel_size: int,
    stride: int | None = None,
    padding: int | tuple[int, int] | str = 0,
    *,
    dilation: int = 1,
    ceil_mode: Flag = False,
    return_indices: Flag = False,
    out: np.ndarray | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """The largest number of each channel in each window of a signal.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, L, C)
    kernel_size : int
        Length of a window.
    stride, dilation, ceil_mode, return_indices
        As for `max_pool2d`.
    padding : int, pair of int, 'same', 'same_lower' or 'valid'
        As for `max_pool2d`: one number for both ends, or (before, after).
    out : array of shape (N, OL, C), optional

    Returns
    -------
    array of shape (N, OL, C), of the dtype of x
        NaN where a window contains NaN.  OL = ⌊(L + before + after - extent) / stride⌋ + 1, rounded up with
        `ceil_mode`, but no window starts beyond the signal.
    int32 array of the same shape, if `return_indices`
        The position of each maximum in its signal (the first of equal ones, the last NaN), for
        `max_pool1d_backward`.

    Raises
    ------
    TypeError, ValueError
        As for `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import max_pool1d
    >>> max_pool1d(np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2).ravel()
    array([3., 2.])
    """
    x, shape, how = _of_images(x, kernel_size, stride, padding, dilation, ceil_mode)
    out = output(out, shape, x.dtype, x)
    if return_indices:
        places = max_pool2d(_images(x), **how, return_indices=True, out=_images(out))[1]
        return out, places.reshape(shape)
    max_pool2d(_images(x), **how, out=_images(out))
    return out


@anywhere
@check_arguments
def max_pool1d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int,
    stride: int | None = None,
    padding: int | tuple[int, int] | str = 0,
    *,
    dilation: int = 1,
    ceil_mode: Flag = False,
    indices: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * max_pool1d(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of shape (N, OL, C)
    x, kernel_size, stride, padding, dilation, ceil_mode
        As given to `max_pool1d`.
    indices : int32 array of shape (N, OL, C), optional
        As returned by `max_pool1d`; by default computed again from x.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above, for example if an index is outside its window.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import max_pool1d_backward
    >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1)
    >>> max_pool1d_backward(np.ones((1, 2, 1)), x, 2).ravel()
    array([0., 1., 1., 0.])
    """
    x, grad, out, how = _of_images_backward(grad, out, x, kernel_size, stride, padding, dilation, ceil_mode)
    if indices is not None:
        indices = _images(indices_of(indices, grad.shape))
    max_pool2d_backward(_images(grad), _images(x), **how, indices=indices, out=_images(out))
    return out


@anywhere
@check_arguments
def avg_pool1d(
    x: np.ndarray,
    kernel_size: int,
    stride: int | None = None,
    padding: int | tuple[int, int] | str = 0,
    *,
    dilation: int = 1,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The mean of each channel in each window of a signal.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, L, C)
    kernel_size, stride, padding, dilation, ceil_mode
        As for `max_pool1d`; the padding holds zeros.
    count_include_pad, divisor_override
        As for `avg_pool2d`.
    out : array of shape (N, OL, C), optional

    Returns
    -------
    array of shape (N, OL, C), of the dtype of x

    Raises
    ------
    TypeError, ValueError
        As for `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool1d
    >>> avg_pool1d(np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2).ravel()
    array([2., 1.])
    """
    x, shape, how = _of_images(x, kernel_size, stride, padding, dilation, ceil_mode)
    out = output(out, shape, x.dtype, x)
    how |= {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    avg_pool2d(_images(x), **how, out=_images(out))
    return out


@anywhere
@check_arguments
def avg_pool1d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int,
    stride: int | None = None,
    padding: int | tuple[int, int] | str = 0,
    *,
    dilation: int = 1,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * avg_pool1d(x, …))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, OL, C)
    x, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override
        As given to `avg_pool1d`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool1d_backward
    >>> avg_pool1d_backward(np.ones((1, 2, 1)), np.zeros((1, 3, 1)), 2, 1).ravel()
    array([0.5, 1. , 0.5])
    """
    x, grad, out, how = _of_images_backward(grad, out, x, kernel_size, stride, padding, dilation, ceil_mode)
    how |= {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    avg_pool2d_backward(_images(grad), _images(x), **how, out=_images(out))
    return out


def _exercise_maximum(dtype):
    x = sample(dtype, 2, 12, 3)
    y, indices = max_pool1d(x, 2, return_indices=True)
    max_pool1d_backward(y, x, 2, indices=indices)


def _exercise_average(dtype):
    x = sample(dtype, 2, 12, 3)
    avg_pool1d_backward(avg_pool1d(x, 2), x, 2)


MAX_POOL1D = operation(max_pool1d, max_pool1d_backward, _exercise_maximum)
AVG_POOL1D = operation(avg_pool1d, avg_pool1d_backward, _exercise_average)
