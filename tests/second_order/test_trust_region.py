"""Trust-region methods: their subproblems against eigenvalues, and the loop where functions are hostile."""

import math

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit
from spoiling import spoiled

import numgd
from numgd import Status
from numgd.foundations.evaluator import Evaluator, not_provided
from numgd.foundations.linalg import cholesky_rows
from numgd.foundations.spaces import SERIAL
from numgd.second_order import dogleg, sr1, trust_exact, trust_krylov, trust_ncg
from numgd.second_order.trust_region import SCRATCH_ROWS

EXACT_OR_DOGLEG = ["trust-exact", "dogleg"]
SECOND = [*EXACT_OR_DOGLEG, "trust-ncg", "trust-krylov"]
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


def propose(module, H, g, radius):
    """What a method proposes for a radius, interpreted, and at the same point for half of it.

    Yields radius, step, what the method says of it, and how much the model falls.
    """

    def hessian(problem, x, g, out):
        out[:] = H

    def product(problem, x, g, p, out):
        out[:] = H @ p

    evaluator = Evaluator(None, None, None, not_provided, hessian, product, cholesky_rows, None, None)
    matrix_free = module in (trust_ncg, trust_krylov)
    model = module.make_model(SERIAL, evaluator) if matrix_free else module.make_model(evaluator)
    x, carried = np.zeros(g.size), np.full(2, np.nan)
    memory = np.full((module.rows(g.size, 0) - SCRATCH_ROWS, g.size), np.nan)
    model.attend(None, x, g, memory, 0)
    for r in (np.float64(radius), np.float64(radius) / 2):
        p = np.full(g.size, np.nan)
        with np.errstate(all="ignore"):
            found = model.propose(None, x, g, p, memory, carried, r, 0, module.METHOD.options)
        yield r, p, found, -(g @ p + 0.5 * p @ H @ p)


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
@each_subproblem
def test_exact_steps_are_nearly_the_best_there_are(H, g, radius):
    for r, p, found, fall in propose(trust_exact, H, g, radius):
        best = best_decrease(H, g, r)
        assert 0.8 * best <= fall <= 1.21 * best  # steps may be longer or shorter by a tenth
        np.testing.assert_allclose(found.predicted, fall, rtol=1e-9)
        np.testing.assert_allclose(found.length, np.linalg.norm(p), rtol=1e-6)
        assert found.length <= 1.1 * r


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
@each_subproblem
def test_krylov_steps_are_nearly_the_best_there_are_but_in_the_hard_case(request, H, g, radius):
    small = 1e-10  # of a small gradient a small residual is asked for
    hard = any(name in request.node.name for name in ("hard", "singular"))
    for r, p, found, fall in propose(trust_krylov, small * H, small * g, radius):
        if not hard:
            assert 0.9 * best_decrease(small * H, small * g, r) <= fall
        np.testing.assert_allclose(found.predicted, fall, rtol=1e-6)
        np.testing.assert_allclose(found.length, np.linalg.norm(p), rtol=1e-6)
        assert found.length <= 1.011 * r


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("module", [trust_ncg, trust_krylov, dogleg], ids=lambda m: m.__name__[19:])
@each_subproblem
def test_cheaper_steps_fall_as_far_as_along_the_gradient(module, H, g, radius):
    share = 0.2 if module is dogleg else 0.999  # the dogleg is of a matrix made definite
    for r, p, found, fall in propose(module, H, g, radius):
        size = np.linalg.norm(g)
        u = g / size
        curvature = u @ H @ u
        t = r if curvature <= 0 else min(r, size / curvature)
        assert fall >= share * (t * size - 0.5 * t * t * curvature)
        np.testing.assert_allclose(found.predicted, fall, rtol=1e-6)
        assert np.linalg.norm(p) <= 1.011 * r


def test_krylov_goes_on_by_conjugate_gradients_when_the_vectors_do_not_suffice(monkeypatch):
    n = 40
    H, _ = rotated(np.geomspace(1.0, 100.0, n), 3)
    g = 1e-12 * np.ones(n)
    monkeypatch.setattr(trust_krylov, "basis_size", lambda n: 5)
    for radius in (1.0, 3e-12):  # Newton's step is within the first alone
        for _, p, found, fall in propose(trust_krylov, H, g, radius):
            np.testing.assert_allclose(found.predicted, fall, rtol=1e-9)
            np.testing.assert_allclose(found.length, np.linalg.norm(p), rtol=1e-9)
            assert fall >= 0.8 * best_decrease(H, g, radius / 2)
    _, p, found, _ = next(propose(trust_krylov, H, g, 1.0))
    assert not found.boundary
    assert np.linalg.norm(H @ p + g) <= math.sqrt(np.linalg.norm(g)) * np.linalg.norm(g)


# The loop --------------------------------------------------------------------------------------------


@njit
def saddle(x):
    """Saddle at 0, minima of -1/4 at (0, ±1/√2)."""
    return x[0] ** 2 - x[1] ** 2 + x[1] ** 4


