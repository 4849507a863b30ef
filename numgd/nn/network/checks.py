"""Checks of what a network is made with."""

import numpy as np


def checked_shape(given):
    """The shape of one sample; raises TypeError or ValueError."""
    try:
        shape = tuple(int(n) for n in given)
    except (TypeError, ValueError):
        raise TypeError(f"input_shape must be a tuple of integers; it is {given!r}") from None
    if not shape or min(shape) < 1 or shape != tuple(given):
        raise ValueError(f"input_shape must consist of integers from 1 on; it is {given!r}")
    return shape


def checked_dtype(given):
    """The dtype of a network; raises TypeError."""
    dtype = np.dtype(given)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64; it is {dtype}")
    return dtype
