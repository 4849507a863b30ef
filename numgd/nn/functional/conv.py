"""Convolution of images, its transpose, and their gradients."""

import numpy as np

from numgd.foundations.ranges import Count, Flag, check_arguments, checked
from numgd.kernels.cpu.layers.conv import ALGORITHMS
from numgd.kernels.cpu.layers.conv.geometry import Geometry, by_shape
from numgd.kernels.cpu.layers.fused import CODES
from numgd.kernels.layers import bias_gradient as sum_over_pixels
from numgd.kernels.layers import convolution, memory
from numgd.kernels.machines import on_device
from numgd.nn.functional.activations import activation_backward
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import (
    Extra,
    Size,
    integers_of,
    output,
    outputs,
    pair_of,
    real_array,
    same_shape,
)
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.sides import padding_of
from numgd.scalars import ACTIVATIONS


class PackedWeight:
    """Weights with their packed forms for the micro-kernels; the result of `pack_weight`.

    Attributes
    ----------
    array : (out, kh, kw, in / groups) array
        The weights, read-only.
    """

    def __init__(self, array):
        self.array = array
        self.packed_cache = {}

    @property
    def nbytes(self):
        """Bytes of the packed copies."""
        return sum(packed.nbytes for packed in self.packed_cache.values())


def pack_weight(weight: np.ndarray) -> PackedWeight:
    """Weights whose packed form is made by the first convolution that needs it, and reused by the next ones.

    Parameters
    ----------
    weight : (out, kh, kw, in / groups) array
        float32 or float64; for `conv1d` and `conv3d` with one or three axes of the kernel.  It is copied:
        later changes have no effect.

    Returns
    -------
    PackedWeight
        The convolutions and their backward functions accept it as `weight`.

    Raises
    ------
    TypeError, ValueError
        If it is not a float32 or float64 array with three, four or five axes.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv2d, pack_weight
    >>> packed = pack_weight(np.ones((2, 3, 3, 1)))
    >>> conv2d(np.ones((1, 3, 3, 1)), packed).ravel()
    array([9., 9.])
    """
    if on_device(weight):
        raise TypeError("weight lives on a device, where convolutions need no packed form: give it as it is")
    array = real_array("weight", weight).copy()
    if array.ndim not in (3, 4, 5):
        raise ValueError(f"weight must have 3, 4 or 5 axes; its shape is {array.shape}")
    array.setflags(write=False)
    return PackedWeight(array)


def _weight_of(given, dtype, ndim=4):
    """The array of weights, and the cache of its packed forms or None."""
    if isinstance(given, PackedWeight):
        return real_array("weight", given.array, ndim=ndim, dtype=dtype), given.packed_cache
    return real_array("weight", given, ndim=ndim, dtype=dtype), None


def _geometry(kernel, stride, padding, dilation, groups, size=None):
    """Checked geometry of a convolution of an image of a size (h, w) with a kernel (kh, kw); for any axes."""
    stride = integers_of("stride", stride, Size, len(kernel))
    dilation = integers_of("dilation", dilation, Size, len(kernel))
    groups = checked("groups", groups, Count)
    bare = Geometry(stride, dilation, (0, 0) * len(kernel), groups)
    return bare._replace(padding=padding_of(padding, size, stride, bare.extent(kernel)))


def _check_weight(weight, groups):
    """Raise unless weights of this shape have a kernel that is not empty and channels for all groups."""
    if 0 in weight[1:-1]:
        raise ValueError(f"weight has an empty kernel: its shape is {weight}")
    if weight[0] % groups:
        raise ValueError(
            f"weight has {weight[0]} output channels, not a multiple of groups={groups}; "
            f"its shape is {weight}"
        )


def _check_image(shape, weight, geometry):
    """Raise unless a convolution of an image x of this shape with weights of that shape is defined."""
    groups = geometry.groups
    if shape[-1] % groups:
        raise ValueError(
            f"x has {shape[-1]} channels, not a multiple of groups={groups}; its shape is {shape}"
        )
    if shape[-1] // groups != weight[-1]:
        raise ValueError(
            f"weight of shape {weight} takes {weight[-1]} channels per group, but x of shape {shape} has "
            f"{shape[-1] // groups}"
        )
    extent, before, after = geometry.extent(weight[1:-1]), geometry.padding[::2], geometry.padding[1::2]
    padded = tuple(sum(parts) for parts in zip(shape[1:-1], before, after, strict=True))
    if any(size < covered for size, covered in zip(padded, extent, strict=True)):
        spans, size = "×".join(map(str, extent)), "×".join(map(str, padded))
        raise ValueError(
            f"the kernel spans {spans} pixels, more than the padded x's {size}; "
            f"weight has shape {weight}, x {shape}"
        )


