"""A module imports from its own floor or a lower one, and only jit/ touches Numba's internals."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import numgd

ROOT = Path(numgd.__file__).parent

FLOORS = [
    {"atomic", "caution", "jit", "status"},
    {
        "access",
        "agreement",
        "autodiff",
        "curvature",
        "differences",
        "files",
        "linalg",
        "parameters",
        "progress",
        "random",
        "spaces",
    },
    {"first_order", "schedules", "second_order", "sums_of_squares", "scalars"},
    {"solvers", "kernels"},
    {"captured", "functions", "objective", "batches", "residuals", "options", "fit_settings", "warm_start"},
    {"observer", "fit_observer", "delegate", "plots", "optimizers", "nn"},
    {"minimize"},
    {
        "embedded",
        "minimize_many",
        "minimize_stochastic",
        "minimize_multistart",
        "line_searches",
        "least_squares",
        "curve_fit",
        "embedded_fit",
    },
    {"demo"},
    {"cli"},
    {"__main__", "__init__"},
]

MODULES = sorted(ROOT.rglob("*.py"))


def room(path):
    """The top-level module or folder that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def floor(name):
    found = [level for level, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"{name} stands on no floor: give it one in this test"
    return found[0]


def imports(path):
    """Dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path):
    own = floor(room(path))
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "numgd" and len(parts) > 1 and any(parts[1] in rooms for rooms in FLOORS):
            assert floor(parts[1]) <= own, f"{path.name} imports {name} from a higher floor"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_internals_stay_in_their_rooms(path):
    for name in imports(path):
        if name.startswith("numba.cuda"):
            assert path.is_relative_to(ROOT / "kernels" / "cuda") or room(path) == "cli"
        if name.startswith(("llvmlite", "numba.core.cgutils", "numba._", "numba.np")):
            assert room(path) in ("jit", "cli"), f"{path} imports {name}"


def test_importing_compiles_nothing_and_stays_light():
    code = (
        "import sys, numgd, numba\n"
        "assert 'scipy.optimize' not in sys.modules\n"
        "assert 'matplotlib' not in sys.modules\n"
        "assert 'numba.cuda' not in sys.modules\n"
        "from numgd.kernels.cpu.solvers.one_problem import _compiled_entry\n"
        "assert _compiled_entry.cache_info().currsize == 0\n"
        "assert not any(name.startswith('numgd.nn') for name in sys.modules)\n"
        "assert {'nn', 'line_searches'} <= set(dir(numgd))\n"
        "assert numgd.nn.functional.relu and numgd.line_searches.__doc__\n"
        "assert not hasattr(numgd, 'nothing') and not hasattr(numgd.nn, 'nothing')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_documented():
    for name in numgd.__all__:
        assert getattr(numgd, name).__doc__
