"""Threads: which layer runs them, forked children, several callers, work too small for them."""

import os
import subprocess
import sys
from importlib import metadata

import numba
import numpy as np
import pytest

from numgd.jit import threads
from numgd.jit.parallel import WORTH_SHARING, parallel_for, threads_for
from numgd.jit.portable import compiled, portable
from numgd.system import tbb

WORK = """
import os
import sys
import numba
import numpy as np
import numgd
from numgd.jit.threads import layer
from numgd.nn import functional as F

LONG = np.random.default_rng(0).normal(size=300_000).astype(np.float32)


@numba.njit
def distance(x, centre):
    return (x[0] - centre) ** 2 + x[1] ** 2


def work(_=None):
    p = LONG.copy()
    numgd.SGD(learning_rate=0.5).step([p], [LONG])
    y = F.batch_norm(LONG.reshape(-1, 3), training=True)
    found = numgd.minimize_many(distance, np.ones((40, 2)), (np.arange(40.0),), "gd")
    return [float(a.sum()) for a in (F.relu(LONG), F.dropout(LONG, 0.5, seed=1), p, y, found.fun)]
"""

FORK = """
before = work()
assert layer() == sys.argv[1], layer()
child = os.fork()
if child == 0:
    os._exit(0 if work() == before else 3)
assert os.waitpid(child, 0)[1] == 0
print("child done", flush=True)
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(work, range(4)) == 4 * [before]
assert work() == before
print("pool done", flush=True)
"""

SEVERAL = """
import threading
before = work()
assert layer() == sys.argv[1], layer()
found = []
def repeat():
    for _ in range(5):
        found.append(work())
callers = [threading.Thread(target=repeat) for _ in range(4)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
assert found == 20 * [before]
print("done", flush=True)
"""

SMALL = """
import numgd
from numgd.jit.threads import layer
from numgd.nn import functional as F
import numpy as np
x = np.arange(12.0).reshape(4, 3)
gamma, beta = np.ones(3), np.zeros(3)
F.batch_norm(x, gamma, beta, training=True)
F.layer_norm(x, gamma, beta)
F.dropout(np.arange(10.0), 0.5, seed=0)
F.relu(x)
F.relu_backward(x, x)
F.max_pool2d(np.ones((2, 8, 8, 4)), 2)
F.conv2d_backward(np.ones((2, 8, 8, 4)), np.ones((2, 8, 8, 4)), np.ones((4, 3, 3, 4)), padding=1)
numgd.Adam().step([np.ones(5), np.ones(3)], [np.ones(5), np.ones(3)])
assert layer() is None, layer()
F.relu(np.ones(300_000))
assert layer() is not None
print("done")
"""

CHOSEN = """
import sys
import numba
if "before" in sys.argv:
    numba.config.THREADING_LAYER = sys.argv[1]
if "started" in sys.argv:
    numba.config.THREADING_LAYER = sys.argv[1]
    numba.get_num_threads()
import numgd
if "after" in sys.argv:
    numba.config.THREADING_LAYER = sys.argv[1]
from numgd.jit.threads import layer
from numgd.nn import functional as F
import numpy as np
assert F.relu(np.ones(300_000)).sum() == 300_000
print(layer())
"""


def run(code, *arguments, **environment):
    """What a new process prints; where it hangs, the test fails."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\n")[:-1]


def exists(name):
    """Whether Numba has a threading layer here."""
    if name == "tbb":
        return tbb.TBB is not None
    if name == "omp":
        try:
            from numba.np.ufunc import omppool  # noqa: F401
        except ImportError:
            return False
    return True


def layer_or_skip(name):
    if not exists(name):
        pytest.skip(f"Numba has no layer {name} here")
    return name


several_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")


@several_cores
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("layer", ["tbb", "omp", "workqueue"])
def test_forked_children_compute(layer):
    if sys.platform == "darwin" and layer == "omp":
        pytest.skip("LLVM's OpenMP has its own limits after a fork")
    layer = layer_or_skip(layer)
    assert run(WORK + FORK, layer, NUMBA_THREADING_LAYER=layer) == ["child done", "pool done"]


@several_cores
@pytest.mark.parametrize("layer", ["tbb", "workqueue"])
def test_several_threads_call_at_once(layer):
    layer = layer_or_skip(layer)
    assert run(WORK + SEVERAL, layer, NUMBA_THREADING_LAYER=layer) == ["done"]


@several_cores
def test_small_work_starts_no_threads():
    assert run(SMALL) == ["done"]


@several_cores
def test_tbb_comes_with_numgd():
    try:
        metadata.version("tbb")
    except metadata.PackageNotFoundError:
        pytest.skip("there is no wheel of TBB for this machine")
    assert run(CHOSEN) == ["tbb"]


@several_cores
@pytest.mark.parametrize("when", ["before", "started", "after"])
def test_a_layer_that_the_user_chose_stays(when):
    assert run(CHOSEN, "workqueue", when) == ["workqueue"]


@several_cores
def test_a_layer_that_does_not_exist_costs_the_threads_alone():
    code = CHOSEN.replace("print(layer())", "print(layer(), numgd.jit.threads.threads())")
    command = [sys.executable, "-W", "always", "-c", code, "nothing", "after"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.stdout == "None 1\n"
    assert "numgd computes on one thread" in done.stderr


# The loop ---------------------------------------------------------------------------------------------


@portable
def mark(task, seen, order):
    seen[task] += 1
    order[task] = task


@compiled("test-threads-mark")
def mark_all(tasks, work, seen, order):
    parallel_for(mark, tasks, work, seen, order)


@pytest.mark.parametrize("work", [0, WORTH_SHARING])
@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 1000])
def test_every_task_is_done_once(tasks, work):
    for loop in (mark_all, lambda *given: parallel_for(mark, *given)):
        seen, order = np.zeros(tasks, np.int64), np.full(tasks, -1)
        loop(tasks, work, seen, order)
        assert (seen == 1).all()
        assert (order == np.arange(tasks)).all()


@portable
def allocate(task, size, out):
    memory = np.empty(size, np.int8)
    memory[0] = 1
    out[task] = memory[0]


@compiled("test-threads-allocate")
def allocate_all(tasks, work, size, out):
    parallel_for(allocate, tasks, work, size, out)


@pytest.mark.parametrize("work", [0, WORTH_SHARING])
def test_a_task_without_memory_raises(work):
    out = np.zeros(8, np.int64)
    with pytest.raises(MemoryError):
        allocate_all(8, work, 2**62, out)
    allocate_all(8, work, 10, out)
    assert (out == 1).all()


def test_work_has_as_many_threads_as_it_is_worth():
    assert threads_for(WORTH_SHARING - 1) == 1
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert threads_for(WORTH_SHARING) == 1
    finally:
        numba.set_num_threads(before)
    assert threads_for(WORTH_SHARING) == threads.threads() == before
