"""Intel's TBB from its wheel, which puts the library where the system's loader does not look.

Numba finds it once it is loaded.  Nothing is chosen for the user: a threading layer that is named in
``NUMBA_THREADING_LAYER`` stays.
"""

import ctypes
import os
import sys

_LIBRARIES = {"linux": "libtbb.so.12", "win32": "tbb12.dll"}
"""What the wheel calls the library."""


def _load():
    """Load TBB; return the library, or None where there is none or another layer is named."""
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
