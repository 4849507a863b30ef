"""Machine code made from the user's plain functions, kept on disk under a digest of what they refer to."""

import hashlib
import re

from numba.core.dispatcher import Dispatcher

from numgd.jit.cache import PackageCache
from numgd.jit.sources import described, foreign_digest

_CALLABLES = "numgd.callables"
"""The package whose functions wrap the user's functions."""


def keep(dispatcher, name, functions, *words):
    """Let a dispatcher keep its machine code on disk, if it is certain what the code depends on.

    Parameters
    ----------
    dispatcher : numba.core.dispatcher.Dispatcher
    name : str
        Its name in the folder and in announcements.
    functions : iterable of callable
        The user's functions that its code is made from: plain ones, or dispatchers that numgd made from them.
    *words
        Anything else that distinguishes it from other code made from these functions; see
        `numgd.jit.sources.described`.
    """
    if not isinstance(dispatcher, Dispatcher):  # with NUMBA_DISABLE_JIT
        return
    digest, text = foreign_digest(functions, plain=True), described(words)
    if digest and text is not None:
        digest = hashlib.sha256(f"{digest} {text}".encode()).hexdigest()[:16]
        readable = re.sub(r"[^0-9A-Za-z]+", "_", name)[:60]
        dispatcher._cache = PackageCache(dispatcher.py_func, f"{readable}-{digest}", modules=(_CALLABLES,))
