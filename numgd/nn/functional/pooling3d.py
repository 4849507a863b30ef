"""Maxima and averages over windows of volumes (N, D, H, W, C): over those of planes, then over depth."""

from typing import NamedTuple

import numpy as np

from numgd.foundations.ranges import Flag, Positive, check_arguments
from numgd.kernels.layers import memory, pool
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import check_beside, output, same_shape
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    check_indexable,
    indices_of,
    max_pool2d,
    with_pixels,
)
from numgd.nn.functional.windows import Windowing, windows_of


class _Pooling(NamedTuple):
    """A pooling of volumes: one of planes (N D, H, W, C), then one over depth, of images (N, D, OH OW, C)."""

    windows: tuple  # along depth, height and width
    shape: tuple  # of the result
    planes: tuple  # shape of the planes
    deep: tuple  # shape of the images over depth
    deep_result: tuple  # shape of their result
    of_planes: dict  # arguments of both poolings
    of_depth: dict


def _pooling(x, kernel_size, stride, padding, ceil_mode):
    """Checked volumes and their pooling."""
    x = with_pixels(x, 3)
    how = Windowing.of(x.shape[1:4], kernel_size, stride, padding, 1)
    windows = tuple(phases[0].windows for phases in windows_of(x.shape[1:-1], *how, ceil_mode))
    batch, depth, height, width, channels = x.shape
    number = tuple(along.number for along in windows)
    size, step, sides = how.size, how.stride, how.padding
    of_planes = {"kernel_size": size[1:], "stride": step[1:], "padding": sides[2:]}
    of_depth = {"kernel_size": (size[0], 1), "stride": (step[0], 1), "padding": (*sides[:2], 0, 0)}
    pooling = _Pooling(
        windows,
        (batch, *number, channels),
        (batch * depth, height, width, channels),
        (batch, depth, number[1] * number[2], channels),
        (batch, number[0], number[1] * number[2], channels),
        {**of_planes, "ceil_mode": ceil_mode},
        {**of_depth, "ceil_mode": ceil_mode},
    )
    return x, pooling


# Maximum --------------------------------------------------------------------------------------------


