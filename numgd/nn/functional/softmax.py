"""Softmax and its logarithm, forward and backward."""

import math

import numpy as np

from numgd.foundations.ranges import check_arguments
from numgd.kernels.layers import memory, transposes
from numgd.kernels.layers import softmax as kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import Axis, axis_of, output, real_array, with_grad
from numgd.nn.functional.operation import operation, sample


def _rows(kernel, x, axis, out):
    """A function of the rows along an axis."""
    x = real_array("x", x)
    out = output(out, x.shape, x.dtype, x)
    return _along(lambda x, out: kernel(x.reshape(-1), x.shape[-1], out.reshape(-1)), axis, out, x)


def _rows_backward(kernel, grad, x, axis, out):
    grad, x = with_grad(grad, x)
    out = output(out, x.shape, x.dtype, grad, x)
    return _along(
        lambda x, grad, out: kernel(grad.reshape(-1), x.reshape(-1), x.shape[-1], out.reshape(-1)),
        axis, out, x, grad,
    )  # fmt: skip


def _along(function, axis, out, x, *others):
    """Call ``function(x, …, out)`` with the axis as the last one."""
    axis = axis_of(axis, x)
    if x.shape[axis] == 0:
        raise ValueError(f"x must have elements along axis {axis}; its shape is {x.shape}")
    if axis == x.ndim - 1:
        function(x, *others, out)
        return out
    count, classes, rows = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    arrays = [memory.empty(x, (count * rows, classes), x.dtype) for _ in (x, *others, out)]
    for array, moved in zip((x, *others), arrays[:-1], strict=True):
        transposes(array.reshape(-1), count, classes, rows, moved.reshape(-1))
    function(*arrays)
    transposes(arrays[-1].reshape(-1), count, rows, classes, out.reshape(-1))
    return out


@anywhere
@check_arguments
def softmax(x: np.ndarray, *, axis: Axis = -1, out: np.ndarray | None = None) -> np.ndarray:
    """exp(xⱼ) / Σₖ exp(xₖ), along an axis.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64.
    axis : int, optional
        Axis of the classes, of which there must be at least one.  The last one takes the fewest passes.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    The largest element is subtracted first, so that no exponential overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softmax
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return _rows(kernels.softmax, x, axis, out)


@anywhere
@check_arguments
def softmax_backward(
    grad: np.ndarray, x: np.ndarray, *, axis: Axis = -1, out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of ``sum(grad * softmax(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    axis : int, optional
        As for `softmax`.
    out : numpy.ndarray, optional
        As for `softmax`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softmax_backward
    >>> softmax_backward(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(3)
    array([[ 0.197, -0.197]])
    """
    return _rows_backward(kernels.softmax_backward, grad, x, axis, out)


@anywhere
@check_arguments
def log_softmax(x: np.ndarray, *, axis: Axis = -1, out: np.ndarray | None = None) -> np.ndarray:
    """xⱼ − log Σₖ exp(xₖ), along an axis.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64.
    axis : int, optional
        Axis of the classes, of which there must be at least one.  The last one takes the fewest passes.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    The largest element is subtracted first, so that no exponential overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import log_softmax
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    return _rows(kernels.log_softmax, x, axis, out)


@anywhere
@check_arguments
def log_softmax_backward(
    grad: np.ndarray, x: np.ndarray, *, axis: Axis = -1, out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of ``sum(grad * log_softmax(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    axis : int, optional
        As for `log_softmax`.
    out : numpy.ndarray, optional
        As for `log_softmax`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import log_softmax_backward
    >>> log_softmax_backward(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(3)
    array([[ 0.731, -0.731]])
    """
    return _rows_backward(kernels.log_softmax_backward, grad, x, axis, out)


def _of_rows(forward, backward):
    def exercise(dtype):
        x = sample(dtype, 2, 3)
        backward(forward(x), x)

    return operation(forward, backward, exercise)


SOFTMAX = _of_rows(softmax, softmax_backward)
LOG_SOFTMAX = _of_rows(log_softmax, log_softmax_backward)
