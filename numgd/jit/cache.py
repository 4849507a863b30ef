"""Disk cache of compiled code: files in numgd's own folder, identified by names that numgd assigns."""

import glob
import hashlib
import importlib
import pickle
import sys
from pathlib import Path

from numba.core import config, entrypoints
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

from numgd.system.cache_folder import (
    cache_folder,
    made_folder,
    read_file,
    safe_folder,
    source_digest,
    warn_of_writing,
    write_file,
)


class _Locator:
    """The part of Numba's cache locator interface that the base class uses."""

    def get_cache_path(self):
        return str(cache_folder())

    def get_source_stamp(self):
        return source_digest()

    def ensure_cache_path(self):
        """Do nothing: `PackageCache` has created the folder."""


class _Implementation(CompileResultCacheImpl):
    """Serialisation of compile results; only their location differs from Numba's."""

    def __init__(self, name):
        self._locator = _Locator()
        self._filename_base = f"{name}.{sys.implementation.cache_tag}"

    def check_cachable(self, cres):
        """Whether code may be kept: not if it holds addresses of this process.  Numba would warn."""
        return all(lifted.can_cache for lifted in cres.lifted) and not cres.library.has_dynamic_globals


class _Files(IndexDataCacheFile):
    """One file per signature, named by a digest of the signature.

    Numba numbers a function's files in an index.  Two processes that do so at the same time can use the
    same file for the machine code of two signatures.
    """

    def __init__(self, cache_path, filename_base, source_stamp):
        super().__init__(cache_path, filename_base, source_stamp)
        self._filename_base = filename_base

    def _name_of(self, key):
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return f"{self._filename_base}.{digest}.nbc"

    def _path_of(self, key):
        return Path(self._cache_path, self._name_of(key))

    def save(self, key, data):
        write_file(self._path_of(key), self._dump((key, data)))

    def load(self, key):
        stored = read_file(self._path_of(key))
        if stored is None:
            return None
        found, data = pickle.loads(stored)
        return data if found == key else None

    def flush(self):
        for path in Path(self._cache_path).glob(f"{glob.escape(self._filename_base)}.*.nbc"):
            path.unlink(missing_ok=True)


def _prepare_for_finished_code(target_context):
    """Make known the symbols that machine code may refer to.

    Numba would also load the implementations of everything that it can compile, which takes half a second.
    """
    rtsys.initialize(target_context)
    importlib.import_module("numba.cpython.hashing")  # the keys of hash functions
    entrypoints.init_all()  # other packages that extend Numba


class PackageCache(FunctionCache):
    """Disk cache of one of numgd's compiled functions, identified by its name.

    The digest of the sources covers the function's code and everything that it closes over, so the key is
    only the signature and the machine.  If the folder is not safe or cannot be written to, the function is
    compiled in every process.
    """

    def __init__(self, function, name):
        self._name = name
        self._py_func = function
        self._name_on_disk = name
        self._impl_made = None
        self.enable()

    @property
    def name(self):
        """The name under which the code is kept."""
        return self._name

    @property
    def _impl(self):
        # Created on first use: importing numgd reads no source file and accesses no folder.
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
        settings = config.BOUNDSCHECK, str(config.OPT), config.DEBUGINFO_DEFAULT
        return (sig, codegen.magic_tuple(), settings)

    def load_overload(self, sig, target_context):
        if safe_folder() is None:
            return None
        try:
            _prepare_for_finished_code(target_context)
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)
        except Exception:  # an unreadable file: compile, and overwrite it
            return None

    def save_overload(self, sig, data):
        try:
            if made_folder() is not None:
                super().save_overload(sig, data)
        except OSError as error:  # a read-only or full disk: the code stays in memory
            warn_of_writing(error)
        except Exception:  # a user's function that holds what cannot be pickled
            pass
