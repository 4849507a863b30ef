"""Maxima and averages over windows of images (N, H, W, C)."""

import math
from itertools import product

import numpy as np

from numgd.foundations.ranges import Flag, Positive, check_arguments
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import memory, pool
from numgd.kernels.machines import on_device
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import (
    Size,
    check_beside,
    output,
    pair_of,
    real_array,
    same_shape,
)
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.windows import ALL, Phase, Windows, number_of, windows_of

MAX_WINDOWS = 2**24
"""The largest number of windows along an axis of an image."""


def with_pixels(x, axes):
    """Checked signals, images or volumes, with channels last, that are not empty."""
    x = real_array("x", x, axes + 2)
    if 0 in x.shape[1:-1]:
        raise ValueError(f"x has no pixels; its shape is {x.shape}")
    return x


def _images(x):
    return with_pixels(x, 2)


def check_indexable(x):
    """Raise unless an int32 index counts the pixels of each image or volume."""
    if math.prod(x.shape[1:-1]) > np.iinfo(np.int32).max:
        raise ValueError(f"x has shape {x.shape}, with more pixels than an int32 index counts")


def indices_of(given, shape):
    """Contiguous indices, of the shape of the result."""
    indices = memory.taken("indices", given)
    if indices.shape != shape:
        raise ValueError(f"indices has shape {indices.shape}, but the result has shape {shape}")
    if indices.dtype != np.int32:
        raise TypeError(f"indices must be int32; its dtype is {indices.dtype}")
    return memory.contiguous(indices)


def _windows(x, kernel_size, stride, padding, dilation, ceil_mode):
    """The phases of the windows along height and width, of which a device takes only whole images."""
    rows, columns = windows_of(x.shape[1:-1], kernel_size, stride, padding, dilation, ceil_mode)
    if on_device(x) and not rows[0].pixels is columns[0].pixels is ALL:
        raise ValueError(f"dilation must be 1 for arrays on a device; it is {dilation!r}")
    return rows, columns


def _pooled(x, rows, columns):
    """Shape of the result."""
    return (x.shape[0], number_of(rows), number_of(columns), x.shape[3])


def _pixels(x, rows, columns):
    """The pixels of two phases."""
    return x if rows.pixels is columns.pixels is ALL else x[:, rows.pixels, columns.pixels]


def _results(y, rows, columns):
    """The results of two phases."""
    return y if rows.results is columns.results is ALL else y[:, rows.results, columns.results]


class _Memory:
    """Contiguous memory for a part of a result: that itself, or a copy that is stored afterwards."""

    def __init__(self, part):
        self.part = part

    def __enter__(self):
        part = self.part
        self.memory = part
        if not (on_device(part) or part.flags.c_contiguous):  # results on a device are whole
            self.memory = np.empty(part.shape, part.dtype)
        return self.memory

    def __exit__(self, *error):
        if self.memory is not self.part:
            self.part[...] = self.memory


# Maximum --------------------------------------------------------------------------------------------


@anywhere
@check_arguments
def max_pool2d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    dilation: int | tuple[int, int] = 1,
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
    padding : int, pair of int, four of them, 'same', 'same_lower' or 'valid'
        Rows and columns of -∞, at most half of what a window spans, in the forms of `conv2d`.
    dilation : int or pair of int
        Distance between the pixels of a window, at least 1; 1 for arrays on a device.
    ceil_mode : bool
        Whether an incomplete window at the end is included.
    return_indices : bool
    out : array of shape (N, OH, OW, C), optional

    Returns
    -------
    array of shape (N, OH, OW, C), of the dtype of x
        NaN where a window contains NaN.  OH = ⌊(H + top + bottom - extent) / stride⌋ + 1 where a window spans
        extent = dilation (kernel_size - 1) + 1, rounded up with `ceil_mode`, but no window starts beyond the
        image.
    int32 array of the same shape, if `return_indices`
        The position of each maximum in its image, h W + w (the first of equal ones, the last NaN), for
        `max_pool2d_backward`.

    Raises
    ------
    ValueError
        If the number of axes is wrong, the stride is below 1, the padding is negative, a window is larger
        than the padded image, or a dilated window contains no pixel of it; for dilated windows of arrays on a
        device.
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
    rows, columns = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    out = output(out, _pooled(x, rows, columns), x.dtype, x)
    if return_indices:
        return out, _maximum(x, rows, columns, out)
    nowhere = np.empty((0, 0, 0, 0), np.int32)
    for down, across in product(rows, columns):
        with _Memory(_results(out, down, across)) as part:
            _maximum_of_phase(_pixels(x, down, across), down, across, False, part, nowhere)
    return out


def _maximum_of_phase(x, rows, columns, keep, out, places):
    x, large = memory.contiguous(x), out.nbytes >= LARGE
    pool.maximum(x, rows.windows.bounds, columns.windows.bounds, keep, large, out, places)


def _maximum(x, rows, columns, out):
    """Fill `out` and return the positions of its maxima."""
    check_indexable(x)
    places = memory.empty(x, out.shape, np.dtype(np.int32))
    for down, across in product(rows, columns):
        part = _pixels(x, down, across)
        with (
            _Memory(_results(out, down, across)) as largest,
            _Memory(_results(places, down, across)) as found,
        ):
            _maximum_of_phase(part, down, across, True, largest, found)
            if part.shape != x.shape:
                i, j = np.divmod(found, part.shape[2])
                i, j = (_of_image(i, down), _of_image(j, across))
                found[...] = i * x.shape[2] + j
    return places


