"""`minimize` as SciPy's users know it: arguments, results, callbacks, limits, delegated methods."""

import threading
import warnings

import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock, rosenbrock_gradient, standard_start
from numba import njit, prange
from problem_families.mgh_20_to_35 import watson, watson_grad
from scipy import optimize

import numgd
from numgd import Status

LINE_SEARCH = ["bfgs", "l-bfgs", "cg", "steepest-descent"]
RULES = ["gd", "momentum", "adam"]
CENTRE = np.array([1.0, -2.0, 0.5])


# The result ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG"])
@pytest.mark.parametrize("n", [2, 10])
def test_same_answer_and_fields_as_scipy(method, n):
    x0 = standard_start(n)
    ours = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method)
    theirs = optimize.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method)
    assert isinstance(ours, optimize.OptimizeResult)
    assert ours.success
    assert set(theirs) <= set(ours) | {"message"}
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-4)
    if method == "BFGS":  # the same line search decisions, to the call
        assert (ours.nit, ours.nfev, ours.njev) == (theirs.nit, theirs.nfev, theirs.njev)
        np.testing.assert_allclose(ours.hess_inv, theirs.hess_inv, rtol=1e-2, atol=1e-3)
    if method == "L-BFGS-B":
        v = np.arange(1.0, n + 1)
        assert ours.hess_inv.dot(v).shape == (n,)
        assert v @ ours.hess_inv.dot(v) > 0


def test_defaults_are_scipys():
    assert "hess_inv" in numgd.minimize(rosenbrock, [0.0, 0.0])
    for method in ("bFgS", "l-bfgs-b", "Cg"):
        assert numgd.minimize(rosenbrock, [0.0, 0.0], method=method).success


def test_tol_is_gtol_and_for_lbfgs_ftol_too():
    x0 = standard_start(4)
    for method in ("bfgs", "cg"):
        by_tol = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method, tol=1e-2)
        by_gtol = numgd.minimize(
            rosenbrock, x0, jac=rosenbrock_gradient, method=method, options={"gtol": 1e-2}
        )
        assert np.array_equal(by_tol.x, by_gtol.x)
    by_tol = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method="l-bfgs", tol=1e-2)
    options = {"gtol": 1e-2, "ftol": 1e-2}
    both = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method="l-bfgs", options=options)
    assert np.array_equal(by_tol.x, both.x)


@pytest.mark.parametrize("method", LINE_SEARCH + RULES)
def test_counts_are_the_calls_made(method):
    calls = {"fun": 0, "jac": 0}

    def fun(x):
        calls["fun"] += 1
        return distance(x, CENTRE)

    def jac(x):
        calls["jac"] += 1
        return distance_gradient(x, CENTRE)

    result = numgd.minimize(fun, np.zeros(3), jac=jac, method=method, options={"maxiter": 30})
    assert (result.nfev, result.njev) == (calls["fun"], calls["jac"])


@pytest.mark.parametrize(("jac", "per_point"), [("2-point", 4), ("3-point", 7), ("cs", 4)])
def test_difference_gradients_are_counted_and_accurate(jac, per_point):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return ((x - CENTRE) ** 2).sum() + x[0] ** 4

    compiled = numgd.minimize(
        njit(lambda x, c: ((x - c) ** 2).sum() + x[0] ** 4), np.zeros(3), CENTRE, jac=jac
    )
    called_back = numgd.minimize(fun, np.zeros(3), jac=jac)
    assert calls == called_back.nfev == called_back.njev * per_point
    assert compiled.success and compiled.nfev == compiled.njev * per_point
    np.testing.assert_allclose(compiled.x, called_back.x, atol=1e-6)
    exact = optimize.minimize(
        lambda x: ((x - CENTRE) ** 2).sum() + x[0] ** 4, np.zeros(3), options={"gtol": 1e-6}
    )
    np.testing.assert_allclose(compiled.x, exact.x, atol=1e-5)


