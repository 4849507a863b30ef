"""Batch norm over the last axis."""

import numpy as np

from numgd.foundations.ranges import Flag, Positive, UnitInterval, check_arguments
from numgd.jit.streaming import LARGE
from numgd.kernels.layers import batch_norm as batch_norm_kernels
from numgd.kernels.layers import columns, memory
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import (
    changed_in_place,
    floor_of,
    is_relu,
    output,
    outputs,
    per_channel,
    real_array,
    same_shape,
)
from numgd.nn.functional.columns import ByColumns, filled_with_zeros, with_channels
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def batch_norm(
    x: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    running_mean: np.ndarray | None = None,
    running_variance: np.ndarray | None = None,
    *,
    training: Flag = False,
    momentum: UnitInterval | None = 0.1,
    eps: Positive = 1e-5,
    activation: str | None = None,
    num_batches_tracked: np.ndarray | None = None,
    statistics: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalise each channel over all other axes: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., C)
        The channels are the last axis: (N, C), (N, H, W, C), ...
    gamma, beta : array_like of shape (C,), optional
        Scale and shift; by default ones and zeros.  Of the dtype of x, as all arrays but `statistics`.
    running_mean, running_variance : array of shape (C,), optional
        With ``training=False`` they are μ and σ².  With ``training=True`` they are updated in place with the
        mean and the unbiased variance of the batch, whose weight is `momentum`.
    training : bool
        Whether μ and σ² (biased) are computed from x.
    momentum : float or None
        From 0 to 1.  As in PyTorch, it is the weight of the new value; with None, the running statistics are
        the averages over all batches.
    eps : float
        ε > 0.
    activation : None or 'relu'
        Applied to the result, in the same pass.
    num_batches_tracked : int64 array of shape () or (1,), optional
        The number of batches in the running statistics; each batch that updates these increases it by 1.
        Needed for that if `momentum` is None.
    statistics : float64 array of shape (2, C), optional
        Overwritten with μ and 1/√(σ² + ε), which saves `batch_norm_backward` a pass over x.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        If shapes do not match, if ε ≤ 0, if running statistics are missing outside training, or if there is a
        single value per channel in training, whose unbiased variance is not defined.
    TypeError
        Dtypes other than float32 and float64, or different dtypes.

    Notes
    -----
    Moments of strips of rows are combined in float64 by the formula of Chan, Golub and LeVeque (1983):
    nothing cancels, and the bits are the same for any number of threads.  Deviations are squared in the dtype
    of x, so float32 values beyond 1e18 overflow.  An empty batch leaves the running statistics as they are.
    See docs/batch_norm.md.

    Source: S. Ioffe and C. Szegedy, Batch normalization, ICML (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import batch_norm
    >>> x = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> batch_norm(x, training=True, eps=1e-12).round(6)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    x = with_channels(x)
    real = x.dtype.type
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    floor = floor_of(activation, real)
    inputs = (x, gamma, beta, running_mean, running_variance)
    if training:
        mean, inverse, track = None, None, _tracked(running_mean, running_variance, x, gamma, beta)
        _check_several_values(x)
    else:
        mean, inverse = _constant_statistics(running_mean, running_variance, x, eps)
    number = _checked_number(num_batches_tracked, momentum, training and track)
    if statistics is not None:
        statistics = changed_in_place("statistics", statistics, (2, x.shape[-1]), np.float64, *inputs)
    out = output(out, x.shape, x.dtype, *inputs, statistics)
    if x.size == 0:
        if statistics is not None:
            memory.assign(statistics[0], 0.0)
            memory.assign(statistics[1], 1.0 / np.sqrt(eps))
        return out
    layout = ByColumns(x, 1)
    if training:
        moments, inverse = _batch_statistics(layout, x, eps)
        mean = moments[0]
        if track:
            if num_batches_tracked is not None:
                memory.assign(num_batches_tracked, number + 1)
                momentum = 1.0 / (number + 1) if momentum is None else momentum
            kept = [memory.contiguous(running) for running in track]
            batch_norm_kernels.track(moments, float(layout.count), momentum, *kept)
            for running, array in zip(track, kept, strict=True):
                if array is not running:
                    memory.assign(running, array)
    if statistics is not None:
        memory.assign(statistics[0], mean)
        memory.assign(statistics[1], inverse)
    coefficients = layout.coefficients
    batch_norm_kernels.forward(mean, inverse, gamma, beta, layout.by_channel(coefficients)[0])
    columns.affine(layout.of(x), layout.block, coefficients, floor, out.nbytes >= LARGE, layout.of(out))
    return out


@anywhere
@check_arguments
def batch_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    running_mean: np.ndarray | None = None,
    running_variance: np.ndarray | None = None,
    *,
    training: Flag = True,
    eps: Positive = 1e-5,
    activation: str | None = None,
    statistics: np.ndarray | None = None,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of ``sum(grad * batch_norm(x, gamma, beta, …))`` with respect to x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, gamma, beta, running_mean, running_variance, training, eps, activation
        As given to `batch_norm`.  In training the running statistics are not used; otherwise they are
        constants.  Where the ReLU was zero is computed again from x.
    statistics : float64 array of shape (2, C), optional
        As written by `batch_norm`; by default computed from x.
    out : tuple of three arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays
        The gradients of x, gamma and beta.

    Notes
    -----
    The fused formula takes two passes over x and grad.  docs/batch_norm.md derives it in single steps.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import batch_norm_backward
    >>> x = np.array([[1.0], [3.0], [8.0]])
    >>> grad_x, grad_gamma, grad_beta = batch_norm_backward(np.ones((3, 1)), x)
    >>> bool(abs(grad_x).max() < 1e-12), grad_beta
    (True, array([3.]))
    """
    x = with_channels(x)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    relu = is_relu(activation)
    if not training:
        mean, inverse = _constant_statistics(running_mean, running_variance, x, eps)
    else:
        _check_several_values(x)
        if statistics is not None:
            statistics = real_array("statistics", statistics, 2, np.dtype(np.float64))
            if statistics.shape != (2, x.shape[-1]):
                raise ValueError(f"statistics has shape {statistics.shape}, but x has shape {x.shape}")
            mean, inverse = statistics[0], statistics[1]
    inputs = (grad, x, gamma, beta, running_mean, running_variance, statistics)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, *inputs)
    if x.size == 0:
        return filled_with_zeros(results)
    layout = ByColumns(x, 1)
    if training and statistics is None:
        moments, inverse = _batch_statistics(layout, x, eps)
        mean = moments[0]
    coefficients, x, grad = layout.coefficients, layout.of(x), layout.of(grad)
    by_channel = layout.by_channel(coefficients)[0]
    batch_norm_kernels.forward(mean, inverse, gamma, beta, by_channel)
    columns.sums(relu, grad, x, layout.block, coefficients, layout.partial)
    partial, count = (
        layout.by_channel(layout.partial)[0],
        float(layout.count if training else 0),
    )
    batch_norm_kernels.backward(partial, count, mean, inverse, gamma, by_channel, results[1], results[2])
    large = x.nbytes >= LARGE
    columns.gradient(relu, grad, x, layout.block, coefficients, large, layout.of(results[0]))
    return results


def _batch_statistics(layout, x, eps):
    """Moments (2, C) and 1/√(σ² + ε) of the channels of x."""
    exact, channels = np.dtype(np.float64), x.shape[-1]
    moments, inverse = memory.empty(x, (2, channels), exact), memory.empty(x, (channels,), exact)
    columns.moments(layout.of(x), layout.block, layout.partial)
    partial = layout.by_channel(layout.partial)[0]
    batch_norm_kernels.statistics(partial, layout.rows, layout.block, eps, moments, inverse)
    return moments, inverse


def _check_several_values(x):
    """Raise for a single value per channel."""
    if x.size and x.size == x.shape[-1]:
        raise ValueError(
            f"x has shape {x.shape}: in training batch norm needs more than one value per channel, since the "
            "variance of one is zero and its unbiased variance is not defined"
        )


def _tracked(running_mean, running_variance, x, *others):
    """The two arrays of running statistics, checked, or an empty tuple."""
    if (running_mean is None) != (running_variance is None):
        raise ValueError("running_mean and running_variance must be given together")
    if running_mean is None:
        return ()
    shape = x.shape[-1:]
    mean = changed_in_place("running_mean", running_mean, shape, x.dtype, x, *others)
    variance = changed_in_place("running_variance", running_variance, shape, x.dtype, x, mean, *others)
    return mean, variance


def _checked_number(array, momentum, tracked):
    """The number of batches; raises unless it is there if it is needed, and can be increased."""
    if array is None:
        if momentum is None and tracked:
            raise ValueError("num_batches_tracked is needed where momentum is None")
        return 0
    shape = getattr(array, "shape", ())
    array = changed_in_place("num_batches_tracked", array, shape if shape == () else (1,), np.int64)
    number = memory.fetched(array).item()
    if not 0 <= number < np.iinfo(np.int64).max:
        raise ValueError(f"num_batches_tracked must be a number of batches; it is {number}")
    return number


def _constant_statistics(running_mean, running_variance, x, eps):
    """Mean and 1/√(σ² + ε) from running statistics."""
    if running_mean is None or running_variance is None:
        raise ValueError("running_mean and running_variance are needed where training is False")
    mean = per_channel("running_mean", running_mean, x, 0)
    variance = per_channel("running_variance", running_variance, x, 0)
    if np.any(memory.fetched(variance) < 0):
        raise ValueError("running_variance must not be negative")
    found = memory.empty(x, (2, x.shape[-1]), np.dtype(np.float64))
    if x.shape[-1]:
        batch_norm_kernels.constant(mean, variance, eps, found[0], found[1])
    return found[0], found[1]


def _exercise(dtype):
    x, gamma, beta = sample(dtype, 2, 3, 3, 4), sample(dtype, 4), sample(dtype, 4)
    running = np.zeros(4, dtype), np.ones(4, dtype)
    for activation in (None, "relu"):
        for training in (True, False):
            given = {"training": training, "activation": activation}
            y = batch_norm(x, gamma, beta, *running, **given)
            batch_norm_backward(y, x, gamma, beta, *running, **given)


BATCH_NORM = operation(batch_norm, batch_norm_backward, _exercise)
