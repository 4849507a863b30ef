"""What of numgd's own sources machine code depends on."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import numgd
from numgd.system import own_sources
from numgd.system.own_sources import code_digest, package_of

SOURCE = '''"""What the module does."""

LIMIT = 3  # tries
"""What it means."""


def area(x, factor=2.0):
    """The area of a square."""
    return factor * x**2  # the factor is 2
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# tries", "# attempts\n\n# in a row"),
        ("What the module does.", "Areas.\n\nOf squares."),
        ("    return", "    # squared\n\n    return"),
        ("The area of a square.", "An area."),
        ("What it means.", "Another meaning."),
        ("factor * x**2", "(factor * x**2)"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old, new):
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE and code_digest(changed.encode()) == code_digest(SOURCE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT", "LIMITS"),
        ("x**2", "x**3"),
        ("* x", "+ x"),
        ("=2.0", "=2"),
        ("factor", "scale"),
        ("return factor", "return -factor"),
    ],
)
def test_code_counts(old, new):
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE and code_digest(changed.encode()) != code_digest(SOURCE.encode())


def test_modules_belong_to_packages():
    assert package_of("numgd.kernels.cpu.layers.conv.direct") == "kernels/cpu/layers"
    assert package_of("numgd.registry") == "registry.py"
    assert package_of("numgd.nn.functional.dense") == "nn/functional"
    assert package_of("numgd.nnx") is package_of("numgd.cli.main") is package_of("user.nn") is None


@pytest.fixture
def copied(tmp_path):
    """The package in a folder of its own, whose files may be changed."""
    package = Path(numgd.__file__).parent
    shutil.copytree(package, tmp_path / "numgd", ignore=shutil.ignore_patterns("__pycache__", "machine_code"))
    return tmp_path


def digests(folder, *modules):
    """`sources_digest` of each module, and how many texts were compiled for it, in a new process."""
    code = (
        "import sys\n"
        "from numgd.system import own_sources\n"
        "compiled, digest = [], own_sources.code_digest\n"
        "own_sources.code_digest = lambda text: compiled.append(text) or digest(text)\n"
        "print(*(own_sources.sources_digest(*name.split(',')) for name in sys.argv[1:]), len(compiled))\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(folder), "NUMGD_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", code, *modules]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    *found, compiled = done.stdout.split()
    return found, int(compiled)


def test_an_edit_concerns_the_packages_that_build_on_it(copied):
    modules = ("numgd.kernels.cpu.solvers.one_problem", "numgd.nn.functional", "user", "numgd.nn,user")
    (solvers, layers, whole, both), compiled = digests(copied, *modules)
    assert len({solvers, layers, whole}) == 3 and both == whole
    assert compiled == len({path.read_bytes() for path in own_files()})

    file = copied / "numgd" / "nn" / "functional" / "operation.py"
    file.write_text(file.read_text() + "\nANSWER = 42\n")
    (same, changed, other, _), compiled = digests(copied, *modules)
    assert same == solvers and changed != layers and other != whole and compiled == 1

    file = copied / "numgd" / "second_order" / "bfgs.py"
    file.write_text("# A comment.\n" + file.read_text())
    assert digests(copied, *modules) == ([solvers, changed, other, other], 1)
    assert digests(copied, *modules) == ([solvers, changed, other, other], 0)

    file = copied / "numgd" / "foundations" / "linalg.py"
    file.write_text(file.read_text() + "\nANSWER = 42\n")
    found, _ = digests(copied, *modules)
    assert not {*found} & {solvers, changed, other}


def own_files():
    for package in own_sources.BUILDS_ON:
        top = own_sources.PACKAGE / package
        yield from top.rglob("*.py") if top.is_dir() else [top]


def test_what_is_shipped_is_not_compiled_again(copied):
    expected, _ = digests(copied, "user")
    (known,) = (copied / "cache").rglob("sources-*.json")
    (copied / "numgd" / "machine_code").mkdir()
    known.rename(copied / "numgd" / "machine_code" / known.name)
    assert digests(copied, "user") == (expected, 0)


def test_a_damaged_file_of_digests_is_ignored(copied):
    expected, compiled = digests(copied, "user")
    (known,) = (copied / "cache").rglob("sources-*.json")
    known.write_bytes(known.read_bytes()[:-1])
    assert digests(copied, "user") == (expected, compiled)


def test_code_made_after_an_edit_is_for_this_process_alone(copied):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from numgd.system.own_sources import sources_digest\n"
        "file = Path(sys.argv[1])\n"
        "time.sleep(0.05)\n"
        "file.write_text(file.read_text() + '\\nANSWER = 42\\n')\n"
        "print(sources_digest('numgd.nn'), sources_digest('numgd.second_order'))\n"
    )
    file = copied / "numgd" / "nn" / "functional" / "operation.py"
    variables = {**os.environ, "PYTHONPATH": str(copied), "NUMGD_CACHE_DIR": str(copied / "cache")}
    command = [sys.executable, "-c", code, str(file)]
    done = subprocess.run(command, env=variables, cwd=copied, capture_output=True, text=True)
    layers, solvers = done.stdout.split()
    (others, same), _ = digests(copied, "numgd.nn", "numgd.second_order")
    assert layers != others and solvers == same


def test_a_file_from_the_future_counts_as_unchanged(copied):
    expected, _ = digests(copied, "numgd.nn")
    file = copied / "numgd" / "nn" / "functional" / "operation.py"
    os.utime(file, (time.time() + 1e6,) * 2)  # the clock of another machine
    assert digests(copied, "numgd.nn") == (expected, 0)