def shaped(shape, weight, stride, padding, dilation, groups):
    """Checked: the geometry, and the shape of the result, for an image and weights of these shapes."""
    geometry = _geometry(weight[1:-1], stride, padding, dilation, groups, shape[1:-1])
    _check_weight(weight, geometry.groups)
    _check_image(shape, weight, geometry)
    return geometry, (shape[0], *geometry.result(shape[1:-1], weight[1:-1]), weight[0])


_shaped_by_numbers = by_shape(shaped)


def _bias_of(bias, channels, dtype, weight):
    """The bias, or zeros."""
    if bias is None:
        return memory.constant(weight, (channels,), 0, dtype)
    bias = real_array("bias", bias, ndim=1, dtype=dtype)
    if bias.size != channels:
        raise ValueError(
            f"bias has shape {bias.shape}, but with weight of shape {weight.shape} the result has "
            f"{channels} channels"
        )
    return bias


def _activation_of(activation):
    """The code of a fused activation; see `numgd.kernels.cpu.layers.fused`."""
    if not (activation is None or isinstance(activation, str)) or activation not in CODES:
        names = ", ".join(repr(name) for name in CODES)
        raise ValueError(f"activation must be one of {names}; it is {activation!r}")
    return CODES[activation]


def _check_algorithm(algorithm, weight, geometry, kernels=convolution):
    """Raise unless a named algorithm exists and applies."""
    if algorithm is None:
        return
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        names = ", ".join(repr(name) for name in ALGORITHMS)
        raise ValueError(f"algorithm must be None or one of {names}; it is {algorithm!r}")
    reason = ALGORITHMS[algorithm].reason_against(kernels.layer_of(weight.shape, geometry))
    if reason is not None:
        raise ValueError(
            f"algorithm {algorithm!r} does not apply to weight of shape {weight.shape}: {reason}"
        )


def _described(axes, x, weight, how):
    """Checked: x, the weights, the cache of their packed forms, the geometry and the shape of the result."""
    x = real_array("x", x, ndim=axes + 2)
    weight, packed_cache = _weight_of(weight, x.dtype, axes + 2)
    usual = all(type(number) is int for number in how)
    geometry, shape = (_shaped_by_numbers if usual else shaped)(x.shape, weight.shape, *how)
    return x, weight, packed_cache, geometry, shape


def convolve(kernels, axes, x, weight, bias, how, activation, algorithm, out):
    """A convolution over a number of axes.

    Parameters
    ----------
    kernels : module
        `choose`, or another with its functions.
    axes : int
    how : tuple
        Stride, padding, dilation and groups.
    x, weight, bias, activation, algorithm, out
        As given to `conv2d`.
    """
    x, weight, packed_cache, geometry, shape = _described(axes, x, weight, how)
    shift = _bias_of(bias, weight.shape[0], x.dtype, weight)
    code = _activation_of(activation)
    _check_algorithm(algorithm, weight, geometry, kernels)
    out = output(out, shape, x.dtype, x, weight, shift)
    kernels.forward(x, weight, shift, out, geometry, code, algorithm, packed_cache)
    return out


def convolve_backward(kernels, axes, grad, x, weight, how, activation, y, algorithm, wanted, out):
    """The gradients of `convolve`; `wanted` says for x, weight and bias whether they are needed."""
    x, weight, packed_cache, geometry, shape = _described(axes, x, weight, how)
    grad = real_array("grad", grad, ndim=axes + 2, dtype=x.dtype)
    _check_algorithm(algorithm, weight, geometry, kernels)
    if grad.shape != shape:
        raise ValueError(f"grad has shape {grad.shape}, but the result's is {shape} for x of shape {x.shape}")
    y = _result_of(activation, y, grad)
    shapes = (x.shape, weight.shape, weight.shape[:1])
    grad_x, grad_weight, grad_bias = _gradients(out, wanted, shapes, x.dtype, grad, x, weight, y)
    grad = _before_activation(activation, grad, y)
    if grad_x is not None:
        no_bias = memory.constant(x, x.shape[-1:], 0, x.dtype)
        kernels.gradient_of_input(grad, weight, no_bias, grad_x, geometry, 0, algorithm, packed_cache)
    if grad_weight is not None:
        kernels.gradient_of_weight(grad, x, grad_weight, geometry, algorithm)
    if grad_bias is not None:
        sum_over_pixels(grad, grad_bias)
    return grad_x, grad_weight, grad_bias


