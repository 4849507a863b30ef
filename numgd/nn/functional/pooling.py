"""Maxima and averages over windows of images (N, H, W, C)."""

from copy import copy
from functools import cached_property, lru_cache

import numpy as np

from numgd.foundations.ranges import Flag, Positive, check_arguments
from numgd.jit.streaming import LARGE
from numgd.kernels.cpu.layers import pool
from numgd.nn.functional.checks import Extra, Size, aligned, output, pair_of, real_array, same_shape
from numgd.nn.functional.operation import operation, sample

MAX_WINDOWS = 2**24
"""The largest number of windows along an axis of an image."""

_SHORT = 4096
"""Windows along axes of at most this length are kept; finding them takes as long as pooling a small image."""


class _Windows:
    """Along one axis: where windows start and stop within the image, and the size that each counts as."""

    def __init__(self, length, starts, stops, counts):
        self.bounds = np.stack([np.maximum(starts, 0), np.minimum(stops, length)])
        self.counts = counts.astype(np.float64)
        self.number = starts.size
        self.length = length

    def counted(self, counts):
        """The same windows, counted as other sizes."""
        windows = copy(self)
        windows.counts = counts
        return windows

    def counted_in_image(self):
        """The same windows, counted without padding."""
        return self.counted((self.bounds[1] - self.bounds[0]).astype(np.float64))

    @cached_property
    def containing(self):
        """For each position in the image, the first window that contains it and the next that does not."""
        places = np.arange(self.length)
        first = np.searchsorted(self.bounds[1], places, side="right")
        return np.stack([first, np.searchsorted(self.bounds[0], places, side="right")])


def _sliding(name, length, size, stride, padding, ceil_mode):
    """Windows of one size.  As in PyTorch, the last one starts in the image or in the padding before it."""
    room = length + 2 * padding - size
    if room < 0:
        raise ValueError(f"kernel_size {size} is larger than the padded {name} of x, {length + 2 * padding}")
    number = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    if ceil_mode and (number - 1) * stride >= length + padding:
        number -= 1
    starts = np.arange(number) * stride - padding
    stops = starts + size
    return _Windows(length, starts, stops, np.minimum(stops, length + padding) - starts)


_kept = lru_cache(256)(_sliding)


def _windows(x, kernel_size, stride, padding, ceil_mode):
    kernel_size = pair_of("kernel_size", kernel_size, Size)
    stride = kernel_size if stride is None else pair_of("stride", stride, Size)
    padding = pair_of("padding", padding, Extra)
    for size, added in zip(kernel_size, padding, strict=True):
        if 2 * added > size:
            raise ValueError(f"padding {padding} is more than half of kernel_size {kernel_size}")
    return tuple(
        (_kept if length <= _SHORT else _sliding)(name, length, size, step, added, bool(ceil_mode))
        for name, length, size, step, added in zip(
            ("height", "width"), x.shape[1:3], kernel_size, stride, padding, strict=True
        )
    )


def _images(x):
    x = real_array("x", x, 4)
    if 0 in x.shape[1:3]:
        raise ValueError(f"x has no pixels; its shape is {x.shape}")
    return x


def _pooled(x, rows, columns):
    return (x.shape[0], rows.number, columns.number, x.shape[3])


# Maximum --------------------------------------------------------------------------------------------


