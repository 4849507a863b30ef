"""Compiled work in a thread of its own, while the caller's answers signals and looks at the work."""

import os
import threading
from queue import SimpleQueue

import numba

from numgd.jit.threads import layer

INTERVAL = 0.05
"""Seconds between two looks."""


class _Worker:
    """A thread that does one thing after the other: new threads would start new ones for parallel loops."""

    def __init__(self):
        self._tasks = SimpleQueue()
        threading.Thread(target=self._serve, name="numgd", daemon=True).start()

    def _serve(self):
        while True:
            self._tasks.get()()

    def submit(self, task):
        self._tasks.put(task)


_worker = None


def _forget_worker():
    """In a child of `fork`, where there are no other threads."""
    global _worker
    _worker = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_worker)


def run(work, halt, watch=None):
    """Call ``work()``, which must release the GIL, so that signal handlers run at the same time.

    Parameters
    ----------
    work : callable
    halt : numpy.ndarray of shape (1,), int64
        Set to 1 where an exception comes from a handler or from `watch`: the work is to end soon then.  The
        exception is raised after its end.
    watch : callable, optional
        Called again and again, and once at the end.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if watch is None and not in_main:  # signals are the main thread's
        work()
        return
    threads = numba.get_num_threads() if layer() else None
    done, raised = threading.Event(), []

    def task():
        try:
            if threads is not None:
                numba.set_num_threads(threads)
            work()
        except BaseException as error:  # it belongs to the caller
            raised.append(error)
        finally:
            done.set()

    _submit(task, in_main)
    try:
        while not done.wait(INTERVAL):
            if watch is not None:
                watch()
    except BaseException:
        halt[0] = 1
        done.wait()
        raise
    if raised:
        raise raised[0]
    if watch is not None:
        watch()


def _submit(task, in_main):
    global _worker
    if not in_main:
        threading.Thread(target=task, name="numgd", daemon=True).start()
        return
    if _worker is None:
        _worker = _Worker()
    _worker.submit(task)
