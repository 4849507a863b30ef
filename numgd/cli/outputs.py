"""Files that commands write, checked before the work."""

import os
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from pathlib import Path


def fault_of_output(name: str, path: Path, suffixes: Collection[str]) -> str:
    """Why no file can be written to a path; empty if it can.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    path : pathlib.Path
    suffixes : collection of str
        What the path may end with, in lower case and with the dot.
    """
    if not path.parent.is_dir():
        return f"{name}: the folder {path.parent} does not exist"
    if path.is_dir():
        return f"{name}: {path} is a folder"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return f"{name}: cannot write {path}: permission denied"
    if path.suffix.lower() not in suffixes:
        *others, last = suffixes
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"{name} must end with {listed}; it is {path}"
    return ""


def fault_of_overwriting(name: str, path: Path, given: Iterable[Path]) -> str:
    """Why a file may not be written: it is one of those that are given; empty if it may."""
    if path.resolve() in {other.resolve() for other in given}:
        return f"{name}: {path} is also read, and would be overwritten"
    return ""


def fault_of_picture(name: str, path: Path) -> str:
    """Why no picture can be written to a path; empty if it can."""
    from numgd.plots.comparison import picture_formats

    return fault_of_output(name, path, [f".{form}" for form in picture_formats()])


def fault_of_weights(name: str, path: Path) -> str:
    """Why no arrays can be written to a path; empty if they can."""
    if path.suffix.lower() == ".safetensors" and find_spec("safetensors") is None:
        return ".safetensors files need the package safetensors, which is missing: pip install safetensors"
    return fault_of_output(name, path, (".npz", ".safetensors"))
