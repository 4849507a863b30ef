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
    STEPPED,
    TAPE,
    WIDE,
    in_dtype,
    options_of,
    update_inputs,
)

import numgd  # noqa: F401
from numgd.first_order.apply import exact_options, make_start
from numgd.first_order.treatment import noise_stream
from numgd.foundations.evaluator import CARRIED
from numgd.registry import METHODS as ALL
from numgd.registry import RULES
from numgd.solve.options import settings

IMPORTED_EARLY = "numba.cuda" in sys.modules

from gradient_kernel import make_gradient_kernel  # noqa: E402
from numba import cuda  # noqa: E402

from numgd.kernels.cpu.rules.step import Change  # noqa: E402
from numgd.kernels.cuda import target as launch  # noqa: E402
from numgd.kernels.cuda.rules import step  # noqa: E402
from numgd.kernels.cuda.solvers.many_problems import scratch_many, solve_many  # noqa: E402

step._vector = lambda array: array.reshape(array.size)  # the simulator has no interface of arrays
launch.MOST_BLOCKS = 1  # so that a thread updates more than one element


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


def updated(rule, dtype, n):
    """Three steps of a rule."""
    p, gradients, _ = update_inputs(rule, dtype, n)
    params, running = [cuda.to_device(p)], np.zeros(CARRIED)
    table = step.Table(params)
    table.point(step.P, params)
    slots = table.memory(len(rule.slots))
    table.start(make_start(rule), slots, rule.options())
    for t, g in enumerate(gradients, start=1):
        table.point(step.G, [cuda.to_device(g)])
        change = Change([1.0], 0.0, 1.0, np.inf)
        table.step(rule, slots, exact_options(rule, rule.options()), t, running, change)
    return {"p": params[0].copy_to_host().tolist(), "slots": slots.copy_to_host().tolist()}


def differentiated(function, dtype, count):
    """Gradients at three points, a thread each."""
    X = DIFFERENTIATED_AT.astype(dtype)
    G = np.full_like(X, -7)
    values, needed = np.zeros(len(X), dtype), np.zeros(len(X), np.int64)
    tapes = np.zeros((len(X), TAPE), dtype)
    make_gradient_kernel(function, dtype)[1, 4](X, G, tapes, values, needed, count)
    return {"G": G.tolist(), "values": values.tolist(), "needed": needed.tolist()}


def stepped(dtype):
    """Steps of Adam over several arrays on the device, with all that goes with a step."""
    arrays = [np.array(a, dtype) for a in STEPPED]
    params, gradients = [cuda.to_device(a) for a in arrays], [cuda.to_device(a**2) for a in arrays]
    table = step.Table(params)
    table.point(step.P, params)
    table.point(step.G, gradients)
    rule = RULES["adam"]
    slots, running, average = table.memory(2), np.zeros(CARRIED), table.memory()
    table.start(make_start(rule), slots, rule.options())
    squares, finite = table.measure()
    for t in (1, 2, 3):
        change = Change([0.5, 2.0, -1.0], 0.1, 0.9, 3.0)
        table.step(rule, slots, rule.options(learning_rate=0.1), t, running, change)
        table.combine(step.P, average, 0.0 if t == 1 else 0.5, 0.5)
    found = [p.copy_to_host().ravel().tolist() for p in params]
    noisy = table.memory()
    table.add_noise(noisy, [0.5, 2.0, -1.0], 3.0, 0.7, 9, noise_stream(4, 1))
    table.put(average)
    kept = [p.copy_to_host().ravel().tolist() for p in params]
    gradients[0][0, 0] = np.nan
    finite = [finite, table.measure()[1]]
    noisy = noisy.copy_to_host().tolist()
    return {"p": found, "kept": kept, "squares": squares.tolist(), "finite": finite, "noisy": noisy}


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
                "step": {dtype: stepped(dtype) for dtype in DTYPES},
                "update": {
                    f"{name} {dtype} {n}": updated(rule, dtype, n)
                    for name, rule in RULES.items()
                    for dtype in DTYPES
                    for n in (0, 1, 150)
                },
            }
        )
    )
