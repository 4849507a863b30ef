"""Machine code on disk: files in numgd's own folder and in the package, under names that numgd assigns."""

import glob
import importlib
import pickle
import sys
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from numba.core import config, entrypoints
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys

from numgd.jit.making import Recipe
from numgd.jit.shipped import digest_of, read_shipped, write_shipped
from numgd.system.cache_folder import (
    cache_folder,
    made_folder,
    read_file,
    safe_folder,
    versions_digest,
    warn_of_writing,
    write_file,
)
from numgd.system.own_sources import sources_digest


class _Locator:
    """The part of Numba's cache locator interface that the base class uses."""

    def get_cache_path(self):
        return str(cache_folder())

    def get_source_stamp(self):
        return versions_digest()

    def ensure_cache_path(self):
        """Do nothing: `PackageCache` has created the folder."""


class _Implementation(CompileResultCacheImpl):
    """Serialisation of compile results; only their location differs from Numba's."""

    def __init__(self, name):
        self._locator = _Locator()
        self._filename_base = f"{name}.{sys.implementation.cache_tag}"

    def check_cachable(self, cres):
        """Whether code may be kept: not if it holds addresses of this process.  Numba would warn."""
        if _lacks_code(cres.library):
            return False
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
        return f"{self._filename_base}.{digest_of(key)}.nbc"

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


class Use(NamedTuple):
    """Machine code that this process uses."""

    name: str
    signature: Any
    source: str  # "cache", "package" or "compiler"
    recipe: Recipe | None  # how its function is made; None if it is made from the user's functions


uses: list[Use] = []
"""The machine code of numgd that this process uses, in the order of its first use."""

_not_linkable = weakref.WeakSet()
"""Libraries of shipped code, which exists only in this process."""

_ship_to = None


def ship_to(folder):
    """From now on, also write the machine code that is compiled to a folder, to be shipped."""
    global _ship_to
    _ship_to = folder


def _prepare_for_finished_code(target_context):
    """Make known the symbols that machine code may refer to.

    Numba would also load the implementations of everything that it can compile, which takes half a second.
    """
    rtsys.initialize(target_context)
    importlib.import_module("numba.cpython.hashing")  # the keys of hash functions
    entrypoints.init_all()  # other packages that extend Numba


class PackageCache(FunctionCache):
    """Disk cache of one of numgd's compiled functions, identified by its name.

    The key consists of the signature, the machine and a digest of sources, which covers the function's code
    and everything that it closes over: the sources of `modules`, or of those that its `recipe` names; of all
    of numgd if there is neither.  The user's folder is searched first, then the package.  If the folder is
    not safe or cannot be written to, what is not shipped is compiled in every process.

    Shipped code can be called by its address and from Python, but not linked into other code; see
    `numgd.jit.portable.linkable`.
    """

    def __init__(self, function, name, recipe=None, modules=(), shipped=True):
        self._recipe, self._shipped = recipe, shipped
        self._modules = modules if recipe is None else recipe.modules()
        self._name = name
        self._py_func = function
        self._name_on_disk = name
        self._impl_made = None
        self.enable()

    @property
    def name(self):
        """The name under which the code is kept."""
        return self._name

    def unshipped(self):
        """A cache of the same code that ignores what is shipped."""
        return PackageCache(self._py_func, self._name, self._recipe, self._modules, shipped=False)

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
        return _Files(self._cache_path, self._impl.filename_base, versions_digest())

    def _index_key(self, sig, codegen):
        return (sig, codegen.magic_tuple(), _settings(), sources_digest(*self._modules))

    def load_overload(self, sig, target_context):
        for source, load in (("cache", self._load_cached), ("package", self._load_shipped)):
            try:
                result = load(sig, target_context)
            except Exception:  # an unreadable file: compile, and overwrite it
                result = None
            if result is not None:
                uses.append(Use(self._name, sig, source, self._recipe))
                return result
        return None

    def _load_cached(self, sig, target_context):
        if safe_folder() is None:
            return None
        _prepare_for_finished_code(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _load_shipped(self, sig, target_context):
        if self._recipe is None or not self._shipped:
            return None
        key = (sig, _settings())
        stored = read_shipped(self._name, key)
        if stored is None:
            return None
        _prepare_for_finished_code(target_context)
        found, data = pickle.loads(stored)
        return _rebuilt(target_context, data) if found == key else None

    def save_overload(self, sig, data):
        uses.append(Use(self._name, sig, "compiler", self._recipe))
        try:
            if made_folder() is not None:
                super().save_overload(sig, data)
        except OSError as error:  # a read-only or full disk: the code stays in memory
            warn_of_writing(error)
        except Exception:  # a user's function that holds what cannot be pickled
            pass
        if _ship_to is not None and self._recipe is not None:
            key = (sig, _settings())
            content = self._cache_file._dump((key, _without_bitcode(self._impl.reduce(data))))
            write_shipped(_ship_to, self._name, key, content)
        data.library._shared_module = None  # a copy for linking, which saving has made


def _lacks_code(library):
    """Whether a library calls shipped code, which is not linked into it and exists only in this process."""
    seen, waiting = set(), [library]
    while waiting:
        for other in waiting.pop()._linking_libraries:
            if other in _not_linkable:
                return True
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return False


def _without_bitcode(reduced):
    """A serialised compile result without its bitcode, four fifths of it, which is linked into other code."""
    (name, kind, (code, _)), *others = reduced
    if kind != "object":
        raise ValueError(f"code of the kind {kind!r} cannot be shipped")
    return ((name, kind, (code, b"")), *others)


def _rebuilt(target_context, reduced):
    """The compile result of a serialised one without bitcode."""
    (name, kind, (code, _)), described, *others = reduced
    # Numba would take the names that the code defines from the bitcode.
    names = ("llvm_func_name", "llvm_cpython_wrapper_name", "llvm_cfunc_wrapper_name", "env_name")
    engine = target_context.codegen()._engine
    engine._defined_symbols.update(getattr(described, name) for name in names)
    empty = llvm.parse_assembly("").as_bitcode()
    result = CompileResult._rebuild(target_context, (name, kind, (code, empty)), described, *others)
    _not_linkable.add(result.library)
    return result


def _settings():
    """Numba's settings that machine code depends on."""
    return config.BOUNDSCHECK, str(config.OPT), config.DEBUGINFO_DEFAULT