def test_difference_steps_can_be_given():
    for name, value in (("eps", 1e-6), ("finite_diff_rel_step", [1e-6, 1e-7, 1e-6])):
        for jac in ("2-point", "3-point"):
            result = numgd.minimize(distance, np.zeros(3), CENTRE, jac=jac, options={name: value})
            np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)
    with pytest.raises(ValueError, match="eps"):
        numgd.minimize(distance, np.zeros(3), CENTRE, options={"eps": 0.0})


def test_forward_differences_do_not_jump_where_a_variable_changes_its_sign():
    options = {"maxiter": 0, "finite_diff_rel_step": 1e-3}
    start = np.array([1e-12, -1e-12, 1e-12])
    here, there = (
        numgd.minimize(distance, x, CENTRE, jac="2-point", options=options).jac for x in (start, -start)
    )
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_differences_lead_to_the_end_of_a_narrow_valley(method):
    # Polynomials of degree 8, and coefficients of both signs: Hessian of condition 1e9.
    options = {"gtol": 1e-8, "maxiter": 1000}
    if method == "L-BFGS-B":
        options["ftol"] = 0.0
    ours = numgd.minimize(watson, np.zeros(9), method=method, jac="2-point", options=options)
    np.testing.assert_allclose(ours.fun, 1.39976e-6, rtol=1e-4)
    one_sided = numgd.minimize(
        watson, np.zeros(9), method=method, options={**options, "finite_diff_rel_step": 2.0**-26}
    )
    assert not one_sided.success and one_sided.fun > ours.fun
    assert np.abs(watson_grad(ours.x)).max() < 0.1 * np.abs(watson_grad(one_sided.x)).max()
    # A run in two halves is the same, wherever the differences become two-sided.
    for half in range(ours.nit - 20, ours.nit - 80, -20):
        first = numgd.minimize(
            watson, np.zeros(9), method=method, jac="2-point", options={**options, "maxiter": half}
        )
        rest = numgd.minimize(watson, first, method=method, jac="2-point", options=options)
        assert np.array_equal(rest.x, ours.x) and first.nit + rest.nit == ours.nit
    if method == "BFGS":  # the drivers of many problems and of compiled code
        many = numgd.minimize_many(watson, np.zeros((2, 9)), method=method, jac="2-point", options=options)
        inside = njit(
            lambda x: numgd.minimize(
                watson, x, method="BFGS", jac="2-point", options={"gtol": 1e-8, "maxiter": 1000}
            )
        )(np.zeros(9))
        assert np.array_equal(many.x, [ours.x, ours.x]) and np.array_equal(inside.x, ours.x)


def test_jac_true():
    @njit
    def both(x, centre):
        return distance(x, centre), distance_gradient(x, centre)

    seen = []

    def called_back(x, centre):
        seen.append(x)
        return distance(x, centre), list(distance_gradient(x, centre))

    for fun in (both, called_back):
        result = numgd.minimize(fun, np.zeros(3), CENTRE, jac=True)
        assert result.success and result.nfev == result.njev
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-6)
    assert len(seen) == result.nfev


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg"])
def test_float32_stays_float32(method):
    x0 = standard_start(4).astype(np.float32)
    result = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method)
    assert result.success
    assert result.x.dtype == result.jac.dtype == np.float32
    by_differences = numgd.minimize(distance, np.zeros(3, np.float32), CENTRE, method=method)
    np.testing.assert_allclose(by_differences.x, CENTRE, atol=2e-2)


def test_same_input_gives_the_same_bits():
    for method in LINE_SEARCH + RULES:
        runs = [
            numgd.minimize(
                rosenbrock, standard_start(6), jac=rosenbrock_gradient, method=method, options={"maxiter": 50}
            )
            for _ in range(2)
        ]
        assert np.array_equal(runs[0].x, runs[1].x) and runs[0].nfev == runs[1].nfev


