"""`least_squares` against SciPy's, known minima and closed forms."""

import math
import warnings

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError
from residual_problems import PROBLEMS
from scipy import optimize, sparse

import numgd
from numgd.registry import FIT_METHODS
from numgd.solve.least_squares_in_njit import LeastSquaresResult

METHODS = sorted(FIT_METHODS)
NAMES = {problem.name: problem for problem in PROBLEMS}
T = np.linspace(0.0, 3.0, 25)
Y = 2.5 * np.exp(-1.3 * T) + 0.4 + 0.05 * np.cos(40.0 * T)
START = np.array([1.0, 1.0, 0.0])


@njit(cache=True)
def decay(x, t, y):
    return x[0] * np.exp(-x[1] * t) + x[2] - y


@njit(cache=True)
def decay_jacobian(x, t, y):
    J = np.ones((t.size, 3))
    J[:, 0] = np.exp(-x[1] * t)
    J[:, 1] = -x[0] * t * J[:, 0]
    return J


@njit(cache=True)
def valley(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def solved(result, problem):
    """Whether a result claims success at one of the problem's known minima."""
    return result.success and any(2 * result.cost <= s * (1 + 1e-4) + 1e-12 for s in problem.sums)


def mean_ratio(pairs):
    return np.exp(np.mean([math.log(ours / theirs) for ours, theirs in pairs]))


# Against SciPy over the problems of Moré, Garbow and Hillstrom ---------------------------------------------


@pytest.mark.parametrize(
    ("method", "each"),
    [("lm", 3), *(pytest.param(method, 1, marks=pytest.mark.slow) for method in ("lm", "trf", "dogbox"))],
)
def test_as_many_solved_in_as_many_evaluations_as_scipy(method, each):
    evaluations, jacobians, ours, theirs = [], [], 0, 0
    for problem in PROBLEMS[::each]:
        result = numgd.least_squares(problem.fun, problem.x0, method=method, max_nfev=1000)
        peer = optimize.least_squares(problem.fun, problem.x0, method=method, max_nfev=1000)
        ours += solved(result, problem)
        theirs += solved(peer, problem)
        if solved(result, problem) and solved(peer, problem):
            evaluations.append((result.nfev, peer.nfev))
            if peer.njev is not None:
                jacobians.append((result.njev, peer.njev))
    assert ours >= theirs >= 32 // each
    assert mean_ratio(evaluations) <= 1.1
    assert not jacobians or mean_ratio(jacobians) <= 1.1


BOXED = [
    "rosenbrock",
    "beale",
    "helical_valley",
    "bard",
    "wood",
    "kowalik_osborne",
    "osborne_1",
    "chebyquad_9",
]


@pytest.mark.parametrize("method", ["trf", "dogbox"])
@pytest.mark.parametrize("kind", ["holds the minimiser", "cuts it off", "is narrow"])
def test_boxes_like_scipy(method, kind):
    evaluations = []
    for name in BOXED:
        problem = NAMES[name]
        x0 = np.asarray(problem.x0)
        best = optimize.least_squares(problem.fun, x0, method="lm").x
        lower, upper = np.minimum(x0, best) - 1.0, np.maximum(x0, best) + 1.0
        if kind == "cuts it off":
            middle = 0.5 * (x0 + best)
            upper[::2] = np.where(best > x0, middle, upper)[::2]
            lower[::2] = np.where(best < x0, middle, lower)[::2]
        elif kind == "is narrow":
            lower, upper = x0 - 0.1, x0 + 0.2
        result = numgd.least_squares(problem.fun, x0, method=method, bounds=(lower, upper), max_nfev=1000)
        peer = optimize.least_squares(problem.fun, x0, method=method, bounds=(lower, upper), max_nfev=1000)
        assert np.all(result.x >= lower) and np.all(result.x <= upper)
        assert result.success and result.cost <= peer.cost * (1 + 1e-5) + 1e-12, name
        evaluations.append((result.nfev, peer.nfev))
    assert mean_ratio(evaluations) <= 1.1


@pytest.mark.parametrize("name", ["rosenbrock", "bard", "osborne_2", "watson_6", "linear_rank_one", "box_3d"])
def test_gauss_newton(name):
    problem = NAMES[name]
    result = numgd.least_squares(problem.fun, problem.x0, method="gn")
    assert solved(result, problem)
    assert result.cost <= 0.5 * (problem.fun(np.asarray(problem.x0)) ** 2).sum()


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
@pytest.mark.parametrize("method", ["trf", "dogbox", "gn"])
def test_robust_losses_like_scipy(loss, method):
    y = Y.copy()
    y[[3, 11, 17]] += [4.0, -3.0, 5.0]
    options = {"loss": loss, "f_scale": 0.1, "args": (T, y), "ftol": 1e-14, "xtol": 1e-14}
    result = numgd.least_squares(decay, START, method=method, **options)
    peer = optimize.least_squares(decay, START, **options)
    np.testing.assert_allclose(result.x, peer.x, atol=1e-5)
    assert np.isclose(result.cost, peer.cost, rtol=1e-9)
    np.testing.assert_allclose(result.fun, decay(result.x, T, y))
    np.testing.assert_allclose(result.jac, peer.jac, atol=1e-4)  # weighted alike
    np.testing.assert_allclose(result.x, [2.5, 1.3, 0.4], atol=0.05)  # the outliers do not matter


# The Jacobian and the counts -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("jac", [decay_jacobian, "2-point", "3-point", "cs"])
def test_jacobians(method, jac):
    result = numgd.least_squares(decay, START, jac, method=method, args=(T, Y))
    exact = decay_jacobian(result.x, T, Y)
    np.testing.assert_allclose(result.jac, exact, atol=1e-6 if jac == "2-point" else 1e-9)
    np.testing.assert_allclose(result.grad, result.jac.T @ result.fun, atol=1e-12)
    np.testing.assert_allclose(result.x, optimize.least_squares(decay, START, args=(T, Y)).x, atol=1e-6)
    assert np.array_equal(result.fun, decay(result.x, T, Y))
    assert np.isclose(result.cost, 0.5 * (result.fun**2).sum(), rtol=1e-14)
    assert result.optimality == np.abs(result.grad).max()
    assert result.jac.shape == (25, 3) and result.jac.flags.c_contiguous


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("jac", "calls"), [("2-point", 2), ("3-point", 4), ("cs", 2), ("exact", 0)])
def test_every_evaluation_is_counted_and_none_is_made_twice(method, jac, calls):
    points, jacobians = [], []

    def fun(x):
        points.append(tuple(x))
        return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    def exact(x):
        jacobians.append(tuple(x))
        return np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])

    result = numgd.least_squares(fun, [-1.2, 1.0], exact if jac == "exact" else jac, method=method)
    assert result.success and np.allclose(result.x, 1.0)
    assert len(points) == result.nfev + calls * result.njev
    assert len(set(points)) == len(points)
    assert len(set(jacobians)) == len(jacobians) == (result.njev if jac == "exact" else 0)


