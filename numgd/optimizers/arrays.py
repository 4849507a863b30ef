"""Parameters and gradients as they are given: an array, a list or tuple of arrays, or a dictionary."""

import numpy as np


def named(name, given):
    """Keys and arrays of a structure; raises naming the argument for what is none."""
    if isinstance(given, dict):
        keys, arrays = list(given), list(given.values())
    elif isinstance(given, list | tuple):
        keys, arrays = range(len(given)), given
    else:
        keys, arrays = (None,), (given,)
    for key, array in zip(keys, arrays, strict=True):
        if not (isinstance(array, np.ndarray) or hasattr(array, "__cuda_array_interface__")):
            raise TypeError(f"{label(name, key)} must be an array; it is {type(array).__name__}")
    return keys, arrays


def label(name, key):
    """How an array is called in messages."""
    return name if key is None else f"{name}[{key!r}]"


def like(given, arrays):
    """Arrays in the structure of what was given."""
    if isinstance(given, dict):
        return dict(zip(given, arrays, strict=True))
    if isinstance(given, list | tuple):
        return type(given)(arrays)
    return arrays[0]


def check_parameters(keys, arrays):
    """Raise for what no parameter can be."""
    if not arrays:
        raise ValueError("params holds no array")
    for key, p in zip(keys, arrays, strict=True):
        if p.dtype not in (np.float32, np.float64):
            raise TypeError(f"{label('params', key)} must be float32 or float64; its dtype is {p.dtype}")
        if isinstance(p, np.ndarray) and not p.flags.writeable:
            raise ValueError(f"{label('params', key)} is read-only")
    if len({isinstance(p, np.ndarray) for p in arrays}) > 1:
        raise TypeError("params must all be on the same device")


def check_gradients(keys, arrays, gradients):
    """Raise for what cannot be the gradients of parameters."""
    for key, p, g in zip(keys, arrays, gradients, strict=True):
        if g.shape != p.shape:
            raise ValueError(f"{label('grads', key)} has shape {g.shape}, but the parameter's is {p.shape}")
        if g.dtype != p.dtype:
            raise TypeError(f"{label('grads', key)} has dtype {g.dtype}, but the parameter's is {p.dtype}")
        if isinstance(g, np.ndarray) != isinstance(p, np.ndarray):
            raise TypeError(f"{label('grads', key)} and the parameter must be on the same device")
        if _shares(p, g):
            raise ValueError(f"{label('grads', key)} shares memory with the parameter")


def _shares(p, g):
    if not isinstance(p, np.ndarray):
        return p.__cuda_array_interface__["data"][0] == g.__cuda_array_interface__["data"][0]
    try:
        return np.may_share_memory(p, g) and np.shares_memory(p, g, max_work=1000)
    except np.exceptions.TooHardError:
        return True