def test_warm_start_by_hess_inv0():
    first = numgd.minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient)
    again = numgd.minimize(
        rosenbrock, [0.9, 0.8], jac=rosenbrock_gradient, options={"hess_inv0": first.hess_inv}
    )
    cold = numgd.minimize(rosenbrock, [0.9, 0.8], jac=rosenbrock_gradient)
    assert again.success and again.nfev < cold.nfev
    for bad in (np.eye(3), -np.eye(2), [[1.0, 5.0], [0.0, 1.0]]):
        with pytest.raises(ValueError, match="hess_inv0"):
            numgd.minimize(rosenbrock, [0.9, 0.8], options={"hess_inv0": bad})


# What a caller can watch -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg", "gd"])
def test_callback_in_both_forms(method):
    points, results = [], []

    def by_result(*, intermediate_result):
        results.append(intermediate_result)

    options = {"maxiter": 20, "return_all": True}
    first = numgd.minimize(
        distance, np.zeros(3), CENTRE, method, distance_gradient, callback=points.append, options=options
    )
    numgd.minimize(
        distance, np.zeros(3), CENTRE, method, distance_gradient, callback=by_result, options=options
    )
    assert len(points) == len(results) == first.nit
    assert np.array_equal(points[-1], first.x)
    assert all(
        np.array_equal(p, r.x) and r.fun == distance(p, CENTRE) for p, r in zip(points, results, strict=True)
    )
    assert np.array_equal(np.array(first.allvecs[1:]), np.array(points))
    points[-1][:] = 99.0  # a copy: the caller may do with it what it likes
    assert first.x[0] != 99.0


def test_stop_iteration_is_reported_as_scipy_does():
    def stop_at_third(x, count=[0]):  # noqa: B006
        count[0] += 1
        if count[0] % 3 == 0:
            raise StopIteration

    def callback(x):
        stop_at_third(x)

    x0 = standard_start(4)
    ours = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, callback=callback)
    theirs = optimize.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method="BFGS", callback=callback)
    assert (ours.status, ours.success, ours.message) == (theirs.status, theirs.success, theirs.message)
    assert ours.nit == theirs.nit == 3
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-9)


def test_an_exception_in_the_callback_reaches_the_caller():
    def callback(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        numgd.minimize(rosenbrock, [0.0, 0.0], callback=callback)


@pytest.mark.parametrize("method", ["bfgs", "momentum"])
def test_history(method):
    result = numgd.minimize(
        distance, np.zeros(3), CENTRE, method, distance_gradient, options={"history": True, "maxiter": 15}
    )
    history = result.history
    assert len(history.fun) == len(history.grad_norm) == len(history.step) == len(history.x) == result.nit + 1
    assert np.array_equal(history.x[0], np.zeros(3))
    for k, x in enumerate(history.x):
        assert history.fun[k] == distance(x, CENTRE)
        assert history.grad_norm[k] == np.abs(distance_gradient(x, CENTRE)).max()
    np.testing.assert_allclose(history.step[1:], np.linalg.norm(np.diff(history.x, axis=0), axis=1))
    assert history.step[0] == 0


def test_history_of_a_run_that_diverges():
    """Steps whose squares overflow are recorded without a warning."""
    options = {"learning_rate": 2.0, "maxiter": 700, "history": True}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = numgd.minimize(distance, np.zeros(3), CENTRE, "gd", distance_gradient, options=options)
    assert not result.success and np.abs(result.history.x).max() > 1e150
    assert result.history.step.max() == np.inf


def test_disp_prints(capsys):
    numgd.minimize(rosenbrock, [0.0, 0.0], options={"disp": True})
    printed = capsys.readouterr().out
    assert "Current function value" in printed and "Iterations" in printed


# Every way to stop -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", LINE_SEARCH + RULES)
def test_maxiter_and_maxfun_are_exact(method):
    x0 = standard_start(4)
    result = numgd.minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method, options={"maxiter": 3})
    assert (result.status, result.nit, result.success) == (Status.MAXITER, 3, False)
    assert "iterations" in result.message
    for limit in (1, 2, 7):
        result = numgd.minimize(
            rosenbrock, x0, jac=rosenbrock_gradient, method=method, options={"maxfun": limit}
        )
        assert (result.status, result.success) == (Status.MAXFUN, False)
        assert result.nfev == limit
        assert result.fun == rosenbrock(result.x) <= rosenbrock(x0)
    by_differences = numgd.minimize(rosenbrock, x0, method=method, options={"maxfun": 23})
    assert by_differences.nfev <= 23


