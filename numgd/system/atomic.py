"""Atomic writes: files appear complete or not at all."""

import contextlib
import os
import secrets
from pathlib import Path


@contextlib.contextmanager
def replacing(path, forbidden=0):
    """A binary file that replaces another when the block ends; after an error the old file stays.

    It is written in the same folder, under a temporary name until it is complete.

    Parameters
    ----------
    path : str or pathlib.Path
    forbidden : int, optional
        Permissions that the file does not get, besides those of the umask.
    """
    path = Path(path)
    temporary = path.with_name(f".numgd-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with _named(path):
            descriptor = os.open(temporary, flags, 0o666 & ~forbidden)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        with _named(path):
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def _named(path):
    """A block whose OSErrors name a path, not the temporary file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from None
