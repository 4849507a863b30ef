"""Shared objectives, compiled once and used by many tests, and a fixture for signals."""

import os
import signal
import sys

import numpy as np
import pytest
from numba import njit

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures are drawn, and no windows opened


@njit(cache=True)
def rosenbrock(x):
    """Chained Rosenbrock function."""
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@njit(cache=True)
def rosenbrock_gradient(x):
    """Its gradient."""
    g = np.zeros_like(x)
    for i in range(x.size - 1):
        t = x[i + 1] - x[i] * x[i]
        g[i] += -400.0 * x[i] * t - 2.0 * (1.0 - x[i])
        g[i + 1] += 200.0 * t
    return g


@njit(cache=True)
def distance(x, centre):
    """Squared distance to a centre."""
    total = 0.0
    for i in range(x.size):
        total += (x[i] - centre[i]) ** 2
    return total


@njit(cache=True)
def distance_gradient(x, centre):
    """Its gradient."""
    g = np.empty_like(x)
    for i in range(x.size):
        g[i] = 2.0 * (x[i] - centre[i])
    return g


def standard_start(n):
    """The point (-1.2, 1.3, -1.2, …)."""
    x = np.full(n, -1.2)
    x[1::2] = 1.3
    return x


@pytest.fixture(autouse=True)
def close_figures():
    """Figures that a test has opened are closed after it."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, which a process that was started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def device():
    """Memory of a device between guard zones, which are checked after the test; see `on_device`."""
    from on_device import Memory

    memory = Memory()
    yield memory
    memory.check()
