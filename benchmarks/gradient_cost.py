"""The cost of a gradient, `numgd.grad`, against the function itself, and against JAX on the CPU.

Everything runs on one thread, in float64, and warm.  A function and its gradient are called from a compiled
loop, at a point that moves a little each time; JAX's gradient, compiled by ``jax.jit``, and numgd's are
called from Python, and again from a compiled loop (``jax.lax.fori_loop``).  n is the number of variables.

The time of compilation, of the plain function and of its gradient, is that of the first call in a process
whose caches are empty, after another function has been compiled.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np
from differentiable import FUNCTIONS, logistic_loop, rosenbrock
from numba import njit
from timing import Ratios, duration, heading, interleaved

import numgd

ROUNDS = 11
COMPILATIONS = 3
STARTS = 7
SAMPLE = 0.02  # seconds that one call of a compiled loop takes, or so
NUDGE = 1e-12

COMPILE = """\
import json, sys, time
import numpy as np
from differentiable import FUNCTIONS, warm
from numba import njit
import numgd

compiled = {"function": njit, "gradient": lambda f: numgd.grad(njit(f))}[sys.argv[1]]
compiled(warm)(np.ones(3))
seconds = {}
for timed in FUNCTIONS:
    if timed.function.__name__ in seconds:
        continue
    before = time.perf_counter()
    compiled(timed.function)(*timed.arguments)
    seconds[timed.function.__name__] = time.perf_counter() - before
print(json.dumps(seconds))
"""
MODULE = """\
import math

