"""Optimizer states in files: the arrays, and one JSON text for strings and numbers."""

import json

import numpy as np

from numgd.foundations import files

_TEXT = "plain"
_PREFIX = "array."


def write(path, state):
    """Write a dictionary of strings, numbers and arrays to ``.npz`` or ``.safetensors``."""
    arrays = {_PREFIX + name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in state.items() if _PREFIX + name not in arrays}
    files.write(path, arrays, {_TEXT: json.dumps(plain)})


def read(path):
    """Read a state written by `write`; raises ValueError for any other file."""
    try:
        arrays, texts = files.read(path, texts=(_TEXT,))
        plain = json.loads(texts[_TEXT])
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} does not contain the state of an optimizer: {error}") from error
    if not isinstance(plain, dict) or not all(name.startswith(_PREFIX) for name in arrays):
        raise ValueError(f"{path} does not contain the state of an optimizer")
    return plain | {name.removeprefix(_PREFIX): array for name, array in arrays.items()}
