"""Loads Intel's TBB from its wheel, which installs the library outside the loader's search path.

Numba finds the library once it is loaded.  This overrides no choice of the user: a threading layer set in
``NUMBA_THREADING_LAYER`` stays.
"""

import ctypes
import os
import sys

_LIBRARIES = {"linux": "libtbb.so.12", "win32": "tbb12.dll"}
"""File name of the library in the wheel."""


def _load():
    """Load TBB; return the library, or None if it is not installed or another layer is set."""
    name = _LIBRARIES.get(sys.platform)
    if name is None or os.environ.get("NUMBA_THREADING_LAYER", "").lower() in ("omp", "workqueue"):
        return None
    from importlib import metadata

    try:
        found = [path for path in metadata.files("tbb") or () if path.name == name]
        return ctypes.CDLL(str(found[0].locate().resolve()), ctypes.RTLD_GLOBAL) if found else None
    except (metadata.PackageNotFoundError, OSError):
        return None


TBB = _load()
"""The library, which stays loaded, or None."""