@check_arguments
def max_pool2d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    *,
    ceil_mode: Flag = False,
    return_indices: Flag = False,
    out: np.ndarray | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """The largest number of each channel in each window.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Distance between windows; by default `kernel_size`.
    padding : int or pair of int
        Rows and columns of -∞ on each side, at most half the size of a window.
    ceil_mode : bool
        Whether an incomplete window at the end is included.
    return_indices : bool
    out : array of shape (N, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OH, OW, C), of the dtype of x
        NaN where a window contains NaN.  OH = ⌊(H + 2 padding - kernel_size) / stride⌋ + 1, rounded up with
        `ceil_mode`, but no window starts beyond the image.
    int32 array of the same shape, if `return_indices`
        The position of each maximum in its image, h W + w (the first of equal ones), for
        `max_pool2d_backward`.

    Raises
    ------
    ValueError
        If the number of axes is wrong, the stride is below 1, the padding is negative, or a window is larger
        than the padded image.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import max_pool2d
    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x = _images(x)
    rows, columns = _windows(x, kernel_size, stride, padding, ceil_mode)
    shape = _pooled(x, rows, columns)
    out = output(out, shape, x.dtype, x)
    if return_indices:
        return out, _maximum(x, rows, columns, out)
    nowhere = np.empty((0, 0, 0, 0), np.int32)
    pool.maximum(x, rows.bounds, columns.bounds, False, out.nbytes >= LARGE, out, nowhere)
    return out


def _maximum(x, rows, columns, out):
    """Fill `out` and return the positions of its maxima."""
    if x.shape[1] * x.shape[2] > np.iinfo(np.int32).max:
        raise ValueError(f"x has shape {x.shape}: its images have more pixels than an int32 index counts")
    places = aligned(out.shape, np.int32)
    pool.maximum(x, rows.bounds, columns.bounds, True, out.nbytes >= LARGE, out, places)
    return places


@check_arguments
def max_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    *,
    ceil_mode: Flag = False,
    indices: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * max_pool2d(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of shape (N, OH, OW, C)
    x, kernel_size, stride, padding, ceil_mode
        As given to `max_pool2d`.
    indices : int32 array of shape (N, OH, OW, C), optional
        As returned by `max_pool2d`; by default computed again from x.
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
    >>> from numgd.nn.functional import max_pool2d_backward
    >>> x = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 2, 2, 1)
    >>> max_pool2d_backward(np.ones((1, 1, 1, 1)), x, 2).ravel()
    array([0., 1., 0., 0.])
    """
    x = _images(x)
    rows, columns = _windows(x, kernel_size, stride, padding, ceil_mode)
    shape = _pooled(x, rows, columns)
    grad = same_shape("grad", grad, shape, x.dtype)
    if indices is not None:
        indices = np.asarray(indices)
        if indices.shape != shape:
            raise ValueError(f"indices has shape {indices.shape}, but the result has shape {shape}")
        if indices.dtype != np.int32:
            raise TypeError(f"indices must be int32; its dtype is {indices.dtype}")
        indices = np.ascontiguousarray(indices)
        if not pool.places_within(indices, rows.bounds, columns.bounds, x.shape[2]):
            raise ValueError("indices has entries outside the windows that they belong to")
    out = output(out, x.shape, x.dtype, grad, x, indices)
    if indices is None:
        indices = _maximum(x, rows, columns, aligned(shape, x.dtype))
    pool.maximum_gradient(grad, indices, rows.containing, columns.bounds, out.nbytes >= LARGE, out)
    return out


# Average --------------------------------------------------------------------------------------------


