"""The examples of the functions of layers run and print what they show."""

import doctest
import inspect

import pytest

from numgd.nn import functional

FUNCTIONS = {name: value for name, value in vars(functional).items() if inspect.isfunction(value)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder().find(FUNCTIONS[name], name, globs={}):
        runner.run(test)
    assert runner.tries >= 2 and runner.failures == 0
