"""Input that makes no sense is refused at the call, by name, before anything is evaluated."""

import warnings

import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock
from numba import njit
from scipy import optimize

import numgd
from numgd.kernels.cpu.solvers.least_squares import long_memory
from numgd.kernels.cpu.solvers.many_problems import scratch_many
from numgd.kernels.cpu.solvers.one_problem import scratch
from numgd.registry import METHODS
from numgd.solve.options import settings

CENTRE = np.array([1.0, -2.0, 0.5])


def unreachable(x):
    raise AssertionError("evaluated")


@pytest.mark.parametrize(
    ("x0", "error", "match"),
    [
        ([], ValueError, "x0 must not be empty"),
        (np.empty((0,)), ValueError, "x0 must not be empty"),
        ("abc", TypeError, "x0 must be an array of real numbers"),
        (["a", "b"], TypeError, "x0 must be an array of real numbers"),
        (None, TypeError, "x0 must be an array of real numbers"),
        ([object()], TypeError, "x0 must be an array of real numbers"),
        (np.array([1, None]), TypeError, "x0 must be an array of real numbers"),
        ([1j, 2.0], TypeError, "x0 must be real"),
        (np.ones((2, 2)), ValueError, "'x0' must only have one dimension. Its shape is"),
        (np.ones((1, 2, 1)), ValueError, "'x0' must only have one dimension. Its shape is"),
        ([1.0, np.nan], ValueError, "x0 must be finite"),
        ([np.inf, 1.0], ValueError, "x0 must be finite"),
    ],
)
@pytest.mark.parametrize("method", ["bfgs", "adam"])
def test_x0(x0, error, match, method):
    with pytest.raises(error, match=match):
        numgd.minimize(unreachable, x0, method=method)


@pytest.mark.parametrize("fun", [None, 3.0, "f", [rosenbrock]])
def test_fun_not_callable(fun):
    with pytest.raises(TypeError, match="fun must be callable"):
        numgd.minimize(fun, [1.0])


NO_NUMBER = TypeError, "fun must return a real number"
NO_SCALAR = ValueError, "must return a scalar value. fun returned"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(value, NO_NUMBER) for value in (1j, None, "text")]
    + [(v, NO_SCALAR) for v in (np.array([1.0, 2.0]), [1.0, 2.0], (1.0, np.ones(2)), np.ones((2, 2)))],
)
def test_fun_returns_no_real_number(value, expected):
    holder = [value]  # mutable: the function is called back
    with pytest.raises(expected[0], match=expected[1]):
        numgd.minimize(lambda x: holder[0], [1.0, 2.0])


def test_compiled_fun_returns_no_real_number():
    for fun, (error, match) in (
        (njit(lambda x: x), NO_SCALAR),
        (njit(lambda x: x[0] * 1j), NO_NUMBER),
        (njit(lambda x: None), NO_NUMBER),
        (njit(lambda x: (x[0], x)), NO_SCALAR),
    ):
        with pytest.raises(error, match=match):
            numgd.minimize(fun, [1.0, 2.0])


def test_fun_may_return_what_holds_one_number():
    for fun in (lambda x: np.array([x[0] ** 2]), lambda x: np.float32(x[0] ** 2), lambda x: int(x[0]) ** 2):
        assert numgd.minimize(fun, [1.0]).nfev > 0


def test_jac_returns_the_wrong_thing():
    for jac in (lambda x: [1.0], lambda x: np.ones(4), lambda x: np.ones((3, 3)), njit(lambda x: np.ones(2))):
        with pytest.raises(ValueError, match=r"jac must return a (gradient|vector) of"):
            numgd.minimize(rosenbrock, np.zeros(3), jac=jac)
    for jac in (lambda x: x * 1j, lambda x: ["a", "b", "c"], lambda x: None, njit(lambda x: x * 1j)):
        with pytest.raises(TypeError, match="jac must return a gradient of real numbers"):
            numgd.minimize(rosenbrock, np.zeros(3), jac=jac)
    with pytest.raises(TypeError, match=r"fun must return \(value, gradient\)"):
        numgd.minimize(rosenbrock, np.zeros(3), jac=True)
    with pytest.raises(ValueError, match="fun must return a gradient of length 3"):
        numgd.minimize(lambda x: (x[0], [1.0]), np.zeros(3), jac=True)


