"""`minimize_many` against one `minimize` a row."""

import numba
import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock, rosenbrock_gradient
from numba import njit

import numgd
from numgd import Status


@pytest.fixture(scope="module")
def starts():
    return np.random.default_rng(0).uniform(-2, 2, size=(200, 4))


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS", "CG", "adam"])
def test_rows_have_the_bits_of_single_solves(starts, method):
    options = {"maxiter": 60}
    many = numgd.minimize_many(rosenbrock, starts, (), method, rosenbrock_gradient, options=options)
    before = starts.copy()
    for row in (0, 17, 199):
        one = numgd.minimize(rosenbrock, starts[row], (), method, rosenbrock_gradient, options=options)
        assert np.array_equal(many.x[row], one.x) and np.array_equal(many.jac[row], one.jac)
        assert many.fun[row] == one.fun
        counts = (many.nit[row], many.nfev[row], many.njev[row], many.status[row], many.success[row])
        assert counts == (one.nit, one.nfev, one.njev, one.status, one.success)
    assert np.array_equal(starts, before)


def test_same_bits_at_any_number_of_threads(starts):
    threads = numba.get_num_threads()
    full = numgd.minimize_many(rosenbrock, starts, jac=rosenbrock_gradient)
    try:
        numba.set_num_threads(1)
        single = numgd.minimize_many(rosenbrock, starts, jac=rosenbrock_gradient)
    finally:
        numba.set_num_threads(threads)
    for ours, theirs in zip(full, single, strict=True):
        assert np.array_equal(ours, theirs)


def test_args_vary_along_their_first_axis():
    @njit
    def fun(x, centre, weight, common):
        return weight * distance(x, centre) + common

    rng = np.random.default_rng(1)
    centres, weights = rng.normal(size=(50, 3)), rng.uniform(1, 2, 50)
    result = numgd.minimize_many(fun, np.zeros((50, 3)), (centres, weights, 2.5))
    assert result.success.all()
    np.testing.assert_allclose(result.x, centres, atol=1e-5)
    np.testing.assert_allclose(result.fun, 2.5, atol=1e-8)
    single = numgd.minimize_many(distance, np.zeros((50, 3), np.float32), (centres,), jac=distance_gradient)
    assert single.x.dtype == np.float32
    np.testing.assert_allclose(single.x, centres, atol=1e-3)
    strided = numgd.minimize_many(distance, np.zeros((50, 3)), (np.asfortranarray(centres),))
    np.testing.assert_allclose(strided.x, centres, atol=1e-5)


# As many times as problems: only `shared` can say that the times do not vary.
T = np.linspace(0.0, 1.0, 6)
LINES = np.random.default_rng(0).normal(size=(6, 2))
Y = LINES[:, :1] + LINES[:, 1:] * T


def misfit(x, y, t):
    return np.sum((x[0] + x[1] * t - y) ** 2)


def misfit_gradient(x, y, t):
    r = 2.0 * (x[0] + x[1] * t - y)
    return np.array([r.sum(), (r * t).sum()])


def misfit_hessian(x, y, t):
    return 2.0 * np.array([[float(t.size), t.sum()], [t.sum(), (t * t).sum()]])


called_back = [1.0]  # mutable: what refers to it is not compiled


@pytest.mark.parametrize(
    ("fun", "derivatives", "method"),
    [
        (misfit, {}, "BFGS"),
        (njit(misfit), {"jac": njit(misfit_gradient)}, "BFGS"),
        (misfit, {"jac": misfit_gradient, "hess": misfit_hessian}, "trust-exact"),
        (lambda x, y, t: called_back[0] * misfit(x, y, t), {}, "BFGS"),
    ],
)
def test_arrays_that_all_problems_share(fun, derivatives, method):
    spread = np.broadcast_to(T, (6, 6))
    for args, shared in (((Y, T), "t"), ((Y, T), [1]), ((Y, spread), ()), ((Y[0], T), ["y", "t"])):
        result = numgd.minimize_many(fun, np.zeros((6, 2)), args, method, shared=shared, **derivatives)
        assert result.success.all()
        expected = LINES if args[0] is Y else np.tile(LINES[0], (6, 1))
        np.testing.assert_allclose(result.x, expected, atol=1e-4)


def test_args_of_all_starts_are_shared_in_multistart():
    starts = np.zeros((6, 2))
    result = numgd.minimize_multistart(misfit, starts, (Y[0], T), jac=misfit_gradient)
    np.testing.assert_allclose(result.all.x, np.tile(LINES[0], (6, 1)), atol=1e-4)


@pytest.mark.parametrize(
    ("args", "shared", "error", "match"),
    [
        ((Y, T[:5]), (), ValueError, r"args\[1\] must have one entry for each of the 6 rows.*shared=\['t'\]"),
        ((Y, T[:5]), (), ValueError, r"np.broadcast_to\(t, \(6, \*np.shape\(t\)\)\)"),
        ((Y[:5], T), [1], ValueError, r"args\[0\] must have one entry"),
        ((Y, np.array(1.0)), (), ValueError, r"args\[1\] must have one entry"),
        ((Y, T), ["s"], ValueError, "shared: fun has no parameter 's' in args; it has y, t"),
        ((Y, T), ["x"], ValueError, "shared: fun has no parameter 'x'"),
        ((Y, T), [2], ValueError, r"shared: there is no args\[2\]"),
        ((Y, T), [-1], ValueError, r"shared: there is no args\[-1\]"),
        ((Y, T), [True], TypeError, "shared must hold names or positions"),
        ((Y, T), 1.5, TypeError, "shared must be a sequence"),
    ],
)
def test_what_cannot_be_shared(args, shared, error, match):
    with pytest.raises(error, match=match):
        numgd.minimize_many(misfit, np.zeros((6, 2)), args, shared=shared)


