"""The docstring examples of `numgd.nn.functional` run and print the stated results."""

import doctest
import inspect

import pytest

from numgd.nn import functional

FUNCTIONS = {
    name: value
    for name, value in vars(functional).items()
    if name in functional.__all__ and inspect.isfunction(value)
}

OFTEN = {"conv2d", "batch_norm", "dense", "cross_entropy", "relu", "dropout"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.slow]) for name in FUNCTIONS]
)
def test_examples(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder().find(FUNCTIONS[name], name, globs={}):
        runner.run(test)
    assert runner.tries >= 2 and runner.failures == 0
