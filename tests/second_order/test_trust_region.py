"""Trust-region methods: their subproblems against eigenvalues, and the loop where functions are hostile."""

import math
from functools import cache

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit

import numgd
from numgd import Status
from numgd.access import CARRIED, Access
from numgd.second_order import SOLVERS, dogleg, trust_exact, trust_krylov, trust_ncg
from numgd.spaces import SERIAL

EXACT_OR_DOGLEG = ["trust-exact", "dogleg"]
WITH_PRODUCTS = ["trust-ncg", "trust-krylov"]
SECOND = EXACT_OR_DOGLEG + WITH_PRODUCTS
METHODS = [*SECOND, "sr1"]


@njit
def rosenbrock_hessian(x):
    H = np.zeros((x.size, x.size), x.dtype)
    for i in range(x.size - 1):
        H[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        H[i + 1, i + 1] += 200.0
        H[i, i + 1] -= 400.0 * x[i]
        H[i + 1, i] -= 400.0 * x[i]
    return H


def solve(method, fun, x0, jac, hess, **options):
    """`numgd.minimize`, with the Hessian where the method has a use for it."""
    second = {} if method == "sr1" else {"hess": hess}
    return numgd.minimize(fun, x0, jac=jac, method=method, options=options, **second)


# The subproblem --------------------------------------------------------------------------------------


def best_decrease(H, g, radius):
    """How much the model can fall within the region, from eigenvalues: bisection of the secular equation."""
    values, vectors = np.linalg.eigh(H)
    b = vectors.T @ g

    def length(shift):
        with np.errstate(divide="ignore", invalid="ignore"):
            return math.sqrt(np.sum(np.where(b == 0, 0.0, b / (values + shift)) ** 2))

    lower = max(0.0, -values[0])
    if values[0] > 0 and length(0.0) <= radius:
        p = -b / values
    else:
        upper = lower + np.linalg.norm(g) / radius + 1.0
        low, high = lower, upper
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if length(middle) > radius else (low, middle)
        shifted = values + high
        p = np.where(b == 0, 0.0, -b / np.where(shifted == 0, 1.0, shifted))
        room = radius**2 - p @ p
        if values[0] <= 0 and room > 0:  # the hard case
            p[0] += math.copysign(math.sqrt(p[0] ** 2 + room) - abs(p[0]), p[0])
    return -(b @ p + 0.5 * p @ (values * p))


def rotated(values, seed):
    """A symmetric matrix with these eigenvalues, and its eigenvectors."""
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return Q @ np.diag(values) @ Q.T, Q


def subproblems():
    """(name, H, g): definite, indefinite, singular and hard, of several sizes."""
    rng = np.random.default_rng(7)
    for n in (1, 2, 3, 6, 9):
        spectra = {
            "definite": np.geomspace(1.0, 1e4, n),
            "indefinite": np.linspace(-3.0, 5.0, n) if n > 1 else np.array([-3.0]),
            "negative": -np.geomspace(1.0, 10.0, n),
            "singular": np.concatenate([[0.0], np.linspace(1.0, 2.0, n - 1)]),
            "zero": np.zeros(n),
        }
        for name, values in spectra.items():
            H, Q = rotated(values, n)
            g = rng.normal(size=n)
            yield f"{name}-{n}", H, g
            if name == "indefinite" and n > 1:
                yield f"hard-{n}", H, g - Q[:, 0] * (Q[:, 0] @ g)
                yield f"nearly-hard-{n}", H, g - (1.0 - 1e-9) * Q[:, 0] * (Q[:, 0] @ g)
                yield f"huge-{n}", 1e150 * H, 1e150 * g


SUBPROBLEMS = list(subproblems())
each_subproblem = pytest.mark.parametrize(
    ("H", "g"), [row[1:] for row in SUBPROBLEMS], ids=[row[0] for row in SUBPROBLEMS]
)


def fall(H, g, p):
    return -(g @ p + 0.5 * p @ H @ p)


def propose(module, H, g, radius):
    """The step that a method's model proposes, interpreted; the Hessian at hand is H."""

    def hessian(problem, x, g, out):
        out[:] = H

    def product(problem, x, g, p, out):
        out[:] = H @ p

    def curve(*_):
        pass

    access = Access(None, None, None, curve, hessian, product, None, None)
    own = module in (trust_ncg, trust_krylov)
    model = module.make_model(SERIAL, access) if own else module.make_model(access)
    n = g.size
    work = np.full((module.rows(n, 0), n), np.nan)
    carried, x, p = np.full(2, np.nan), np.zeros(n), np.full(n, np.nan)
    model.attend(None, x, g, work[4:], 0)
    with np.errstate(all="ignore"):
        found = model.propose(None, x, g, p, work[4:], carried, np.float64(radius), 0, module.OPTIONS)
        # Half the radius at the same point: what was kept is used.
        shorter = p.copy()
        again = model.propose(
            None, x, g, shorter, work[4:], carried, np.float64(radius / 2), 0, module.OPTIONS
        )
    return p, found, shorter, again


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
@each_subproblem
def test_exact_steps_are_nearly_the_best_there_are(H, g, radius):
    for p, found, r in zip(
        *[iter(propose(trust_exact, H, g, radius))] * 2, (radius, radius / 2), strict=True
    ):
        best = best_decrease(H, g, r)
        # Conn, Gould & Toint, theorem 7.3.? : the tolerances of the easy and of the hard case.
        assert fall(H, g, p) >= 0.75 * best
        np.testing.assert_allclose(found.predicted, fall(H, g, p), rtol=1e-6)
        assert np.linalg.norm(p) <= 1.1 * r * (1 + 1e-9)