@pytest.mark.parametrize("method", METHODS)
def test_limit_of_evaluations_is_exact(method):
    for limit in (1, 2, 7):
        result = numgd.least_squares(valley, [-1.2, 1.0], method=method, max_nfev=limit)
        assert (result.nfev, result.status, result.success) == (limit, 0, False)
        assert result.cost <= 12.1
        assert np.array_equal(result.fun, valley(result.x))


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_differences_stay_within_the_bounds(jac, method):
    lower, upper = np.array([-1.2, 1.0]), np.array([0.5, 1.0 + 1e-9])
    points = []

    def fun(x):
        points.append(x.copy())
        return valley(x)

    result = numgd.least_squares(fun, [-1.2, 1.0], jac, bounds=(lower, upper), method=method)
    assert np.all(points >= lower) and np.all(points <= upper)
    assert result.success and result.active_mask[1] == -1
    if method == "trf":  # the dogleg path of the other ends at once where a box is that narrow, as in SciPy
        assert abs(result.x[0] + math.sqrt(0.99)) < 1e-4


def test_steps_of_differences():
    loose = numgd.least_squares(valley, [-1.2, 1.0], diff_step=1e-2, max_nfev=1)
    np.testing.assert_allclose(loose.jac[0, 0], 24.0 + 10 * 0.012, rtol=1e-9)
    peer = optimize.least_squares(valley, [-1.2, 1.0], diff_step=1e-2, max_nfev=1)
    np.testing.assert_allclose(loose.jac, peer.jac, rtol=1e-9)
    at_zero = numgd.least_squares(valley, [0.0, 0.0], diff_step=[1e-3, 1e-3], max_nfev=1)
    np.testing.assert_allclose(at_zero.jac, [[0.0, 10.0], [-1.0, 0.0]], atol=1e-6)


