"""Padding of images, forward and backward."""

import numpy as np

from numgd.foundations.ranges import check_arguments, one_of
from numgd.kernels.layers import padding as padding_kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import check_beside, output, real_array, same_shape
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.sides import sides_of

Mode = one_of("constant", "reflect", "edge")


@anywhere
@check_arguments
def pad(
    x: np.ndarray,
    padding: int | tuple[int, ...],
    value: float = 0.0,
    *,
    mode: Mode = "constant",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Pad images with a value, or continue them.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    padding : int, pair of int or four of them
        One number for all sides, a pair (vertical, horizontal), or (top, bottom, left, right).
    value : float
        Value of the padding with the mode 'constant'.
    mode : {'constant', 'reflect', 'edge'}
        Whether the padding has that value, mirrors the image about its outermost pixels, or repeats them, as
        in `numpy.pad`.
    out : array of shape (N, H + top + bottom, W + left + right, C), optional

    Returns
    -------
    array of that shape, of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong, the padding is negative, or there are no pixels to mirror or repeat.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import pad
    >>> pad(np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1), (0, 0, 1, 2)).ravel()
    array([0., 1., 2., 3., 0., 0.])
    >>> pad(np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1), (0, 0, 1, 2), mode="reflect").ravel()
    array([2., 1., 2., 3., 2., 1.])
    """
    x, sides = _checked(x, padding, mode)
    top, bottom, left, right = sides
    value = _checked_value(value, x.dtype)
    images, height, width, channels = x.shape
    out = output(out, (images, height + top + bottom, width + left + right, channels), x.dtype, x)
    padding_kernels.pad(x, sides, value, *_sources(x, sides, mode), out)
    return out


@anywhere
@check_arguments
def pad_backward(
    grad: np.ndarray,
    x: np.ndarray,
    padding: int | tuple[int, ...],
    *,
    mode: Mode = "constant",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * pad(x, padding, …))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of the shape of the result
    x, padding, mode
        As given to `pad`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import pad_backward
    >>> pad_backward(np.arange(9.0).reshape(1, 3, 3, 1), np.zeros((1, 1, 1, 1)), 1).ravel()
    array([4.])
    """
    x, sides = _checked(x, padding, mode)
    top, bottom, left, right = sides
    images, height, width, channels = x.shape
    shape = (images, height + top + bottom, width + left + right, channels)
    grad = same_shape("grad", grad, shape, x.dtype)
    check_beside(x, grad=grad)
    out = output(out, x.shape, x.dtype, grad, x)
    padding_kernels.pad_gradient(grad, sides, *_sources(x, sides, mode), out)
    return out


def _checked(x, padding, mode):
    """The images, and the padding of the four sides."""
    x, sides = real_array("x", x, 4), sides_of(padding)
    if mode != "constant" and any(sides) and 0 in x.shape[1:3]:
        raise ValueError(f"x has no pixels to continue; its shape is {x.shape}")
    return x, sides


def _checked_value(value, dtype):
    """The value of the padding as a number of a dtype."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"value must be a number; it is {value!r}")
    try:
        with np.errstate(over="raise"):
            return dtype.type(value)
    except (OverflowError, FloatingPointError):
        raise ValueError(f"value must be a number of the dtype of x, {dtype}; it is {value!r}") from None


def _sources(x, sides, mode):
    """The pixel of the image that each row and each column of the result repeats; None for a value."""
    if mode == "constant":
        return None, None
    return tuple(
        np.pad(np.arange(length), around, mode)
        for length, around in zip(x.shape[1:3], (sides[:2], sides[2:]), strict=True)
    )


def _exercise(dtype):
    x = sample(dtype, 2, 3, 3, 4)
    pad_backward(pad(x, 1), x, 1)


PAD = operation(pad, pad_backward, _exercise)
