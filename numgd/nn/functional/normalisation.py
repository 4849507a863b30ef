"""Batch, group and layer norm over the last axis, and batch norm folded into what precedes it."""

import numpy as np

from numgd.foundations.ranges import Count, Flag, NonNegative, Positive, UnitInterval, check_arguments
from numgd.jit.streaming import LARGE
from numgd.kernels.cpu.layers import batch_norm as batch_norm_kernels
from numgd.kernels.cpu.layers import columns
from numgd.kernels.cpu.layers import group_norm as group_norm_kernels
from numgd.kernels.cpu.layers import layer_norm as layer_norm_kernels
from numgd.kernels.cpu.layers import local_response_norm as local_response_kernels
from numgd.nn.functional.checks import (
    Size,
    changed_in_place,
    floor_of,
    is_relu,
    output,
    outputs,
    per_channel,
    real_array,
    same_shape,
)


class _Folded:
    """An array as (parts, rows, columns), narrow rows laid abreast, and how its rows are cut into blocks."""

    def __init__(self, x, parts):
        channels = x.shape[-1]
        rows = x.size // (parts * channels)
        self.count = rows
        self.abreast = columns.abreast(rows, channels)
        self.rows, self.columns = rows // self.abreast, self.abreast * channels
        self.parts = parts
        self.block = columns.block_rows(self.rows, self.columns)
        self.partial = columns.partial_sums(parts, self.rows, self.columns)
        self.coefficients = np.empty((parts, len(columns.Coefficient), self.columns), x.dtype)

    def of(self, array):
        """The array in that shape."""
        return array.reshape(self.parts, self.rows, self.columns)

    def by_channel(self, array):
        """Partial sums or coefficients with the rows abreast on an axis of their own."""
        return array.reshape(*array.shape[:-1], self.abreast, -1)


def _with_channels(x):
    x = real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, that of the channels; it has none")
    return x


# Batch norm -----------------------------------------------------------------------------------------