@pytest.mark.parametrize("jac", ["4-point", 3, 1.5, [1.0]])
def test_unknown_jac(jac):
    with pytest.raises(ValueError, match="jac must be a callable, True"):
        numgd.minimize(unreachable, [1.0], jac=jac)


def test_unknown_method_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown method 'bgfs'.*bfgs.*slsqp"):
        numgd.minimize(unreachable, [1.0], method="bgfs")
    with pytest.raises(TypeError, match="method must be a string"):
        numgd.minimize(unreachable, [1.0], method=3)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"c1": 0.9, "c2": 0.1}, ValueError, "option 'c1' must be below option 'c2'; they are 0.9 and 0.1"),
        ({"c1": 0.0}, ValueError, r"option 'c1' must lie in \(0, 1\); it is 0.0"),
        ({"c2": 1.0}, ValueError, "c2"),
        ({"gtol": -1.0}, ValueError, "gtol"),
        ({"gtol": "small"}, TypeError, "gtol"),
        ({"gtol": np.nan}, ValueError, "gtol"),
        ({"norm": 0.0}, ValueError, "norm"),
        ({"maxiter": -1}, ValueError, "maxiter"),
        ({"maxiter": "2"}, TypeError, "maxiter"),
        ({"maxiter": np.nan}, ValueError, "maxiter"),
        ({"maxiter": -2.5}, ValueError, "maxiter"),
        ({"maxiter": True}, TypeError, "maxiter"),
        ({"maxfun": 0}, ValueError, "maxfun"),
        ({"maxls": 0}, ValueError, "maxls"),
        ("gtol", TypeError, "options must be a dictionary"),
    ],
)
def test_options(options, error, match):
    with pytest.raises(error, match=match):
        numgd.minimize(unreachable, [1.0], options=options)


def test_options_that_are_no_dictionary_where_a_method_gives_way():
    with pytest.raises(TypeError, match="options must be a dictionary"):
        numgd.minimize(unreachable, [1.0], method="l-bfgs", bounds=[(0.0, 1.0)], options="gtol")


def test_options_of_single_methods():
    with pytest.raises(ValueError, match="maxcor"):
        numgd.minimize(unreachable, [1.0], method="l-bfgs", options={"maxcor": 0})
    with pytest.raises(ValueError, match="tol"):
        numgd.minimize(unreachable, [1.0], tol=-1e-3)


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("gd", "learning_rate", -0.1),
        ("nesterov", "momentum", 1.1),
        ("asgd", "decay", -1.0),
        ("asgd", "power", -0.5),
        ("asgd", "averaging_start", -1),
        ("rprop", "decrease_factor", 1.5),
        ("rprop", "increase_factor", 0.9),
        ("rprop", "min_step_size", -1e-6),
        ("rprop", "max_step_size", 1e-7),  # below the default of min_step_size
        ("adagrad", "learning_rate_decay", -1.0),
        ("adagrad", "initial_accumulator", -1.0),
        ("rmsprop", "decay", -0.1),
        ("rmsprop-centred", "eps", -1.0),
        ("adam", "beta1", 1.0),
        ("lion", "beta2", -0.5),
        ("nadam", "momentum_decay", -1.0),
        ("adamw", "weight_decay", -1.0),
    ],
)
def test_hyper_parameters(method, name, value):
    with pytest.raises(ValueError, match=f"option '{name}' must|must be at most option '{name}'"):
        numgd.minimize(unreachable, [1.0], method=method, options={name: value})
    with pytest.raises(TypeError, match=f"option '{name}' must be a number"):
        numgd.minimize(unreachable, [1.0], method=method, options={name: "much"})