def test_maxiter_zero_returns_the_start():
    result = numgd.minimize(rosenbrock, [0.0, 0.0], jac=rosenbrock_gradient, options={"maxiter": 0})
    assert (result.nit, result.nfev, result.status) == (0, 1, Status.MAXITER)
    assert np.array_equal(result.x, [0.0, 0.0])


@pytest.mark.parametrize("method", LINE_SEARCH + RULES)
def test_start_at_the_minimum(method):
    result = numgd.minimize(distance, CENTRE, CENTRE, method, distance_gradient)
    assert (result.status, result.nit, result.nfev) == (Status.CONVERGED_GRADIENT, 0, 1)


def test_convergence_by_function_and_by_step():
    result = numgd.minimize(
        rosenbrock, standard_start(10), jac=rosenbrock_gradient, method="l-bfgs", options={"ftol": 1e-3}
    )
    assert (result.status, result.success) == (Status.CONVERGED_FUNCTION, True)
    result = numgd.minimize(
        rosenbrock, standard_start(10), jac=rosenbrock_gradient, options={"xrtol": 1e-2, "gtol": 0.0}
    )
    assert (result.status, result.success) == (Status.CONVERGED_STEP, True)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg", "steepest-descent"])
def test_unbounded_below(method):
    linear = numgd.minimize(
        njit(lambda x: -x[0]),
        [0.0],
        jac=njit(lambda x: np.array([-1.0])),
        method=method,
        options={"maxls": 50},
    )
    assert (linear.status, linear.success) == (Status.UNBOUNDED, False)
    cubic = numgd.minimize(njit(lambda x: x[0] ** 3), [-1.0], jac=njit(lambda x: 3 * x * x), method=method)
    assert not cubic.success and cubic.fun < -1e6


@pytest.mark.parametrize("method", LINE_SEARCH)
def test_a_wrong_gradient_fails_and_never_goes_up(method):
    wrong = njit(lambda x: -rosenbrock_gradient(x))
    x0 = standard_start(4)
    result = numgd.minimize(rosenbrock, x0, jac=wrong, method=method)
    assert (result.status, result.success) == (Status.LINE_SEARCH_FAILED, False)
    assert "gradient may be wrong" in result.message
    assert result.fun == rosenbrock(result.x) <= rosenbrock(x0)


