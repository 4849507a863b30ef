"""Checks of arguments that all functions share, with errors that name the argument."""

from typing import Annotated

import numpy as np

from numgd.foundations.ranges import Integers, checked, one_of
from numgd.kernels.cpu.layers.fused import FLOORED
from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device

_LARGEST_INDEX = 2**31 - 1  # indices in an image are int32
Size = Annotated[int, Integers("[1, inf]", _LARGEST_INDEX)]
"""A number of pixels or channels, at least one."""

Extra = Annotated[int, Integers("[0, inf]", _LARGEST_INDEX)]
"""A number of pixels, at least zero."""

Axis = Annotated[int, Integers("[-inf, inf]")]
"""An axis of an array; negative ones count from the last."""

FlooredActivation = one_of(*FLOORED)


def real_array(name, given, ndim=None, dtype=None):
    """A contiguous float32 or float64 array; raises for anything else.

    Parameters
    ----------
    name : str
    given : array_like
    ndim : int, optional
        The required number of axes.
    dtype : numpy.dtype, optional
        The required dtype, that of the other arrays.
    """
    array = memory.taken(name, given)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float32 or float64; its dtype is {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} has dtype {array.dtype}, but the other arrays have {dtype}")
    if ndim is not None and array.ndim != ndim:
        axes = "1 axis" if ndim == 1 else f"{ndim} axes"
        raise ValueError(f"{name} must have {axes}; its shape is {array.shape}")
    return memory.contiguous(array)


def aligned(shape, dtype):
    """A new array that is aligned to cache lines, so that a vector occupies one line, not two."""
    return memory.empty(None, shape, dtype)


def output(out, shape, dtype, *inputs, name="out"):
    """Memory for a result: `out`, checked, or a new array."""
    like = next((array for array in inputs if on_device(array)), None)
    if out is None:
        return memory.empty(like, shape, dtype)
    if not (isinstance(out, np.ndarray) if like is None else on_device(out)):
        where = "" if like is None else " on the device"
        raise TypeError(f"{name} must be an array{where}; it is {type(out).__name__}")
    out = memory.taken(name, out)
    if out.shape != tuple(shape):
        raise ValueError(f"{name} has shape {out.shape}, but the result's is {tuple(shape)}")
    if out.dtype != dtype:
        raise TypeError(f"{name} has dtype {out.dtype}, but the result's is {dtype}")
    memory.check_writeable(name, out)
    for array in inputs:
        if memory.overlap(out, array):
            raise ValueError(f"{name} overlaps with an input")
    return out


def integers_of(name, value, annotation, axes):
    """An integer of a range for each axis of an image, from one integer or as many as there are axes."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(values) != axes:
        several = {1: "", 2: " or two", 3: " or three"}[axes]
        raise ValueError(f"{name} must be one integer{several}; it is {value!r}")
    return tuple(checked(name, part, annotation) for part in values)


def pair_of(name, value, annotation):
    """Two integers of a range, for the two axes of an image, from one or two integers."""
    return integers_of(name, value, annotation, 2)


def per_channel(name, given, x, default):
    """One number per channel, the last axis of x, with the dtype of x; by default all are `default`."""
    if given is None:
        return memory.constant(x, x.shape[-1:], default, x.dtype)
    array = real_array(name, given, 1, x.dtype)
    if array.shape != x.shape[-1:]:
        raise ValueError(f"{name} has shape {array.shape}, but x has shape {x.shape}: the last axis counts")
    return array


def changed_in_place(name, given, shape, dtype, *others):
    """An array that the function will change in place, checked."""
    if not (isinstance(given, np.ndarray) or on_device(given)):
        raise TypeError(f"{name} is changed in place, so it must be an array; it is {type(given).__name__}")
    given = memory.taken(name, given)
    if given.dtype != dtype:
        raise TypeError(f"{name} has dtype {given.dtype}, but it must have {np.dtype(dtype)}")
    if given.shape != tuple(shape):
        raise ValueError(f"{name} has shape {given.shape}, but it must have {tuple(shape)}")
    if isinstance(given, np.ndarray) and not given.flags.writeable:
        raise ValueError(f"{name} is changed in place, but it is read-only")
    for other in others:
        if memory.overlap(given, other, exactly=True):
            raise ValueError(f"{name} is changed in place, but it overlaps with another array")
    return given


def is_relu(activation):
    """Whether a fused activation is given, of those that are a lower bound."""
    return checked("activation", activation, FlooredActivation) is not None


def floor_of(activation, real):
    """The lower bound that a fused activation sets, as the scalar `real`: 0 for "relu", NaN for no bound."""
    return real(0) if is_relu(activation) else real(np.nan)


def same_shape(name, given, shape, dtype):
    """An array with the shape and dtype of a result."""
    array = real_array(name, given, dtype=dtype)
    if array.shape != tuple(shape):
        raise ValueError(f"{name} has shape {array.shape}, but the result has shape {tuple(shape)}")
    return array


def check_beside(x, **others):
    """Raise unless other arrays, by name, live on the machine of x; None does."""
    for name, array in others.items():
        if array is not None and on_device(array) != on_device(x):
            wanted = "a device" if on_device(x) else "the host"
            raise TypeError(f"{name} must be on {wanted}, as x is")


def with_grad(grad, x):
    """A gradient and the array whose shape and dtype it must have."""
    x = real_array("x", x)
    grad = real_array("grad", grad, dtype=x.dtype)
    if grad.shape != x.shape:
        raise ValueError(f"grad has shape {grad.shape}, but x has {x.shape}")
    return grad, x


def axis_of(axis, array, name="x"):
    """The number of an axis of an array, from 0 on; negative ones count from the last."""
    number = checked("axis", axis, Axis)
    if not -array.ndim <= number < array.ndim:
        raise ValueError(f"axis must be an axis of {name}, whose shape is {array.shape}; it is {axis}")
    return number % array.ndim


def outputs(out, names, shapes, dtype, *inputs):
    """Memory for several results.  `out` is a tuple with an array or None for each, or None for all.

    A result whose shape is None is not computed: its memory is None.
    """
    given = (None,) * len(names) if out is None else out
    if not isinstance(given, tuple | list) or len(given) != len(names):
        raise TypeError(f"out must be a tuple of {len(names)}: arrays or None for {', '.join(names)}")
    results = []
    for name, array, shape in zip(names, given, shapes, strict=True):
        if shape is None:
            results.append(None)
        else:
            results.append(output(array, shape, dtype, *inputs, *results, name=f"out for {name}"))
    return tuple(results)
