"""Digests of numgd's own sources, on which its machine code depends.

Numba checks only the file of the function that it compiles; code that is inlined from another file would go
stale.  Machine code therefore carries a digest of its package and of all packages that this one builds on.
Comments, docstrings and the layout of the text do not count.  If a file has changed since this process
began, no other process uses the machine code that this one makes.
"""

import hashlib
import inspect
import json
import os
import time
import types
from functools import cache
from pathlib import Path
from typing import NamedTuple

from numgd.system.cache_folder import made_folder, read_file, safe_folder, warn_of_writing, write_file

_SOLVER_METHODS = ("first_order", "second_order", "sums_of_squares")

BUILDS_ON = {
    "jit": (),
    "foundations": ("jit",),
    "autodiff": ("jit",),
    "first_order": ("foundations", "jit"),
    "scalars": ("foundations", "jit"),
    "schedules": ("foundations",),
    "second_order": ("foundations", "jit"),
    "sums_of_squares": ("foundations", "jit"),
    "kernels/cpu/layers": ("foundations", "jit", "scalars"),
    "kernels/cpu/rules": ("first_order", "foundations", "jit"),
    "kernels/cpu/solvers": ("foundations", "jit", "second_order", "sums_of_squares"),
    "registry.py": ("foundations", *_SOLVER_METHODS),
    "callables": (
        *("autodiff", "first_order", "foundations", "jit", "kernels/cpu/rules", "kernels/cpu/solvers"),
    ),
    "optimizers": (
        *("first_order", "foundations", "jit", "kernels/cpu/rules"),
        *("registry.py", "schedules"),
    ),
    "solve": (
        *("autodiff", "callables", "foundations", "jit", "kernels/cpu/rules", "kernels/cpu/solvers"),
        *("optimizers", "registry.py", "schedules", *_SOLVER_METHODS),
    ),
    "nn/functional": ("autodiff", "foundations", "jit", "kernels/cpu/layers", "scalars"),
}
"""The packages whose functions are compiled into machine code, and the packages that each one imports.

Code for GPUs is not stored.
"""

PACKAGE = Path(__file__).parents[1]

_IMPORTED = time.time()

_MOST_KNOWN = 5000


def package_of(module):
    """The package in `BUILDS_ON` that contains a module of numgd; None for another module."""
    path = module.removeprefix("numgd.").replace(".", "/")
    for name in BUILDS_ON:
        if module.startswith("numgd.") and f"{path}/".startswith(f"{name.removesuffix('.py')}/"):
            return name
    return None


def sources_digest(*modules):
    """Digest of the packages that contain these modules, and of all that they build on.

    It is the digest of all of numgd if there is no module, or if one is not in a package of `BUILDS_ON`: a
    user's function may use any part of numgd.
    """
    packages = {package_of(module) for module in modules}
    return _digest_of(frozenset(BUILDS_ON if None in packages or not packages else packages))


@cache
def _digest_of(packages):
    found, waiting = set(), list(packages)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting.extend(BUILDS_ON[package])
    text = "\n".join(f"{package} {_sources().digests[package]}" for package in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Sources(NamedTuple):
    """The current sources."""

    digests: dict[str, str]  # of packages, without those that they build on
    texts: dict[str, str]  # digests of the files' texts, and of what Python makes of these


@cache
def _sources():
    known, digests, texts = _read_known(), {}, {}
    for package in BUILDS_ON:
        digest, top = hashlib.sha256(), PACKAGE / package
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            if _IMPORTED < path.stat().st_mtime <= time.time():  # this process may run another text
                digest.update(os.urandom(16))
            text = path.read_bytes()
            key = hashlib.sha256(text).hexdigest()[:16]
            texts[key] = known.get(key) or code_digest(text)
            digest.update(f"{path.relative_to(PACKAGE).as_posix()} {texts[key]}\n".encode())
        digests[package] = digest.hexdigest()
    if not texts.keys() <= known.keys():
        _remember(known | texts)
    return _Sources(digests, texts)


def code_digest(text):
    """Digest of what Python makes of a source text, without docstrings and numbers of lines."""
    code = compile(text, "", "exec", dont_inherit=True, optimize=2)
    return hashlib.sha256(contents(code).encode()).hexdigest()[:16]


def contents(code):
    """All of a code object that its machine code depends on: neither its file nor its lines."""
    constants = [
        contents(part) if isinstance(part, types.CodeType) else _text(part) for part in code.co_consts
    ]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    # Under a profiler, Numba clears the flag of fast locals in the code of the functions that it calls.
    flags = code.co_flags & ~inspect.CO_OPTIMIZED
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags
    return f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {constants} {names} {counts}"


def _text(constant):
    # A set has another order in each process.
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


# Texts that were compiled before -------------------------------------------------------------------------


@cache
def known_name():
    """Name of the file, in the cache and in shipped code; another one if digests are computed differently."""
    return f"sources-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]}.json"


def _read_known():
    """Digests of source texts, and of what Python makes of them, from the package and the user's cache."""
    shipped, folder = read_file(PACKAGE / "machine_code" / known_name(), checked=False), safe_folder()
    kept = None if folder is None else read_file(folder / known_name())
    return {
        name: digest for stored in (shipped, kept) if stored for name, digest in json.loads(stored).items()
    }


def _remember(known):
    try:
        folder = made_folder()
        if folder is not None:
            write_file(folder / known_name(), json.dumps(dict(list(known.items())[-_MOST_KNOWN:])).encode())
    except OSError as error:  # a read-only or full disk: they are computed in each process
        warn_of_writing(error)


def ship_known(folder):
    """Write the digests of the current texts to a folder of shipped code."""
    write_file(Path(folder, known_name()), json.dumps(_sources().texts).encode())