@pytest.mark.parametrize("method", LINE_SEARCH + RULES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_at_the_start(method, value):
    result = numgd.minimize(njit(lambda x, v: v + x[0]), [1.0, 2.0], (value,), method=method)
    assert (result.status, result.nit) == (Status.NOT_FINITE, 0) and result.success is False
    assert np.array_equal(result.x, [1.0, 2.0]) and np.array_equal(result.fun, value, equal_nan=True)


def test_gtol_below_rounding_stops_without_success_or_at_the_test():
    result = numgd.minimize(
        rosenbrock, standard_start(4), jac=rosenbrock_gradient, options={"gtol": 1e-300, "maxiter": 2000}
    )
    assert result.fun < 1e-20
    assert result.success == bool(np.abs(result.jac).max() <= 1e-300)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
@pytest.mark.parametrize("method", LINE_SEARCH)
def test_extreme_scales_end(method, scale):
    fun = njit(lambda x, s: s * ((x[0] - 1) ** 2 + x[1] ** 2))
    jac = njit(lambda x, s: s * np.array([2 * (x[0] - 1), 2 * x[1]]))
    result = numgd.minimize(fun, [3.0, 4.0], (scale,), method, jac)
    assert result.fun <= fun(np.array([3.0, 4.0]), scale)
    assert result.success == bool(np.abs(result.jac).max() <= 1e-5)
    assert result.nfev < 2000


# Domains, faults in the objective --------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg"])
def test_a_wall_of_nan_is_survived(method):
    def fun(x):  # undefined at and left of 0; the minimum is at 1
        return x[0] - np.log(x[0]) if x[0] > 0 else np.nan

    def jac(x):
        return np.array([1 - 1 / x[0]])

    for f, g in ((fun, jac), (njit(fun), njit(jac))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = numgd.minimize(f, [8.0], jac=g, method=method)
        assert result.success
        np.testing.assert_allclose(result.x, [1.0], atol=1e-5)


def test_division_by_zero_in_njit_code_is_survived():
    @njit
    def fun(x):  # Numba's default: 1 / 0 raises ZeroDivisionError, here along x = 0
        if x[0] <= 0.0:
            return 1.0 / (x[0] - x[0])
        return x[0] + 1.0 / x[0]

    assert fun(np.array([1.0])) == 2.0
    with pytest.raises(ZeroDivisionError):
        fun(np.array([0.0]))
    result = numgd.minimize(fun, [9.0], jac=njit(lambda x: 1.0 - 1.0 / x**2))
    assert result.success
    np.testing.assert_allclose(result.x, [1.0], atol=1e-5)
    at_start = numgd.minimize(fun, [0.0])
    assert at_start.status == Status.NOT_FINITE and not at_start.success


def test_exceptions_reach_the_caller_as_themselves():
    class Mine(Exception):
        pass

    def fun(x):
        raise Mine("inside")

    with pytest.raises(Mine, match="inside") as caught:
        numgd.minimize(fun, [1.0])
    assert caught.traceback[-1].name == "fun"

    @njit
    def compiled(x):
        if x[0] < 0.5:
            raise ValueError("too small")
        return x[0] ** 2

    with pytest.raises(ValueError, match="too small"):
        numgd.minimize(compiled, [2.0])


def test_fun_that_writes_into_its_argument():
    @njit
    def compiled(x):
        value = distance(x, np.array([1.0, -2.0, 0.5]))
        x[:] = 1e9
        return value

    def called_back(x):
        value = distance(x, CENTRE)
        x[:] = 1e9
        return value

    x0 = np.zeros(3)
    for fun in (compiled, called_back):
        result = numgd.minimize(fun, x0)
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)
    assert np.array_equal(x0, np.zeros(3))


def test_gradient_in_the_same_buffer_each_time():
    buffer = np.empty(3)

    def jac(x):
        buffer[:] = distance_gradient(x, CENTRE)
        return buffer

    result = numgd.minimize(lambda x: distance(x, CENTRE), np.zeros(3), jac=jac)
    assert result.success
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)


def test_data_of_all_kinds_in_args():
    @njit
    def fun(x, matrix, offset, name, pair):
        residual = matrix @ x - pair[0]
        return residual @ residual + offset + len(name) + pair[1]

    rng = np.random.default_rng(0)
    for matrix in (rng.normal(size=(5, 3)), np.asfortranarray(rng.normal(size=(5, 3)))):
        target = rng.normal(size=5)
        result = numgd.minimize(fun, np.zeros(3), (matrix, 2, "four", (target, 1.0)))
        expected = np.linalg.lstsq(matrix, target, rcond=None)[0]
        np.testing.assert_allclose(result.x, expected, atol=1e-4)
    scalar = numgd.minimize(njit(lambda x, a: (x[0] - a) ** 2), [0.0], 3.0)  # args not a tuple
    np.testing.assert_allclose(scalar.x, [3.0], atol=1e-5)


def test_changed_globals_are_seen():
    namespace = {"np": np, "target": 1.0}
    exec("def fun(x):\n    return (x[0] - target) ** 2", namespace)
    first = numgd.minimize(namespace["fun"], [0.0]).x[0]
    namespace["target"] = 5.0
    second = numgd.minimize(namespace["fun"], [0.0]).x[0]
    assert abs(first - 1.0) < 1e-5 and abs(second - 5.0) < 1e-5

    data = np.array([2.0])

    def closure(x):
        return (x[0] - data[0]) ** 2

    first = numgd.minimize(closure, [0.0]).x[0]
    data[0] = 7.0
    second = numgd.minimize(closure, [0.0]).x[0]
    assert abs(first - 2.0) < 1e-5 and abs(second - 7.0) < 1e-5


