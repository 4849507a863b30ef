"""Where compiled code is kept: numgd's own folder, keyed by a digest of numgd's sources."""

import contextlib
import glob
import hashlib
import os
import re
import shutil
import sys
import time
from functools import cache
from pathlib import Path

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

_NOT_COMPILED = frozenset(("__init__", "__main__", "cli", "demo", "plots"))


@cache
def source_digest():
    """Digest of numgd's source files and of the versions that shape its machine code.

    Numba checks only the file of the function that it compiles; code that was inlined from another file
    would go stale.  Any change of a source file that compiled code may come from starts a new folder.
    """
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:3]}".encode())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        if path.parent == package and path.stem in _NOT_COMPILED:
            continue
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_root():
    """Folder that holds all of numgd's compiled code: ``NUMGD_CACHE_DIR``, else the user's cache folder."""
    chosen = os.environ.get("NUMGD_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return Path(base) / "numgd"


def cache_folder():
    """Folder of the code that was compiled from the sources as they stand."""
    return cache_root() / source_digest()


def _forget_old_folders():
    """Remove what other versions of the sources left behind and nobody wrote to for a month."""
    oldest = time.time() - 30 * 86400
    for folder in cache_root().iterdir():
        if re.fullmatch("[0-9a-f]{16}", folder.name) and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


class _Locator:
    """The part of Numba's cache locator that the base class calls."""

    def get_cache_path(self):
        return str(cache_folder())

    def get_source_stamp(self):
        return source_digest()

    def ensure_cache_path(self):
        if not os.path.isdir(self.get_cache_path()):
            os.makedirs(self.get_cache_path(), exist_ok=True)
            _forget_old_folders()


class _Implementation(CompileResultCacheImpl):
    """How a compile result is written and read back; only the place is numgd's own."""

    def __init__(self, name):
        self._locator = _Locator()
        self._filename_base = f"{name}.{sys.implementation.cache_tag}"


class _Files(IndexDataCacheFile):
    """One file for each signature, named by a digest of it.

    Numba counts a function's files in an index, and two processes that count at the same time give their
    machine code of two signatures the same file.
    """

    def __init__(self, cache_path, filename_base, source_stamp):
        super().__init__(cache_path, filename_base, source_stamp)
        self._filename_base = filename_base

    def _name_of(self, key):
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return f"{self._filename_base}.{digest}.nbc"

    def save(self, key, data):
        self._save_data(self._name_of(key), (key, data))

    def load(self, key):
        try:
            found, data = self._load_data(self._name_of(key))
        except FileNotFoundError:
            return None
        return data if found == key else None

    def flush(self):
        for path in Path(self._cache_path).glob(f"{glob.escape(self._filename_base)}.*.nbc"):
            path.unlink(missing_ok=True)


class PackageCache(FunctionCache):
    """Disk cache of one of numgd's compiled functions, found again by its name.

    The digest of the sources stands for the function's code and for all that it closes over, so the key
    is the signature and the machine.  A folder that cannot be written costs a compilation, nothing else.
    """

    def __init__(self, function, name):
        self._name = name
        self._py_func = function
        self._name_on_disk = name
        self._impl_made = None
        self.enable()

    @property
    def _impl(self):
        # Made on first use: importing numgd reads no source file and touches no folder.
        if self._impl_made is None:
            self._impl_made = _Implementation(self._name_on_disk)
        return self._impl_made

    @property
    def _cache_path(self):
        return self._impl.locator.get_cache_path()

    @property
    def _cache_file(self):
        return _Files(self._cache_path, self._impl.filename_base, source_digest())

    def _index_key(self, sig, codegen):
        return (sig, codegen.magic_tuple())

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged or foreign file: compile, and write over it
            return None

    def save_overload(self, sig, data):
        with contextlib.suppress(OSError):  # a read-only or full disk: the code stays in memory
            super().save_overload(sig, data)
