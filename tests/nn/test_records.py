"""Functions, signatures and documentation of layers agree with the records that they belong to."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from numba import njit

import numgd.nn.functional as F
from numgd.kernels.cpu.layers.conv import ALGORITHMS
from numgd.scalars import ACTIVATIONS, LOSSES

SCALARS = [*ACTIVATIONS.values(), *LOSSES.values()]
PAGE = (Path(__file__).parents[2] / "docs" / "functional.md").read_text()


@pytest.mark.parametrize("record", SCALARS, ids=lambda record: record.name)
def test_function_of_record(record):
    for name in (record.function, f"{record.function}_backward"):
        assert name in F.__all__
        parameters = inspect.signature(getattr(F, name)).parameters
        if record.parameter is not None:
            assert parameters[record.parameter].annotation == record.range
            assert parameters[record.parameter].default == record.default


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("record", [r for r in SCALARS if r.joint], ids=lambda record: record.name)
def test_joint_form_has_the_same_bits(record, real):
    rng = np.random.default_rng(1)
    x = np.append(5 * rng.normal(size=50), [0, -0.0, np.inf, -np.inf, 900, -900]).astype(real)
    joint, value, derivative = record.joint, record.value, record.derivative
    further = (real(0.25), real(0)) if record.name in LOSSES else (real(record.default),)
    for v in x:
        assert joint(v, *further) == (value(v, *further), derivative(v, *further))


def test_joint_form_compiled():
    joint, value, derivative = (
        getattr(ACTIVATIONS["silu"], name) for name in ("joint", "value", "derivative")
    )

    @njit
    def both(x, c):
        return joint(x, c), (value(x, c), derivative(x, c))

    for x in (-900.0, -1.5, 0.0, 2.5):
        once, apart = both(np.float64(x), 0.0)
        assert once == apart


def table_of(kind):
    """Names in the first column of a table of the page, and the cells of the second."""
    rows = re.findall(
        r"^\| `'?([\w]+)'?` \|(.*)\|$", PAGE[PAGE.index(f"| {kind} |") :].split("\n\n")[0], re.M
    )
    return {name: rest.strip() for name, rest in rows}


def test_tables_of_the_page():
    found = table_of("activation")
    assert found == {
        r.name: f"{r.summary} | {r.formula.replace('|', chr(92) + '|')}" for r in ACTIVATIONS.values()
    }
    found = table_of("loss")
    assert found == {
        r.name: f"{r.summary} | {r.formula.replace('|', chr(92) + '|')}" for r in LOSSES.values()
    }
    assert table_of("algorithm") == {name: record.summary for name, record in ALGORITHMS.items()}