def test_a_parallel_objective():
    @njit(parallel=True)
    def fun(x, c):
        total = 0.0
        for i in prange(x.size):
            total += (x[i] - c[i]) ** 2
        return total

    result = numgd.minimize(fun, np.zeros(3), CENTRE, jac=distance_gradient)
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-6)


def test_nested_calls():
    def inner(y, x):
        return (y[0] - x) ** 2 + 1.0

    def outer(x):
        result = numgd.minimize(inner, [0.0], (x[0],))
        return result.fun + (x[0] - 3.0) ** 2

    result = numgd.minimize(outer, [0.0], method="l-bfgs")
    np.testing.assert_allclose(result.x, [3.0], atol=1e-4)


def test_several_python_threads_at_once():
    wrong = []

    def work(seed):
        centre = np.random.default_rng(seed).normal(size=3)
        for _ in range(30):
            result = numgd.minimize(lambda x: distance(x, centre), np.zeros(3))
            compiled = numgd.minimize(distance, np.zeros(3), centre, "l-bfgs", distance_gradient)
            if not (np.allclose(result.x, centre, atol=1e-5) and np.allclose(compiled.x, centre, atol=1e-5)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Handed to SciPy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["Nelder-Mead", "SLSQP", "COBYLA", "trust-constr", "TNC", "Powell"])
def test_scipys_methods_run_with_the_compiled_objective(method):
    jac = distance_gradient if method in ("SLSQP", "trust-constr", "TNC") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = numgd.minimize(lambda x, c: ((x - c) ** 2).sum(), np.zeros(3), CENTRE, method, jac)
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-2)


def test_hessian_methods_of_scipy():
    hess = lambda x, c: 2.0 * np.eye(3)  # noqa: E731
    for method in ("newton-cg", "trust-exact", "dogleg"):
        result = numgd.minimize(distance, np.zeros(3), CENTRE, method, distance_gradient, hess=hess)
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)


def test_bounds_and_constraints():
    bounds = [(0.0, 0.5), (-1.0, 1.0), (None, None)]
    expected = [0.5, -1.0, 0.5]
    by_default = numgd.minimize(distance, np.zeros(3), CENTRE, jac=distance_gradient, bounds=bounds)
    np.testing.assert_allclose(by_default.x, expected, atol=1e-6)
    with pytest.warns(RuntimeWarning, match="l-bfgs-b"):
        replaced = numgd.minimize(distance, np.zeros(3), CENTRE, "bfgs", distance_gradient, bounds=bounds)
    np.testing.assert_allclose(replaced.x, expected, atol=1e-6)
    constraint = {"type": "eq", "fun": lambda x: x.sum()}
    result = numgd.minimize(distance, np.zeros(3), CENTRE, jac=distance_gradient, constraints=constraint)
    np.testing.assert_allclose(result.x, CENTRE - CENTRE.mean(), atol=1e-6)
    with pytest.warns(RuntimeWarning, match="slsqp"):
        numgd.minimize(distance, np.zeros(3), CENTRE, "cg", constraints=[constraint])


def test_functions_with_signatures_given():
    @njit("float64(float64[:], float64)")
    def fun(x, a):
        return (x[0] - a) ** 2

    @njit("float64(float64[::1])")
    def contiguous(x):
        return (x[0] - 2.0) ** 2

    np.testing.assert_allclose(numgd.minimize(fun, [0.0], (3.0,)).x, [3.0], atol=1e-5)
    np.testing.assert_allclose(numgd.minimize(fun, [0.0], (3,)).x, [3.0], atol=1e-5)
    np.testing.assert_allclose(numgd.minimize(contiguous, [0.0]).x, [2.0], atol=1e-5)
    with pytest.raises(TypeError):  # the function itself takes no float32
        numgd.minimize(contiguous, np.zeros(1, np.float32))
