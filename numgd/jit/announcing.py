"""Announces long compilations on stderr: what is compiled, and that this happens only once."""

import contextlib
import re
import sys
import threading

from numba.core import event

from numgd.jit.cache import PackageCache
from numgd.system.cache_folder import safe_folder

PATIENCE = 2.0
"""Seconds after which a compilation is announced."""

_silent = False


class _Listener(event.Listener):
    """Observes all of Numba's compilations; announces numgd's own, and only the outermost in a thread."""

    def __init__(self):
        self._state = threading.local()

    def on_start(self, event):
        name = _name_of(event)
        if name is None or getattr(self._state, "timer", None) is not None or _silent:
            return
        self._state.event = event.data
        self._state.timer = threading.Timer(PATIENCE, _announce, (name,))
        self._state.timer.daemon = True
        self._state.timer.start()

    def on_end(self, event):
        if getattr(self._state, "timer", None) is not None and event.data is self._state.event:
            self._state.timer.cancel()
            self._state.timer = self._state.event = None


def _name_of(event):
    """Name of the compiled function, without the digest of generated code; None if it is not kept on disk."""
    cache = getattr(event.data["dispatcher"], "_cache", None)
    return re.sub(r"-[0-9a-f]{16}.*", "", cache.name) if isinstance(cache, PackageCache) else None


def _announce(name):
    often = "once per machine; `numgd warmup` does it ahead"
    if safe_folder() is None:
        often = "in every process, for there is no folder to keep it in"
    print(f"numgd: compiling {name} ({often})", file=sys.stderr, flush=True)


@contextlib.contextmanager
def silence():
    """Suppress announcements, for a caller that reports compilations itself."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def listen():
    """Start to announce long compilations."""
    event.register("numba:compile", _Listener())
