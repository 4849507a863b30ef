"""Runs the CUDA kernels under Numba's simulator and prints what they give, as JSON.

A process of its own: the simulator is chosen by the environment before Numba is imported.
"""

import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
os.environ["NUMBA_DISABLE_JIT"] = "1"

import json
import sys

import numpy as np
from cuda_cases import (
    CASES,
    DIFFERENTIATED,
    DIFFERENTIATED_AT,
    DTYPES,
    METHODS,
    TAPE,
    WIDE,
    in_dtype,
    options_of,
)

import numgd  # noqa: F401
from numgd.registry import METHODS as ALL
from numgd.solve.options import settings

IMPORTED_EARLY = "numba.cuda" in sys.modules

from gradient_kernel import make_gradient_kernel  # noqa: E402

from numgd.kernels.cuda.solvers.many_problems import scratch_many, solve_many  # noqa: E402


def solved(case, method, dtype):
    """One batch through the driver; the last problem starts at NaN."""
    dtype = np.dtype(dtype)
    X = np.vstack([case.starts, case.starts[:1]]).astype(dtype)
    X[-1, 0] = np.nan
    args = in_dtype(case.args, dtype)
    args = tuple(np.vstack([a, a[:1]]) if isinstance(a, np.ndarray) else a for a in args)
    count, n = X.shape
    limits, maxcor, _ = settings(ALL[method], dtype, None, options_of(case, method))
    J = np.full((count, n), -7, dtype)
    fun = np.full(count, -7, dtype)
    counts = np.full((count, 3), -7)
    work = scratch_many(ALL[method], count - 2, n, maxcor, dtype)  # two threads solve two problems each
    box = np.array([[-WIDE] * n, [WIDE] * n], dtype)
    solve_many(ALL[method], case.objective)(X, J, work, limits, args, box, fun, counts)
    return {"x": X.tolist(), "jac": J.tolist(), "fun": fun.tolist(), "counts": counts.tolist()}


def differentiated(function, dtype, count):
    """Gradients at three points, a thread each."""
    X = DIFFERENTIATED_AT.astype(dtype)
    G = np.full_like(X, -7)
    values, needed = np.zeros(len(X), dtype), np.zeros(len(X), np.int64)
    tapes = np.zeros((len(X), TAPE), dtype)
    make_gradient_kernel(function, dtype)[1, 4](X, G, tapes, values, needed, count)
    return {"G": G.tolist(), "values": values.tolist(), "needed": needed.tolist()}


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "imported_early": IMPORTED_EARLY,
                "solve": {
                    f"{case.name} {method} {dtype}": solved(case, method, dtype)
                    for case in CASES
                    for method in METHODS
                    for dtype in DTYPES
                },
                "gradient": {
                    f"{name} {dtype} {count}": differentiated(function, dtype, count)
                    for name, function in DIFFERENTIATED.items()
                    for dtype in DTYPES
                    for count in (5, 50)
                },
            }
        )
    )