def test_options_of_one_solve(capsys):
    for name in ("history", "return_all"):
        with pytest.raises(ValueError, match=f"option '{name}' is not available in minimize_many"):
            numgd.minimize_many(misfit, np.zeros((6, 2)), (Y, T), options={name: True})
    for fun in (misfit, lambda x, y, t: called_back[0] * misfit(x, y, t)):
        options, arguments = {"disp": True}, (fun, np.zeros((6, 2)))
        numgd.minimize_many(*arguments, (Y, T), options=options, shared=[1])
        assert capsys.readouterr().out.count("6 of 6 problems were solved.") == 1
        options |= {"history": True, "return_all": True}
        best = numgd.minimize_multistart(*arguments, (Y[0], T), options=options)
        assert capsys.readouterr().out.count("Optimization terminated successfully") == 1
        assert len(best.allvecs) == len(best.history.fun) == best.nit + 1


def test_a_function_that_is_called_back():
    seen = []

    def fun(x, centre):
        seen.append(1)
        return distance(x, centre)

    centres = np.random.default_rng(1).normal(size=(5, 3))
    result = numgd.minimize_many(fun, np.zeros((5, 3)), (centres,))
    np.testing.assert_allclose(result.x, centres, atol=1e-5)
    assert len(seen) == result.nfev.sum()


def test_one_bad_row_disturbs_no_other():
    @njit
    def fun(x, limit):
        return np.nan if limit < 0 else (x[0] - limit) ** 2

    limits = np.arange(10.0)
    limits[4] = -1.0
    starts = np.zeros((10, 1))
    starts[7] = np.inf
    result = numgd.minimize_many(fun, starts, (limits,))
    good = np.delete(np.arange(10), [4, 7])
    assert result.success[good].all()
    np.testing.assert_allclose(result.x[good, 0], limits[good], atol=1e-5)
    assert result.status[4] == Status.NOT_FINITE and result.status[7] == Status.INVALID_INPUT
    assert not result.success[[4, 7]].any()


def test_an_exception_reaches_the_caller():
    @njit
    def fun(x, limit):
        if limit < 0:
            raise ValueError("negative limit")
        return (x[0] - limit) ** 2

    limits = np.arange(10.0)
    limits[4] = -1.0
    with pytest.raises(ValueError, match="negative limit"):
        numgd.minimize_many(fun, np.zeros((10, 1)), (limits,))


def test_no_problems_at_all():
    result = numgd.minimize_many(rosenbrock, np.empty((0, 2)))
    assert result.x.shape == (0, 2) and result.success.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((rosenbrock, np.zeros(3)), ValueError, "X0 must have shape"),
        ((rosenbrock, np.zeros((2, 0))), ValueError, "X0 must have shape"),
        ((rosenbrock, [["a"]]), TypeError, "X0 must be an array of real numbers"),
        ((3, np.zeros((2, 2))), TypeError, "fun must be callable"),
        ((distance, np.zeros((2, 3)), (np.zeros((4, 3)),)), ValueError, r"args\[0\]"),
        ((rosenbrock, np.zeros((2, 2)), (), "slsqp"), ValueError, "unknown method"),
        ((rosenbrock, np.zeros((2, 2)), (), 3), TypeError, "method must be a string"),
    ],
)
def test_bad_input(arguments, error, match):
    with pytest.raises(error, match=match):
        numgd.minimize_many(*arguments)


def test_the_summary():
    N, fun = 6, np.array([3.0, 1.0, np.nan, 2.0, np.inf, 5.0])
    status = np.array([0, 4, 3, 1, 1, 77])
    counts = [np.arange(N)] * 5
    found = numgd.ManyResult(np.zeros((N, 2)), fun, np.zeros((N, 2)), *counts, status, np.arange(N) < 2)
    assert str(found) == repr(found)
    assert repr(found).splitlines() == [
        "ManyResult: 2 of 6 problems were solved",
        "  fun     best 1, median 2.5, worst 5",
        "  fun     not finite: 2",
        "  nit     median 2.5, most 5, all 15",
        "  status  CONVERGED_GRADIENT: 1",
        "  status  MAXITER: 2",
        "  status  NOT_FINITE: 1",
        "  status  CONVERGED_FUNCTION: 1",
        "  status  77: 1",
    ]
    none = numgd.minimize_many(distance, np.zeros((0, 2)), np.zeros((0, 2)))
    assert repr(none) == "ManyResult: 0 of 0 problems were solved"
    all_nan = found._replace(fun=np.full(N, np.nan))
    assert "not finite: 6" in repr(all_nan) and "best" not in repr(all_nan)
