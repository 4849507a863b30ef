"""The examples of the README, of the other pages and of the docstrings run and print what they show."""

import doctest
import operator
import re
import runpy
import sys
from pathlib import Path

import pytest

import numgd
from numgd.registry import METHODS, RULES, unregister

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))

import generate  # noqa: E402

WITH_EXAMPLES = [
    "minimize", "minimize_many", "minimize_stochastic", "minimize_multistart", "least_squares", "curve_fit",
    "curve_fit_many", "least_squares_many",
    "check_grad", "grad", "value_and_grad", "jacobian", "hessian", "hessp", "jvp", "vjp", "autodiff.source",
    "device_gradient", "load", "register", "save",
    *(f"datasets.{name}" for name in numgd.datasets.__all__ if name != "Ravine"),
    *(f"nn.{name}" for name in numgd.nn._MODULE_OF if name != "Layer"),
    *(f"nn.models.{name}" for name in numgd.nn.models.__all__ if name != "NAMED"),
    *(f"nn.training.{name}" for name in numgd.nn.training.__all__ if name != "Trainable"),
    *(f"plots.{name}" for name in numgd.plots.__all__),
    *(f"schedules.{name}" for name in numgd.schedules.__all__ if name != "Schedule"),
]  # fmt: skip
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / name
        for name in (
            "autodiff.md",
            "coming-from.md",
            "datasets.md",
            "index.md",
            "many.md",
            "networks.md",
            "own.md",
            "plots-networks.md",
            "plots.md",
            "rules.md",
            "scaling.md",
            "schedules.md",
            "stochastic.md",
            "tour.md",
            "training.md",
            "waiting.md",
        )
    ),
    pytest.param(ROOT / "docs" / "functional.md", marks=pytest.mark.slow),
]


@pytest.fixture
def tables():
    """What an example registers is removed again."""
    known = set(METHODS)
    yield
    for name in METHODS.keys() - known:
        unregister(RULES.get(name, METHODS[name]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_pages(page, tmp_path, capsys, tables):
    found = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", page.read_text(), re.S)
    code, output = ("".join(parts) for parts in zip(*found, strict=True))
    (tmp_path / "example.py").write_text(code)  # derivatives are made of the source
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out.rstrip() == output.rstrip()


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstring_examples(name, tables):
    function = operator.attrgetter(name)(numgd)
    module = sys.modules[function.__module__]
    tests = doctest.DocTestFinder().find(function, name, module=module, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.tries >= 2 and runner.failures == 0


@pytest.mark.parametrize("path", generate.current())
def test_what_is_made_from_the_records_is_current(path):
    assert (ROOT / path).read_text() == generate.current()[path], "run python tools/generate.py"


def test_minimize_names_all_methods():
    for name in METHODS:
        assert f"``'{name}'``" in numgd.minimize.__doc__
