"""Layer norm over the last axis."""

from functools import partial

import numpy as np

from numgd.foundations.ranges import Positive, check_arguments
from numgd.kernels.layers import columns, memory
from numgd.kernels.layers import layer_norm as layer_norm_kernels
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output, outputs, per_channel, same_shape
from numgd.nn.functional.columns import filled_with_zeros, with_channels
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def layer_norm(
    x: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    *,
    eps: Positive = 1e-5,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalise every row along the last axis: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., D)
    gamma, beta : array_like of shape (D,), optional
        Scale and shift; by default ones and zeros.
    eps : float
        ε > 0.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        If shapes do not match or ε ≤ 0.
    TypeError
        Dtypes other than float32 and float64, or different dtypes.

    Notes
    -----
    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import layer_norm
    >>> layer_norm(np.array([[1.0, 3.0], [5.0, 5.0]]), eps=1e-12).round(6)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    x = with_channels(x)
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    out = output(out, x.shape, x.dtype, x, gamma, beta)
    if x.size:
        shape = (-1, x.shape[-1])
        layer_norm_kernels.forward(x.reshape(shape), gamma, beta, eps, out.reshape(shape))
    return out


@anywhere
@check_arguments
def layer_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None = None,
    *,
    eps: Positive = 1e-5,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of ``sum(grad * layer_norm(x, gamma, beta, …))`` with respect to x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, gamma, eps
        As given to `layer_norm`; the gradients do not depend on beta.
    out : tuple of three arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays
        The gradients of x, gamma and beta.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import layer_norm_backward
    >>> grad_x, _, grad_beta = layer_norm_backward(np.ones((2, 3)), np.eye(2, 3))
    >>> bool(abs(grad_x).max() < 1e-9), grad_beta
    (True, array([2., 2., 2.]))
    """
    x = with_channels(x)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    gamma = per_channel("gamma", gamma, x, 1)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, grad, x, gamma)
    if x.size == 0:
        return filled_with_zeros(results)
    shape = (x.size // gamma.size, gamma.size)
    own = columns.beside(x)
    sums = own.partial_sums(1, *shape, partial(memory.empty, x))[0]
    layer_norm_kernels.backward(
        grad.reshape(shape), x.reshape(shape), gamma, eps, own.block_rows(*shape), sums,
        results[0].reshape(shape),
    )  # fmt: skip
    flat = sums.reshape(sums.shape[0], -1)
    columns.add_up(flat, 0, results[2])
    columns.add_up(flat, gamma.size, results[1])
    return results


def _exercise(dtype):
    x, gamma, beta = sample(dtype, 2, 5), sample(dtype, 5), sample(dtype, 5)
    layer_norm_backward(layer_norm(x, gamma, beta), x, gamma)


LAYER_NORM = operation(layer_norm, layer_norm_backward, _exercise)
