"""The examples in the docstrings of `numgd.nn.functional`."""

import doctest
import sys

import pytest

import numgd.nn.functional as F

FORWARD = [name for name in F.__all__ if not name.endswith(("_backward", "_gradient", "_hessp"))]


@pytest.mark.parametrize("name", FORWARD)
def test_example(name):
    function = getattr(F, name)
    tests = doctest.DocTestFinder().find(function, name, module=sys.modules[function.__module__], globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.tries >= 2 and runner.failures == 0
