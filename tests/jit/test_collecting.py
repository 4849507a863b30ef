"""Garbage is collected less often while numgd compiles, and as before afterwards."""

import gc
import uuid

import pytest
from numba.core import event

from numgd.jit.collecting import THRESHOLD
from numgd.jit.portable import compiled


class Recorder(event.Listener):
    """Records the threshold at the start of each compilation."""

    def __init__(self):
        self.found = []

    def on_start(self, event):
        self.found.append(gc.get_threshold())

    def on_end(self, event):
        pass


@pytest.fixture
def thresholds():
    """Function that gives the thresholds during a call; afterwards they are as before the test."""
    before = gc.get_threshold()

    def thresholds(call, *arguments):
        recorder = Recorder()
        with event.install_listener("numba:compile", recorder):
            call(*arguments)
        return recorder.found

    yield thresholds
    gc.set_threshold(*before)


def new(function):
    """The function, compiled under a name that no earlier run used."""
    return compiled(f"collecting-{uuid.uuid4().hex}")(function)


@pytest.mark.parametrize(("usual", "during"), [(700, THRESHOLD), (0, 0), (10**6, 10**6)])
def test_the_threshold_is_raised_for_a_compilation(thresholds, usual, during):
    gc.set_threshold(usual, 11, 12)
    assert thresholds(new(lambda x: x + 1), 1.0) == [(during, 11, 12)]
    assert gc.get_threshold() == (usual, 11, 12)


def test_a_compilation_that_fails_leaves_it_as_it_was(thresholds):
    gc.set_threshold(700, 11, 12)

    def call():
        with pytest.raises(Exception, match="pop"):
            new(lambda x: x.pop())(1.0)

    assert thresholds(call) == [(THRESHOLD, 11, 12)]
    assert gc.get_threshold() == (700, 11, 12)