def test_scales_and_tolerances():
    for x_scale in (None, "jac", 10.0, [1.0, 5.0, 0.1]):
        for method in METHODS:
            result = numgd.least_squares(decay, START, x_scale=x_scale, method=method, args=(T, Y))
            np.testing.assert_allclose(result.grad, 0.0, atol=1e-5)
    by_step = numgd.least_squares(decay, START, ftol=None, gtol=None, args=(T, Y))
    by_function = numgd.least_squares(decay, START, xtol=None, gtol=None, args=(T, Y))
    by_gradient = numgd.least_squares(decay, START, ftol=None, xtol=None, gtol=1e-6, args=(T, Y))
    assert (by_step.status, by_function.status, by_gradient.status) == (3, 2, 1)
    assert by_gradient.optimality < 1e-6


# Awkward functions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trf", "dogbox", "gn"])
def test_fewer_residuals_than_variables(method):
    short = njit(lambda x: np.array([x[0] + 2.0 * x[1] + 3.0 * x[2] - 6.0, x[1] * x[2] - 1.0]))
    result = numgd.least_squares(short, [0.5, 0.5, 0.5], method=method)
    assert result.success and result.cost < 1e-12
    with pytest.raises(ValueError, match="method 'lm' needs as many residuals as variables"):
        numgd.least_squares(short, [0.5, 0.5, 0.5], method="lm")


@pytest.mark.parametrize("method", METHODS)
def test_singular_jacobian(method):
    alike = njit(lambda x: np.array([x[0] + x[1] - 2.0, 2.0 * (x[0] + x[1]) - 5.0, 0.0 * x[2]]))
    result = numgd.least_squares(alike, [0.0, 0.0, 7.0], method=method)
    assert result.success
    assert np.isclose(result.x[0] + result.x[1], 2.4) and result.x[2] == 7.0
    flat = numgd.least_squares(njit(lambda x: np.ones(3)), [1.0, 2.0], method=method)
    assert flat.status == 1 and np.isclose(flat.cost, 1.5) and np.array_equal(flat.x, [1.0, 2.0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1e-140, 1e140])
def test_residuals_of_any_size(method, size):
    result = numgd.least_squares(
        njit(lambda x, size: size * np.array([x[0] - 3.0, x[1] + 1.0, x[0] * x[1]])),
        [1.0, 1.0],
        method=method,
        args=(size,),
        gtol=None if method != "lm" else 1e-8,
    )
    expected = optimize.least_squares(lambda x: [x[0] - 3.0, x[1] + 1.0, x[0] * x[1]], [1.0, 1.0])
    assert result.success
    np.testing.assert_allclose(result.x, expected.x, atol=1e-4)


def walled(x):
    return np.array([np.sqrt(x[0]) - 0.1, 100.0 * (x[1] - x[0]), np.log(x[1] + 0.1) - math.log(0.11)])


