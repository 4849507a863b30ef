"""PReLU: a leaky ReLU whose slope below zero is learned."""

import numpy as np

from numgd.kernels.layers import columns, memory
from numgd.kernels.layers import prelu as kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output, outputs, real_array, same_shape
from numgd.nn.functional.columns import ByColumns, filled_with_zeros, with_channels
from numgd.nn.functional.operation import operation, sample


@anywhere
def prelu(x: np.ndarray, weight: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else weight · x.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, (…, channels).
    weight : numpy.ndarray
        Slopes below zero, of the dtype of `x`: one for all, (1,), or one per channel, (channels,).
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray
        With the shape of `x`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    He, Zhang, Ren and Sun, Delving deep into rectifiers (2015), equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import prelu
    >>> prelu(np.array([[-2.0, -2.0], [1.0, 1.0]]), np.array([0.25, 0.5]))
    array([[-0.5, -1. ],
           [ 1. ,  1. ]])
    """
    x, weight = _checked(x, weight)
    out = output(out, x.shape, x.dtype, x, weight)
    if x.size:
        by = ByColumns(x, 1)
        slopes = kernels.repeated(weight, by.columns)
        kernels.forward(by.of(x)[0], slopes, by.block, by.of(out)[0])
    return out


@anywhere
def prelu_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of ``sum(grad * prelu(x, weight))`` with respect to `x` and `weight`.

    Parameters
    ----------
    grad : numpy.ndarray
        With the shape and dtype of `x`.
    x, weight
        As for `prelu`.
    out : tuple of two arrays, optional
        Memory for the results; an entry may be None.

    Returns
    -------
    grad_x, grad_weight : numpy.ndarray
        With the shapes of `x` and `weight`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import prelu_backward
    >>> prelu_backward(np.ones(3), np.array([-2.0, -1.0, 5.0]), np.array([0.25]))
    (array([0.25, 0.25, 1.  ]), array([-3.]))
    """
    x, weight = _checked(x, weight)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    results = outputs(out, ("x", "weight"), (x.shape, weight.shape), x.dtype, grad, x, weight)
    if x.size == 0:
        return filled_with_zeros(results)
    by = ByColumns(x, 1)
    partial = memory.empty(x, (by.partial.shape[1], by.columns), np.dtype(np.float64))
    slopes = kernels.repeated(weight, by.columns)
    kernels.backward(by.of(grad)[0], by.of(x)[0], slopes, by.block, by.of(results[0])[0], partial)
    columns.add_up(partial.reshape(-1, weight.size), 0, results[1])
    return results


def _checked(x, weight):
    x = with_channels(x)
    weight = real_array("weight", weight, ndim=1, dtype=x.dtype)
    if weight.shape not in ((1,), x.shape[-1:]):
        raise ValueError(
            f"weight has shape {weight.shape}, but x has shape {x.shape}: one slope or one per channel"
        )
    return x, weight


def _exercise(dtype):
    x, weight = sample(dtype, 2, 3), sample(dtype, 3)
    prelu_backward(prelu(x, weight), x, weight)


PRELU = operation(prelu, prelu_backward, _exercise)
