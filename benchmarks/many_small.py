"""Many small problems, `numgd.minimize_many` against JAX's vmapped BFGS on the same CPU cores.

Rosenbrock's function of 4 variables from N random starting points, BFGS, gtol = 1e-5, at most 200 n
iterations, float64, all cores, warm; JAX is compiled for each N, and that time is printed, not counted.
JAX differentiates the function; numgd gets the gradient written out, and for comparison also does without
(2-point differences).  A problem counts as solved where |f| < 1e-8; the function has a second, local
minimum, in which some starts must end.

JAX is timed at N = 10³, 10⁴ and 10⁵; if one call would take more than three minutes at 10⁵, the ratio is
of the times per problem, JAX's at 10⁴, and the output says so.
"""

import time

import jax
import jax.numpy as jnp
import jax.scipy.optimize
import numba
import numpy as np
from problems import rosenbrock, rosenbrock_gradient
from timing import Ratios, duration, heading, interleaved

import numgd

N_VARIABLES = 4
COUNTS = (1_000, 10_000, 100_000)
GTOL = 1e-5
MAXITER = 200 * N_VARIABLES
PATIENCE = 180.0  # seconds that one call of JAX may take
SOLVED = 1e-8

jax.config.update("jax_enable_x64", True)


def jax_rosenbrock(x):
    """The same function for JAX."""
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def jax_solve(x0):
    """One solve."""
    result = jax.scipy.optimize.minimize(
        jax_rosenbrock, x0, method="BFGS", options={"gtol": GTOL, "maxiter": MAXITER}
    )
    return result.x, result.fun, result.jac, result.nit


def described(values, gradients, iterations):
    """What the solves came to, in words."""
    values, gradients = np.asarray(values), np.asarray(gradients)
    solved = np.mean(np.abs(values) < SOLVED)
    sizes = np.abs(gradients).max(axis=1)
    return (
        f"solved {solved:.2%}, stationary (|g| <= gtol) {np.mean(sizes <= GTOL):.2%}, "
        f"mean iterations {np.mean(iterations):.1f}"
    ), solved


def compare(count, rounds):
    """Time both at one N; returns the timings and the seconds of JAX's call."""
    starts = np.random.default_rng(0).uniform(-2.0, 2.0, (count, N_VARIABLES))
    on_device = jnp.asarray(starts)
    before = time.perf_counter()
    many = jax.jit(jax.vmap(jax_solve)).lower(on_device).compile()
    compiling = time.perf_counter() - before
    options = {"gtol": GTOL, "maxiter": MAXITER}
    calls = {
        "numgd": lambda: numgd.minimize_many(
            rosenbrock, starts, method="BFGS", jac=rosenbrock_gradient, options=options
        ),
        "numgd, 2-point": lambda: numgd.minimize_many(rosenbrock, starts, method="BFGS", options=options),
        "JAX": lambda: jax.block_until_ready(many(on_device)),
    }
    for name in ("numgd", "numgd, 2-point"):
        calls[name]()
    timings = interleaved(calls, rounds, shortest=0.2)
    print(f"N={count}; JAX compiled in {duration(compiling)}")
    solved = {}
    for name, timing in timings.items():
        result = calls[name]()
        if name == "JAX":
            text, solved[name] = described(result[1], result[2], result[3])
        else:
            text, solved[name] = described(result.fun, result.jac, result.nit)
        print(f"  {name:16s}{timing}, {duration(timing.median / count)} a problem; {text}", flush=True)
    return timings, solved


def main():
    """Run all comparisons."""
    heading(
        "Many small problems: numgd.minimize_many vs jax.vmap of jax.scipy.optimize.minimize, BFGS, "
        "Rosenbrock n = 4, all cores, float64",
        "jax",
        "jaxlib",
    )
    print(f"numgd's threads: {numba.get_num_threads()}; JAX's devices: {jax.devices()}\n")
    ratios = Ratios()
    per_problem = {}
    for count in COUNTS:
        expected = per_problem[max(per_problem)] * count if per_problem else 0.0
        if expected > PATIENCE:
            print(f"JAX not run at N={count}: about {duration(expected)} expected, from its time per problem")
            break
        timings, solved = compare(count, rounds=7 if expected < 10.0 else 3)
        per_problem[count] = timings["JAX"].median / count
    timed = max(per_problem)
    print("JAX's time per problem: " + ", ".join(f"N={N} {duration(t)}" for N, t in per_problem.items()))
    ours = {name: timings[name].median for name in timings if name != "JAX"}
    if timed < COUNTS[-1]:
        starts = np.random.default_rng(0).uniform(-2.0, 2.0, (COUNTS[-1], N_VARIABLES))
        options = {"gtol": GTOL, "maxiter": MAXITER}
        calls = {
            name: lambda jac=jac: numgd.minimize_many(
                rosenbrock, starts, method="BFGS", jac=jac, options=options
            )
            for name, jac in (("numgd", rosenbrock_gradient), ("numgd, 2-point", None))
        }
        timings = interleaved(calls, 7, shortest=0.2)
        print(f"N={COUNTS[-1]}, numgd alone")
        for name, timing in timings.items():
            result = calls[name]()
            print(f"  {name:16s}{timing}; {described(result.fun, result.jac, result.nit)[0]}")
        ours = {name: timing.median for name, timing in timings.items()}
        print(f"The ratios are of times per problem: numgd's at N={COUNTS[-1]}, JAX's at N={timed}.")
    print("Solved at the largest N of both: " + ", ".join(f"{name} {solved[name]:.2%}" for name in solved))
    for name, seconds in ours.items():
        value = per_problem[timed] * COUNTS[-1] / seconds
        label = f"{name.replace('numgd,', 'numgd with')} vs JAX, BFGS, n=4"
        ratios.add(f"{label}, N={COUNTS[-1]}", value, 30 if name == "numgd" else None)
    ratios.show()


if __name__ == "__main__":
    main()