@check_arguments
def batch_norm(
    x,
    gamma=None,
    beta=None,
    running_mean=None,
    running_variance=None,
    *,
    training: Flag = False,
    momentum: UnitInterval = 0.1,
    eps: Positive = 1e-5,
    activation=None,
    statistics=None,
    out=None,
):
    """Normalise each channel over all other axes: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., C)
        The channels are the last axis: (N, C), (N, H, W, C), ...
    gamma, beta : array_like of shape (C,), optional
        Scale and shift; ones and zeros if not given.  Of the dtype of x, as all arrays but `statistics`.
    running_mean, running_variance : array of shape (C,), optional
        With ``training=False`` they are μ and σ².  With ``training=True`` they are moved in place towards the
        mean and the unbiased variance of the batch, by the share `momentum`.
    training : bool
        Whether μ and σ² (biased) are those of x.
    momentum : float
        From 0 to 1; PyTorch's meaning: the share of the new value.
    eps : float
        ε > 0.
    activation : None or 'relu'
        Applied to the result in the same pass.
    statistics : float64 array of shape (2, C), optional
        Receives μ and 1/√(σ² + ε), which save `batch_norm_backward` a pass over x.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        Shapes that do not match, ε ≤ 0, in training a single value a channel, for which the variance of a
        sample is not defined; otherwise running statistics that are missing.
    TypeError
        Dtypes other than float32 and float64, or mixed.

    Notes
    -----
    Moments are joined in float64 by the formula of Chan, Golub and LeVeque (1983) from those of strips of
    rows: no cancellation, and the same bits at any number of threads.  Deviations are squared in the dtype of
    x, so float32 values beyond 1e18 overflow.  An empty batch leaves the running statistics as they are.
    docs/batch_norm.md tells more.

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
    x = _with_channels(x)
    real = x.dtype.type
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    floor = floor_of(activation, real)
    inputs = (x, gamma, beta, running_mean, running_variance)
    if training:
        mean, inverse, track = None, None, _tracked(running_mean, running_variance, x, gamma, beta)
        _several(x)
    else:
        mean, inverse = _constant_statistics(running_mean, running_variance, x, eps)
    if statistics is not None:
        changed_in_place("statistics", statistics, (2, x.shape[-1]), np.float64, *inputs)
    out = output(out, x.shape, x.dtype, *inputs, statistics)
    if x.size == 0:
        if statistics is not None:
            statistics[0], statistics[1] = 0.0, 1.0 / np.sqrt(eps)
        return out
    folded = _Folded(x, 1)
    if training:
        moments, inverse = _batch_statistics(folded, x, eps)
        mean = moments[0]
        if track:
            kept = [np.ascontiguousarray(running) for running in track]
            batch_norm_kernels.track(moments, float(folded.count), momentum, *kept)
            for running, array in zip(track, kept, strict=True):
                if array is not running:
                    running[...] = array
    if statistics is not None:
        statistics[0], statistics[1] = mean, inverse
    coefficients = folded.coefficients
    batch_norm_kernels.forward(mean, inverse, gamma, beta, folded.by_channel(coefficients)[0])
    columns.affine(folded.of(x), folded.block, coefficients, floor, out.nbytes >= LARGE, folded.of(out))
    return out


@check_arguments
def batch_norm_backward(
    grad,
    x,
    gamma=None,
    beta=None,
    running_mean=None,
    running_variance=None,
    *,
    training: Flag = True,
    eps: Positive = 1e-5,
    activation=None,
    statistics=None,
    out=None,
):
    """Gradients of ``sum(grad * batch_norm(x, gamma, beta, …))`` with respect to x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, gamma, beta, running_mean, running_variance, training, eps, activation
        As they were given to `batch_norm`; in training the running statistics are not used, and otherwise
        they are constants.  Where a ReLU let nothing through is found again from x.
    statistics : float64 array of shape (2, C), optional
        What the forward pass wrote there; computed from x if not given.
    out : tuple of three arrays or None, optional
        Memory for the results.

    Returns
    -------
    tuple of arrays
        The gradients of x, gamma and beta.

    Notes
    -----
    The fused formula, in two passes over x and grad; docs/batch_norm.md has it in single steps, for reading.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import batch_norm_backward
    >>> x = np.array([[1.0], [3.0], [8.0]])
    >>> grad_x, grad_gamma, grad_beta = batch_norm_backward(np.ones((3, 1)), x)
    >>> bool(abs(grad_x).max() < 1e-12), grad_beta
    (True, array([3.]))
    """
    x = _with_channels(x)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    relu = is_relu(activation)
    if not training:
        mean, inverse = _constant_statistics(running_mean, running_variance, x, eps)
    else:
        _several(x)
        if statistics is not None:
            statistics = real_array("statistics", statistics, 2, np.dtype(np.float64))
            if statistics.shape != (2, x.shape[-1]):
                raise ValueError(f"statistics has shape {statistics.shape}, but x has shape {x.shape}")
            mean, inverse = statistics
    inputs = (grad, x, gamma, beta, running_mean, running_variance, statistics)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, *inputs)
    if x.size == 0:
        return _zeros(results)
    folded = _Folded(x, 1)
    if training and statistics is None:
        (mean, _), inverse = _batch_statistics(folded, x, eps)
    coefficients, x, grad = folded.coefficients, folded.of(x), folded.of(grad)
    by_channel = folded.by_channel(coefficients)[0]
    batch_norm_kernels.forward(mean, inverse, gamma, beta, by_channel)
    columns.sums(relu)(grad, x, folded.block, coefficients, folded.partial)
    partial, count = folded.by_channel(folded.partial)[0], float(folded.count if training else 0)
    batch_norm_kernels.backward(partial, count, mean, inverse, gamma, by_channel, results[1], results[2])
    large = x.nbytes >= LARGE
    columns.gradient(relu)(grad, x, folded.block, coefficients, large, folded.of(results[0]))
    return results


def _batch_statistics(folded, x, eps):
    """Moments (2, C) and 1/√(σ² + ε) of the channels of x."""
    moments, inverse = np.empty((2, x.shape[-1])), np.empty(x.shape[-1])
    columns.moments(folded.of(x), folded.block, folded.partial)
    partial = folded.by_channel(folded.partial)[0]
    batch_norm_kernels.statistics(partial, folded.rows, folded.block, eps, moments, inverse)
    return moments, inverse


def _several(x):
    """Refuse a single value a channel."""
    if x.size and x.size == x.shape[-1]:
        raise ValueError(
            f"x has shape {x.shape}: in training batch norm needs more than one value a channel, since the "
            "variance of one is zero and its unbiased variance is not defined"
        )


def _tracked(running_mean, running_variance, x, *others):
    """The two arrays of running statistics, checked, or nothing."""
    if (running_mean is None) != (running_variance is None):
        raise ValueError("running_mean and running_variance must be given together")
    if running_mean is None:
        return ()
    shape = x.shape[-1:]
    changed_in_place("running_mean", running_mean, shape, x.dtype, x, *others)
    changed_in_place("running_variance", running_variance, shape, x.dtype, x, running_mean, *others)
    return running_mean, running_variance


def _constant_statistics(running_mean, running_variance, x, eps):
    """Mean and 1/√(σ² + ε) from running statistics."""
    if running_mean is None or running_variance is None:
        raise ValueError("running_mean and running_variance are needed where training is False")
    mean = per_channel("running_mean", running_mean, x, 0)
    variance = per_channel("running_variance", running_variance, x, 0)
    if np.any(variance < 0):
        raise ValueError("running_variance must not be negative")
    return mean.astype(np.float64), 1.0 / np.sqrt(variance.astype(np.float64) + eps)


def _zeros(results):
    for result in results:
        result[...] = 0
    return results


@check_arguments
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, eps: Positive = 1e-5):
    """Weight and bias of the layer that computes a convolution (or dense layer) and the batch norm behind it.

    Parameters
    ----------
    weight : array_like of shape (out, ...)
        Of the layer before; its first axis is the layer's channels.
    bias : array_like of shape (out,) or None
    gamma, beta : array_like of shape (out,) or None
    mean, variance : array_like of shape (out,)
        The running statistics.
    eps : float
        ε > 0.

    Returns
    -------
    tuple of arrays
        New weight and bias, of the dtype of `weight`, for inference.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import fold_batch_norm
    >>> fold_batch_norm(np.ones((1, 2)), None, [2.0], [1.0], [3.0], [0.25], eps=0.75)
    (array([[2., 2.]]), array([-5.]))
    """
    weight = real_array("weight", weight)
    if weight.ndim == 0:
        raise ValueError("weight must have at least one axis, that of the channels; it has none")
    channels = np.empty((0, weight.shape[0]), weight.dtype)
    vectors = []
    for name, given, default in (
        ("bias", bias, 0), ("gamma", gamma, 1), ("beta", beta, 0),
        ("mean", mean, None), ("variance", variance, None),
    ):  # fmt: skip
        if given is None and default is None:
            raise ValueError(f"{name} must be given")
        if given is not None:
            given = real_array(name, given, 1, weight.dtype)
            if given.shape != weight.shape[:1]:
                raise ValueError(f"{name} has shape {given.shape}, but weight has shape {weight.shape}")
        vectors.append(per_channel(name, given, channels, default).astype(np.float64))
    bias, gamma, beta, mean, variance = vectors
    if np.any(variance < 0):
        raise ValueError("variance must not be negative")
    scale = gamma / np.sqrt(variance + eps)
    folded = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    return folded.astype(weight.dtype), (beta + (bias - mean) * scale).astype(weight.dtype)


# Group norm -----------------------------------------------------------------------------------------


@check_arguments
def group_norm(
    x, num_groups: Count, gamma=None, beta=None, *, eps: Positive = 1e-5, activation=None, out=None
):
    """Normalise each sample's groups of channels: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (N, ..., C)
    num_groups : int
        How many groups the C channels make; divides C.
    gamma, beta : array_like of shape (C,), optional
        Scale and shift; ones and zeros if not given.
    eps : float
        ε > 0.
    activation : None or 'relu'
        Applied to the result in the same pass.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        Shapes that do not match, groups that do not divide the channels, ε ≤ 0.
    TypeError
        Dtypes other than float32 and float64, or mixed.

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
    if x.size:
        folded = _Folded(x, x.shape[0])
        _group_forward(folded, x, num_groups, gamma, beta, eps)
        large = out.nbytes >= LARGE
        columns.affine(folded.of(x), folded.block, folded.coefficients, floor, large, folded.of(out))
    return out


