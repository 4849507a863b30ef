"""The examples of the README, of the other pages and of the docstrings run and print what they show."""

import doctest
import operator
import re
import runpy
import sys
from pathlib import Path

import pytest

import numgd
from numgd.registry import RULES

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = [
    "minimize", "minimize_many", "minimize_stochastic", "minimize_multistart", "least_squares", "curve_fit",
    "check_grad", "grad", "value_and_grad", "jacobian", "hessian", "hessp", "jvp", "vjp", "autodiff.source",
    "device_gradient", "load", "save",
    *(f"schedules.{name}" for name in numgd.schedules.__all__ if name != "Schedule"),
]  # fmt: skip
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("autodiff.md", "rules.md", "schedules.md", "stochastic.md")),
    pytest.param(ROOT / "docs" / "functional.md", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_pages(page, tmp_path, capsys):
    found = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", page.read_text(), re.S)
    code, output = ("".join(parts) for parts in zip(*found, strict=True))
    (tmp_path / "example.py").write_text(code)  # derivatives are made of the source
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out.rstrip() == output.rstrip()


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstring_examples(name):
    function = operator.attrgetter(name)(numgd)
    module = sys.modules[function.__module__]
    tests = doctest.DocTestFinder().find(function, name, module=module, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.tries >= 2 and runner.failures == 0


def test_table_of_rules():
    text = (ROOT / "docs" / "rules.md").read_text()
    table = text[text.index("| defaults |") : text.index("Where published")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines() if line.startswith("| `")]
    assert [row[0].strip(" `") for row in rows] == list(RULES)
    for rule, (_, _, slots, defaults, _) in zip(RULES.values(), rows, strict=True):
        assert tuple(re.findall(r"`(\w+)`", slots)) == rule.SLOTS
        found = {name: float(value) for name, value in re.findall(r"`(\w+)` ([\d.e-]+)", defaults)}
        assert found == rule.Options()._asdict()