def potential(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + math.cos(x[i])
    return total
"""
SECOND_PROCESS = """\
import time
import numpy as np
import numgd
import potentials
before = time.perf_counter()
gradient = numgd.grad(potentials.potential)(np.arange(5.0))
print(time.perf_counter() - before)
"""


def value_loop(function):
    """A compiled loop that calls a function."""

    @njit
    def loop(count, x, *rest):
        total = 0.0
        for _ in range(count):
            x[0] += NUDGE
            total += function(x, *rest)
        return total

    return loop


def vector_loop(derivative):
    """A compiled loop that calls what returns an array."""

    @njit
    def loop(count, x, *rest):
        total = 0.0
        for k in range(count):
            x[0] += NUDGE
            total += derivative(x, *rest).flat[k % x.size]
        return total

    return loop


def repeats_of(loop, arguments):
    """How many calls take about SAMPLE seconds."""
    loop(1, *arguments)
    before = time.perf_counter()
    loop(3, *arguments)
    elapsed = (time.perf_counter() - before) / 3
    return max(1, round(SAMPLE / elapsed))


def compare_loops(loops, arguments):
    """Seconds of one call within each of the loops, measured in turns."""
    arguments = (arguments[0].copy(), *arguments[1:])
    repeats = {name: repeats_of(loop, arguments) for name, loop in loops.items()}
    calls = {
        name: lambda loop=loop, count=repeats[name]: loop(count, *arguments) for name, loop in loops.items()
    }
    timings = interleaved(calls, ROUNDS, shortest=SAMPLE)
    return {name: timing.median / repeats[name] for name, timing in timings.items()}


def cost(ratios):
    """Gradients over their functions."""
    print("Gradient and function, called from a compiled loop")
    found = []
    for timed in FUNCTIONS:
        function = njit(timed.function)
        loops = {"f": value_loop(function), "gradient": vector_loop(numgd.grad(function))}
        seconds = compare_loops(loops, timed.arguments)
        found.append((seconds["gradient"] / seconds["f"], f"{timed.name}, n={timed.n}"))
        print(
            f"  {found[-1][1]:46s}f {duration(seconds['f']):9s} gradient {duration(seconds['gradient']):9s} "
            f"{found[-1][0]:.2f}x",
            flush=True,
        )
    for ratio, name in found:
        ratios.add(f"gradient over function, {name}, time", ratio)
    ratios.add(
        "gradient over function, median, time", statistics.median(ratio for ratio, _ in found), "at most 3x"
    )
    worst = max(found)
    ratios.add(f"gradient over function, worst ({worst[1]}), time", worst[0], "at most 6x")


def jax_loop(jax, gradient, rest):
    """The same loop by JAX."""

    def step(k, carried):
        x, total = carried
        x = x.at[0].add(NUDGE)
        whole = jax.lax.optimization_barrier(gradient(x, *rest))  # not only the component that is read
        return x, total + whole[k % x.size]

    @jax.jit
    def loop(count, x):
        return jax.lax.fori_loop(0, count, step, (x, 0.0))[1]

    return lambda count, x: loop(count, x).block_until_ready()


def against_jax(ratios):
    """Gradients by numgd over gradients by JAX."""
    import jax  # here, so that its threads do not run beside the other measurements

    jax.config.update("jax_enable_x64", True)
    print("Gradient by numgd and by JAX")
    small, large, looped = {}, {}, {}
    for timed in FUNCTIONS:
        if timed.twin is None:
            continue
        name = f"{timed.name}, n={timed.n}"
        static = tuple(k for k, value in enumerate(timed.arguments) if isinstance(value, int))
        on_device = tuple(
            value if isinstance(value, int) else jax.numpy.asarray(value) for value in timed.arguments
        )
        ours = numgd.grad(njit(timed.function))
        plain = jax.grad(timed.twin(jax))
        theirs = jax.jit(plain, static_argnums=static)
        one, other = ours(*timed.arguments), np.asarray(theirs(*on_device))
        difference = np.abs(one - other).max() / np.abs(other).max()
        calls = {
            "numgd": lambda ours=ours, arguments=timed.arguments: ours(*arguments),
            "JAX": lambda theirs=theirs, arguments=on_device: theirs(*arguments).block_until_ready(),
        }
        timings = interleaved(calls, ROUNDS)
        ratio = timings["JAX"].median / timings["numgd"].median
        if timed.n <= 100:
            small[name] = ratio
        elif timed.n == 10_000:
            large[name] = ratio
        inside = vector_loop(ours)
        rest = timed.arguments[1:]
        within = compare_loops(
            {
                "numgd": lambda count, x, inside=inside, rest=rest: inside(count, x, *rest),
                "JAX": jax_loop(jax, plain, on_device[1:]),
            },
            timed.arguments[:1],
        )
        looped[name] = within["JAX"] / within["numgd"]
        ours, theirs = (duration(timings[which].median) for which in ("numgd", "JAX"))
        print(f"  {name:46s}numgd {ours:9s} JAX {theirs:9s} {ratio:.2f}x; ", end="")
        ours, theirs = (duration(within[which]) for which in ("numgd", "JAX"))
        print(f"in a loop {ours:9s} {theirs:9s} {looped[name]:.2f}x; differ by {difference:.1e}", flush=True)
    for name, ratio in small.items():
        ratios.add(f"numgd vs JAX, gradient from Python, {name}", ratio, 5)
    for name, ratio in large.items():
        ratios.add(f"numgd vs JAX, gradient from Python, {name}", ratio)
    ratios.add("numgd vs JAX, gradient from Python, n=10000, median", statistics.median(large.values()), 1)
    ratios.add("numgd vs JAX, gradient in a compiled loop, median", statistics.median(looped.values()))


def hessian(ratios):
    """Hessians of 20 variables over their functions."""
    print("Hessian of 20 variables and function, called from a compiled loop")
    logistic = next(timed for timed in FUNCTIONS if timed.function is logistic_loop)
    points = {
        "Rosenbrock": (rosenbrock, (0.5 * np.ones(20),)),
        logistic.name: (logistic_loop, logistic.arguments),
    }
    for name, (function, arguments) in points.items():
        function = njit(function)
        loops = {"f": value_loop(function), "hessian": vector_loop(numgd.hessian(function))}
        seconds = compare_loops(loops, arguments)
        print(f"  {name:46s}f {duration(seconds['f']):9s} Hessian {duration(seconds['hessian'])}", flush=True)
        ratios.add(
            f"Hessian over function, {name}, n=20, time", seconds["hessian"] / seconds["f"], "at most 40x"
        )


def output(code, cache, *arguments, folder=Path(__file__).parent):
    """What a new process prints."""
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "NUMGD_CACHE_DIR": str(cache), "PYTHONPATH": path}
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def compilation(ratios):
    """Compiling a gradient over compiling its function."""
    print("Compilation, caches empty")
    samples = {"function": [], "gradient": []}
    for turn in range(COMPILATIONS):
        for kind in list(samples)[:: -1 if turn % 2 else 1]:
            with tempfile.TemporaryDirectory() as cache:
                samples[kind].append(json.loads(output(COMPILE, cache, kind)))
    found = []
    for name in samples["function"][0]:
        f, g = (statistics.median(sample[name] for sample in samples[kind]) for kind in samples)
        found.append(g / f)
        print(f"  {name:46s}f {duration(f):9s} gradient {duration(g):9s} {g / f:.2f}x")
    ratios.add(
        "compiling a gradient over compiling its function, median, time",
        statistics.median(found),
        "at most 3x",
    )


def second_process():
    """Seconds to a gradient of a module-level function, in a new process with a warm cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "potentials.py").write_text(MODULE, encoding="utf-8")
        seconds = [float(output(SECOND_PROCESS, folder / "cache", folder=folder)) for _ in range(STARTS + 1)]
    print("First gradient of a module-level function in a new process, beyond imports")
    first, later = duration(seconds[0]), duration(statistics.median(seconds[1:]))
    print(f"  cache empty {first}, then {later} (target at most 0.3 s)")


def main():
    """Run all comparisons."""
    heading(
        "The cost of a gradient: numgd.grad vs the function itself, and vs jax.grad; one thread",
        "jax",
        "jaxlib",
    )
    ratios = Ratios()
    cost(ratios)
    hessian(ratios)
    compilation(ratios)
    second_process()
    against_jax(ratios)
    ratios.show()


if __name__ == "__main__":
    main()
