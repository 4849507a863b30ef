"""Fewer collections of garbage while numgd compiles.

Numba creates objects by the hundred thousand, nearly all of which stay: looking for garbage after every few
hundred of them takes some 6 % of the time of a compilation.
"""

import gc

from numba.core import event

from numgd.jit.cache import PackageCache

THRESHOLD = 50_000
"""New objects between two collections."""


class _Listener(event.Listener):
    """Observes all of Numba's compilations, of which there is one at a time; acts on numgd's outermost."""

    def __init__(self):
        self._outermost = self._before = None

    def on_start(self, event):
        numgds = isinstance(getattr(event.data["dispatcher"], "_cache", None), PackageCache)
        if self._outermost is None and numgds:
            self._outermost, self._before = event.data, gc.get_threshold()
            first, *others = self._before
            if 0 < first < THRESHOLD:  # 0 means never
                gc.set_threshold(THRESHOLD, *others)

    def on_end(self, event):
        if event.data is self._outermost:
            if gc.get_threshold()[0] == THRESHOLD:
                gc.set_threshold(*self._before)
            self._outermost = None


def collect_rarely():
    """Start to raise the threshold of collections during compilations."""
    event.register("numba:compile", _Listener())
