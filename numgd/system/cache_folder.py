"""The folder that compiled code is kept in, and whether what lies there may be run.

Machine code from the disk is unpickled and run.  Whoever may write to the folder could therefore run code as
the user: it is used only where nobody else may.
"""

import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

import numba

from numgd.system.atomic import replacing

_NOT_COMPILED = frozenset(("__init__.py", "__main__.py", "cli", "plots", "system"))
"""Files and packages of numgd that no machine code comes from."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
"""Permissions that nobody but the user may have."""


# Where it is -----------------------------------------------------------------------------------------------


@cache
def source_digest():
    """Digest of numgd's source files and of the versions that shape its machine code.

    Numba checks only the file of the function that it compiles; code that was inlined from another file
    would go stale.  Any change of a source file that compiled code may come from starts a new folder.
    """
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:3]}".encode())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] in _NOT_COMPILED:
            continue
        digest.update(name.as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_root():
    """Folder that holds all of numgd's compiled code: ``NUMGD_CACHE_DIR``, else the user's cache folder.

    An empty variable counts as none, ``~`` is the user's home.
    """
    chosen = _chosen()
    if chosen is not None:
        return chosen
    if sys.platform == "win32":
        base, usual = os.environ.get("LOCALAPPDATA"), ("AppData", "Local")
    elif sys.platform == "darwin":
        base, usual = None, ("Library", "Caches")
    else:
        base, usual = os.environ.get("XDG_CACHE_HOME"), (".cache",)
    if base and Path(base).is_absolute():  # the XDG specification has relative ones ignored
        return Path(base) / "numgd"
    home = _home()
    return Path(tempfile.gettempdir(), f"numgd-{_user()}") if home is None else home.joinpath(*usual, "numgd")


def _home():
    """The user's home; None where nothing says where it is, as in a container with a bare user id."""
    try:
        if os.environ.get("HOME") != "":
            return Path.home()
        import pwd  # which Windows lacks

        return Path(pwd.getpwuid(_user()).pw_dir)
    except (ImportError, KeyError, RuntimeError):
        return None


def _user():
    """The number of the user whose rights the process has; 0 where users have none."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _chosen():
    """The folder that ``NUMGD_CACHE_DIR`` names; None where it is empty, or a home that is not known."""
    text = os.environ.get("NUMGD_CACHE_DIR")
    if not text:
        return None
    first, *rest = Path(text).parts or (".",)
    try:
        home = _home() if first == "~" else Path(first).expanduser()
    except RuntimeError:  # ~ and the name of nobody
        home = None
    if home is None:
        warn_once(f"numgd uses its usual cache folder: of NUMGD_CACHE_DIR={text!r} no home is known.")
        return None
    return _absolute(home.joinpath(*rest))


@cache
def _absolute(path):
    """The absolute path as of its first use: a later change of the working folder moves nothing."""
    return path.absolute()


def cache_folder():
    """Folder of the code that was compiled from the sources as they stand."""
    return cache_root() / source_digest()


# Whether it may be used ------------------------------------------------------------------------------------


def fault_of(status):
    """Why a file or a folder must not hold code that is run; None where it may.

    It must belong to the user or to root, and neither its group nor everybody may write to it, a group of
    the user alone included: who is in a group cannot be told reliably.  Windows answers nothing of this; a
    user's own folders are private there by what they inherit.

    Parameters
    ----------
    status : os.stat_result
    """
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid not in (_user(), 0):
        return f"it belongs to another user (number {status.st_uid}, not {_user()})"
    if status.st_mode & OTHERS_WRITE:
        return f"{'everybody' if status.st_mode & stat.S_IWOTH else 'its group'} may write to it"
    return None


def refusal():
    """Why compiled code must not be kept in `cache_folder`, and the remedy; None where it may.

    Symbolic links are followed: what counts is the folder that they lead to.
    """
    root = cache_root()
    for folder in (root, root / source_digest()):
        try:
            fault = fault_of(os.stat(folder))
        except OSError:  # none yet
            return None
        if fault:
            remedy = "" if "belongs" in fault else f"run 'chmod go-w {folder}', or "
            return (
                f"numgd does not use the cache folder {folder}: {fault}, and could have numgd run any code. "
                f"What is compiled is lost with the process. To keep it, {remedy}set NUMGD_CACHE_DIR to a "
                "folder that only you may write to."
            )
    return None


def safe_folder():
    """`cache_folder`; None, with a warning, where what lies there must not be run."""
    reason = refusal()
    if reason is None:
        return cache_folder()
    warn_once(reason)
    return None


def made_folder():
    """`safe_folder`, made where it is missing; raises OSError where it cannot be."""
    root, folder = cache_root(), cache_folder()
    if not folder.is_dir():
        root.mkdir(0o700, parents=True, exist_ok=True)
        if refusal() is None:
            folder.mkdir(0o777 & ~OTHERS_WRITE, exist_ok=True)
            _forget_old_folders(root)
    return safe_folder()


def _forget_old_folders(root):
    """Remove what other versions of the sources left behind and nobody wrote to for a month."""
    oldest = time.time() - 30 * 86400
    for folder in root.iterdir():
        if re.fullmatch("[0-9a-f]{16}", folder.name) and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


@cache
def warn_once(message):
    """Warn, the first time in a process."""
    warnings.warn(message, stacklevel=2)


def warn_of_writing(error):
    """Warn once that nothing can be kept, and why."""
    warn_once(
        f"numgd cannot write to its cache folder {cache_folder()} ({error.strerror or error}): what is "
        "compiled is lost with the process. To keep it, set NUMGD_CACHE_DIR to a folder that is writable."
    )


# Files with a checksum -------------------------------------------------------------------------------------


def write_file(path, data):
    """Write bytes and their checksum to a file that nobody else may write to."""
    with replacing(path, forbidden=OTHERS_WRITE) as file:
        file.write(hashlib.sha256(data).digest() + data)


def read_file(path):
    """The bytes of a file by `write_file`; None for one that is missing, damaged or not the user's own."""
    try:
        with open(path, "rb") as file:
            if fault_of(os.fstat(file.fileno())):
                return None
            digest, data = file.read(32), file.read()
    except OSError:
        return None
    return data if hashlib.sha256(data).digest() == digest else None