@anywhere
@check_arguments
def max_pool3d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int, int],
    stride: int | tuple[int, int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    ceil_mode: Flag = False,
    return_indices: Flag = False,
    out: np.ndarray | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """The largest number of each channel in each window of a volume.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, D, H, W, C)
    kernel_size, stride : int or three of int
        Along depth, height and width.
    padding : int, three of int, six of them, 'same', 'same_lower' or 'valid'
        As for `max_pool2d`: one number for all sides, one for each axis, or (front, back, top, bottom, left,
        right).
    ceil_mode, return_indices
        As for `max_pool2d`.
    out : array of shape (N, OD, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OD, OH, OW, C), of the dtype of x
        NaN where a window contains NaN.
    int32 array of the same shape, if `return_indices`
        The position of each maximum in its volume, (d H + h) W + w (the first of equal ones, the last NaN),
        for `max_pool3d_backward`.

    Raises
    ------
    TypeError, ValueError
        As for `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import max_pool3d
    >>> max_pool3d(np.arange(16.0).reshape(1, 2, 2, 4, 1), 2).ravel()
    array([13., 15.])
    """
    x, pooling = _pooling(x, kernel_size, stride, padding, ceil_mode)
    if return_indices:
        check_indexable(x)
    out = output(out, pooling.shape, x.dtype, x)
    planes, result = x.reshape(pooling.planes), out.reshape(pooling.deep_result)
    if not return_indices:
        largest = max_pool2d(planes, **pooling.of_planes)
        max_pool2d(largest.reshape(pooling.deep), **pooling.of_depth, out=result)
        return out
    largest, in_plane = max_pool2d(planes, **pooling.of_planes, return_indices=True)
    how = {**pooling.of_depth, "return_indices": True, "out": result}
    _, places = max_pool2d(largest.reshape(pooling.deep), **how)
    pixels, depths = x.shape[2] * x.shape[3], pooling.windows[0].bounds
    pool.places_in_volumes(places, in_plane.reshape(pooling.deep), depths, pixels)
    return out, places.reshape(pooling.shape)


def _are_within(indices, windows, height, width):
    """Whether every index is inside the window that it belongs to."""
    pixels, (deep, rows, columns) = height * width, windows
    batch, depth, *_, channels = indices.shape
    whole_plane = np.array([[0], [pixels]])
    if not pool.places_within(
        indices.reshape(batch, depth, 1, rows.number * columns.number * channels),
        deep.bounds,
        whole_plane,
        pixels,
    ):
        return False
    in_plane = pool.places_in_planes(indices, pixels)
    in_plane = in_plane.reshape(batch * depth, rows.number, columns.number, channels)
    return pool.places_within(in_plane, rows.bounds, columns.bounds, width)


@anywhere
@check_arguments
def max_pool3d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int, int],
    stride: int | tuple[int, int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    ceil_mode: Flag = False,
    indices: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * max_pool3d(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of shape (N, OD, OH, OW, C)
    x, kernel_size, stride, padding, ceil_mode
        As given to `max_pool3d`.
    indices : int32 array of shape (N, OD, OH, OW, C), optional
        As returned by `max_pool3d`; by default computed again from x.
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
    >>> from numgd.nn.functional import max_pool3d_backward
    >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 2, 2, 1, 1)
    >>> max_pool3d_backward(np.ones((1, 1, 1, 1, 1)), x, (2, 2, 1)).ravel()
    array([0., 1., 0., 0.])
    """
    x, pooling = _pooling(x, kernel_size, stride, padding, ceil_mode)
    grad = same_shape("grad", grad, pooling.shape, x.dtype)
    if indices is not None:
        indices = indices_of(indices, pooling.shape)
    check_beside(x, grad=grad, indices=indices)
    if indices is not None and not _are_within(indices, pooling.windows, *x.shape[2:4]):
        raise ValueError("indices has entries outside the windows that they belong to")
    out = output(out, x.shape, x.dtype, grad, x, indices)
    if indices is None:
        indices = max_pool3d(x, kernel_size, stride, padding, ceil_mode=ceil_mode, return_indices=True)[1]
    containing = tuple(along.containing for along in pooling.windows)
    pool.maximum_gradient_of_volumes(grad, indices, containing, out)
    return out


# Average --------------------------------------------------------------------------------------------


def _averaging(pooling, count_include_pad, divisor_override):
    """The arguments of both poolings: the sums over planes are divided by what does not count depth."""
    counts = {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    of_plane = counts if divisor_override is None else {**counts, "divisor_override": 1.0}
    return {**pooling.of_planes, **of_plane}, {**pooling.of_depth, **counts}


@anywhere
@check_arguments
def avg_pool3d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int, int],
    stride: int | tuple[int, int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The mean of each channel in each window of a volume.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, D, H, W, C)
    kernel_size, stride, padding, ceil_mode
        As for `max_pool3d`; the padding holds zeros.
    count_include_pad, divisor_override
        As for `avg_pool2d`.
    out : array of shape (N, OD, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OD, OH, OW, C), of the dtype of x

    Raises
    ------
    TypeError, ValueError
        As for `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool3d
    >>> avg_pool3d(np.arange(16.0).reshape(1, 2, 2, 4, 1), 2).ravel()
    array([6.5, 8.5])
    """
    x, pooling = _pooling(x, kernel_size, stride, padding, ceil_mode)
    out = output(out, pooling.shape, x.dtype, x)
    of_planes, of_depth = _averaging(pooling, count_include_pad, divisor_override)
    means = avg_pool2d(x.reshape(pooling.planes), **of_planes)
    avg_pool2d(means.reshape(pooling.deep), **of_depth, out=out.reshape(pooling.deep_result))
    return out


@anywhere
@check_arguments
def avg_pool3d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int, int],
    stride: int | tuple[int, int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * avg_pool3d(x, …))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, OD, OH, OW, C)
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As given to `avg_pool3d`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool3d_backward
    >>> avg_pool3d_backward(np.ones((1, 2, 1, 1, 1)), np.zeros((1, 3, 1, 1, 1)), (2, 1, 1), 1).ravel()
    array([0.5, 1. , 0.5])
    """
    x, pooling = _pooling(x, kernel_size, stride, padding, ceil_mode)
    grad = same_shape("grad", grad, pooling.shape, x.dtype)
    out = output(out, x.shape, x.dtype, grad, x)
    of_planes, of_depth = _averaging(pooling, count_include_pad, divisor_override)
    means = memory.empty(x, pooling.deep, x.dtype)  # only the shape is used
    slopes = avg_pool2d_backward(grad.reshape(pooling.deep_result), means, **of_depth)
    slopes = slopes.reshape(pooling.planes[0], *pooling.shape[2:])
    avg_pool2d_backward(slopes, x.reshape(pooling.planes), **of_planes, out=out.reshape(pooling.planes))
    return out


def _exercise_maximum(dtype):
    x = sample(dtype, 2, 4, 5, 5, 3)
    y, indices = max_pool3d(x, 2, return_indices=True)
    max_pool3d_backward(y, x, 2, indices=indices)
    max_pool3d_backward(max_pool3d(x, 2), x, 2)


def _exercise_average(dtype):
    x = sample(dtype, 2, 4, 5, 5, 3)
    avg_pool3d_backward(avg_pool3d(x, 2), x, 2)


MAX_POOL3D = operation(max_pool3d, max_pool3d_backward, _exercise_maximum)
AVG_POOL3D = operation(avg_pool3d, avg_pool3d_backward, _exercise_average)
