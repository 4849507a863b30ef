"""Every notebook runs in a clean kernel, and the number that decides its claim is on the claim's side."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
sys.path.append(str(ROOT / "tools"))


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))],
    ids=lambda seed: f"seed{seed}",
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, seed):
    pytest.importorskip("nbclient", reason="the extra notebook is missing")
    import notebooks

    margin, _ = notebooks.run(path, seed, store=False)
    assert margin is not None and margin > 1.0
