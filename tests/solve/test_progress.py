"""Limits of time, progress bars, Ctrl-C and exceptions in the middle of work, and what is said of waiting."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import rosenbrock, standard_start
from numba import njit

import numgd
from numgd.sums_of_squares.evaluator import FitStatus

START = standard_start(10)
NEVER = {"gtol": 0.0, "learning_rate": 1e-9, "maxiter": 10**9}


def slow(x):
    time.sleep(0.002)
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@njit
def long(x, raises):
    """A call of a millisecond or so."""
    if raises > 0.0 and x[0] < 1.0:
        raise ArithmeticError("problem without a value")
    total = 0.0
    for i in range(100_000):
        total += np.sin(x[0] + i)
    return (x[0] - 3.0) ** 2 + 1e-12 * total


def ended_by_time(result, start=slow(START)):  # noqa: B008
    assert result.status == numgd.Status.TIME_LIMIT and not result.success
    assert result.message == "The time limit has been reached."
    assert result.fun <= start and np.isfinite(result.x).all()


# Limits of time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cg", "gd", "nelder-mead", "slsqp", "tnc"])
def test_minimize_ends_in_time(method):
    options = {"maxiter": 10**6} | ({"learning_rate": 1e-6} if method == "gd" else {})
    result = numgd.minimize(slow, START, method=method, time_limit=0.2, options=options)
    ended_by_time(result)
    assert result.nfev < 400


def test_many_starts_end_in_time():
    result = numgd.minimize_many(long, np.zeros((200, 1)), 0.0, "gd", time_limit=0.5, options=NEVER)
    assert set(result.status) == {numgd.Status.TIME_LIMIT} and not result.success.any()
    begun = np.isfinite(result.fun)
    assert begun.any() and not begun.all() and (result.fun[begun] < 10.0).all()
    assert (result.nfev[begun] > 0).all() and (result.x[~begun] == 0.0).all()
    best = numgd.minimize_multistart(
        long, np.zeros((200, 1)), 0.0, "gd", time_limit=0.5, options={**NEVER, "disp": False}
    )
    assert best.status == numgd.Status.TIME_LIMIT and not best.success and best.fun < 10.0
    one_by_one = numgd.minimize_multistart(slow, np.tile(START, (3, 1)), method="cg", time_limit=0.2)
    ended_by_time(one_by_one)


def test_the_best_point_is_a_number():
    """A first value of NaN, and values in arrays, as SciPy's methods take them."""
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        time.sleep(0.005)
        return np.array([np.nan if calls == 1 else np.sum(x**2)])

    result = numgd.minimize(fun, [3.0, 4.0], method="cobyla", time_limit=0.2, progress=True)
    assert np.isfinite(result.fun) and result.fun == np.sum(result.x**2)


def test_no_time_solves_nothing():
    found = numgd.minimize_many(rosenbrock, np.zeros((50, 4)), time_limit=0.0)
    assert set(found.status) == {numgd.Status.TIME_LIMIT} and np.isnan(found.fun).all()


def test_fits_end_in_time():
    def residuals(x):
        time.sleep(0.01)
        return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])

    result = numgd.least_squares(residuals, START, time_limit=0.3, gtol=None, max_nfev=10**6)
    assert result.status == FitStatus.TIME_LIMIT and not result.success
    assert result.cost <= 0.5 * np.sum(residuals(START) ** 2)
    with pytest.raises(RuntimeError, match="time limit"):
        numgd.curve_fit(lambda t, a: residuals(np.full(3, a)), np.zeros(4), np.zeros(4), time_limit=0.0)
    with pytest.raises(ValueError, match="not available"):
        numgd.least_squares(residuals, START, tr_solver="lsmr", time_limit=1.0)


@pytest.mark.parametrize("method", ["bfgs", "nelder-mead"])
def test_enough_time_changes_nothing(method):
    expected = numgd.minimize(rosenbrock, START[:4], method=method)
    result = numgd.minimize(rosenbrock, START[:4], method=method, time_limit=np.inf, progress=True)
    assert np.array_equal(result.x, expected.x) and result.nit == expected.nit
    assert result.status == expected.status and result.success


def test_progress_is_shown(capsys):
    numgd.minimize(rosenbrock, START[:4], progress=True)
    assert "iterations" in capsys.readouterr().err
    numgd.minimize(slow, START[:2], method="nelder-mead", progress=True, options={"maxiter": 5})
    assert "calls" in capsys.readouterr().err
    numgd.minimize_many(rosenbrock, np.zeros((3, 4)), progress=True)
    assert "3/3" in capsys.readouterr().err
    numgd.minimize_multistart(rosenbrock, np.zeros((3, 4)), progress=True)
    assert "3/3" in capsys.readouterr().err
    numgd.least_squares(lambda x: x - 1.0, np.zeros(2), progress=True)
    assert "iterations" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"time_limit": -1.0}, ValueError, "time_limit"),
        ({"time_limit": np.nan}, ValueError, "time_limit"),
        ({"time_limit": "1"}, TypeError, "time_limit"),
        ({"progress": 2}, TypeError, "progress"),
    ],
)
def test_what_they_cannot_be(arguments, error, match):
    for call in (
        lambda: numgd.minimize(rosenbrock, START, **arguments),
        lambda: numgd.minimize_many(rosenbrock, [START], **arguments),
        lambda: numgd.minimize_multistart(rosenbrock, [START], **arguments),
        lambda: numgd.least_squares(lambda x: x, START, **arguments),
        lambda: numgd.curve_fit(lambda t, a: a * t, np.ones(3), np.ones(3), **arguments),
        lambda: numgd.minimize_stochastic(lambda x, a: a @ x, [0.0], np.ones((3, 1)), **arguments),
    ):
        with pytest.raises(error, match=match):
            call()


