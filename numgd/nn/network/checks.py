"""Checks of what a network is given."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device


class Checked(NamedTuple):
    """Targets that have been checked, where the network lives."""

    target: Any


PART = 256
"""Samples that are checked at a time, since the check copies them."""


def checked_shape(given):
    """The shape of one sample; raises TypeError or ValueError."""
    try:
        shape = tuple(int(n) for n in given)
    except (OverflowError, TypeError, ValueError):
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


def checked_inputs(X, input_shape):
    """Samples as an array (N, *input_shape); raises TypeError or ValueError."""
    X = real_numbers("X", X)
    if X.shape[1:] != input_shape or X.ndim == 0:
        wanted = ", ".join(map(str, input_shape))
        raise ValueError(f"X must have shape (N, {wanted}); it has {X.shape}")
    return X


def checked_paths(given, known):
    """Paths of layers, all if None is given; raises TypeError or ValueError, with the nearest names."""
    if given is None:
        return list(known)
    paths = [given] if isinstance(given, str) else given
    if not (isinstance(paths, Sequence) and all(isinstance(path, str) for path in paths)):
        raise TypeError(f"layers must be paths of layers, such as {known[0]!r}; it is {given!r}")
    for path in paths:
        if path not in known:
            raise ValueError(f"layers: {unknown_path(path, known)}")
    if not paths:
        raise ValueError("layers must not be empty")
    return list(paths)


def unknown_path(path, known):
    """What is wrong with a path that no layer has, with the nearest ones."""
    near = get_close_matches(path, known, 3) or known[:8]
    rest = ", …" if len(near) < len(known) and near == known[:8] else ""
    return f"the network has no layer {path!r}; there is {', '.join(map(repr, near))}{rest}"


def check_finite(X, dtype):
    """Raise ValueError for samples that are not finite in a dtype; a memory map is not read."""
    if X.dtype.kind != "f" or isinstance(X, np.memmap):
        return
    wrong = _not_finite(X, np.finfo(dtype).max)
    if wrong is not None:
        wide = X.dtype.itemsize > dtype.itemsize
        what = f"NaN, inf or more than {dtype} has" if wide else "NaN or inf"
        raise ValueError(f"X must be finite; sample {wrong} holds {what}")


def _not_finite(X, largest):
    """The first sample with a number that is not finite or whose magnitude is above the largest, or None."""
    axes = tuple(range(1, X.ndim))
    for first in range(0, len(X), PART):
        right = (np.abs(X[first : first + PART]) <= largest).all(axis=axes)
        if not right.all():
            return first + int(np.argmin(right))
    return None


def real_numbers(name, given):
    """An array of real numbers; raises TypeError for anything else."""
    array = memory.taken(name, given) if on_device(given) else np.asanyarray(given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; its dtype is {array.dtype}")
    return array
