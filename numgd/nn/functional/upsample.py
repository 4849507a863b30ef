"""Enlargement of images, forward and backward."""

import numpy as np

from numgd.kernels.layers import pool
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import Size, check_beside, output, pair_of, real_array, same_shape
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.pooling import avg_pool2d


@anywhere
def upsample(
    x: np.ndarray, scale_factor: int | tuple[int, int], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Enlarge images by repeating each pixel, which is interpolation by the nearest neighbour.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    scale_factor : int or pair of int
        How often a pixel is repeated down and across, at least once.
    out : array of shape (N, H · down, W · across, C), optional

    Returns
    -------
    array of that shape, of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong or a factor is below 1.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import upsample
    >>> upsample(np.array([1.0, 2.0]).reshape(1, 1, 2, 1), (1, 3)).ravel()
    array([1., 1., 1., 2., 2., 2.])
    """
    x, (down, across) = real_array("x", x, 4), pair_of("scale_factor", scale_factor, Size)
    images, height, width, channels = x.shape
    out = output(out, (images, height * down, width * across, channels), x.dtype, x)
    pool.repeat(x, down, across, out)
    return out


@anywhere
def upsample_backward(
    grad: np.ndarray, x: np.ndarray, scale_factor: int | tuple[int, int], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of ``sum(grad * upsample(x, scale_factor))`` with respect to x; only its shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, H · down, W · across, C)
    x, scale_factor
        As given to `upsample`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import upsample_backward
    >>> upsample_backward(np.arange(6.0).reshape(1, 1, 6, 1), np.zeros((1, 1, 2, 1)), (1, 3)).ravel()
    array([ 3., 12.])
    """
    x, factors = real_array("x", x, 4), pair_of("scale_factor", scale_factor, Size)
    images, height, width, channels = x.shape
    shape = (images, height * factors[0], width * factors[1], channels)
    grad = same_shape("grad", grad, shape, x.dtype)
    check_beside(x, grad=grad)
    out = output(out, x.shape, x.dtype, grad, x)
    if out.size:
        avg_pool2d(grad, factors, divisor_override=1, out=out)
    return out


def _exercise(dtype):
    x = sample(dtype, 2, 2, 2, 3)
    upsample_backward(upsample(x, 2), x, 2)


UPSAMPLE = operation(upsample, upsample_backward, _exercise)