def test_stochastic_runs_print_how_they_ended(capsys):
    def loss(x, A):
        return np.mean((A @ x - 1.0) ** 2)

    numgd.minimize_stochastic(loss, [0.0], np.ones((8, 1)), epochs=2, options={"disp": True})
    said = capsys.readouterr().out
    assert "All epochs have been run." in said and "Current function value" in said


# Signals and exceptions --------------------------------------------------------------------------------

INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np, numgd
from test_progress import NEVER, long

ticks = 0
def tick(number, frame):
    global ticks
    ticks += 1
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a parent may have had ignored
signal.signal(signal.SIGALRM, tick)
numgd.minimize_many(long, np.zeros((4, 1)), 0.0, "gd", options={"maxiter": 1})
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
def interrupt():
    global sent
    time.sleep(1.0)
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    numgd.minimize_many(long, np.zeros((1000, 1)), 0.0, "gd", options=NEVER)
except KeyboardInterrupt:
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    print(time.perf_counter() - sent, ticks)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
def test_ctrl_c_ends_problems_of_any_length():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], env=environment, capture_output=True, text=True, timeout=200
    )
    assert found.returncode == 0, found.stderr
    waited, ticks = map(float, found.stdout.split())
    assert waited < 1.0  # 0.3 s on a machine that does nothing else
    assert ticks >= 5  # handlers that raise nothing have run, and disturbed nothing


TWICE = """
import os, signal, threading, time
import numba, numpy as np, numgd

@numba.njit
def slow(x, calls):
    total = 0.0
    for i in range(10_000_000):
        total += np.sin(x[0] + i)
    calls[0] += 1
    return x[0] ** 2 + 1e-300 * total

signal.signal(signal.SIGINT, signal.default_int_handler)
slope = numba.njit(lambda x, calls: 2.0 * x)
calls = np.zeros(1)
def solve(maxiter):
    options = {"maxiter": maxiter, "learning_rate": 1e-9, "gtol": 0.0}
    return numgd.minimize_many(
        slow, np.ones((4, 1)), (calls,), "gd", jac=slope, options=options, shared=["calls"]
    )
solve(0)
def interrupt():
    time.sleep(0.5)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
threading.Thread(target=interrupt).start()
try:
    solve(10**9)
except KeyboardInterrupt:
    before = calls[0]
    time.sleep(2.0)
    print(calls[0] == before, solve(1).nit.tolist())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
def test_after_ctrl_c_twice_nothing_is_at_work():
    found = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=200)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "True [1, 1, 1, 1]\n"


def test_an_exception_ends_the_other_problems():
    raises = np.zeros(1000)
    raises[0] = 1.0
    numgd.minimize_many(long, np.zeros((4, 1)), np.zeros(4), "gd", options={"maxiter": 1})
    began = time.perf_counter()
    with pytest.raises(ArithmeticError, match="problem without a value"):
        numgd.minimize_many(long, np.zeros((1000, 1)), raises, "gd", options=NEVER)
    assert time.perf_counter() - began < 10.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_many_problems_in_a_child_of_fork():
    numgd.minimize_many(rosenbrock, np.zeros((4, 2)))
    child = os.fork()
    if child == 0:
        success = False
        try:
            success = numgd.minimize_many(rosenbrock, np.zeros((4, 2))).success.all()
        finally:
            os._exit(0 if success else 1)
    for _ in range(600):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert pid and status == 0


# Waiting -----------------------------------------------------------------------------------------------

COMPILING = """
import numpy as np, numgd
from numgd.jit import announcing
announcing.PATIENCE = 0.0
for _ in range(2):
    numgd.Adam().step([np.zeros(3)], [np.ones(3)])
"""


def test_waiting_is_announced_once(tmp_path):
    environment = {**os.environ, "NUMGD_CACHE_DIR": str(tmp_path / "cache")}
    said = [
        subprocess.run(
            [sys.executable, "-c", COMPILING], env=environment, capture_output=True, text=True, check=True
        ).stderr.splitlines()
        for _ in range(2)
    ]
    lines = [line for line in said[0] if line.startswith("numgd: compiling ")]
    assert lines and len(lines) == len(set(lines))
    assert all("once per machine" in line and "`numgd warmup`" in line for line in lines)
    assert said[1] == []
