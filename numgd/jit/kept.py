"""Machine code made from the user's functions, kept on disk under a digest of all that they refer to."""

import hashlib
import re

from numgd.jit.cache import PackageCache
from numgd.jit.sources import foreign_digest


def keep(dispatcher, name, functions, *words):
    """Let a dispatcher keep its machine code on disk, if it is certain what the code depends on.

    Parameters
    ----------
    dispatcher : numba.core.dispatcher.Dispatcher
    name : str
        Its name in the folder and in announcements.
    functions : iterable of callable
        The user's functions that its code is made from.
    *words
        Anything else that distinguishes it from other code made from these functions, with a repr that is the
        same in every process; otherwise the code is not kept.
    """
    digest = foreign_digest(functions)
    text = repr(words)
    if digest and " at 0x" not in text:
        digest = hashlib.sha256(f"{digest} {text}".encode()).hexdigest()[:16]
        dispatcher._cache = PackageCache(
            dispatcher.py_func, f"{re.sub(r'[^0-9A-Za-z]+', '_', name)}-{digest}"
        )
