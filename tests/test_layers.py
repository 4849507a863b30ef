"""A module imports from its own layer or a lower one, and only jit/ touches Numba's internals."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import numgd
from numgd.system.own_sources import BUILDS_ON, package_of

ROOT = Path(numgd.__file__).parent

LAYERS = [
    {"system"},
    {"jit"},
    {"foundations"},
    {"autodiff"},
    {"first_order", "scalars", "schedules", "second_order", "sums_of_squares"},
    {"kernels", "registry"},
    {"callables"},
    {"optimizers"},
    {"solve"},
    {"nn"},
    {"catalogue", "datasets"},
    {"plots"},
    {"cli"},
    {"__init__", "__main__"},
]
"""Packages and top-level modules from the bottom up."""

MODULES = sorted(ROOT.rglob("*.py"))


def package(path):
    """The top-level package or module that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def layer(name):
    found = [level for level, names in enumerate(LAYERS) if name in names]
    assert found, f"{name} is in no layer: give it one in this test"
    return found[0]


def imports(path):
    """Dotted names that a file imports, wherever in it."""
    return imports_of(ast.walk(ast.parse(path.read_text())))


def imports_of(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name):
    """The file and the package of numgd that a dotted name is in, None for what is not numgd's."""
    parts = name.split(".")
    if parts[0] != "numgd" or len(parts) == 1:
        return None
    for length in range(len(parts), 1, -1):
        path = ROOT.joinpath(*parts[1:length])
        if path.with_suffix(".py").exists():
            return path.with_suffix(".py")
        if (path / "__init__.py").exists():
            return path / "__init__.py"
    return ROOT / "__init__.py"


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


every_file = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())


@every_file
def test_imports_go_down(path):
    own = layer(package(path))
    for name in imports(path):
        found = within(name)
        if found is not None and found != ROOT / "__init__.py":
            assert layer(package(found)) <= own, f"{path.name} imports {name} from a higher layer"


@every_file
def test_numbas_internals_stay_in_jit(path):
    for name in imports(path):
        if name.startswith("numba.cuda") or name == "numba.cuda":
            assert path == ROOT / "kernels" / "cuda" / "target.py"
        if name.startswith(("llvmlite", "numba.core.cgutils", "numba._", "numba.np")):
            known = package(path) in ("jit", "cli") or path == ROOT / "kernels" / "cuda" / "target.py"
            assert known, f"{path} imports {name}"


@every_file
def test_private_names_stay_in_their_files(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numgd"):
            private = [alias.name for alias in node.names if alias.name.startswith("_")]
            modules = [name for name in private if within(f"{node.module}.{name}").stem == name]
            assert set(private) <= {*modules, "__version__"}


def test_no_modules_import_each_other():
    edges = {}
    for path in MODULES:
        tree = ast.parse(path.read_text())
        at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = set(imports_of(at_the_top))
        edges[path] = {within(name) for name in names} - {None, path, ROOT / "__init__.py"}
    # A package's own __init__ collects its files, which import one another and not the package.
    edges = {path: found for path, found in edges.items() if path.name != "__init__.py"}
    done, open_ = set(), []

    def visit(path):
        if path in done or path not in edges:
            return
        assert path not in open_, " -> ".join(p.relative_to(ROOT).as_posix() for p in [*open_, path])
        open_.append(path)
        for other in sorted(edges[path]):
            visit(other)
        open_.pop()
        done.add(path)

    for path in MODULES:
        visit(path)


def test_machine_code_depends_on_the_packages_that_its_own_imports():
    found = {name: set() for name in BUILDS_ON}
    for path in MODULES:
        own = package_of(module_name(path))
        if own is not None:
            found[own] |= {package_of(name) for name in imports(path)} - {None, own}
    assert found == {name: set(others) for name, others in BUILDS_ON.items()}


def test_only_these_files_are_no_part_of_machine_code():
    others = {path.relative_to(ROOT).parts[0] for path in MODULES if package_of(module_name(path)) is None}
    packages = {"catalogue", "cli", "datasets", "kernels", "nn", "plots", "system"}
    assert others == {"__init__.py", "__main__.py", *packages}
    of_drivers = [
        path for path in MODULES if package(path) == "kernels" and package_of(module_name(path)) is None
    ]
    assert [path for path in of_drivers if ROOT / "kernels" / "cuda" not in path.parents] == [
        ROOT / "kernels" / "__init__.py",
        ROOT / "kernels" / "cpu" / "__init__.py",
        ROOT / "kernels" / "cpu" / "memory.py",
        ROOT / "kernels" / "cpu" / "program.py",
        ROOT / "kernels" / "layers.py",
        ROOT / "kernels" / "machines.py",
    ]
    within = {path.relative_to(ROOT / "nn").parts[0] for path in MODULES if package(path) == "nn"}
    assert within - {"functional"} == {
        path.relative_to(ROOT / "nn").parts[0]
        for path in MODULES
        if package(path) == "nn" and package_of(module_name(path)) is None
    }


@every_file
def test_code_that_may_be_compiled_asserts_nothing(path):
    """The digests of the sources ignore assertions."""
    if package_of(module_name(path)) is not None:
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


def test_a_public_function_never_shadows_its_module():
    for name in numgd.__all__:
        if not isinstance(getattr(numgd, name), ModuleType):
            assert importlib.util.find_spec(f"numgd.{name}") is None


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