def _averaging(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Windows, with the divisors of their sums."""
    rows, columns = _windows(x, kernel_size, stride, padding, ceil_mode)
    if divisor_override is not None:
        return rows.counted(np.full(rows.number, divisor_override)), columns.counted(np.ones(columns.number))
    if not count_include_pad:
        return rows.counted_in_image(), columns.counted_in_image()
    return rows, columns


def _average(x, rows, columns, out):
    out = output(out, _pooled(x, rows, columns), x.dtype, x)
    large = out.nbytes >= LARGE
    pool.average(x, rows.bounds, columns.bounds, rows.counts, columns.counts, large, out)
    return out


def _average_backward(grad, x, rows, columns, out):
    grad = same_shape("grad", grad, _pooled(x, rows, columns), x.dtype)
    out = output(out, x.shape, x.dtype, grad, x)
    large = out.nbytes >= LARGE
    pool.average_gradient(grad, rows.containing, columns.bounds, rows.counts, columns.counts, large, out)
    return out


@check_arguments
def avg_pool2d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    *,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The mean of each channel in each window.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    kernel_size, stride, padding, ceil_mode
        As for `max_pool2d`; the padding holds zeros.
    count_include_pad : bool
        Whether the divisor of a sum includes the padding.  It never includes what `ceil_mode` adds.
    divisor_override : float, optional
        Divisor to use instead.
    out : array of shape (N, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OH, OW, C), of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong, the stride is below 1, the padding is negative, or a window is larger
        than the padded image.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool2d
    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x = _images(x)
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _average(x, *_averaging(x, *how), out)


@check_arguments
def avg_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    *,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * avg_pool2d(x, …))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, OH, OW, C)
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As given to `avg_pool2d`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import avg_pool2d_backward
    >>> avg_pool2d_backward(np.ones((1, 1, 2, 1)), np.zeros((1, 1, 3, 1)), (1, 2), 1).ravel()
    array([0.5, 1. , 0.5])
    """
    x = _images(x)
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _average_backward(grad, x, *_averaging(x, *how), out)


def _adaptive(x, output_size):
    """Windows that cover the image: window i goes from ⌊i H/OH⌋ to ⌈(i + 1) H/OH⌉."""
    windows = []
    numbers = pair_of("output_size", output_size, Size)
    if max(numbers) > MAX_WINDOWS:
        raise ValueError(f"output_size must be at most {MAX_WINDOWS}; it is {output_size!r}")
    for length, number in zip(x.shape[1:3], numbers, strict=True):
        index = np.arange(number)
        starts, stops = index * length // number, -(-(index + 1) * length // number)
        windows.append(_Windows(length, starts, stops, stops - starts))
    return windows


def adaptive_avg_pool2d(
    x: np.ndarray, output_size: int | tuple[int, int], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Means over windows that cover the image: window i of OH goes from ⌊i H/OH⌋ to ⌈(i + 1) H/OH⌉.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    output_size : int or pair of int
        OH and OW.
    out : array of shape (N, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OH, OW, C), of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong or a size is below 1.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import adaptive_avg_pool2d
    >>> adaptive_avg_pool2d(np.arange(5.0).reshape(1, 1, 5, 1), (1, 2)).ravel()
    array([1., 3.])
    """
    x = _images(x)
    return _average(x, *_adaptive(x, output_size), out)


def adaptive_avg_pool2d_backward(
    grad: np.ndarray, x: np.ndarray, output_size: int | tuple[int, int], *, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of ``sum(grad * adaptive_avg_pool2d(x, output_size))`` for x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, OH, OW, C)
    x, output_size
        As given to `adaptive_avg_pool2d`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import adaptive_avg_pool2d_backward
    >>> adaptive_avg_pool2d_backward(np.ones((1, 1, 2, 1)), np.zeros((1, 1, 4, 1)), (1, 2)).ravel()
    array([0.5, 0.5, 0.5, 0.5])
    """
    x = _images(x)
    return _average_backward(grad, x, *_adaptive(x, output_size), out)


def global_avg_pool2d(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The mean of each channel over the whole image.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    out : array of shape (N, C), optional

    Returns
    -------
    array of shape (N, C), of the dtype of x

    Raises
    ------
    ValueError
        If the number of axes is wrong.
    TypeError
        Dtypes other than float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import global_avg_pool2d
    >>> global_avg_pool2d(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[3., 4.]])
    """
    x = _images(x)
    out = output(out, (x.shape[0], x.shape[3]), x.dtype, x)
    _average(x, *_adaptive(x, 1), out.reshape(x.shape[0], 1, 1, x.shape[3]))
    return out


def global_avg_pool2d_backward(
    grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of ``sum(grad * global_avg_pool2d(x))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, C)
    x
        As given to `global_avg_pool2d`.
    out : array of the shape of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import global_avg_pool2d_backward
    >>> global_avg_pool2d_backward(np.ones((1, 1)), np.zeros((1, 2, 2, 1))).ravel()
    array([0.25, 0.25, 0.25, 0.25])
    """
    x = _images(x)
    grad = same_shape("grad", grad, (x.shape[0], x.shape[3]), x.dtype)
    return _average_backward(grad[:, None, None], x, *_adaptive(x, 1), out)


def _exercise_maximum(dtype):
    x = sample(dtype, 2, 5, 5, 3)
    y, indices = max_pool2d(x, 2, return_indices=True)
    max_pool2d_backward(y, x, 2, indices=indices)
    max_pool2d_backward(max_pool2d(x, 2), x, 2)


MAX_POOL2D = operation(max_pool2d, max_pool2d_backward, _exercise_maximum)


def _exercise_average(dtype):
    x = sample(dtype, 2, 5, 5, 3)
    avg_pool2d_backward(avg_pool2d(x, 2), x, 2)


AVG_POOL2D = operation(avg_pool2d, avg_pool2d_backward, _exercise_average)


def _exercise_adaptive(dtype):
    x = sample(dtype, 2, 5, 5, 3)
    adaptive_avg_pool2d_backward(adaptive_avg_pool2d(x, 2), x, 2)


ADAPTIVE_AVG_POOL2D = operation(adaptive_avg_pool2d, adaptive_avg_pool2d_backward, _exercise_adaptive)


def _exercise_global(dtype):
    x = sample(dtype, 2, 5, 5, 3)
    global_avg_pool2d_backward(global_avg_pool2d(x), x)


GLOBAL_AVG_POOL2D = operation(global_avg_pool2d, global_avg_pool2d_backward, _exercise_global, lambda ndim: 2)