def _gradients(out, wanted, shapes, dtype, *inputs):
    """Memory for the gradients of x, weight and bias that are needed."""
    shapes = [shape if needed else None for shape, needed in zip(shapes, wanted, strict=True)]
    return outputs(out, ("x", "weight", "bias"), shapes, dtype, *inputs)


def _result_of(activation, y, grad):
    """The result of a fused activation, checked; None without one."""
    _activation_of(activation)
    if activation is None:
        return None
    if y is None:
        raise ValueError("y is needed with an activation: the result of the convolution")
    return same_shape("y", y, grad.shape, grad.dtype)


def _before_activation(activation, grad, y):
    """The gradient before the activation: all that are fused keep their slope."""
    if activation is None:
        return grad
    return activation_backward(activation, grad, y, ACTIVATIONS[activation].default, None)


@anywhere
def conv2d(
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    bias: np.ndarray | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Convolve images with a kernel, without flipping it, as deep-learning frameworks do.

    Parameters
    ----------
    x : (batch, height, width, in) array
        float32 or float64.
    weight : (out, kh, kw, in / groups) array or PackedWeight
        Of the same dtype.
    bias : (out,) array, optional
    stride, dilation : int or pair
        Vertical and horizontal, at least 1.
    padding : int, pair, four integers, 'same', 'same_lower' or 'valid'
        Zeros around the image: one number for all sides, a pair (vertical, horizontal), or (top, bottom,
        left, right).  ``'same'`` makes the size of the result ⌈size / stride⌉; if the total is odd, one more
        goes to the bottom or right, or with ``'same_lower'`` to the top or left.
    groups : int
        Number of groups of channels, each convolved separately; ``in`` groups give a depthwise convolution.
    activation : {None, 'relu', 'relu6', 'leaky_relu'}
        Applied to the result; leaky_relu has slope 0.01.
    algorithm : str, optional
        One of `numgd.kernels.cpu.layers.conv.ALGORITHMS`; by default it is chosen by shape.
    out : array, optional
        Contiguous memory for the result.

    Returns
    -------
    (batch, height', width', out) array

    Raises
    ------
    TypeError, ValueError
        If dtypes differ or are not float32 or float64, shapes do not match, or an option is out of range.

    Notes
    -----
    ``out[b, i, j, o] = bias[o] + Σ x[b, s·i + d·k − p, s·j + d·l − p, c] · weight[o, k, l, c]`` (Dumoulin and
    Visin, *A guide to convolution arithmetic for deep learning*, 2016).  The result has the same bits for any
    number of threads.  At most 64 MiB are allocated beyond arguments and result.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv2d
    >>> conv2d(np.ones((1, 3, 3, 1)), np.ones((1, 2, 2, 1)))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    how = stride, padding, dilation, groups
    return convolve(convolution, 2, x, weight, bias, how, activation, algorithm, out)


@anywhere
@check_arguments
def conv2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    y: np.ndarray | None = None,
    algorithm: str | None = None,
    need_x: Flag = True,
    need_weight: Flag = True,
    need_bias: Flag = True,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Gradients of ``sum(grad * conv2d(x, weight, bias))``.

    Parameters
    ----------
    grad : (batch, height', width', out) array
        With the shape of the result of `conv2d`.
    x : (batch, height, width, in) array
    weight : (out, kh, kw, in / groups) array or PackedWeight
    stride, padding, dilation, groups, activation, algorithm
        As for `conv2d`.
    y : (batch, height', width', out) array, optional
        The result of `conv2d`; required with an activation.
    need_x, need_weight, need_bias : bool
        Which gradients are computed.  A first layer does not need that of its input.
    out : tuple of three arrays, optional
        Contiguous memory for the gradients; an entry may be None.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of `x`, `weight` and (out,)
        None for those that are not needed.

    Raises
    ------
    TypeError, ValueError
        As for `conv2d`, and if `grad` does not have the shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv2d_backward
    >>> x, weight = np.ones((1, 3, 3, 1)), np.ones((1, 2, 2, 1))
    >>> grad_x, grad_weight, grad_bias = conv2d_backward(np.ones((1, 2, 2, 1)), x, weight)
    >>> grad_x[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    >>> grad_bias
    array([4.])
    """
    how, wanted = (stride, padding, dilation, groups), (need_x, need_weight, need_bias)
    return convolve_backward(convolution, 2, grad, x, weight, how, activation, y, algorithm, wanted, out)


def shaped_transposed(shape, weight, stride, padding, output_padding, dilation, groups):
    """Geometry of the convolution that is transposed, and the shape of its input, the result here.

    `shape` and `weight` are the shapes of x and the weights.
    """
    if isinstance(padding, str) and padding in ("same", "same_lower"):
        raise ValueError(f"padding {padding!r} is not defined for a transposed convolution")
    geometry = _geometry(weight[1:3], stride, padding, dilation, groups)
    extra = pair_of("output_padding", output_padding, Extra)
    for more, step, apart in zip(extra, geometry.stride, geometry.dilation, strict=True):
        if more and more >= max(step, apart):
            raise ValueError(
                f"output_padding must be smaller than stride or dilation; it is {extra}, they are "
                f"{geometry.stride} and {geometry.dilation}"
            )
    _check_weight(weight, geometry.groups)
    if shape[3] != weight[0]:
        raise ValueError(
            f"weight of shape {weight} takes {weight[0]} channels, but x of shape {shape} has {shape[3]}"
        )
    top, bottom, left, right = geometry.padding
    around = (top + bottom, left + right)
    size = tuple(
        (count - 1) * step - edge + covered + more
        for count, step, edge, covered, more in zip(
            shape[1:3], geometry.stride, around, geometry.extent(weight[1:3]), extra, strict=True
        )
    )
    if 0 in shape[1:3] or min(size) < 1:
        raise ValueError(
            f"the result is empty: x has shape {shape}, weight {weight}, padding is {geometry.padding}"
        )
    return geometry, (shape[0], *size, weight[3] * geometry.groups)


@anywhere
def conv2d_transpose(
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    bias: np.ndarray | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The transposed convolution: the gradient of the input of `conv2d` with the same weights.

    Parameters
    ----------
    x : (batch, height, width, in) array
    weight : (in, kh, kw, out / groups) array or PackedWeight
        As for the `conv2d` that maps the channels of the result to those of `x`.
    bias : (out,) array, optional
    stride, dilation : int or pair
    padding : int, pair, four integers or 'valid'
        Pixels removed from the result, where the convolution would add them.
    output_padding : int or pair
        Pixels added at the bottom and at the right, fewer than stride or dilation.
    groups : int
    activation : {None, 'relu', 'relu6', 'leaky_relu'}
    out : array, optional

    Returns
    -------
    (batch, height', width', out) array
        ``height' = (height − 1) · stride − top − bottom + dilation · (kh − 1) + 1 + output_padding``.

    Raises
    ------
    TypeError, ValueError
        As for `conv2d`, and if the result is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv2d_transpose
    >>> conv2d_transpose(np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1)), stride=2)[0, :, :, 0].sum()
    np.float64(16.0)
    """
    x = real_array("x", x, ndim=4)
    weight, packed_cache = _weight_of(weight, x.dtype)
    geometry, shape = shaped_transposed(
        x.shape, weight.shape, stride, padding, output_padding, dilation, groups
    )
    shift = _bias_of(bias, shape[3], x.dtype, weight)
    code = _activation_of(activation)
    out = output(out, shape, x.dtype, x, weight, shift)
    convolution.gradient_of_input(x, weight, shift, out, geometry, code, None, packed_cache)
    return out


@anywhere
@check_arguments
def conv2d_transpose_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | PackedWeight,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    activation: str | None = None,
    y: np.ndarray | None = None,
    need_x: Flag = True,
    need_weight: Flag = True,
    need_bias: Flag = True,
    out: tuple[np.ndarray | None, ...] | None = None,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Gradients of ``sum(grad * conv2d_transpose(x, weight, bias))``.

    Parameters
    ----------
    grad : (batch, height', width', out) array
        With the shape of the result of `conv2d_transpose`.
    x : (batch, height, width, in) array
    weight : (in, kh, kw, out / groups) array or PackedWeight
    stride, padding, output_padding, dilation, groups, activation
        As for `conv2d_transpose`.
    y : (batch, height', width', out) array, optional
        The result of `conv2d_transpose`; required with an activation.
    need_x, need_weight, need_bias : bool
        Which gradients are computed.
    out : tuple of three arrays, optional
        Contiguous memory for the gradients; an entry may be None.

    Returns
    -------
    grad_x, grad_weight, grad_bias : arrays of the shapes of `x`, `weight` and (out,)
        None for those that are not needed.

    Raises
    ------
    TypeError, ValueError
        As for `conv2d_transpose`, and if `grad` does not have the shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import conv2d_transpose_backward
    >>> x, weight = np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1))
    >>> conv2d_transpose_backward(np.ones((1, 3, 3, 1)), x, weight)[0][0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    x = real_array("x", x, ndim=4)
    grad = real_array("grad", grad, ndim=4, dtype=x.dtype)
    weight, packed_cache = _weight_of(weight, x.dtype)
    geometry, shape = shaped_transposed(
        x.shape, weight.shape, stride, padding, output_padding, dilation, groups
    )
    if grad.shape != shape:
        raise ValueError(f"grad has shape {grad.shape}, but the result's is {shape} for x of shape {x.shape}")
    y = _result_of(activation, y, grad)
    shapes = x.shape, weight.shape, shape[3:]
    wanted = need_x, need_weight, need_bias
    grad_x, grad_weight, grad_bias = _gradients(out, wanted, shapes, x.dtype, grad, x, weight, y)
    grad = _before_activation(activation, grad, y)
    if need_x:
        no_bias = memory.constant(x, x.shape[3:], 0, x.dtype)
        convolution.forward(grad, weight, no_bias, grad_x, geometry, 0, None, packed_cache)
    if need_weight:
        # The convolution maps the result here to x: its input is grad, and x is the gradient of its result.
        convolution.gradient_of_weight(x, grad, grad_weight, geometry)
    if need_bias:
        sum_over_pixels(grad, grad_bias)
    return grad_x, grad_weight, grad_bias


_EXERCISES = (
    {"weight": (32, 3, 3, 3)},
    {"weight": (32, 3, 3, 32), "padding": 1},
    {"weight": (32, 1, 1, 32)},
    {"weight": (32, 3, 3, 1), "groups": 32, "padding": 1},
    {"weight": (32, 3, 3, 1), "groups": 32, "stride": 2},
    {"weight": (32, 3, 3, 8), "groups": 4},
)
"""Layers that together need all of the machine code of convolutions."""


_USUAL = {"stride": 1, "padding": 0, "groups": 1}

_EXERCISE_SIZES = ((2, 8), (8, 32))
"""Numbers and sizes of the images: the gradients of weights are computed in shares for many pixels."""


def _exercise(dtype):
    for settings in _EXERCISES:
        layer = dict(settings)
        weight = sample(dtype, *layer.pop("weight"))
        stride, padding, groups = (layer.get(name, usual) for name, usual in _USUAL.items())
        described = convolution.layer_of(
            weight.shape, _geometry(weight.shape[1:3], stride, padding, 1, groups)
        )
        suited = [name for name, record in ALGORITHMS.items() if not record.reason_against(described)]
        for algorithm in (None, *suited):
            for batch, size in _EXERCISE_SIZES:
                x = sample(dtype, batch, size, size, weight.shape[3] * groups)
                y = conv2d(x, weight, sample(dtype, len(weight)), algorithm=algorithm, **layer)
                conv2d(x, pack_weight(weight), algorithm=algorithm, **layer)
                conv2d_backward(y, x, weight, algorithm=algorithm, **layer)


CONV2D = operation(conv2d, conv2d_backward, _exercise)


def _exercise_transposed(dtype):
    x, weight = sample(dtype, 2, 5, 5, 8), sample(dtype, 8, 3, 3, 4)
    y = conv2d_transpose(x, weight, sample(dtype, 4), stride=2)
    conv2d_transpose_backward(y, x, weight, stride=2)


CONV2D_TRANSPOSE = operation(conv2d_transpose, conv2d_transpose_backward, _exercise_transposed)