@pytest.mark.parametrize(
    ("bounds", "match"),
    [
        ([(0.0, 1.0), (2.0, 1.0)], r"upper bound is less .* For x\[1\] they are 1 and 2"),
        (optimize.Bounds([0.0, 3.0], [1.0, 2.0]), r"upper bound is less .* For x\[1\]"),
        ([(0.0, 1.0)] * 3, "number of bounds .* There are 3 bounds for 2 variables"),
        (optimize.Bounds(np.zeros(3), np.ones(3)), "number of bounds .* There are 3 bounds"),
        ([(0.0, np.nan), (0.0, 1.0)], "bounds must not be NaN"),
        ([0.0, 1.0], "bounds must be a scipy.optimize.Bounds or a sequence"),
        ([(0.0, 1.0, 2.0)] * 2, "bounds must be a scipy.optimize.Bounds or a sequence"),
        ([("a", "b")] * 2, "bounds must be a scipy.optimize.Bounds or a sequence"),
    ],
)
def test_bounds(bounds, match):
    with pytest.raises(ValueError, match=match):
        numgd.minimize(unreachable, [0.5, 0.5], method="l-bfgs-b", bounds=bounds)


def test_x0_outside_the_bounds_is_clipped_as_in_scipy():
    bounds, jac = [(0.0, 0.5), (-1.0, None)], lambda x, centre: 2.0 * (x - centre)
    for minimize in (numgd.minimize, optimize.minimize):
        first = []
        result = minimize(
            lambda x, centre, first=first: first.append(x.copy()) or np.sum((x - centre) ** 2),
            [3.0, -7.0], (CENTRE[:2],), "L-BFGS-B", jac, bounds=bounds,
        )  # fmt: skip
        assert np.array_equal(first[0], [0.5, -1.0])
        np.testing.assert_allclose(result.x, [0.5, -1.0])


def test_options_of_a_method_that_gives_way_are_named():
    """What another method takes over from has its options kept, or named in the warning; unknown ones too."""
    box = [(-2.0, 2.0)] * 2
    lost = r"'adam' takes no bounds; 'l-bfgs-b' is used instead, which has no option 'beta1', 'learning_rate'"
    with (
        pytest.warns(RuntimeWarning, match=lost),
        pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: nonsense$"),
    ):
        options = {"beta1": 0.9, "maxiter": 3, "learning_rate": 0.1, "nonsense": 1}
        result = numgd.minimize(rosenbrock, [-1.0, 1.0], method="adam", bounds=box, options=options)
    assert result.nit == 3
    for method in ("bfgs", "l-bfgs"):
        with pytest.warns(RuntimeWarning, match="no option 'hess_inv0'"):
            options = {"hess_inv0": np.eye(2), "maxiter": 3}
            numgd.minimize(rosenbrock, [-1.0, 1.0], method=method, bounds=box, options=options)
    with pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: hess_inv0"):
        numgd.minimize(rosenbrock, [-1.0, 1.0], method="gd", options={"hess_inv0": np.eye(2), "maxiter": 3})


