"""The dense layer: a matrix product, a bias, an activation."""

import math

import numpy as np

from numgd.kernels.layers import dense as kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import floor_of, output, outputs, real_array, same_shape
from numgd.nn.functional.operation import operation, sample


@anywhere
def dense(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """x Wᵀ + b for every row of x.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., C)
    weight : array_like of shape (D, C)
        W, of the dtype of x.
    bias : array_like of shape (D,), optional
        b.
    activation : None or 'relu'
        Applied in the pass that adds the bias.
    out : array of shape (..., D), optional

    Returns
    -------
    array of shape (..., D), of the dtype of x

    Raises
    ------
    ValueError
        If shapes do not match.
    TypeError
        Dtypes other than float32 and float64, or different dtypes.

    Notes
    -----
    On the host the product is computed by the BLAS, with its own threads.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import dense
    >>> weight, bias = np.array([[1.0, 1.0], [0.0, -1.0]]), np.array([0.5, 0.5])
    >>> dense(np.array([[1.0, 2.0]]), weight, bias, activation="relu")
    array([[3.5, 0. ]])
    """
    x, weight = _matrices(x, weight)
    if bias is not None:
        bias = real_array("bias", bias, 1, x.dtype)
        if bias.shape != weight.shape[:1]:
            raise ValueError(f"bias has shape {bias.shape}, but weight has shape {weight.shape}")
    floor = floor_of(activation, x.dtype.type)
    out = output(out, (*x.shape[:-1], weight.shape[0]), x.dtype, x, weight, bias)
    kernels.forward(_rows(x), weight, bias, floor, _rows(out))
    return out


@anywhere
def dense_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    activation: str | None = None,
    y: np.ndarray | None = None,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of ``sum(grad * dense(x, weight, bias, …))`` with respect to x, weight and bias.

    Parameters
    ----------
    grad : array_like of shape (..., D)
    x, weight, activation
        As given to `dense`.  The gradients do not depend on the bias.
    y : array_like of shape (..., D), optional
        The result of `dense`; required with an activation.
    out : tuple of three arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays
        The gradients of x, weight and bias.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import dense_backward
    >>> dense_backward(np.ones((1, 1)), np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    (array([[3., 4.]]), array([[1., 2.]]), array([1.]))
    """
    x, weight = _matrices(x, weight)
    shape = (*x.shape[:-1], weight.shape[0])
    grad = same_shape("grad", grad, shape, x.dtype)
    floor = floor_of(activation, x.dtype.type)
    if activation is not None:
        if y is None:
            raise ValueError("y is needed with an activation: the result of dense")
        y = same_shape("y", y, shape, x.dtype)
    shapes = (x.shape, weight.shape, weight.shape[:1])
    results = outputs(out, ("x", "weight", "bias"), shapes, x.dtype, grad, x, weight, y)
    y = None if y is None else _rows(y)
    kernels.backward(_rows(grad), _rows(x), weight, y, floor, _rows(results[0]), *results[1:])
    return results


def _rows(array):
    """The array as (rows, last axis), even if it is empty."""
    return array.reshape(math.prod(array.shape[:-1]), array.shape[-1])


def _matrices(x, weight):
    x = real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, for the inputs; it has none")
    weight = real_array("weight", weight, 2, x.dtype)
    if x.shape[-1] != weight.shape[1]:
        raise ValueError(f"weight has shape {weight.shape}, which does not fit x of shape {x.shape}")
    return x, weight


def _exercise(dtype):
    x, weight, bias = sample(dtype, 2, 3), sample(dtype, 4, 3), sample(dtype, 4)
    for activation in (None, "relu"):
        y = dense(x, weight, bias, activation=activation)
        dense_backward(y, x, weight, activation=activation, y=y)


DENSE = operation(dense, dense_backward, _exercise)
