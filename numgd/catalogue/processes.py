"""Work in several processes: calls of the catalogue, and compilation of recorded machine code."""

import contextlib
import io
import multiprocessing
import os
import pickle
import queue
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from numgd.catalogue.calls import calls
from numgd.foundations.records import Record
from numgd.jit.announcing import silence
from numgd.jit.cache import Use, ship_to, uses
from numgd.jit.making import made
from numgd.jit.portable import compile_quietly
from numgd.jit.shipped import digest_of
from numgd.registry import FIT_METHODS, METHODS, RULES

TASKS_PER_PROCESS = 6
"""Number of calls after which a process ends: Numba keeps what it needs to compile, up to 0.15 GB a call."""

_TABLES = {"method": METHODS, "fit method": FIT_METHODS, "rule": RULES}


class Done(NamedTuple):
    """What a process reports about one task."""

    name: str
    seconds: float
    error: str  # empty if there was none
    recorded: dict[str, bytes]  # machine code of numgd's own functions that was used, for `compile_recorded`


class _Pickler(pickle.Pickler):
    """Writes records as the names of their tables, and their own."""

    def persistent_id(self, obj):
        if isinstance(obj, Record):
            for kind, table in _TABLES.items():
                if table.get(obj.name) is obj:
                    return kind, obj.name
        return None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid):
        kind, name = pid
        return _TABLES[kind][name]


def _packed(use: Use) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream).dump(use._replace(source=""))
    return stream.getvalue()


def run_call(name: str) -> Done:
    """Run a call of the catalogue in this process."""

    def work():
        calls()[name].run()

    return _done(name, work)


def compile_recorded(recorded: bytes) -> Done:
    """Compile machine code that another process has recorded, without running it."""
    use: Use = _Unpickler(io.BytesIO(recorded)).load()
    return _done(use.name, lambda: compile_quietly(made(use.name, use.recipe), use.signature))


def _done(name: str, work: Callable[[], object]) -> Done:
    first, start, error = len(uses), time.perf_counter(), ""
    with silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            work()
        except Exception:
            error = traceback.format_exc()
    own = [use for use in uses[first:] if use.recipe is not None]
    recorded = {f"{use.name} {digest_of(use.signature)}": _packed(use) for use in own}
    return Done(name, time.perf_counter() - start, error, recorded)


def in_processes(
    function: Callable[[Any], Done],
    tasks: Sequence[Any],
    processes: int | None = None,
    environment: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> Iterator[Done]:
    """Call a function for each task, in several processes, and yield what they report as they finish.

    Parameters
    ----------
    function : callable
        `run_call` or `compile_recorded`.
    tasks : sequence
    processes : int, optional
        By default one per core.
    environment : mapping, optional
        Environment variables of the processes, in addition to those of this one.
    folder : str, optional
        Where the processes write what they compile, to be shipped.
    """
    count = max(1, min(processes or cores(), len(tasks)))
    remaining = iter(tasks)
    reports: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()

    def serve():
        """Hand tasks to one process after another; each starts with its first task."""
        try:
            while True:
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), ship_to, (folder,)) as pool:
                    for _ in range(TASKS_PER_PROCESS):
                        task = next(remaining, None)
                        if task is None:
                            return
                        reports.put(pool.submit(function, task).result())
        except BaseException as error:  # a process that was killed, or an interrupt: raised in the caller
            reports.put(error)

    with _environment(environment or {}):
        for _ in range(count):
            threading.Thread(target=serve, daemon=True).start()
        try:
            for _ in tasks:
                report = reports.get()
                if isinstance(report, BaseException):
                    raise report
                yield report
        finally:
            remaining = iter(())  # after an error no further task is begun


def cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, which processes that are started meanwhile inherit."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def with_bar(reports: Iterable[Done], count: int, unit: str) -> Iterator[Done]:
    """Yield reports, and show how many there are: a progress bar, or one line each if tqdm is missing."""
    try:
        from tqdm import tqdm
    except ImportError:
        for number, report in enumerate(reports, 1):
            print(f"[{number}/{count}] {report.name}", flush=True)
            yield report
        return
    with tqdm(total=count, unit=unit) as bar:
        for report in reports:
            bar.set_description(report.name)
            bar.update()
            yield report