@njit
def saddle_gradient(x):
    return np.array([2.0 * x[0], -2.0 * x[1] + 4.0 * x[1] ** 3], x.dtype)


@njit
def saddle_hessian(x):
    return np.array([[2.0, 0.0], [0.0, -2.0 + 12.0 * x[1] ** 2]], x.dtype)


@njit
def walled(x):
    """x - log x in each variable: not a number beyond 0."""
    total = 0.0
    for i in range(x.size):
        if x[i] <= 0.0:
            return np.nan
        total += x[i] - np.log(x[i])
    return total


@njit
def walled_gradient(x):
    return 1.0 - 1.0 / x


@njit
def walled_hessian(x):
    return np.diag(1.0 / x**2)


@pytest.mark.parametrize("method", METHODS)
def test_leaves_a_saddle_from_near(method):
    result = solve(method, saddle, [1.0, 1e-3], saddle_gradient, saddle_hessian)
    assert result.success
    np.testing.assert_allclose(result.fun, -0.25, atol=1e-6)


@pytest.mark.parametrize("method", EXACT_OR_DOGLEG)
def test_leaves_a_saddle_that_the_gradient_leads_to(method):
    result = solve(method, saddle, [1.0, 0.0], saddle_gradient, saddle_hessian)
    assert result.success
    np.testing.assert_allclose(result.fun, -0.25, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_at_a_stationary_point_nothing_is_asked_for(method):
    result = solve(method, saddle, [0.0, 0.0], saddle_gradient, saddle_hessian)
    assert (result.status, result.nit, result.nfev, result.njev) == (0, 0, 1, 1)
    assert result.get("nhev", 0) == 0


@pytest.mark.parametrize("method", METHODS)
def test_goes_on_before_a_wall(method):
    result = solve(method, walled, [5.0, 0.01, 3.0], walled_gradient, walled_hessian)
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


@njit
def distant(x):
    """A valley so far off that the function seems to fall for ever."""
    return 1e3 * np.log1p((x[0] - 1e5) ** 2 / 1e6)


@njit
def distant_gradient(x):
    u = x[0] - 1e5
    return np.array([2e3 * u / (1e6 + u * u)])


@njit
def distant_hessian(x):
    u = x[0] - 1e5
    return np.array([[2e3 * (1e6 - u * u) / (1e6 + u * u) ** 2]])


@pytest.mark.parametrize("method", SECOND)
def test_a_probe_far_away_that_is_higher_does_not_make_it_unbounded(method):
    result = solve(method, distant, [0.0], distant_gradient, distant_hessian, gtol=1e-8)
    assert (result.status, result.success) == (Status.CONVERGED_GRADIENT, True)
    np.testing.assert_allclose(result.x, 1e5)


@pytest.mark.parametrize("method", METHODS)
def test_unbounded_below(method):
    functions = [
        (njit(lambda x: -x[0]), njit(lambda x: np.array([-1.0])), njit(lambda x: np.zeros((1, 1)))),
        (njit(lambda x: x[0] ** 3), njit(lambda x: 3.0 * x * x), njit(lambda x: 6.0 * x.reshape(1, 1))),
        (njit(lambda x: -np.exp(x[0])), njit(lambda x: -np.exp(x)), njit(lambda x: -np.exp(x).reshape(1, 1))),
    ]
    for fun, jac, hess in functions:
        result = solve(method, fun, [-1.0], jac, hess)
        assert (result.status, result.success) == (Status.UNBOUNDED, False)
        assert result.nfev < 60
        assert result.fun == fun(result.x) < -1e6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1e150, 1e-150])
def test_functions_of_any_scale(method, size):
    result = numgd.minimize(
        njit(lambda x, size: size * rosenbrock(x)),
        standard_start(4),
        args=(size,),
        jac=njit(lambda x, size: size * rosenbrock_gradient(x)),
        method=method,
        options={"gtol": 1e-6 * size, "norm": np.inf},
        **({} if method == "sr1" else {"hess": njit(lambda x, size: size * rosenbrock_hessian(x))}),
    )
    assert result.success
    assert np.abs(rosenbrock_gradient(result.x)).max() <= 1e-6


@pytest.mark.parametrize("method", SECOND)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_hessian_that_is_not_finite(method, bad):
    hess = njit(lambda x, bad: np.array([[2.0, bad], [bad, 2.0]]))
    result = numgd.minimize(
        njit(lambda x, bad: x @ x),
        [1.0, 2.0],
        args=(bad,),
        jac=njit(lambda x, bad: 2.0 * x),
        hess=hess,
        method=method,
    )
    assert (result.status, result.success, result.nfev) == (Status.NOT_FINITE, False, 1)
    assert result.fun == 5.0


@pytest.mark.parametrize(
    "method",
    [pytest.param(method, marks=[] if method == "trust-ncg" else [pytest.mark.slow]) for method in METHODS],
)
def test_float32_stays_and_solves(method):
    x0 = np.asarray(standard_start(4), np.float32)
    result = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian)
    assert result.x.dtype == result.jac.dtype == np.float32
    assert result.success
    assert np.linalg.norm(rosenbrock_gradient(result.x.astype(float))) < 5e-3