@pytest.mark.parametrize("method", METHODS)
def test_a_wall_is_met_by_shorter_steps(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = numgd.least_squares(walled, [9.0, 1.0], "2-point", method=method, max_nfev=2000)
        at_wall = numgd.least_squares(walled, [1e-12, 1.0], method=method, diff_step=0.5, max_nfev=2000)
    for found in (result, at_wall):
        assert np.isfinite(found.jac).all() and found.success
        np.testing.assert_allclose(found.x, 0.01, atol=1e-4)


def test_differences_turn_round_at_a_wall():
    edge = njit(lambda x: np.array([np.sqrt(1.0 - x[0]) - 0.5, x[0]]))
    result = numgd.least_squares(edge, [1.0 - 1e-9], max_nfev=1)
    assert np.isfinite(result.jac).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_finite_is_no_success(method):
    with pytest.raises(ValueError, match="residuals are not finite"):
        numgd.least_squares(njit(lambda x: np.array([1.0, np.nan]) * x[0]), [1.0], method=method)
    with pytest.raises(ValueError, match="residuals are not finite"):
        numgd.least_squares(njit(lambda x: np.array([1.0, 1 / (x[0] - x[0])])), [1.0], method=method)
    result = numgd.least_squares(valley, [-1.2, 1.0], njit(lambda x: np.full((2, 2), np.nan)), method=method)
    assert result.status == -3 and not result.success and "not finite" in result.message
    assert np.array_equal(result.x, [-1.2, 1.0])


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_jacobian_never_leads_uphill(method):
    result = numgd.least_squares(
        valley, [-1.2, 1.0], njit(lambda x: np.array([[20.0 * x[0], -10.0], [1.0, 0.0]])), method=method
    )
    assert result.cost <= 12.1
    assert np.array_equal(result.fun, valley(result.x))


# What functions may be and return --------------------------------------------------------------------------


def test_functions_of_every_kind():
    holder = [1.0]  # mutable: called back
    kinds = [
        lambda x: [10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]],
        lambda x: (10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]),
        lambda x: np.array([10.0 * (x[1] - x[0] ** 2), holder[0] - x[0]]),
        lambda x: [np.float32(10.0) * (x[1] - x[0] ** 2), holder[0] - x[0]],
    ]
    for fun in kinds:
        result = numgd.least_squares(fun, [-1.2, 1.0])
        assert result.success and np.allclose(result.x, 1.0)
    for fun in (
        lambda x: x[0] ** 2 - 2.0,
        njit(lambda x: x[0] ** 2 - 2.0),
        lambda x: holder[0] * x[0] ** 2 - 2.0,
    ):
        for method in METHODS:
            result = numgd.least_squares(fun, 1.0, method=method)
            assert result.fun.shape == (1,) and np.isclose(result.x[0], math.sqrt(2.0))


@njit("float64[:](float64[:], float64[:], float64[:])")
def of_one_signature(x, t, y):
    return x[0] * t + x[1] - y


@njit
def of_any_number(x, *data):
    return x[0] * data[0] + x[1] - data[1]


@njit
def with_a_default(x, t, y, offset=1.0):
    return x[0] * t + x[1] * offset - y


@njit
def of_columns(x, t, y):
    return t, np.ones(t.size)


@pytest.mark.parametrize("jac", ["2-point", "cs", of_columns])
@pytest.mark.parametrize("fun", [of_one_signature, of_any_number, with_a_default])
def test_compiled_functions_of_other_types_than_those_of_the_call(fun, jac):
    t = np.arange(1.0, 9.0)
    if fun is of_one_signature and jac == "cs":
        with pytest.raises(TypeError, match="No matching definition"):  # it takes no complex numbers
            numgd.least_squares(fun, [1.0, 1.0], jac, args=(t, 2 * t + 1))
        return
    result = numgd.least_squares(fun, [1.0, 1.0], jac, args=(t, 2 * t + 1))
    np.testing.assert_allclose(result.x, [2, 1], rtol=1e-7)
    assert "called_back" not in result.derivatives


@njit
def doubled(v):
    return 2 * v


@njit
def with_a_function(x, function, t, y):
    return x[0] * t + function(x[1]) - y


def test_args_of_other_types():
    t = np.arange(1.0, 9.0)
    for _ in range(2):
        result = numgd.least_squares(with_a_function, [1.0, 1.0], "2-point", args=(doubled, t, 2 * t + 2))
        np.testing.assert_allclose(result.x, [2, 1], rtol=1e-7)
    strided, constant = np.repeat(t, 2)[::2], t.copy()
    constant.setflags(write=False)
    unaligned = np.zeros(8 * t.size + 1, np.uint8)[1:].view(np.float64)
    unaligned[:] = t
    for given in (strided, constant, unaligned, t.astype(np.float32)):
        result = numgd.least_squares(with_a_default, [1.0, 1.0], args=(given, 2 * t + 1))
        np.testing.assert_allclose(result.x, [2, 1], rtol=1e-7)
        assert result.derivatives["jac"] == "autodiff"


def test_a_function_may_write_into_its_argument():
    def fun(x):
        x[0] += 1.0
        return x - np.array([3.0, 1.0])

    x0 = np.array([0.0, 0.0])
    for form in (fun, njit(fun)):
        result = numgd.least_squares(form, x0)
        np.testing.assert_allclose(result.x, [2.0, 1.0], atol=1e-7)
        assert np.array_equal(x0, [0.0, 0.0])


