"""Concatenation and flattening of arrays, forward and backward."""

import numpy as np

from numgd.foundations.ranges import check_arguments
from numgd.kernels.layers import concatenate as drivers
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import Axis, axis_of, output, outputs, real_array, same_shape
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def concatenate(
    arrays: list[np.ndarray] | tuple[np.ndarray, ...], *, axis: Axis = -1, out: np.ndarray | None = None
) -> np.ndarray:
    """Concatenate arrays along an axis, by default their channels.

    Parameters
    ----------
    arrays : sequence of array_like of float32 or float64
        Of shapes that are equal except along the axis, and of the same dtype.
    axis : int, optional
        Negative numbers count from the last axis.
    out : array, optional

    Returns
    -------
    array
        Along the axis as long as all arrays together.

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
    arrays, axis, shape = _side_by_side(arrays, axis)
    out = output(out, shape, arrays[0].dtype, *arrays)
    drivers.join(arrays, axis, out)
    return out


@anywhere
@check_arguments
def concatenate_backward(
    grad: np.ndarray,
    arrays: list[np.ndarray] | tuple[np.ndarray, ...],
    *,
    axis: Axis = -1,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, ...]:
    """Gradients of ``sum(grad * concatenate(arrays, …))`` for the arrays; only their shapes are used.

    Parameters
    ----------
    grad : array_like of the shape of the result
    arrays, axis
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
    arrays, axis, shape = _side_by_side(arrays, axis)
    grad = same_shape("grad", grad, shape, arrays[0].dtype)
    names = [f"arrays[{k}]" for k in range(len(arrays))]
    results = outputs(out, names, [array.shape for array in arrays], grad.dtype, grad, *arrays)
    drivers.split(grad, axis, results)
    return results


def _side_by_side(arrays, axis):
    """The arrays and the axis, checked, and the shape of the result."""
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, tuple | list) or not arrays:
        raise ValueError("arrays must be a list or tuple of at least one array")
    first = real_array("arrays[0]", arrays[0])
    number, checked = axis_of(axis, first, "arrays[0]"), [first]
    for k, given in enumerate(arrays[1:], 1):
        array = real_array(f"arrays[{k}]", given, dtype=first.dtype)
        if array.ndim != first.ndim or _without(array.shape, number) != _without(first.shape, number):
            raise ValueError(f"arrays[{k}] has shape {array.shape}, but arrays[0] has shape {first.shape}")
        checked.append(array)
    shape = list(first.shape)
    shape[number] = sum(array.shape[number] for array in checked)
    return checked, number, tuple(shape)


def _without(shape, axis):
    return shape[:axis] + shape[axis + 1 :]


@anywhere
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


@anywhere
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


FLATTEN = operation(flatten, flatten_backward, _exercise_flatten, lambda ndim: 2)