@pytest.mark.parametrize("method", METHODS)
def test_limits_are_exact(method):
    x0 = standard_start(4)
    full = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian)
    for option, field, status in (("maxfun", "nfev", Status.MAXFUN), ("maxiter", "nit", Status.MAXITER)):
        for limit in (1, 5, full[field] - 1):
            result = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian, **{option: limit})
            assert (result[field], result.status) == (limit, status)
            assert result.fun <= rosenbrock(x0)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_was_stopped_goes_on_bit_for_bit(method):
    x0 = standard_start(6)
    iterates = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian, return_all=True).allvecs
    for stop in range(1, 9):  # some of the first trials of all methods fail
        first = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian, maxiter=stop)
        assert np.array_equal(first.x, iterates[stop])
        rest = solve(
            method, rosenbrock, spoiled(first), rosenbrock_gradient, rosenbrock_hessian, return_all=True
        ).allvecs
        assert np.array_equal(rest[1:], iterates[stop + 1 :])


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_gradient_never_goes_up(method):
    wrong = njit(lambda x: -rosenbrock_gradient(x))
    x0 = standard_start(4)
    result = solve(method, rosenbrock, x0, wrong, rosenbrock_hessian)
    assert not result.success
    assert result.fun == rosenbrock(result.x) <= rosenbrock(x0)


@pytest.mark.parametrize("method", METHODS)
def test_the_value_is_tried_first_and_no_point_twice(method):
    tried, sloped = [], []

    def fun(x):
        tried.append(x.tobytes())
        return rosenbrock(x)

    def jac(x):
        sloped.append(x.tobytes())
        return rosenbrock_gradient(x)

    far = {"initial_trust_radius": 10.0}  # some trials fail
    result = solve(method, fun, standard_start(4), jac, rosenbrock_hessian, **far)
    assert (result.nfev, result.njev) == (len(tried), len(sloped))
    assert len(set(tried)) == len(tried) and len(set(sloped)) == len(sloped)
    if method == "sr1":
        assert sloped == tried
    else:  # rejected points cost no gradient
        assert len(sloped) < len(tried)
        assert result.nhev >= len(sloped) - 1


@pytest.mark.parametrize("method", METHODS)
def test_steps_keep_within_the_greatest_radius(method):
    points = []

    def fun(x):
        points.append(x.copy())
        return float(np.sum((x - 9.0) ** 2))

    def jac(x):
        return 2.0 * (x - 9.0)

    radii = {"initial_trust_radius": 0.1, "max_trust_radius": 0.5}
    result = solve(method, fun, np.zeros(3), jac, lambda x: 2.0 * np.eye(3), **radii)
    assert result.success
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps[0], 0.1, rtol=0.11)
    assert 0.45 <= steps.max() <= 0.55


@pytest.mark.parametrize("method", METHODS)
def test_stops_by_step_and_by_function(method):
    x0 = standard_start(4)
    for option, status in (("xrtol", Status.CONVERGED_STEP), ("ftol", Status.CONVERGED_FUNCTION)):
        options = {option: 1e-2, "gtol": 0.0}
        result = solve(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian, **options)
        assert (result.status, result.success) == (status, True)


def test_subproblem_limit_of_trust_exact():
    options = {"subproblem_maxiter": 1}
    result = solve("trust-exact", saddle, [1.0, 1e-3], saddle_gradient, saddle_hessian, **options)
    assert result.success
    np.testing.assert_allclose(result.fun, -0.25, atol=1e-6)


def test_sr1_finds_the_hessian_of_a_quadratic():
    H, _ = rotated(np.array([-2.0, 0.5, 1.0, 3.0, 8.0]), 1)
    solver = sr1.make_model(SERIAL)
    rng = np.random.default_rng(0)
    memory = np.full((sr1.rows(5, 0) - SCRATCH_ROWS, 5), np.nan)
    solver.attend(None, np.zeros(5), None, memory, 0)
    age = 0
    for _ in range(6):  # Nocedal & Wright, theorem 6.1: n independent steps
        s, g = rng.normal(size=5), rng.normal(size=5)
        age = solver.learn(s, g, g + H @ s, True, memory, age)
    np.testing.assert_allclose(memory[3:], H, atol=1e-6)
    assert age >= 5


def test_sr1_gives_its_hessian():
    result = numgd.minimize(saddle, [1.0, 1.0], jac=saddle_gradient, method="sr1", options={"gtol": 1e-8})
    np.testing.assert_allclose(result.hess, saddle_hessian(result.x), rtol=1e-2, atol=1e-2)
    at_rest = numgd.minimize(saddle, [0.0, 0.0], jac=saddle_gradient, method="sr1")
    assert np.array_equal(at_rest.hess, np.eye(2))