def test_args_and_keywords():
    def fun(x, t, y, rate=1.0):
        return x[0] * np.exp(-rate * t) - y

    expected = optimize.least_squares(fun, [1.0], args=(T, Y), kwargs={"rate": 1.3})
    for form in (fun, njit(fun)):
        for given in (
            {"args": (T, Y, 1.3)},
            {"args": (T, Y), "kwargs": {"rate": 1.3}},
            {"kwargs": {"t": T, "y": Y, "rate": 1.3}},
        ):
            result = numgd.least_squares(form, [1.0], **given)
            np.testing.assert_allclose(result.x, expected.x, rtol=1e-7)
    single = numgd.least_squares(lambda x, centre: x - centre, [0.0, 0.0], args=np.array([1.0, 2.0]))
    np.testing.assert_allclose(single.x, [1.0, 2.0])

    def keyword_only(x, *, centre):
        return x - centre

    result = numgd.least_squares(keyword_only, [0.0, 0.0], kwargs={"centre": 2.0})
    np.testing.assert_allclose(result.x, 2.0)


def test_exceptions_reach_the_caller():
    class Boom(Exception):
        pass

    def raises(x):
        if x[0] != -1.2:
            raise Boom("here")
        return np.array([x[0], x[1]])

    for method in METHODS:
        with pytest.raises(Boom, match="here"):
            numgd.least_squares(raises, [-1.2, 1.0], method=method)
    with pytest.raises(Boom):
        numgd.least_squares(valley, [-1.2, 1.0], lambda x: raises(x + 1.0))

    @njit
    def shrinks(x):
        return np.ones(3) if x[0] == -1.2 else np.ones(2)

    with pytest.raises(ValueError, match="as many residuals as"):
        numgd.least_squares(shrinks, [-1.2, 1.0], "2-point")
    holder = [shrinks]  # mutable: called back
    with pytest.raises(ValueError, match="as many residuals as"):
        numgd.least_squares(lambda x: holder[0](x), [-1.2, 1.0])


# Callback and report -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_callback(method):
    seen = []
    result = numgd.least_squares(valley, [-1.2, 1.0], method=method, callback=lambda x: seen.append(x))
    costs = [0.5 * (valley(x) ** 2).sum() for x in seen]
    assert np.array_equal(seen[-1], result.x) and len(seen) == result.njev - 1
    assert all(np.diff([12.1, *costs]) <= 0)
    seen.clear()

    def full(intermediate_result):
        seen.append(intermediate_result)
        if len(seen) == 3:
            raise StopIteration

    stopped = numgd.least_squares(valley, [-1.2, 1.0], method=method, callback=full)
    assert stopped.status == -2 and not stopped.success
    last = seen[-1]
    assert last.nit == 3 and last.nfev == stopped.nfev and last.cost == stopped.cost
    assert np.array_equal(last.x, stopped.x) and np.array_equal(last.fun, stopped.fun)


