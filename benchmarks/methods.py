"""Every method of numgd against SciPy's of the same name, or the nearest: Rosenbrock n = 2, 10, 100.

Both get the same ``@njit`` function, gradient and Hessian (Newton-CG, trust-ncg and trust-krylov: its product
with a vector), the same starting point, gtol = 1e-5 in the same norm and no other test; float64, one thread,
called from Python, warm.  SciPy's Newton-CG has no test of the gradient: a callback stops it where that
holds.  L-BFGS-B has bounds, −2 ≤ x ≤ 2.  The dogleg starts at (3, …, 3): from there Hessians stay definite,
SciPy fails on others.  BFGS at n = 1000 gets a convex function, as SciPy takes minutes for Rosenbrock's.
"""

import argparse
import math
import os
from typing import NamedTuple

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import scipy.optimize
from problems import (
    reached,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    rosenbrock_product,
    springs,
    springs_gradient,
    start,
)
from timing import Ratios, heading, interleaved

import numgd

GTOL = 1e-5
SIZES = (2, 10, 100)
LONG = 1000
MAXITER = 20_000


class Functions(NamedTuple):
    """What is minimised, and the second derivative that is given."""

    name: str
    fun: object
    jac: object
    second: dict


GRADIENT = Functions("Rosenbrock", rosenbrock, rosenbrock_gradient, {})
HESSIAN = GRADIENT._replace(second={"hess": rosenbrock_hessian})
PRODUCT = GRADIENT._replace(second={"hessp": rosenbrock_product})
CONVEX = Functions("convex", springs, springs_gradient, {})


class Peer(NamedTuple):
    """A method of numgd and the method of SciPy that it is measured by."""

    method: str
    scipys: str
    functions: Functions
    norm: float  # of the gradient in both stopping tests
    factorises: bool = False  # a matrix in each step


PEERS = (
    Peer("bfgs", "BFGS", GRADIENT, math.inf),
    Peer("dfp", "BFGS", GRADIENT, math.inf),
    Peer("broyden", "BFGS", GRADIENT, math.inf),
    Peer("sr1", "BFGS", GRADIENT, math.inf, factorises=True),
    Peer("cg", "CG", GRADIENT, math.inf),
    Peer("l-bfgs", "L-BFGS-B", GRADIENT, math.inf),
    Peer("l-bfgs-b", "L-BFGS-B", GRADIENT, math.inf),
    Peer("newton-cg", "Newton-CG", PRODUCT, math.inf),
    Peer("trust-ncg", "trust-ncg", PRODUCT, 2.0),
    Peer("trust-krylov", "trust-krylov", PRODUCT, 2.0),
    Peer("trust-exact", "trust-exact", HESSIAN, 2.0, factorises=True),
    Peer("dogleg", "dogleg", HESSIAN, 2.0, factorises=True),
    Peer("newton", "Newton-CG", HESSIAN, math.inf, factorises=True),
    Peer("newton", "trust-exact", HESSIAN, 2.0, factorises=True),
)


def target(peer, n):
    """The ratio to reach."""
    if n <= 10:
        return 15
    return 2 if peer.factorises else 5


def arguments():
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", action="append", help="numgd's method to look at (all); may be repeated")
    parser.add_argument("--rounds", type=int, default=15, help="samples of each solve")
    return parser.parse_args()


def bounds_of(method, n):
    """Bounds of the methods that take them."""
    return [(-2.0, 2.0)] * n if method.lower() == "l-bfgs-b" else None


def numgd_call(peer, x0):
    """A solve with numgd."""
    fun, jac, second = peer.functions[1:]
    options = {"gtol": GTOL, "norm": peer.norm, "maxiter": MAXITER}
    if peer.method.startswith("l-bfgs"):
        options.update(ftol=0.0)
        del options["norm"]  # the largest component
    if peer.method == "newton-cg":
        options.update(xtol=0.0)
    bounds = bounds_of(peer.method, x0.size)
    return lambda: numgd.minimize(
        fun, x0, method=peer.method, jac=jac, bounds=bounds, options=options, **second
    )


def scipy_call(peer, x0):
    """A solve with SciPy."""
    fun, jac, second = peer.functions[1:]
    options = {"gtol": GTOL, "maxiter": MAXITER}
    callback = None
    if peer.scipys in ("BFGS", "CG"):
        options.update(norm=peer.norm)
    elif peer.scipys == "L-BFGS-B":
        options.update(ftol=0.0, maxfun=20 * MAXITER)
    elif peer.scipys == "Newton-CG":
        options = {"xtol": 0.0, "maxiter": MAXITER}

        def callback(intermediate_result):
            if np.abs(jac(intermediate_result.x)).max() <= GTOL:
                raise StopIteration

    bounds = bounds_of(peer.method, x0.size)
    return lambda: scipy.optimize.minimize(
        fun, x0, method=peer.scipys, jac=jac, bounds=bounds, callback=callback, options=options, **second
    )


def compare(peer, n, ratios, rounds, wanted):
    """Time both for n variables."""
    x0 = np.full(n, 3.0) if peer.method == "dogleg" else start(n)
    calls = {"numgd": numgd_call(peer, x0), "SciPy": scipy_call(peer, x0)}
    timings = interleaved(calls, rounds)
    print(f"{peer.method} (SciPy: {peer.scipys}), {peer.functions.name}, n={n}")
    for name, timing in timings.items():
        print(f"  {name:14s}{timing}; {reached(calls[name](), peer.functions.jac)}", flush=True)
    ratios.add(
        f"numgd vs SciPy, {peer.method} against {peer.scipys}, {peer.functions.name}, n={n}",
        timings["SciPy"].median / timings["numgd"].median,
        wanted,
    )


def main():
    """Run all comparisons."""
    asked = arguments()
    heading(
        "Every method: numgd vs SciPy, the same @njit objective and derivatives, the same test of the "
        "gradient at 1e-5, one thread, from Python",
        "scipy",
    )
    ratios = Ratios()
    for peer in PEERS:
        if asked.method and peer.method not in asked.method:
            continue
        for n in SIZES:
            compare(peer, n, ratios, asked.rounds, target(peer, n))
        if peer.method == "bfgs":
            compare(peer._replace(functions=CONVEX), LONG, ratios, min(5, asked.rounds), 5)
    ratios.show()


if __name__ == "__main__":
    main()
