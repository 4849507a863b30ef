"""What only whole processes show: the disk cache, Ctrl-C, spawned children."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import distance

import numgd
from numgd.jit.portable import compiled

SOLVE = """
import numpy as np
from numba import njit
import numgd
from numgd.kernels.cpu.solvers.one_problem import entry
from numgd.registry import METHODS
result = numgd.minimize(njit(lambda x: (x[0] - 1.0) ** 2), [3.0], method="gd", options={"maxiter": 1})
stats = entry(METHODS["gd"]).stats
print(repr(float(result.x[0])), sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(code, cache, folder="."):
    """Words that a new process prints, which imports numgd from `folder` if it is there."""
    environment = {**os.environ, "NUMGD_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_next_process_finds_the_compiled_solver_and_an_edit_is_never_stale(tmp_path):
    package = tmp_path / "edited" / "numgd"
    shutil.copytree(Path(numgd.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    cache = tmp_path / "cache"
    first = run(SOLVE, cache, package.parent)
    assert first[1:] == ["0", "1"]
    second = run(SOLVE, cache, package.parent)
    assert second == [first[0], "1", "0"]
    rule = package / "first_order" / "gd.py"
    text = rule.read_text()
    assert "p - c[0] * g" in text
    rule.write_text(text.replace("p - c[0] * g", "p - c[0] * g - c[0] * g"))
    edited = run(SOLVE, cache, package.parent)
    assert edited[1:] == ["0", "1"]
    assert np.isclose(3.0 - float(edited[0]), 2 * (3.0 - float(first[0])))


def test_a_cache_folder_that_cannot_be_written_or_read(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert run(SOLVE, blocked / "inside")[1:] == ["0", "1"]
    cache = tmp_path / "cache"
    expected = run(SOLVE, cache)[0]
    for path in cache.rglob("*.nb?"):
        path.write_bytes(b"damaged")
    assert run(SOLVE, cache)[0] == expected


def doubled(x):
    return 2 * x


def test_processes_that_compile_at_the_same_time_write_no_common_file(tmp_path, monkeypatch):
    values = {"one": np.float32(0.1), "other": np.float64(0.1)}
    for folder, value in values.items():
        monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / folder))
        compiled("doubled")(doubled)(value)
    shutil.copytree(tmp_path / "one", tmp_path / "other", dirs_exist_ok=True)
    for value in values.values():
        again = compiled("doubled")(doubled)
        assert again(value) == 2 * value
        assert sum(again.stats.cache_hits.values()) == 1


NAMED = """
import sys
from numba import njit
from numgd.jit.portable import compiled

def make(number):
    @compiled(f"adds-{number}")
    def add(x):
        return x + number
    return add

one, two = make(1.0), make(2.0)
if sys.argv[1:]:
    one(0.0)
else:
    two(0.0)  # compiled here, and the other one read from the disk

    @njit
    def both():
        return one(0.0), two(0.0)

    print(both(), sum(one.stats.cache_hits.values()))
"""


def test_machine_code_from_the_disk_has_no_name_of_this_process(tmp_path, monkeypatch):
    # Numba's names also hold flags in the order of a set, in which processes may agree or not.
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    script = tmp_path / "named.py"
    script.write_text(NAMED)
    environment = {**os.environ, "NUMGD_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, script, "first"], env=environment, check=True)
    second = [sys.executable, script]
    found = subprocess.run(second, env=environment, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["(1.0,", "2.0)", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
@pytest.mark.parametrize("method", ["gd", "bfgs"])
def test_control_c_leaves_a_running_compiled_loop(method):
    code = f"""
import signal
import numpy as np
from numba import njit
import numgd
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a parent may have had ignored
crawl = njit(lambda x: np.sqrt(1.0 + x[0] * x[0]) + np.sin(1e8 * x[0]))
slope = njit(lambda x: np.array([np.random.normal()]))
numgd.minimize(crawl, [3.0], jac=slope, method="gd", options={{"maxiter": 1}})
numgd.minimize(njit(lambda x: x[0] ** 2), [3.0], jac=njit(lambda x: 2.0 * x), method="{method}")
print("ready", flush=True)
try:
    while True:
        numgd.minimize(crawl, [3.0], jac=slope, method="{method}", options={{"maxiter": 10**12}})
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "ready"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        try:
            assert process.communicate(timeout=20)[0].strip() == "stopped"
        finally:
            process.kill()
    assert process.returncode == 0


def solve_in_child(centre):
    return numgd.minimize(distance, np.zeros(2), centre, "l-bfgs").x


def test_spawned_processes():
    centres = [np.array([1.0, 2.0]), np.array([-3.0, 0.5])]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for x, centre in zip(pool.map(solve_in_child, centres), centres, strict=True):
            np.testing.assert_allclose(x, centre, atol=1e-5)


WITHOUT_COMPILATION = """
import numpy as np
import numgd

def square(x, *data):
    return np.sum(x * x)

x, image = np.ones(2), np.ones((1, 4, 4, 3))
F = numgd.nn.functional
calls = {
    "minimize": lambda: numgd.minimize(square, x),
    "minimize, differences": lambda: numgd.minimize(square, x, jac="2-point"),
    "minimize_many": lambda: numgd.minimize_many(square, np.ones((2, 2))),
    "minimize_multistart": lambda: numgd.minimize_multistart(square, bounds=[(0, 1)] * 2, n_starts=3),
    "minimize_stochastic": lambda: numgd.minimize_stochastic(square, x, np.ones((4, 2))),
    "least_squares": lambda: numgd.least_squares(lambda x: x, x),
    "curve_fit": lambda: numgd.curve_fit(lambda t, a: a * t, np.arange(3.0), np.arange(3.0)),
    "check_grad": lambda: numgd.check_grad(lambda x: np.sum(x), x),
    "line search": lambda: numgd.line_searches.strong_wolfe(square, lambda x: 2 * x, x, -x),
    "Adam": lambda: numgd.Adam().step(np.ones(2), np.ones(2)),
    "conv2d": lambda: F.conv2d(image, np.ones((2, 3, 3, 3))),
    "relu": lambda: F.relu(image),
    "max_pool2d": lambda: F.max_pool2d(image, 2),
    "softmax": lambda: F.softmax(image),
    "batch_norm": lambda: F.batch_norm(image, training=True),
    "mse_loss": lambda: F.mse_loss(image, image),
    **{
        name: lambda make=getattr(numgd, name): make(lambda x: np.sum(x))(x)
        for name in ("grad", "value_and_grad", "jacobian", "hessian", "hessp", "jvp", "vjp")
    },
}
for name, call in calls.items():
    try:
        call()
    except RuntimeError as error:
        assert str(error) == "numgd's functions are compiled: they cannot run with NUMBA_DISABLE_JIT=1"
    else:
        raise AssertionError(name)
print(len(calls))
"""


def test_one_error_where_numba_compiles_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    script = tmp_path / "script.py"
    script.write_text(WITHOUT_COMPILATION)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