@check_arguments
def group_norm_backward(
    grad, x, num_groups: Count, gamma=None, beta=None, *, eps: Positive = 1e-5, activation=None, out=None
):  # fmt: skip
    """Gradients of ``sum(grad * group_norm(x, num_groups, gamma, beta, …))`` for x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, num_groups, gamma, beta, eps, activation
        As they were given to `group_norm`.
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
    relu = is_relu(activation)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, grad, x, gamma, beta)
    if x.size == 0:
        return _zeros(results)
    folded = _Folded(x, x.shape[0])
    mean, inverse = _group_forward(folded, x, num_groups, gamma, beta, eps)
    coefficients, x, grad = folded.coefficients, folded.of(x), folded.of(grad)
    columns.sums(relu)(grad, x, folded.block, coefficients, folded.partial)
    partial, by_channel = folded.by_channel(folded.partial), folded.by_channel(coefficients)
    group_norm_kernels.backward(
        partial, folded.rows, mean, inverse, gamma, by_channel, results[1], results[2]
    )
    large = x.nbytes >= LARGE
    columns.gradient(relu)(grad, x, folded.block, coefficients, large, folded.of(results[0]))
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


def _group_forward(folded, x, num_groups, gamma, beta, eps):
    """Mean and 1/√(σ² + ε) of the groups; the coefficients of the result go into `folded`."""
    columns.moments(folded.of(x), folded.block, folded.partial)
    mean, inverse = np.empty((2, x.shape[0], num_groups))
    partial, coefficients = folded.by_channel(folded.partial), folded.by_channel(folded.coefficients)
    group_norm_kernels.forward(
        partial, folded.rows, folded.block, eps, gamma, beta, mean, inverse, coefficients
    )
    return mean, inverse


# Layer norm -----------------------------------------------------------------------------------------


@check_arguments
def layer_norm(x, gamma=None, beta=None, *, eps: Positive = 1e-5, out=None):
    """Normalise every row along the last axis: γ (x - μ) / √(σ² + ε) + β.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., D)
    gamma, beta : array_like of shape (D,), optional
        Scale and shift; ones and zeros if not given.
    eps : float
        ε > 0.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        Shapes that do not match, ε ≤ 0.
    TypeError
        Dtypes other than float32 and float64, or mixed.

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
    x = _with_channels(x)
    gamma, beta = per_channel("gamma", gamma, x, 1), per_channel("beta", beta, x, 0)
    out = output(out, x.shape, x.dtype, x, gamma, beta)
    if x.size:
        shape = (-1, x.shape[-1])
        layer_norm_kernels.forward(x.reshape(shape), gamma, beta, eps, out.reshape(shape))
    return out