def test_report(capsys):
    numgd.least_squares(valley, [-1.2, 1.0])
    assert capsys.readouterr().out == ""
    result = numgd.least_squares(valley, [-1.2, 1.0], verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["Iteration", "Total", "nfev"]
    assert len(lines) == 1 + result.njev + 2
    assert lines[-2] == result.message
    assert lines[-1].startswith(
        f"Function evaluations {result.nfev}, initial cost 1.2100e+01, final cost 0.0"
    )
    numgd.least_squares(valley, [-1.2, 1.0], verbose=1)
    assert len(capsys.readouterr().out.splitlines()) == 2


# What SciPy does ----------------------------------------------------------------------------------------


def test_what_numgd_leaves_to_scipy():
    def quadratic(z):
        return np.array([z, np.ones_like(z), np.zeros_like(z)])

    given = {"args": (T, Y)}
    for options in (
        {"loss": quadratic},
        {"tr_solver": "lsmr"},
        {"jac_sparsity": np.ones((25, 3))},
        {"jac": lambda x, t, y: sparse.csr_matrix(decay_jacobian(x, t, y))},
        {"jac": lambda x, t, y: sparse.linalg.aslinearoperator(decay_jacobian(x, t, y))},
    ):
        ours = numgd.least_squares(decay, START, **options, **given)
        theirs = optimize.least_squares(decay, START, **options, **given)
        assert np.array_equal(ours.x, theirs.x) and ours.nfev == theirs.nfev
    with pytest.raises(ValueError, match="method 'gn' takes no"):
        numgd.least_squares(decay, START, tr_solver="lsmr", method="gn", **given)


# Bad input -----------------------------------------------------------------------------------------------


def unreachable(x):
    raise AssertionError("evaluated")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "lma"}, ValueError, "unknown method 'lma'; known are dogbox, gn, lm, trf"),
        ({"method": 3}, TypeError, "method must be a string"),
        ({"jac": "4-point"}, ValueError, "jac must be a callable, 'autodiff', '2-point'"),
        ({"loss": "l1"}, ValueError, "loss must be a callable or one of linear, soft_l1"),
        ({"loss": "huber", "method": "lm"}, ValueError, "'lm' supports only the 'linear' loss"),
        ({"bounds": (0.0, 1.0), "method": "lm"}, ValueError, "'lm' takes no bounds"),
        ({"bounds": (0.0, 1.0), "method": "gn"}, ValueError, "'gn' takes no bounds"),
        ({"bounds": (0.0,)}, ValueError, "bounds must be a pair"),
        ({"bounds": 3.0}, ValueError, "bounds must be a pair"),
        ({"bounds": ([0.0] * 3, 1.0)}, ValueError, r"bounds: the lower ones must be one or 2"),
        ({"bounds": ("a", 1.0)}, TypeError, "bounds: the lower ones must be numbers"),
        ({"bounds": ([0.0, 2.0], [1.0, 2.0])}, ValueError, "each lower bound must be less"),
        ({"bounds": ([0.0, np.nan], 1.0)}, ValueError, "each lower bound must be less"),
        ({"bounds": (2.0, 3.0)}, ValueError, "x0 is infeasible"),
        ({"ftol": "small"}, TypeError, "ftol must be a number"),
        ({"ftol": -1.0}, ValueError, "ftol must be at least 0"),
        ({"xtol": np.nan}, ValueError, "xtol must be at least 0"),
        ({"gtol": None, "method": "lm"}, ValueError, "gtol must be above the machine epsilon"),
        ({"gtol": None, "ftol": None, "xtol": None}, ValueError, "one of ftol, xtol, gtol"),
        ({"x_scale": "jacobian"}, ValueError, "x_scale must be None, 'jac'"),
        ({"x_scale": 0.0}, ValueError, "x_scale must be positive"),
        ({"x_scale": [1.0] * 3}, ValueError, "x_scale must be one number or 2"),
        ({"f_scale": 0.0}, ValueError, "f_scale must be finite and positive"),
        ({"diff_step": 0.0}, ValueError, "diff_step must be non-zero"),
        ({"diff_step": [1.0] * 3}, ValueError, "diff_step must be one number or 2"),
        ({"max_nfev": 0}, ValueError, "max_nfev must be at least 1; it is 0"),
        ({"max_nfev": "many"}, TypeError, "max_nfev must be a number; it is 'many'"),
        ({"verbose": 3}, ValueError, "verbose must be 0, 1 or 2"),
        ({"tr_solver": "svd"}, ValueError, "tr_solver must be None"),
        ({"callback": 3}, TypeError, "callback must be callable"),
    ],
)
def test_bad_options(options, error, match):
    with pytest.raises(error, match=match):
        numgd.least_squares(unreachable, [1.0, 1.0], **options)


@pytest.mark.parametrize(
    ("x0", "error", "match"),
    [
        ([], ValueError, "x0 must not be empty"),
        ([[1.0, 2.0]], ValueError, "'x0' must only have one dimension"),
        ([1j, 2.0], TypeError, "x0 must be real"),
        ("abc", TypeError, "x0 must be an array of real numbers"),
        ([np.nan, 1.0], ValueError, "x0 must be finite"),
    ],
)
def test_bad_starting_point(x0, error, match):
    with pytest.raises(error, match=match):
        numgd.least_squares(unreachable, x0)
    with pytest.raises(TypeError, match="fun must be callable"):
        numgd.least_squares(3, x0)


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        (np.ones((2, 2)), ValueError, "fun must return a number or a one-dimensional array"),
        (np.array([1j, 2.0]), TypeError, "fun must return real numbers"),
        (None, TypeError, "fun must return real numbers"),
        ("text", TypeError, "fun must return real numbers"),
        (np.array([]), ValueError, "fun returned no residuals"),
    ],
)
def test_residuals_that_are_none(answer, error, match):
    with pytest.raises(error, match=match):
        numgd.least_squares(lambda x: answer, [1.0, 2.0])


