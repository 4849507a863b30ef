"""Many small problems, `numgd.minimize_many` against JAX's vmapped BFGS on the same CPU cores.

Rosenbrock's function of 4 variables from N random starting points, BFGS, gtol = 1e-5, at most 200 n
iterations, float64, all cores, warm; JAX is compiled for each N, and that time is printed, not counted.
JAX differentiates the function; numgd gets the gradient written out, and for comparison also does without
(2-point differences).  A problem counts as solved where |f| < 1e-8; the function has a second, local
minimum, in which some starts must end.

One vmap over all problems goes on until the slowest has ended, so JAX is timed in both ways that a user has:
one vmap at N = 10³, 10⁴ and 10⁵ (left out where one call would take more than three minutes), and
`jax.lax.map` over vmapped batches.  Both sides of a ratio have the same N; the lines "JAX's fastest"
instead set numgd's time per problem at its largest N against the fastest of all ways of JAX.
"""

import time
from functools import partial

import jax
import jax.numpy as jnp
import jax.scipy.optimize
import numba
import numpy as np
from problems import rosenbrock, rosenbrock_gradient
from timing import Ratios, duration, heading, interleaved

import numgd

N_VARIABLES = 4
PLAN = (
    (1_000, None),
    (10_000, None),
    (100_000, None),
    (10_000, 1_000),
    (10_000, 10),
    (100_000, 10),
)  # N, batch size
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
    stationary = np.mean(np.abs(gradients).max(axis=1) <= GTOL)
    return (
        f"solved {solved:.2%}, stationary (|g| <= gtol) {stationary:.2%}, "
        f"iterations {np.mean(iterations):.1f} in the mean, {np.max(iterations)} at most"
    )


def numgd_call(starts, jac):
    """A call of numgd."""
    options = {"gtol": GTOL, "maxiter": MAXITER}
    return lambda: numgd.minimize_many(rosenbrock, starts, method="BFGS", jac=jac, options=options)


def jax_call(starts, batch=None):
    """A call of JAX, compiled for these starts: one vmap, or batches of it."""
    on_device = jnp.asarray(starts)
    function = jax.vmap(jax_solve) if batch is None else partial(jax.lax.map, jax_solve, batch_size=batch)
    before = time.perf_counter()
    many = jax.jit(function).lower(on_device).compile()
    print(f"  JAX compiled in {duration(time.perf_counter() - before)}")
    return lambda: jax.block_until_ready(many(on_device))


def compare(count, batch, rounds):
    """Time both at one N; seconds per problem of each."""
    starts = np.random.default_rng(0).uniform(-2.0, 2.0, (count, N_VARIABLES))
    print(way_of(count, batch))
    calls = {
        "numgd": numgd_call(starts, rosenbrock_gradient),
        "numgd, 2-point": numgd_call(starts, None),
        "JAX": jax_call(starts, batch),
    }
    timings = interleaved(calls, rounds, shortest=0.2)
    for name, timing in timings.items():
        result = calls[name]()
        columns = result[1:] if name == "JAX" else (result.fun, result.jac, result.nit)
        each = duration(timing.median / count)
        print(f"  {name:16s}{timing}, {each} a problem; {described(*columns)}", flush=True)
    return {name: timing.median / count for name, timing in timings.items()}


def way_of(count, batch):
    """How JAX was called, in words."""
    return f"N={count}, JAX as " + ("one vmap" if batch is None else f"batches of {batch}")


def main():
    """Run all comparisons."""
    heading(
        "Many small problems: numgd.minimize_many vs jax.vmap of jax.scipy.optimize.minimize, BFGS, "
        "Rosenbrock n = 4, all cores, float64",
        "jax",
        "jaxlib",
    )
    print(f"numgd's threads: {numba.get_num_threads()}; JAX's devices: {jax.devices()}")
    results = {}
    expected = 0.0  # seconds a problem
    for count, batch in PLAN:
        if batch is None and expected * count > PATIENCE:
            print(f"N={count}, JAX as one vmap: not run, about {duration(expected * count)} expected")
            continue
        slow = expected * count > 10.0
        results[count, batch] = compare(count, batch, rounds=3 if slow else 7)
        if batch is None:
            expected = results[count, batch]["JAX"]
    ratios = Ratios()
    ours = results[max(results, key=lambda key: key[0])]
    fastest = min(results, key=lambda key: results[key]["JAX"])
    for name in ("numgd", "numgd, 2-point"):
        label = f"{name.replace('numgd,', 'numgd with')} vs JAX's fastest ({way_of(*fastest)}), per problem"
        ratios.add(label, results[fastest]["JAX"] / ours[name])
    longest = max((key for key in results if key[1] is None), key=lambda key: key[0])
    for key in sorted(results, key=lambda key: key == longest):  # the one with the target last
        value = results[key]["JAX"] / results[key]["numgd"]
        label = f"numgd vs JAX, BFGS, n=4, both at {way_of(*key)}"
        ratios.add(label, value, 30 if key == longest else None)
    ratios.show()


if __name__ == "__main__":
    main()
