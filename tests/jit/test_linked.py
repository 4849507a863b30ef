"""Users' functions that contain a solver's address, kept on disk by Numba."""

import ast
import os
import subprocess
import sys

import pytest

from numgd.jit import linked

PROGRAM = """
import sys
import numpy as np
import numgd
from numba import njit, prange

if sys.argv[1] != "same":
    import numgd.jit.linked
    numgd.jit.linked.sources_digest = lambda module: sys.argv[1]

@njit(cache=True)
def bowl(x, centre):
    return (x[0] - centre) ** 2 + 3.0 * x[0]

@njit(cache=True)
def residuals(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

@njit
def line(t, a, b):
    return a * t + b

@njit(cache=True, parallel=True)
def minima(n):
    out = np.empty(n)
    for i in prange(n):
        out[i] = numgd.minimize(bowl, np.zeros(1), (float(i),), "gd").x[0]
    return out

@njit(cache=True)
def solution():
    return numgd.least_squares(residuals, np.array([2.0, 2.0])).x

@njit(cache=True)
def slope():
    t = np.arange(5.0)
    return numgd.curve_fit(line, t, 2.0 * t)[0][0]

print([minima(3).tolist(), solution().tolist(), slope()])
print(*(sum(function.stats.cache_hits.values()) for function in (minima, solution, slope)))
"""


@pytest.mark.skipif(not linked.FOLLOWS_LINKS, reason="this version of Numba contains no links")
def test_functions_from_the_disk_call_the_solvers_of_this_process(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)

    def run(digest):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "users")}
        command = [sys.executable, str(script), digest]
        process = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        results, hits = process.stdout.splitlines()
        return results, hits

    results, hits = run("same")
    assert hits == "0 0 0"
    assert ast.literal_eval(results)[0] == pytest.approx([-1.5, -0.5, 0.5], abs=1e-3)
    assert run("same") == (results, "1 1 1")
    # Code that was compiled with another version of numgd is compiled again.
    assert run("another") == (results, "0 0 0")
    assert run("another") == (results, "1 1 1")
    assert run("same") == (results, "0 0 0")
