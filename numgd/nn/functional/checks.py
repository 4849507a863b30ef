"""What all functions ask of their arguments, with errors that name the argument."""

import numpy as np


def real_array(name, given, ndim=None, dtype=None):
    """A contiguous float32 or float64 array; raises for anything else.

    Parameters
    ----------
    name : str
    given : array_like
    ndim : int, optional
        The number of its axes.
    dtype : numpy.dtype, optional
        Its dtype, that of the other arrays.
    """
    array = np.asarray(given)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float32 or float64; its dtype is {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} has dtype {array.dtype}, but the other arrays have {dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes; its shape is {array.shape}")
    return np.ascontiguousarray(array) if array.ndim else array


def output(out, shape, dtype, *inputs, name="out"):
    """Memory for a result: what was given, checked, or new."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be an array; it is {type(out).__name__}")
    if out.shape != tuple(shape):
        raise ValueError(f"{name} has shape {out.shape}, but the result's is {tuple(shape)}")
    if out.dtype != dtype:
        raise TypeError(f"{name} has dtype {out.dtype}, but the result's is {dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if not out.flags.c_contiguous:
        raise ValueError(f"{name} must be contiguous")
    for array in inputs:
        if isinstance(array, np.ndarray) and np.may_share_memory(out, array):
            raise ValueError(f"{name} overlaps with an input")
    return out


def whole(name, value, low):
    """An integer of at least `low`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer; it is {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}; it is {value}")
    return int(value)


def pair_of(name, value, low):
    """Two integers of at least `low`, for the two axes of an image, from one or two."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be one integer or two; it is {value!r}")
    return tuple(whole(name, part, low) for part in values)


def positive(name, value):
    """A positive finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number; it is {value!r}")
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be positive and finite; it is {value!r}")
    return float(value)


def number(name, value, low=-np.inf, high=np.inf):
    """A finite number from `low` to `high`."""
    if type(value) is not float and (isinstance(value, _BOOLEANS) or not isinstance(value, _NUMBERS)):
        raise TypeError(f"{name} must be a number; it is {value!r}")
    if not (-np.inf < value < np.inf and low <= value <= high):
        limits = f" and from {low:g} to {high:g}" if low > -np.inf else ""
        raise ValueError(f"{name} must be finite{limits}; it is {value!r}")
    return float(value)


_BOOLEANS = (bool, np.bool_)
_NUMBERS = (int, float, np.integer, np.floating)