def test_jacobians_that_are_none():
    for jac in (lambda x: np.ones((3, 3)), lambda x: np.ones(2), njit(lambda x: np.ones((2, 3)))):
        with pytest.raises(ValueError, match="jac must return a matrix"):
            numgd.least_squares(valley, [-1.2, 1.0], jac)
    for jac in (lambda x: 1j * np.ones((2, 2)), lambda x: None):
        with pytest.raises(TypeError, match="jac must return a matrix of real numbers"):
            numgd.least_squares(valley, [-1.2, 1.0], jac)


def test_tolerances_below_rounding():
    with pytest.warns(UserWarning, match="ftol is below the machine epsilon"):
        assert numgd.least_squares(valley, [-1.2, 1.0], ftol=1e-20).success


def test_bounds_of_every_kind():
    pairs = (
        (-np.inf, [0.5, np.inf]),
        optimize.Bounds([-np.inf] * 2, [0.5, np.inf]),
        ([-np.inf], [0.5, np.inf]),
    )
    found = [numgd.least_squares(valley, [-1.2, 1.0], bounds=bounds) for bounds in pairs]
    for result in found:
        assert result.success and abs(result.x[0] - 0.5) < 1e-6
        assert np.array_equal(result.active_mask, [1, 0]) and np.array_equal(result.x, found[0].x)


# Inside compiled code --------------------------------------------------------------------------------------


@njit
def inside(x0, t, y):
    return numgd.least_squares(decay, x0, args=(t, y))


@njit
def inside_all(x0, t, y, limit, xtol=1e-12, f_scale=0.1):
    return numgd.least_squares(
        decay,
        x0,
        decay_jacobian,
        (np.zeros(3), 2.0),
        "dogbox",
        xtol=xtol,
        x_scale="jac",
        loss="huber",
        f_scale=f_scale,
        max_nfev=limit,
        args=(t, y),
    )


def test_inside_njit():
    result, outside = inside(START, T, Y), numgd.least_squares(decay, START, args=(T, Y))
    assert isinstance(result, LeastSquaresResult)
    for name in ("x", "fun", "jac", "grad", "cost", "optimality"):
        np.testing.assert_allclose(getattr(result, name), outside[name], rtol=1e-9, atol=1e-9)
    assert result.nfev > outside.nfev  # the first execution compares the Jacobian with differences
    result = inside(START, T, Y)
    for name in ("nfev", "njev", "status", "success"):
        assert getattr(result, name) == outside[name]
    result = inside_all(START, T, Y, 300, 1e-12, 0.1)
    outside = numgd.least_squares(
        decay,
        START,
        decay_jacobian,
        (np.zeros(3), 2.0),
        "dogbox",
        xtol=1e-12,
        x_scale="jac",
        loss="huber",
        f_scale=0.1,
        args=(T, Y),
    )
    np.testing.assert_allclose(result.x, outside.x, rtol=1e-9)
    assert np.array_equal(result.active_mask, outside.active_mask) and result.active_mask[0] == 1
    assert inside_all(START, T, Y, 2, 1e-12, 0.1).status == 0
    with pytest.raises(ValueError, match="infeasible"):
        inside_all(START - 5.0, T, Y, 2, 1e-12, 0.1)
    for limit, xtol, f_scale, match in (
        (0, 1e-12, 0.1, "max_nfev must be at least 1"),
        (-5, 1e-12, 0.1, "max_nfev must be at least 1"),
        (2, -1.0, 0.1, "xtol must be at least 0"),
        (2, np.nan, 0.1, "xtol must be at least 0"),
        (2, 1e-12, 0.0, "f_scale must be finite and positive"),
        (2, 1e-12, np.inf, "f_scale must be finite and positive"),
    ):
        with pytest.raises(ValueError, match=match):
            inside_all(START, T, Y, limit, xtol, f_scale)
    with pytest.raises((TypingError, ValueError), match="max_nfev must be at least 1"):
        njit(lambda x0, t, y: numgd.least_squares(decay, x0, args=(t, y), max_nfev=0))(START, T, Y)
    with pytest.raises(ValueError, match="not finite"):
        inside(START, T, Y * np.nan)
