"""Group norm over the last axis."""

import numpy as np

from numgd.foundations.ranges import Count, Positive, check_arguments
from numgd.jit.streaming import LARGE
from numgd.jit.threads import threads
from numgd.kernels.layers import group_norm as kernels
from numgd.kernels.layers import memory
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import floor_of, is_relu, output, outputs, per_channel, real_array, same_shape
from numgd.nn.functional.columns import ByColumns, filled_with_zeros
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def group_norm(
    x: np.ndarray,
    num_groups: Count,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    *,
    eps: Positive = 1e-5,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalise each sample's groups of channels: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, ..., C)
    num_groups : int
        Number of groups of channels; divides C.
    gamma, beta : array_like of shape (C,), optional
        Scale and shift; by default ones and zeros.
    eps : float
        ε > 0.
    activation : None or 'relu'
        Applied to the result, in the same pass.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        If shapes do not match, if the number of groups does not divide the channels, or if ε ≤ 0.
    TypeError
        Dtypes other than float32 and float64, or different dtypes.

    Notes
    -----
    Source: Y. Wu and K. He, Group normalization, ECCV (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import group_norm
    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), 2, eps=1e-12).round(6)
    array([[-1.,  1.,  0.,  0.]])
    """
    x, gamma, beta, eps, floor = _group_arguments(x, num_groups, gamma, beta, eps, activation)
    out = output(out, x.shape, x.dtype, x, gamma, beta)
    if x.size == 0:
        return out
    layout = ByColumns(x, x.shape[0])
    moments = memory.empty(x, (2, x.shape[0], num_groups), np.dtype(np.float64))
    kernels.forward(
        by_samples(x), layout.of(x), layout.block, eps, gamma, beta, floor, out.nbytes >= LARGE,
        layout.partial, moments[0], moments[1], layout.coefficients, layout.of(out),
    )  # fmt: skip
    return out


@anywhere
@check_arguments
def group_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    num_groups: Count,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    *,
    eps: Positive = 1e-5,
    activation: str | None = None,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of ``sum(grad * group_norm(x, num_groups, gamma, beta, …))`` for x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, num_groups, gamma, beta, eps, activation
        As given to `group_norm`.
    out : tuple of three arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays
        The gradients of x, gamma and beta.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import group_norm_backward
    >>> grad_x, _, grad_beta = group_norm_backward(np.ones((2, 4)), np.eye(2, 4), 2)
    >>> bool(abs(grad_x).max() < 1e-9), grad_beta
    (True, array([2., 2., 2., 2.]))
    """
    x, gamma, beta, eps, _ = _group_arguments(x, num_groups, gamma, beta, eps, activation)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, grad, x, gamma, beta)
    if x.size == 0:
        return filled_with_zeros(results)
    layout = ByColumns(x, x.shape[0])
    moments = memory.empty(x, (2, x.shape[0], num_groups), np.dtype(np.float64))
    kernels.backward(
        is_relu(activation),
        by_samples(x), layout.of(grad), layout.of(x), layout.block, eps, gamma, beta, x.nbytes >= LARGE,
        layout.partial, moments[0], moments[1], layout.coefficients, layout.of(results[0]),
        results[1], results[2],
    )  # fmt: skip
    return results


def _group_arguments(x, num_groups, gamma, beta, eps, activation):
    x = real_array("x", x)
    if x.ndim < 2:
        raise ValueError(f"x must have at least two axes, samples and channels; its shape is {x.shape}")
    if x.shape[-1] % num_groups:
        raise ValueError(
            f"num_groups {num_groups} does not divide the channels of x, whose shape is {x.shape}"
        )
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    return x, gamma, beta, eps, floor_of(activation, x.dtype.type)


def by_samples(x):
    """Whether whole samples can be shared out evenly among the threads."""
    workers = threads()
    return x.shape[0] % workers == 0 or x.shape[0] >= 4 * workers


def _exercise(dtype):
    x, gamma, beta = sample(dtype, 2, 3, 3, 4), sample(dtype, 4), sample(dtype, 4)
    for activation in (None, "relu"):
        y = group_norm(x, 2, gamma, beta, activation=activation)
        group_norm_backward(y, x, 2, gamma, beta, activation=activation)


GROUP_NORM = operation(group_norm, group_norm_backward, _exercise)
