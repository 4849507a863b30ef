"""The folder where compiled code is kept, and whether its content may be run.

Machine code from the disk is unpickled and run.  Anybody who can write to the folder could therefore run code
as the user: it is used only if nobody else can.
"""

import contextlib
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
import numpy as np

from numgd.system.atomic import replacing

DAY = 86400.0
MONTH = 30 * DAY
"""Seconds after which code that is not used is removed."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
"""Permissions that only the user may have."""


# Where it is -----------------------------------------------------------------------------------------------


@cache
def versions_digest():
    """Digest of the versions that machine code depends on, besides numgd's own sources."""
    versions = f"{numba.__version__} {np.__version__} {sys.version_info[:3]}"
    return hashlib.sha256(versions.encode()).hexdigest()[:16]


def cache_root():
    """Folder of all of numgd's compiled code: ``NUMGD_CACHE_DIR``, otherwise the user's cache folder.

    An empty variable counts as unset; ``~`` is the user's home.
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
    if base and Path(base).is_absolute():  # relative ones are ignored, as the XDG specification says
        return Path(base) / "numgd"
    home = _home()
    return Path(tempfile.gettempdir(), f"numgd-{_user()}") if home is None else home.joinpath(*usual, "numgd")


def _home():
    """The user's home; None if it is unknown, as in a container with a bare user id."""
    try:
        if os.environ.get("HOME") != "":
            return Path.home()
        import pwd  # not on Windows

        return Path(pwd.getpwuid(_user()).pw_dir)
    except (ImportError, KeyError, RuntimeError):
        return None


def _user():
    """The effective user id of the process; 0 on systems without user ids."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _chosen():
    """The folder named by ``NUMGD_CACHE_DIR``; None if it is empty, or starts with an unknown home."""
    text = os.environ.get("NUMGD_CACHE_DIR")
    if not text:
        return None
    first, *rest = Path(text).parts or (".",)
    try:
        home = _home() if first == "~" else Path(first).expanduser()
    except RuntimeError:  # ~ and the name of an unknown user
        home = None
    if home is None:
        warn_once(f"numgd uses its default cache folder: the home in NUMGD_CACHE_DIR={text!r} is unknown.")
        return None
    return _absolute(home.joinpath(*rest))


@cache
def _absolute(path):
    """The absolute path at its first use: later changes of the working folder have no effect."""
    return path.absolute()


def cache_folder():
    """Folder of the code that was compiled with the current versions of Python, Numba and NumPy."""
    return cache_root() / versions_digest()


# Whether it may be used ------------------------------------------------------------------------------------


def fault_of(status):
    """Why code in a file or a folder must not be run; None if it may be.

    It must belong to the user or to root, and must not be writable by its group or by everybody.  This
    includes a group of the user alone: group membership cannot be determined reliably.  Windows provides none
    of this information; a user's own folders are private there by inheritance.

    Parameters
    ----------
    status : os.stat_result
    """
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid not in (_user(), 0):
        return f"it belongs to another user (number {status.st_uid}, not {_user()})"
    if status.st_mode & OTHERS_WRITE:
        return f"{'everybody' if status.st_mode & stat.S_IWOTH else 'its group'} can write to it"
    return None


def refusal():
    """Why compiled code must not be kept in `cache_folder`, and the remedy; None if it may be.

    Symbolic links are followed: the folder that they point to counts.
    """
    root = cache_root()
    for folder in (root, root / versions_digest()):
        try:
            fault = fault_of(os.stat(folder))
        except OSError:  # it does not exist yet
            return None
        if fault:
            remedy = "" if "belongs" in fault else f"run 'chmod go-w {folder}', or "
            return (
                f"numgd does not use the cache folder {folder}: {fault}, and could make numgd run arbitrary "
                f"code. Compiled code is lost when the process ends. To keep it, {remedy}set NUMGD_CACHE_DIR "
                "to a folder that only you can write to."
            )
    return None


def safe_folder():
    """`cache_folder`; None, with a warning, if its content must not be run."""
    reason = refusal()
    if reason is None:
        return cache_folder()
    warn_once(reason)
    return None


def made_folder():
    """`safe_folder`, created if it is missing; raises OSError if that fails."""
    root, folder = cache_root(), cache_folder()
    if not folder.is_dir():
        root.mkdir(0o700, parents=True, exist_ok=True)
        if refusal() is None:
            folder.mkdir(0o777 & ~OTHERS_WRITE, exist_ok=True)
    safe = safe_folder()
    if safe is not None:
        _forget_old_folders(root)
        _forget_old_files(safe)
    return safe


@cache
def _forget_old_folders(root):
    """Remove folders of other versions that have not been written to for a month, once per process."""
    oldest = time.time() - MONTH
    for folder in root.iterdir():
        with contextlib.suppress(OSError):  # another process was faster
            if re.fullmatch("[0-9a-f]{16}", folder.name) and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


@cache
def _forget_old_files(folder):
    """Remove files that have not been used for a month, once per process: users' functions come and go."""
    oldest = time.time() - MONTH
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.name.endswith((".nbc", ".py")) and entry.stat().st_mtime < oldest:
                    os.unlink(entry)
            except OSError:  # another process was faster
                pass


@cache
def warn_once(message):
    """Warn once per process."""
    warnings.warn(message, stacklevel=2)


def warn_of_writing(error):
    """Warn once that compiled code cannot be kept, and why."""
    warn_once(
        f"numgd cannot write to its cache folder {cache_folder()} ({error.strerror or error}): "
        "compiled code is lost when the process ends. To keep it, set NUMGD_CACHE_DIR to a writable folder."
    )


# Files with a checksum -------------------------------------------------------------------------------------


def write_file(path, data):
    """Write bytes and their checksum to a file that nobody else can write to."""
    with replacing(path, forbidden=OTHERS_WRITE) as file:
        file.write(hashlib.sha256(data).digest() + data)


def read_file(path, checked=True):
    """The bytes of a file by `write_file`; None if it is missing or damaged.

    If `checked`, also None if it is not the user's own; it then counts as used.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if checked and fault_of(status):
                return None
            digest, data = file.read(32), file.read()
    except OSError:
        return None
    if checked and time.time() - status.st_mtime > DAY:
        with contextlib.suppress(OSError):  # a read-only folder
            for used in (path, os.path.dirname(path)):
                os.utime(used)
    return data if hashlib.sha256(data).digest() == digest else None
