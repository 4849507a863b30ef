"""Machine code that is shipped with the package, in one folder per level of the architecture.

A folder contains files as in the cache, and a file that names what they were made for.  Code that was made
for another version of Numba or Python, or from other sources, is ignored.
"""

import hashlib
import json
import platform
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numba
from numba.core import types
from numba.core.typing import Signature

from numgd.jit.target import target_levels
from numgd.system.cache_folder import read_file, write_file
from numgd.system.own_sources import sources_digest

MACHINE_CODE = Path(__file__).parents[1] / "machine_code"
"""The folder in the package; a pure installation has none."""

DESCRIPTION = "made_for.json"
"""Name of the file in each level's folder that says what its code was made for."""


class Shipped(NamedTuple):
    """The shipped code that this process uses."""

    folder: Path | None
    reason: str  # why there is none; empty if there is


def made_for():
    """What machine code made by this process depends on, apart from the level and the settings of Numba."""
    return {
        "numba": numba.__version__,
        "python": f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}",
        "platform": f"{sys.platform} {platform.machine()}",
        "sources": sources_digest(),
    }


@cache
def shipped():
    """The shipped code of the highest level that the target supports."""
    folders = [MACHINE_CODE / level for level in target_levels()]
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        reason = "none is shipped" if not MACHINE_CODE.is_dir() else "none is shipped for this processor"
        return Shipped(None, reason)
    try:
        described = json.loads((found / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Shipped(None, f"{found / DESCRIPTION} cannot be read")
    for name, value in made_for().items():
        given = described.get(name) if isinstance(described, dict) else None
        if given != value:
            what = "from other sources" if name == "sources" else f"for {name} {given}, and this is {value}"
            return Shipped(None, f"it was made {what}")
    return Shipped(found, "")


def describe(folder):
    """Write down what the code in a folder is made for."""
    text = json.dumps(made_for(), indent=2) + "\n"
    (Path(folder) / DESCRIPTION).write_text(text, encoding="utf-8")


def digest_of(key):
    """A digest of a signature, and of all else that tells machine code from other code of its name."""
    text = [repr(key), *_named_tuples(key)]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def _named_tuples(key):
    """The full names of the NamedTuples in a key: its text has only their last parts."""
    if isinstance(key, types.BaseNamedTuple):
        yield f"{key.instance_class.__module__}.{key.instance_class.__qualname__}"
    if isinstance(key, Signature):
        key = (key.return_type, *key.args)
    if isinstance(key, tuple | types.BaseTuple):
        for part in key:
            yield from _named_tuples(part)


def path_in(folder, name, key):
    """The file of a function's code in a folder, for a key without a processor."""
    return Path(folder, f"{name}.{digest_of(key)}.nbc")


def read_shipped(name, key):
    """The content of a file of shipped code; None if it is not shipped, or damaged."""
    folder = shipped().folder
    # Whoever can write to the package can change its sources too, so its owner is not checked.
    return None if folder is None else read_file(path_in(folder, name, key), checked=False)


def write_shipped(folder, name, key, data):
    """Write a file of code to be shipped."""
    write_file(path_in(folder, name, key), data)
