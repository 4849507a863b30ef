"""The catalogue, the machine code that is built from it, and what is done with shipped code."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numba
import pytest

from numgd.catalogue import building, calls
from numgd.jit import making, shipped, target
from numgd.kernels.cpu.layers.conv import ALGORITHMS
from numgd.kernels.cpu.solvers import many_problems
from numgd.nn.functional import OPERATIONS
from numgd.registry import FIT_METHODS, METHODS, RULES

CALLS = ("minimize/gd/float64", "many/gd/float64", "step/gd/float32", "nn/relu/float32", "nn/dense/float64")


def test_every_record_is_in_the_catalogue():
    names = calls.calls()
    for dtype in calls.DTYPES:
        for kind, table in (
            ("minimize", METHODS), ("many", METHODS), ("fit", FIT_METHODS), ("step", RULES),
            ("stochastic", RULES), ("nn", OPERATIONS),
        ):  # fmt: skip
            assert {f"{kind}/{name}/{dtype}" for name in table} <= names.keys()


def test_parts_of_the_catalogue():
    assert calls.selected(["BFGS"], ["float32"]) == ["minimize/bfgs/float32", "many/bfgs/float32"]
    assert calls.selected(["nn/relu/float64"]) == ["nn/relu/float64"]
    assert len(calls.selected(["nn"], ["float64"])) == len(OPERATIONS)
    with pytest.raises(ValueError, match="'dance' names nothing"):
        calls.selected(["bfgs", "dance"])


def test_the_exercise_of_convolutions_runs_each_algorithm(monkeypatch):
    seen = set()
    for name, algorithm in ALGORITHMS.items():

        def forward(*args, name=name, forward=algorithm.forward, **given):
            seen.add(name)
            return forward(*args, **given)

        monkeypatch.setitem(vars(algorithm), "forward", forward)
    OPERATIONS["conv2d"].exercise("float32")
    assert seen == ALGORITHMS.keys()


def test_signatures_with_different_options_have_different_files():
    kinds = {type(rule.method.options): numba.typeof(rule.method.options) for rule in RULES.values()}
    assert len({repr(kind) for kind in kinds.values()}) < len(kinds)  # their texts would not do
    assert len({shipped.digest_of(((kind, numba.int64), 0)) for kind in kinds.values()}) == len(kinds)


def test_functions_of_one_name_are_told_apart_by_their_recipes():
    name = f"solve-many-{many_problems._digest(numba.none)}"
    recipes = [
        making.Recipe(many_problems.__name__, "_driver", (numba.none(kind),))
        for kind in (numba.int64, numba.float64)
    ]
    first, second = (making.made(name, recipe) for recipe in recipes)
    assert first is not second and [making.made(name, recipe) for recipe in recipes] == [first, second]


@pytest.fixture(scope="module")
def machine_code(tmp_path_factory):
    """Machine code of some calls for all levels of this machine's architecture."""
    if not target.target_levels():
        pytest.skip("this processor runs no level of its architecture")
    folder = tmp_path_factory.mktemp("machine_code")
    built = building.build(folder, names=CALLS)
    entries = {level.entries for level in built}
    assert len(entries) == 1 and entries.pop() >= 8  # what one level has, the others have
    return folder


BEFORE = """
import sys
from pathlib import Path
from numgd.jit import shipped
shipped.MACHINE_CODE = Path(sys.argv[1])

import numpy as np
import numgd, numgd.nn.functional as F
from numgd.jit.cache import uses

def fun(x):
    return np.sum((x - 1.5) ** 2), 2.0 * (x - 1.5)

"""

SOLVES = """
print(numgd.minimize(fun, [0.0, 1.0], jac=True, method="gd").x.tobytes().hex())
print(numgd.minimize_many(fun, [[0.0, 1.0], [2.0, 2.0]], jac=True, method="gd").x.tobytes().hex())
"""

LAYERS = """
print(F.dense(np.ones((2, 3)), np.arange(12.0).reshape(4, 3), np.ones(4)).tobytes().hex())
print(F.relu(np.array([-1.0, 2.0], np.float32)).tobytes().hex())
"""

AFTER = """
print(*sorted({use.name for use in uses if use.source == "package"}))
print(*sorted({use.name for use in uses if use.source == "compiler" and use.recipe}))
print(shipped.shipped().reason)
"""


