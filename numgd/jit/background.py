"""Runs compiled work in a separate thread, while the calling thread handles signals and monitors the work."""

import contextlib
import os
import threading
import time
from queue import SimpleQueue

import numba

from numgd.jit.threads import layer

INTERVAL = 0.05
"""Seconds between two checks."""


class _Worker:
    """A thread that runs tasks one after another.

    It is reused, because every new thread would start further threads for parallel loops.
    """

    def __init__(self):
        self._tasks = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="numgd", daemon=True)
        self._thread.start()

    def _serve(self):
        for task in iter(self._tasks.get, None):
            task()

    def submit(self, task):
        self._tasks.put(task)

    def leave(self):
        """End the thread if it is idle, and wait until the operating system has removed it."""
        self._tasks.put(None)
        self._thread.join(INTERVAL)
        place, end = f"/proc/self/task/{self._thread.native_id}", time.monotonic() + INTERVAL
        while os.path.exists(place) and time.monotonic() < end:
            time.sleep(0.0)


_worker = None


def _leave_worker():
    """End the worker before a fork.

    TBB ends its threads before a fork, and cannot do so while a foreign thread that has used it is alive.
    """
    global _worker
    worker, _worker = _worker, None
    if worker is not None:
        worker.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_leave_worker)


def run(work, halt, watch=None):
    """Call ``work()``, which must release the GIL, while signal handlers can run.

    Parameters
    ----------
    work : callable
    halt : numpy.ndarray of shape (1,), int64
        Set to 1 if a signal handler or `watch` raises an exception; the work should then end soon.  The
        exception is raised after the work has ended.
    watch : callable, optional
        Called before the work, repeatedly during it, and once at the end.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if watch is None and not in_main:  # only the main thread handles signals
        work()
        return
    threads = numba.get_num_threads() if layer() else None
    done, raised = threading.Event(), []

    def task():
        try:
            if threads is not None:
                numba.set_num_threads(threads)
            work()
        except BaseException as error:  # raised again in the caller
            raised.append(error)
        finally:
            done.set()

    submitted = False
    try:
        if watch is not None:
            watch()
        submitted = True
        _submit(task, in_main)
        while not done.wait(INTERVAL):
            if watch is not None:
                watch()
    except BaseException:
        halt[0] = 1
        while submitted and not done.is_set():  # the work uses the memory until then
            with contextlib.suppress(BaseException):
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