def test_unknown_options_warn_as_in_scipy():
    with pytest.warns(optimize.OptimizeWarning, match="Unknown solver options: nonsense"):
        numgd.minimize(rosenbrock, [1.0, 1.0], options={"nonsense": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numgd.minimize(rosenbrock, [1.0, 1.0], options={"workers": 1})


def test_args_that_do_not_fit():
    for fun in (distance, lambda x, centre: 0.0):
        with pytest.raises(TypeError):
            numgd.minimize(fun, np.zeros(3))
        with pytest.raises(TypeError):
            numgd.minimize(fun, np.zeros(3), (CENTRE, 1.0, 2.0))


def test_callback_not_callable():
    with pytest.raises(TypeError, match="callback must be callable"):
        numgd.minimize(unreachable, [1.0], callback=3)


@pytest.mark.parametrize(
    "x0",
    [
        [0, 0, 0],
        (0.0, 0.0, 0.0),
        np.zeros(3, np.int32),
        np.zeros(3, np.float16),
        np.zeros(3, bool),
        np.zeros(3, ">f8"),
        np.zeros(6)[::2],
        np.zeros((3, 2), order="F")[:, 1],
        np.zeros(3, np.longdouble),
    ],
)
def test_x0_of_every_real_kind(x0):
    before = np.array(x0)
    result = numgd.minimize(distance, x0, CENTRE, jac=distance_gradient)
    assert result.x.dtype == np.float64
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)
    assert np.array_equal(np.array(x0), before)


def test_x0_read_only_and_scalar():
    x0 = np.zeros(3)
    x0.setflags(write=False)
    np.testing.assert_allclose(numgd.minimize(distance, x0, CENTRE).x, CENTRE, atol=1e-5)
    for scalar in (4.0, np.float64(4.0), np.array(4.0), 4):
        result = numgd.minimize(lambda x: (x[0] - 1.0) ** 2, scalar)
        assert result.x.shape == (1,)
        np.testing.assert_allclose(result.x, [1.0], atol=1e-5)


def test_args_are_never_written():
    centre = CENTRE.copy()
    centre.setflags(write=False)
    result = numgd.minimize(distance, np.zeros(3), centre, jac=distance_gradient)
    np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "name", "said"),
    [
        ("adam", "lr", r"lr \(here 'learning_rate'\)"),
        ("adam", "betas", r"betas \(here 'beta1' and 'beta2'\)"),
        ("rmsprop", "alpha", r"alpha \(here 'decay'\)"),
        ("gd", "momentum", r"momentum \(see method 'momentum'\)"),
        ("bfgs", "lr", "lr$"),
    ],
)
def test_options_by_names_of_other_libraries(method, name, said):
    with pytest.warns(optimize.OptimizeWarning, match=f"Unknown solver options: {said}"):
        settings(METHODS[method], np.dtype(np.float64), None, {name: 0.5})


@pytest.mark.parametrize("method", ["bfgs", "dfp", "broyden", "sr1", "newton", "trust-exact", "dogleg"])
@pytest.mark.parametrize("n", [2 * 10**6, 10**10, 2**40])  # 29 TiB, and more than addresses count
def test_methods_with_a_matrix_name_the_one_without(method, n):
    with pytest.raises(MemoryError, match=rf"method '{method}' takes .* GiB for {n} variables: 'l-bfgs'"):
        scratch(METHODS[method], n, 10, np.float64)
    with pytest.raises(MemoryError, match=rf"method '{method}' takes .*'l-bfgs'"):
        scratch_many(METHODS[method], 2, n, 10, np.float64)


def test_memory_of_methods_without_a_matrix():
    with pytest.raises(MemoryError, match=r"method 'l-bfgs' takes .* GiB for 2 variables$"):
        scratch(METHODS["l-bfgs"], 2, 2**61, np.float64)
    with pytest.raises(MemoryError, match="hessp gives its products"):
        scratch_many(METHODS["newton-cg"], 1, 2, 0, np.float64, 10**8)
    with pytest.raises(MemoryError, match=r"a fit of 1000000 parameters takes .*'l-bfgs'"):
        long_memory(10**6, 10**8)


def test_a_matrix_that_is_too_large_is_refused_before_anything_is_evaluated():
    calls = []
    with pytest.raises(MemoryError, match="'l-bfgs'"):
        numgd.minimize(calls.append, np.zeros(2 * 10**6), jac="2-point", method="bfgs")
    assert not calls


@pytest.mark.parametrize("count", [2**62, 2**63, 10**30, "3", -1, 1.5])
def test_numbers_of_starts(count):
    with pytest.raises((TypeError, ValueError), match="n_starts must"):
        numgd.minimize_multistart(np.sum, bounds=[(0, 1)], n_starts=count)
