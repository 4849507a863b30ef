"""Signals as in an interactive process."""

import signal

import pytest


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, which a process that was started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
