"""The networks of `examples/digits_protocol.py` recognise digits as well as their table in the docs says.

One fold and one seed of each; the table also states how long they take.
"""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from numgd import datasets

EXAMPLE = runpy.run_path(str(Path(__file__).parents[3] / "examples" / "digits_protocol.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLE["RECIPES"])
def test_fold(name):
    recipe = EXAMPLE["RECIPES"][name]
    train, test = next(datasets.folds(datasets.digits(), 5, seed=0))
    found = EXAMPLE["trained"](recipe, train, test, seed=0)
    assert found.accuracy > recipe.target
