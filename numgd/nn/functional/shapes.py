"""Concatenation, padding and flattening of arrays, forward and backward."""

import numpy as np

from numgd.foundations.ranges import checked
from numgd.nn.functional.checks import Extra, output, outputs, real_array, same_shape
from numgd.nn.functional.operation import operation, sample


def concatenate(
    arrays: list[np.ndarray] | tuple[np.ndarray, ...], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Concatenate arrays along their channels.

    Parameters
    ----------
    arrays : sequence of array_like of float32 or float64, shape (..., Cᵢ)
        Equal except for the last axis, and of the same dtype.
    out : array of shape (..., ΣCᵢ), optional

    Returns
    -------
    array of shape (..., ΣCᵢ)

    Raises
    ------
    ValueError
        If there are no arrays, or if shapes do not match.
    TypeError
        Dtypes other than float32 and float64, or different dtypes.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import concatenate
    >>> concatenate([np.zeros((1, 2)), np.ones((1, 1))])
    array([[0., 0., 1.]])
    """
    arrays = _side_by_side(arrays)
    width = sum(array.shape[-1] for array in arrays)
    out = output(out, (*arrays[0].shape[:-1], width), arrays[0].dtype, *arrays)
    return np.concatenate(arrays, axis=-1, out=out)


def concatenate_backward(
    grad: np.ndarray,
    arrays: list[np.ndarray] | tuple[np.ndarray, ...],
    *,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, ...]:
    """Gradients of ``sum(grad * concatenate(arrays))`` for the arrays; only their shapes are used.

    Parameters
    ----------
    grad : array_like of shape (..., ΣCᵢ)
    arrays
        As given to `concatenate`.
    out : tuple of arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import concatenate_backward
    >>> concatenate_backward(np.array([[1.0, 2.0, 3.0]]), [np.zeros((1, 2)), np.ones((1, 1))])
    (array([[1., 2.]]), array([[3.]]))
    """
    arrays = _side_by_side(arrays)
    ends = np.cumsum([array.shape[-1] for array in arrays])
    grad = same_shape("grad", grad, (*arrays[0].shape[:-1], int(ends[-1])), arrays[0].dtype)
    names = [f"arrays[{k}]" for k in range(len(arrays))]
    results = outputs(out, names, [array.shape for array in arrays], grad.dtype, grad, *arrays)
    for result, part in zip(results, np.split(grad, ends[:-1], axis=-1), strict=True):
        np.copyto(result, part)
    return results


def _side_by_side(arrays):
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, tuple | list) or not arrays:
        raise ValueError("arrays must be a list or tuple of at least one array")
    checked = []
    for k, given in enumerate(arrays):
        array = real_array(f"arrays[{k}]", given, dtype=checked[0].dtype if checked else None)
        if array.ndim == 0:
            raise ValueError(f"arrays[{k}] must have at least one axis, for the channels; it has none")
        if checked and array.shape[:-1] != checked[0].shape[:-1]:
            raise ValueError(
                f"arrays[{k}] has shape {array.shape}, but arrays[0] has shape {checked[0].shape}"
            )
        checked.append(array)
    return checked


def pad(
    x: np.ndarray, padding: int | tuple[int, ...], value: float = 0.0, *, out: np.ndarray | None = None
) -> np.ndarray:
    """Pad images with a constant value.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    padding : int, pair of int or four of them
        One number for all sides, a pair (vertical, horizontal), or (top, bottom, left, right).
    value : float
        Value of the padding.
    out : array of shape (N, H + top + bottom, W + left + right, C), optional

    Returns
    -------
    array of that shape, of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong or the padding is negative.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import pad
    >>> pad(np.ones((1, 1, 1, 1)), (0, 0, 1, 2)).ravel()
    array([0., 1., 0., 0.])
    """
    x, (top, bottom, left, right) = real_array("x", x, 4), _sides(padding)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"value must be a number; it is {value!r}")
    images, height, width, channels = x.shape
    out = output(out, (images, height + top + bottom, width + left + right, channels), x.dtype, x)
    out[:, :top] = out[:, top + height :] = value
    inside = out[:, top : top + height]
    inside[:, :, :left] = inside[:, :, left + width :] = value
    inside[:, :, left : left + width] = x
    return out


def pad_backward(
    grad: np.ndarray, x: np.ndarray, padding: int | tuple[int, ...], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of ``sum(grad * pad(x, padding))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of the shape of the result
    x, padding
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
    x, (top, bottom, left, right) = real_array("x", x, 4), _sides(padding)
    images, height, width, channels = x.shape
    shape = (images, height + top + bottom, width + left + right, channels)
    grad = same_shape("grad", grad, shape, x.dtype)
    out = output(out, x.shape, x.dtype, grad, x)
    np.copyto(out, grad[:, top : top + height, left : left + width])
    return out


def _sides(padding):
    """Padding as (top, bottom, left, right)."""
    values = tuple(padding) if isinstance(padding, tuple | list) else (padding,)
    sides = (
        {1: values * 4, 2: (values[0],) * 2 + values[1:] * 2, 4: values}.get(len(values)) if values else None
    )
    if sides is None:
        raise ValueError(f"padding must be one integer, two or four; it is {padding!r}")
    return tuple(checked("padding", side, Extra) for side in sides)


def flatten(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Flatten every sample to a row, in memory order (height, width, channels).

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, ...)
    out : array of shape (N, D), optional
        D is the product of the other axes.

    Returns
    -------
    array of shape (N, D)
        A view of x if x is contiguous and `out` is not given.

    Raises
    ------
    ValueError
        If x has no axis.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import flatten
    >>> flatten(np.zeros((5, 2, 3, 4))).shape
    (5, 24)
    """
    x = real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, for the samples; it has none")
    flat = x.reshape(x.shape[0], int(np.prod(x.shape[1:])))
    if out is None:
        return flat
    out = output(out, flat.shape, x.dtype, x)
    np.copyto(out, flat)
    return out


def flatten_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient of ``sum(grad * flatten(x))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, D)
    x
        As given to `flatten`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x
        A view of grad if grad is contiguous and `out` is not given.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import flatten_backward
    >>> flatten_backward(np.zeros((5, 24)), np.zeros((5, 2, 3, 4))).shape
    (5, 2, 3, 4)
    """
    x = real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, for the samples; it has none")
    grad = same_shape("grad", grad, (x.shape[0], int(np.prod(x.shape[1:]))), x.dtype).reshape(x.shape)
    if out is None:
        return grad
    out = output(out, x.shape, x.dtype, grad, x)
    np.copyto(out, grad)
    return out


def _exercise_flatten(dtype):
    x = sample(dtype, 2, 3, 4)
    flatten_backward(flatten(x), x)


def _exercise_pad(dtype):
    x = sample(dtype, 2, 3, 3, 4)
    pad_backward(pad(x, 1), 1)


FLATTEN = operation(flatten, flatten_backward, _exercise_flatten, lambda ndim: 2)
PAD = operation(pad, pad_backward, _exercise_pad)
