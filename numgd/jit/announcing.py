"""A message on stderr about a long compilation: what is compiled, and that it happens only once."""

import contextlib
import re
import sys
import threading

from numba.core import event

from numgd.jit.cache import PackageCache
from numgd.system.cache_folder import safe_folder

PATIENCE = 2.0
"""Seconds before the message."""

_silent = False


class _Listener(event.Listener):
    """Observes every compilation by Numba; the outermost of numgd's own in a thread may be announced."""

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
    """The name of what is compiled, if it is kept on disk, without the digest of generated code."""
    cache = getattr(event.data["dispatcher"], "_cache", None)
    return re.sub(r"-[0-9a-f]{16}.*", "", cache.name) if isinstance(cache, PackageCache) else None


def _announce(name):
    often = "once on a machine; `numgd warmup` does it ahead"
    if safe_folder() is None:
        often = "in every process, for there is no folder to keep it in"
    print(f"numgd: compiling {name} ({often})", file=sys.stderr, flush=True)


@contextlib.contextmanager
def silence():
    """For a caller that reports itself what is compiled."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def listen():
    """Enable the messages."""
    event.register("numba:compile", _Listener())