@check_arguments
def layer_norm_backward(grad, x, gamma=None, *, eps: Positive = 1e-5, out=None):
    """Gradients of ``sum(grad * layer_norm(x, gamma, beta, …))`` with respect to x, gamma and beta.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, gamma, eps
        As they were given to `layer_norm`; the gradients do not depend on beta.
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
    x = _with_channels(x)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    gamma = per_channel("gamma", gamma, x, 1)
    shapes = (x.shape, gamma.shape, gamma.shape)
    results = outputs(out, ("x", "gamma", "beta"), shapes, x.dtype, grad, x, gamma)
    if x.size == 0:
        return _zeros(results)
    shape = (x.size // gamma.size, gamma.size)
    partial = columns.partial_sums(1, *shape)[0]
    layer_norm_kernels.backward(
        grad.reshape(shape), x.reshape(shape), gamma, eps, columns.block_rows(*shape), partial,
        results[0].reshape(shape),
    )  # fmt: skip
    results[2][...], results[1][...] = partial.sum(axis=0)
    return results


# Local response normalisation -----------------------------------------------------------------------


@check_arguments
def local_response_norm(
    x, size: Size, alpha: NonNegative = 1e-4, beta: NonNegative = 0.75, k: Positive = 1.0, *, out=None
):
    """Divide each number by (k + α/n Σ x²)^β, the sum over the n = `size` channels around its own.

    Parameters
    ----------
    x : array_like of float32 or float64, shape (..., C)
    size : int
        How many channels: size // 2 before, the number's own, the rest after it; outside there are zeros.
    alpha, beta, k : float
        α and β at least zero, k positive.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        Values out of range.
    TypeError
        Dtypes other than float32 and float64.

    Notes
    -----
    Source: A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet classification with deep convolutional
    neural networks, NeurIPS (2012), section 3.3, with α divided by n as in Caffe and PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import local_response_norm
    >>> local_response_norm(np.array([[1.0, 1.0, 1.0]]), 3, alpha=3.0, beta=1.0).round(4)
    array([[0.3333, 0.25  , 0.3333]])
    """
    x, constants = _response_arguments(x, size, alpha, beta, k)
    out = output(out, x.shape, x.dtype, x)
    if x.size:
        shape = (-1, x.shape[-1])
        local_response_kernels.forward(x.reshape(shape), *constants, out.reshape(shape))
    return out


@check_arguments
def local_response_norm_backward(
    grad, x, size: Size, alpha: NonNegative = 1e-4, beta: NonNegative = 0.75, k: Positive = 1.0, *, out=None
):
    """Gradient of ``sum(grad * local_response_norm(x, …))`` with respect to x.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    x, size, alpha, beta, k
        As they were given to `local_response_norm`.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import local_response_norm_backward
    >>> local_response_norm_backward(np.array([1.0]), np.array([1.0]), 1, alpha=1.0, beta=1.0)
    array([0.])
    """
    x, constants = _response_arguments(x, size, alpha, beta, k)
    grad = same_shape("grad", grad, x.shape, x.dtype)
    out = output(out, x.shape, x.dtype, grad, x)
    if x.size:
        shape = (-1, x.shape[-1])
        local_response_kernels.backward(grad.reshape(shape), x.reshape(shape), *constants, out.reshape(shape))
    return out


def _response_arguments(x, size, alpha, beta, k):
    x = _with_channels(x)
    width = min(size, 2 * max(1, x.shape[-1]))  # a wider window holds nothing more
    return x, (width, alpha * (width / size), beta, k)