def run(folder, cache, calls=SOLVES + LAYERS, **environment):
    """Results as one text, the names of code from the package, of compiled code, and the reason for none."""
    script = cache.parent / "program.py"
    script.write_text(BEFORE + calls + AFTER)
    variables = {**os.environ, "NUMGD_CACHE_DIR": str(cache), **environment}
    process = subprocess.run(
        [sys.executable, str(script), str(folder)], env=variables, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    *results, package, compiled, reason = process.stdout.splitlines()
    return "\n".join(results), set(package.split()), set(compiled.split()), reason


SHIPPED = {"solve-gd", "dense-bias", "value-relu-float32", "blocks"}


def test_shipped_code_gives_the_results_of_compiled_code(machine_code, tmp_path):
    results, package, compiled, reason = run(machine_code, tmp_path / "a")
    assert package >= SHIPPED and not compiled and not reason
    lowest = target.target_levels()[-1]
    assert run(machine_code, tmp_path / "b", NUMBA_CPU_NAME=lowest, NUMBA_CPU_FEATURES="")[:3] == (
        results, package, compiled
    )  # fmt: skip
    expected, package, compiled, reason = run(tmp_path / "none", tmp_path / "c")
    assert results == expected and not package and compiled >= SHIPPED and reason == "none is shipped"
    # The user's own cache comes first.
    assert run(machine_code, tmp_path / "c")[:3] == (expected, set(), set())


def spoil(folder, how):
    """Damage shipped code in one way."""
    level = folder / target.target_levels()[0]
    (file,) = level.glob("dense-bias.*.nbc")
    description = json.loads((level / "made_for.json").read_text())
    if how == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    elif how == "another function's":
        (other,) = level.glob("blocks.*.nbc")
        shutil.copy(other, file)
    elif how == "no description":
        (level / "made_for.json").unlink()
    elif how == "not a description":
        (level / "made_for.json").write_text("[1]")
    else:
        description[how] = "0.0"
        (level / "made_for.json").write_text(json.dumps(description))


@pytest.fixture(scope="module")
def of_layers(machine_code, tmp_path_factory):
    """What layers compute with the shipped code."""
    results, *_ = run(machine_code, tmp_path_factory.mktemp("layers") / "a", LAYERS)
    return results


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("truncated", ""),
        ("another function's", ""),
        ("no description", "cannot be read"),
        ("not a description", "for numba None"),
        ("numba", "for numba 0.0"),
        ("python", "for python 0.0"),
        ("sources", "from other sources"),
    ],
)
def test_damaged_or_foreign_code_is_compiled_instead(how, said, machine_code, of_layers, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(machine_code, copy)
    spoil(copy, how)
    found, package, compiled, reason = run(copy, tmp_path / "b", LAYERS)
    assert found == of_layers and "dense-bias" in compiled and "dense-bias" not in package
    assert said in reason and bool(said) == bool(reason)


def test_code_that_shipped_code_is_linked_into_is_not_kept(machine_code, tmp_path):
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from numgd.jit import shipped
        shipped.MACHINE_CODE = Path(sys.argv[1])
        import numpy as np
        from numgd.jit.portable import compiled, seldom
        from numgd.kernels.cpu.layers.dense import add_bias

        @seldom
        def inner(y, bias, floor, block):
            add_bias(y, bias, floor, block)

        @compiled("calls-shipped-code")
        def call(y, bias, floor, block):
            inner(y, bias, floor, block)

        from numgd.jit.cache import uses
        y = np.zeros((2, 3))
        call(y, np.arange(3.0), -np.inf, 1)
        print(y.tolist(), [(use.name, use.source) for use in uses])
        """
    )
    variables = {**os.environ, "NUMGD_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(machine_code)]
    for _ in range(2):
        process = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert process.stdout.startswith("[[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]"), process.stderr
        assert "('dense-bias', 'package')" in process.stdout
        assert "('calls-shipped-code', 'compiler')" in process.stdout


def test_a_level_above_the_machines_cannot_come_first(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "target_levels", lambda: ())
    with pytest.raises(RuntimeError, match="cannot be built on this processor"):
        building.build(tmp_path / "code", names=CALLS)
    assert building.main([str(tmp_path / "code")]) == 1
    with pytest.raises(RuntimeError, match="'x86-64-v9' is no level"):
        building.build(tmp_path / "code", levels=["x86-64-v9"])
    assert not Path(tmp_path, "code").exists()
