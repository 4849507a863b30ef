"""`minimize` over the vectors of a device, against the same solvers on the host."""

import numpy as np
import pytest
from on_device import SIMULATED, sizes

import numgd
from numgd.kernels.cuda import target, vectors
from numgd.kernels.cuda.vectors import DEVICE, Solve
from numgd.registry import RULES

N = sizes(10, 40)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Two blocks of two threads: a solve makes hundreds of launches."""
    if SIMULATED:
        monkeypatch.setattr(target, "THREADS", 2)


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def rosenbrock_gradient(x):
    g, t = np.zeros_like(x), x[1:] - x[:-1] ** 2
    g[:-1] += -400 * x[:-1] * t - 2 * (1 - x[:-1])
    g[1:] += 200 * t
    return g


WEIGHTS, CENTRE = np.linspace(1, 20, N), np.linspace(-2, 2, N)


def quadratic(x):
    return float(0.5 * np.sum(WEIGHTS * (x - CENTRE) ** 2))


def quadratic_gradient(x):
    return (WEIGHTS * (x - CENTRE)).astype(x.dtype)


QUADRATIC, ROSENBROCK = (quadratic, quadratic_gradient), (rosenbrock, rosenbrock_gradient)


def start(dtype=np.float64):
    x = np.full(N, -1.2, dtype)
    x[1::2] = 1.3
    return x


def on_device(function):
    """A function of host arrays as one of device arrays."""

    def call(x, *args):
        found = function(x.copy_to_host(), *args)
        return target.to_device(found) if isinstance(found, np.ndarray) else found

    return call


def both(problem):
    value, gradient = problem
    return lambda x: (value(x), gradient(x))


def both_on_device(problem):
    value, gradient = map(on_device, problem)
    return lambda x: (value(x), gradient(x))


def solve(device, problem, method=None, x0=None, **given):
    x0 = start() if x0 is None else x0
    return numgd.minimize(both_on_device(problem), device.put(x0), method=method, jac=True, **given)


# Against the host -------------------------------------------------------------------------------------------

CASES = [
    ("l-bfgs", QUADRATIC, {}),
    ("l-bfgs", ROSENBROCK, {"maxiter": 12, "maxcor": 3}),
    ("cg", QUADRATIC, {}),
    ("cg-hz", ROSENBROCK, {"maxiter": 8}),
    ("steepest-descent", ROSENBROCK, {"maxiter": 8}),
    ("newton-cg", ROSENBROCK, {"maxiter": 6}),
    ("trust-ncg", ROSENBROCK, {"maxiter": 6}),
    ("owl-qn", QUADRATIC, {"l1": 3.0, "l2": 0.5}),
    ("fista", QUADRATIC, {"l1": 3.0, "maxiter": 20}),
]


@pytest.mark.parametrize(
    ("method", "problem", "options"), CASES, ids=[f"{m}-{p[0].__name__}" for m, p, _ in CASES]
)
def test_the_iterations_are_those_of_the_host(device, method, problem, options):
    found = solve(device, problem, method, options=options)
    expected = numgd.minimize(both(problem), start(), method=method, jac=True, options=options)
    for name in ("status", "success", "message", "nit", "nfev", "njev"):
        assert found[name] == expected[name], name
    np.testing.assert_allclose(found.x.copy_to_host(), expected.x, rtol=1e-6, atol=1e-6)
    scale = np.abs(rosenbrock_gradient(start())).max()
    np.testing.assert_allclose(found.jac.copy_to_host(), expected.jac, atol=1e-6 * scale)
    assert found.fun == pytest.approx(expected.fun, rel=1e-6)


SOME_RULES = ("adam", "prodigy", "schedule-free-adamw")


@pytest.mark.parametrize("method", [*SOME_RULES, *(pytest.param(r, marks=pytest.mark.slow) for r in RULES)])
def test_rules_make_the_same_steps_as_on_the_host(device, method):
    options = {"maxiter": 4}
    found = solve(device, ROSENBROCK, method, options=options)
    expected = numgd.minimize(both(ROSENBROCK), start(), method=method, jac=True, options=options)
    assert (found.status, found.nit, found.nfev) == (expected.status, expected.nit, expected.nfev)
    np.testing.assert_allclose(found.x.copy_to_host(), expected.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", ["owl-qn", "fista"])
def test_bounds_and_exact_zeros(device, method):
    bounds, options = [(0.0, 1.0)] * N, {"l1": 3.0}
    found = solve(device, QUADRATIC, method, bounds=bounds, options=options)
    shrunk = CENTRE - 3 / WEIGHTS  # the minimum of ½ w (x − c)² + 3 x, x ≥ 0
    assert found.success
    np.testing.assert_allclose(found.x.copy_to_host(), np.clip(shrunk, 0, 1), atol=1e-5)


def test_float32(device):
    found = solve(device, QUADRATIC, x0=start(np.float32))
    assert found.success
    assert found.x.dtype == found.jac.dtype == np.float32
    np.testing.assert_allclose(found.x.copy_to_host(), CENTRE, atol=1e-3)


# What the user gives ----------------------------------------------------------------------------------------


def test_value_and_gradient_apart_with_products(device):
    value, gradient = map(on_device, QUADRATIC)
    products = []

    def hessp(x, p):
        products.append(1)
        return target.to_device(WEIGHTS * p.copy_to_host())

    found = numgd.minimize(value, device.put(start()), jac=gradient, hessp=hessp, method="newton-cg")
    assert found.success
    assert found.nhev == len(products) > 0
    np.testing.assert_allclose(found.x.copy_to_host(), CENTRE, atol=1e-5)


def test_an_object_that_writes_the_gradient_and_leaves_the_value_on_the_device(device):
    class Objective:
        def value_and_gradient(self, x, out, weight):
            host = x.copy_to_host()
            out.copy_to_device(weight * quadratic_gradient(host))
            x.copy_to_device(np.full(N, np.nan))  # the argument is the user's
            return target.to_device(np.array([weight * quadratic(host)]))

    found = numgd.minimize(Objective(), device.put(start()), 2.0)
    assert found.success
    np.testing.assert_allclose(found.x.copy_to_host(), CENTRE, atol=1e-5)


def test_x0_is_not_written_and_a_result_can_be_continued(device):
    x0 = device.put(start())
    first = numgd.minimize(both_on_device(QUADRATIC), x0, jac=True, options={"maxiter": 2})
    np.testing.assert_array_equal(x0.copy_to_host(), start())
    assert first.status == numgd.Status.MAXITER
    second = numgd.minimize(both_on_device(QUADRATIC), first, jac=True)
    assert second.success
    assert second.fun < first.fun


def test_callbacks_get_copies_and_can_stop(device):
    points = []

    def callback(x):
        points.append(x)
        if len(points) == 3:
            raise StopIteration

    options = {"return_all": True}
    found = solve(device, ROSENBROCK, callback=callback, options=options)
    assert (found.status, found.nit, len(found.allvecs)) == (numgd.Status.CALLBACK, 3, 4)
    hosts = [point.copy_to_host() for point in points]
    assert not np.array_equal(hosts[0], hosts[1])
    np.testing.assert_array_equal(hosts[2], found.x.copy_to_host())

    def with_value(*, intermediate_result):
        values.append(intermediate_result.fun)

    values = []
    solve(device, ROSENBROCK, callback=with_value, options={"maxiter": 2})
    assert values == sorted(values, reverse=True)


def test_a_time_limit(device):
    found = solve(device, ROSENBROCK, time_limit=1e-9)
    assert found.status == numgd.Status.TIME_LIMIT
    assert found.fun <= rosenbrock(start())


@pytest.mark.parametrize("method", ["l-bfgs", "adam", "cg-hz"])
def test_nan_is_no_success_and_the_best_point_is_returned(device, method):
    seen = []

    def value(x):
        seen.append((rosenbrock(x), x))
        return rosenbrock(x) if len(seen) < 3 else np.nan

    problem = value, lambda x: rosenbrock_gradient(x) if len(seen) < 3 else np.full(N, np.nan)
    found = solve(device, problem, method, options={"maxfun": 12})
    assert not found.success
    best, x = min(seen[:2], key=lambda pair: pair[0])
    assert found.fun == best
    np.testing.assert_array_equal(found.x.copy_to_host(), x)
    np.testing.assert_array_equal(found.jac.copy_to_host(), rosenbrock_gradient(x))


def test_an_exception_is_passed_on(device):
    def fun(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        numgd.minimize(fun, device.put(start()), jac=True)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (lambda x: 1.0, TypeError, "fun must return .value, gradient. when jac is True; it returned 1.0"),
        (lambda x: (1.0, start()), TypeError, "on the device.*in the host's memory"),
        (lambda x: (1.0, target.to_device(np.ones(N + 1))), ValueError, f"length {N}; .*{N + 1},"),
        (lambda x: (1.0, target.to_device(np.ones(N, np.float32))), TypeError, "float64, as x0; .*float32"),
        (lambda x: (target.to_device(np.ones(2)), x), ValueError, "must return a scalar value"),
        (lambda x: (None, x), TypeError, "has it a `return`"),
    ],
)
def test_wrong_answers(device, answer, error, message):
    with pytest.raises(error, match=message):
        numgd.minimize(answer, device.put(start()), jac=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "bfgs"}, "'bfgs' holds an n×n matrix and runs on the host; .*'l-bfgs'"),
        ({"method": "newton"}, "'newton' holds an n×n matrix"),
        ({"method": "trust-krylov"}, "'trust-krylov' computes with small arrays"),
        ({"method": "nelder-mead"}, "'nelder-mead' is SciPy's and runs on the host"),
        ({"method": "l-bfgs-b", "bounds": [(0, 1)] * N}, "takes no bounds on a device; 'owl-qn'"),
        ({"method": "cg", "bounds": [(0, 1)] * N}, "'cg' takes no bounds on a device"),
        ({"constraints": {"type": "eq", "fun": quadratic}}, "constraints are handled on the host"),
        ({"jac": None}, "jac is None, but x0 lives on a device"),
        ({"jac": "2-point"}, "jac is '2-point', but x0 lives on a device"),
        ({"hess": lambda x: x, "method": "newton-cg"}, "give hessp"),
        ({"options": {"history": True}}, "option 'history' is not available"),
        ({"options": {"eps": 1e-3}}, "option 'eps' is not available"),
    ],
)
def test_what_stays_on_the_host_is_refused_by_name(device, given, message):
    def fun(x):
        raise AssertionError("called")

    with pytest.raises(ValueError, match=message):
        numgd.minimize(fun, device.put(start()), **{"jac": True, **given})


@pytest.mark.parametrize(
    ("x0", "error", "message"),
    [
        (np.ones(3, np.int32), TypeError, "x0 must be float32 or float64"),
        (np.ones((2, 2)), ValueError, "'x0' must only have one dimension"),
        (np.empty(0), ValueError, "x0 must not be empty"),
        (np.array([1.0, np.nan]), ValueError, "x0 must be finite"),
    ],
)
def test_wrong_starting_points(x0, error, message):
    with pytest.raises(error, match=message):
        numgd.minimize(both_on_device(QUADRATIC), target.to_device(x0), jac=True)


# The space --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_operations_of_the_space(device, dtype):
    rng = np.random.default_rng(3)
    n = 23  # groups of four, and three numbers after them
    x, y, z = rng.standard_normal((3, n)).astype(dtype)
    space = Solve(n, dtype)
    X, Y, Z = (space.vector(device.put(a)) for a in (x, y, z))
    eps = float(np.finfo(dtype).eps)

    def is_close(found, expected):
        return float(found) == pytest.approx(float(expected), rel=20 * eps, abs=20 * eps)

    assert is_close(DEVICE.dot(X, Y), x.astype(float) @ y)
    DEVICE.axpy(Y, DEVICE.dot(X, Z), X)  # the coefficient stays on the device
    y = y + dtype(x.astype(float) @ z) * x
    ratio = dtype(1) / DEVICE.dot(Y, Y)  # of the sum that is made with the axpy
    DEVICE.scale(Y, ratio)
    y = y / dtype(y.astype(float) @ y)
    assert is_close(DEVICE.max_abs(Y), np.abs(y).max())
    DEVICE.step(Z, X, -(DEVICE.dot(X, Y) - DEVICE.dot(X, X)), Y)
    z = x - dtype(x.astype(float) @ y - x.astype(float) @ x) * y
    DEVICE.combine(Z, dtype(2), dtype(-3), X)
    z = 2 * z - 3 * x
    assert is_close(DEVICE.power_sum(Z, 1.0), np.abs(z).sum(dtype=float))
    for vector, expected in ((Y, y), (Z, z)):
        np.testing.assert_allclose(vector.array.copy_to_host(), expected, rtol=50 * eps, atol=50 * eps)


def test_nan_is_the_largest_magnitude(device):
    for place in (0, 5, 22):
        x = np.linspace(-3, 2, 23)
        x[place] = np.nan
        space = Solve(23, np.float64)
        assert np.isnan(float(DEVICE.max_abs(space.vector(device.put(x)))))


def test_memory_that_is_not_aligned_is_read_one_by_one(device):
    x = np.arange(24.0)
    whole = device.put(x)
    space = Solve(23, np.float64)
    part, out = space.vector(whole[1:]), space.vector(device.put(np.zeros(23)))
    assert not part.aligned
    DEVICE.copy(out, part)
    assert float(DEVICE.dot(part, out)) == x[1:] @ x[1:]


def test_numbers_that_are_never_read_do_not_run_out(device):
    space = Solve(4, np.float64)
    x, y = (space.vector(device.put(np.full(4, value))) for value in (1.0, 2.0))
    kept = [DEVICE.dot(x, y) for _ in range(vectors.CAPACITY + 3)] if not SIMULATED else []
    space._free = space._free[:3]
    kept += [DEVICE.dot(x, y) for _ in range(5)]
    assert {float(number) for number in kept} == {8.0}


def test_other_functions_refuse_a_point_on_a_device(device):
    with pytest.raises(TypeError, match=r"x0 lives on a device, where numgd\.minimize"):
        numgd.minimize_stochastic(lambda x, row: x[0], device.put(start()), np.ones((3, 1)))


@pytest.mark.skipif(not SIMULATED, reason="a stand-in for a library, in the simulator")
def test_arrays_are_those_of_the_library_of_x0(device, monkeypatch):
    class Other(type(device.put(start()))):
        """A library's array, made of one of Numba's."""

    monkeypatch.setattr(target, "in_kind", lambda array, like: type(like)(array._ary))

    def fun(x):
        assert type(x) is Other
        host = x.copy_to_host()
        return quadratic(host), Other(quadratic_gradient(host))

    found = numgd.minimize(fun, Other(start()), jac=True)
    assert type(found.x) is type(found.jac) is Other
    np.testing.assert_allclose(found.x.copy_to_host(), CENTRE, atol=1e-5)


if not SIMULATED:

    def test_tensors_of_torch():
        torch = pytest.importorskip("torch")
        weights, centre = (torch.tensor(a, device="cuda") for a in (WEIGHTS, CENTRE))

        def fun(x):
            gradient = weights * (x - centre)
            return 0.5 * torch.dot(gradient, x - centre), gradient

        found = numgd.minimize(fun, torch.tensor(start(), device="cuda"), jac=True)
        assert found.success
        assert type(found.x) is type(found.jac) is torch.Tensor
        np.testing.assert_allclose(found.x.cpu().numpy(), CENTRE, atol=1e-5)
