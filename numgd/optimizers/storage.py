"""Numbers and arrays by name in files, without pickle."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np


def write(path, state):
    """Write a dictionary of strings, numbers and arrays to ``.npz`` or ``.safetensors``.

    To a temporary file first: what stood there is lost only when the new file is whole.
    """
    path = Path(path)
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = json.dumps({name: value for name, value in state.items() if name not in arrays})
    kind = _kind(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent or ".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            if kind == ".npz":
                np.savez(file, plain=np.array(plain), **{f"array.{k}": v for k, v in arrays.items()})
            else:
                file.write(_safetensors().save(arrays, metadata={"plain": plain}))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path):
    """What `write` wrote; raises ValueError for a file that is none."""
    path = Path(path)
    if _kind(path) == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                plain = json.loads(str(file["plain"]))
                arrays = {name[6:]: file[name] for name in file.files if name.startswith("array.")}
        except (KeyError, OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ValueError(f"{path} holds no state of an optimizer: {error}") from error
    else:
        from safetensors import SafetensorError, safe_open

        _safetensors()
        try:
            with safe_open(path, framework="numpy") as file:
                plain = json.loads((file.metadata() or {})["plain"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (KeyError, SafetensorError, ValueError) as error:
            raise ValueError(f"{path} holds no state of an optimizer: {error}") from error
    if not isinstance(plain, dict):
        raise ValueError(f"{path} holds no state of an optimizer")
    return {**plain, **arrays}


def _kind(path):
    if path.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"path must end with .npz or .safetensors; it is {str(path)!r}")
    return path.suffix


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("files of .safetensors need the package safetensors") from error
    return safetensors.numpy