def _of_image(places, phase):
    """Pixels of a phase as pixels of the image."""
    return phase.pixels.start + phase.pixels.step * places


def _of_phase(places, x, rows, columns):
    """Positions in an image as positions among the pixels of two phases; -1 where they are not among them."""
    part = _pixels(x, rows, columns)
    if part.shape == x.shape:
        return memory.contiguous(places)
    (i, over), (j, beside) = (
        np.divmod(place - phase.pixels.start, phase.pixels.step)
        for place, phase in zip(np.divmod(places, x.shape[2]), (rows, columns), strict=True)
    )
    return np.where((over == 0) & (beside == 0), i * part.shape[2] + j, -1).astype(np.int32)


@anywhere
@check_arguments
def max_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: Flag = False,
    indices: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * max_pool2d(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of shape (N, OH, OW, C)
    x, kernel_size, stride, padding, dilation, ceil_mode
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
    rows, columns = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    shape = _pooled(x, rows, columns)
    grad = same_shape("grad", grad, shape, x.dtype)
    if indices is not None:
        indices = indices_of(indices, shape)
    check_beside(x, grad=grad, indices=indices)
    if indices is not None:
        for down, across in product(rows, columns):
            places = _of_phase(_results(indices, down, across), x, down, across)
            width = _pixels(x, down, across).shape[2]
            if not pool.places_within(places, down.windows.bounds, across.windows.bounds, width):
                raise ValueError("indices has entries outside the windows that they belong to")
    out = output(out, x.shape, x.dtype, grad, x, indices)
    if indices is None:
        indices = _maximum(x, rows, columns, memory.empty(x, shape, x.dtype))

    def add(grad, down, across, out):
        places = _of_phase(_results(indices, down, across), x, down, across)
        containing = down.windows.containing
        pool.maximum_gradient(grad, places, containing, across.windows.bounds, out.nbytes >= LARGE, out)

    return _gradient(add, grad, rows, columns, out)


def _gradient(add, grad, rows, columns, out):
    """Call ``add(grad, rows, columns, out)`` for all phases; pixels that belong to none get 0."""
    if _pixels(out, rows[0], columns[0]).shape != out.shape:
        out[...] = 0
    for down, across in product(rows, columns):
        with _Memory(_pixels(out, down, across)) as part:
            add(memory.contiguous(_results(grad, down, across)), down, across, part)
    return out


# Average --------------------------------------------------------------------------------------------


def _averaging(x, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override):
    """Windows, with the divisors of their sums."""
    rows, columns = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    if divisor_override is not None:
        return _counted(rows, divisor_override), _counted(columns, 1.0)
    if not count_include_pad:
        return tuple(
            tuple(phase._replace(windows=phase.windows.counted_in_image()) for phase in phases)
            for phases in (rows, columns)
        )
    return rows, columns


def _counted(phases, count):
    """The same windows, all counted as one size."""
    return tuple(
        phase._replace(windows=phase.windows.counted(np.full(phase.windows.number, float(count))))
        for phase in phases
    )


def _average(x, rows, columns, out):
    out = output(out, _pooled(x, rows, columns), x.dtype, x)
    for down, across in product(rows, columns):
        part, tall, wide = memory.contiguous(_pixels(x, down, across)), down.windows, across.windows
        with _Memory(_results(out, down, across)) as means:
            large = means.nbytes >= LARGE
            pool.average(part, tall.bounds, wide.bounds, tall.counts, wide.counts, large, means)
    return out


def _average_backward(grad, x, rows, columns, out):
    grad = same_shape("grad", grad, _pooled(x, rows, columns), x.dtype)
    check_beside(x, grad=grad)
    out = output(out, x.shape, x.dtype, grad, x)

    def add(grad, down, across, out):
        tall, wide = down.windows, across.windows
        counts = tall.counts, wide.counts
        pool.average_gradient(grad, tall.containing, wide.bounds, *counts, out.nbytes >= LARGE, out)

    return _gradient(add, grad, rows, columns, out)


@anywhere
@check_arguments
def avg_pool2d(
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The mean of each channel in each window.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, H, W, C)
    kernel_size, stride, padding, dilation, ceil_mode
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
        If the number of axes is wrong, the stride is below 1, the padding is negative, a window is larger
        than the padded image, or a dilated window contains no pixel of it; for dilated windows of arrays on a
        device.
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
    how = (kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override)
    return _average(x, *_averaging(x, *how), out)


@anywhere
@check_arguments
def avg_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, ...] | str = 0,
    *,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Positive | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * avg_pool2d(x, …))`` with respect to x, of which only the shape is used.

    Parameters
    ----------
    grad : array_like of shape (N, OH, OW, C)
    x, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override
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
    how = (kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override)
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
        windows.append((Phase(ALL, ALL, Windows(length, starts, stops, stops - starts)),))
    return windows


@anywhere
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


@anywhere
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


@anywhere
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


@anywhere
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
    check_beside(x, grad=grad)
    return _average_backward(grad.reshape(x.shape[0], 1, 1, x.shape[3]), x, *_adaptive(x, 1), out)


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
