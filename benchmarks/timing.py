"""What the benchmarks share: interleaved medians, and the lines that they print."""

import contextlib
import ctypes
import gc
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of one call."""

    median: float
    low: float  # lower quartile
    high: float  # upper quartile
    samples: int

    def __str__(self):
        return f"{duration(self.median)} (quartiles {duration(self.low)} to {duration(self.high)})"


def duration(seconds):
    """Seconds in the unit that suits them."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def summary(samples):
    """`Timing` of a list of seconds."""
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
    return Timing(statistics.median(samples), low, high, len(samples))


_WAKING = 0.05  # on a virtual machine, calls that follow a rest were slower by half


def interleaved(calls, rounds=15, shortest=0.05, warm=True, rest=0.0):
    """Time functions against each other, in turns, so that a busy machine slows all of them alike.

    Parameters
    ----------
    calls : dict of str to callable
        Functions without arguments.
    rounds : int
        Samples of each function.  Every other round goes through the functions in reverse order.
    shortest : float
        Seconds that a sample lasts at least: shorter calls are repeated within it.
    warm : bool
        Whether to call every function before it is timed; if not, each sample is one call.
    rest : float
        Seconds of sleep before each sample, in which the threads of the other side stop spinning; calls
        after it, for `_WAKING` seconds, wake this side's threads and processors, and are not timed.

    Returns
    -------
    dict of str to Timing
    """
    repeats = dict.fromkeys(calls, 1)
    if warm:
        for name, call in calls.items():
            _sample(call, 1)  # may compile
            elapsed = _sample(call, 1)
            if elapsed < 2.0:  # longer calls are not repeated
                elapsed = min(elapsed, _sample(call, 1))
            repeats[name] = max(1, round(shortest / elapsed))
    gc.collect()
    gc.freeze()  # what compilation left is not searched again during a sample
    samples = {name: [] for name in calls}
    for turn in range(rounds):
        for name in list(calls)[:: -1 if turn % 2 else 1]:
            if rest:
                time.sleep(rest)
                awake = time.perf_counter() + _WAKING
                while time.perf_counter() < awake:
                    calls[name]()
            samples[name].append(_sample(calls[name], repeats[name]))
    return {name: summary(values) for name, values in samples.items()}


def _sample(call, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def keep_memory():
    """Have the C library keep the memory that is freed, for both sides of a comparison.

    Otherwise glibc returns large arrays to the system after some calls and not after others, depending on
    what was freed before, and the page faults of the next result take longer than most kernels.
    """
    with contextlib.suppress(OSError, AttributeError):  # other C libraries
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-4, 0)  # M_MMAP_MAX: no mappings of their own
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the end of the heap is not returned


def processor():
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def heading(what, *packages):
    """Print what is compared, then the machine and the versions."""
    print(what)
    versions = ", ".join(f"{name} {version(name)}" for name in ("numgd", "numba", "numpy", *packages))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{processor()}, {cores} cores{load}; {platform.system()}, Python {platform.python_version()}")
    print(f"{versions}\n", flush=True)


class Ratios:
    """The ratios of a benchmark, shown together at its end."""

    def __init__(self):
        self._lines = []

    def add(self, what, value, target=None):
        """Note one ratio; `target` is a number to reach, or words such as ``'at most 1.3x'``."""
        if isinstance(target, int | float):
            target = f"{target:g}x"
        wanted = f" (target {target})" if target else ""
        self._lines.append(f"ratio {what}: {value:.3g}x{wanted}")

    def show(self):
        """Print them, one a line."""
        print("\n" + "\n".join(self._lines), flush=True)
