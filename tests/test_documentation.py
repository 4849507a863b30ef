"""The README's example and the docstrings' examples run and print what they show."""

import doctest
import re
import sys
from pathlib import Path

import pytest

import numgd

README = Path(__file__).parents[1] / "README.md"


def test_readme_example(capsys):
    code, output = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", README.read_text(), re.S).groups()
    exec(compile(code, "README", "exec"), {})
    assert capsys.readouterr().out == output


@pytest.mark.parametrize("name", ["minimize", "minimize_many"])
def test_docstring_examples(name):
    function = getattr(numgd, name)
    module = sys.modules[function.__module__]
    tests = doctest.DocTestFinder().find(function, name, module=module, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.tries >= 3 and runner.failures == 0
