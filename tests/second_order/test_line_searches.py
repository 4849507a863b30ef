"""Line searches on their own: their conditions, walls, faults, and the forms in which they are called."""

import doctest

import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock, rosenbrock_gradient
from numba import njit
from scipy import optimize

import numgd
from numgd.second_order import line_search
from numgd.solve.line_searches import armijo, hager_zhang, make_search, strong_wolfe

searches = pytest.mark.parametrize("search", [armijo, strong_wolfe, hager_zhang])
wolfe_searches = pytest.mark.parametrize("search", [strong_wolfe, hager_zhang])


# The functions of Moré and Thuente's tables 1 to 6, of one variable, from 0 along 1 -------------------


@njit
def first(x):
    a = x[0]
    return -a / (a * a + 2.0)


@njit
def second(x):
    a = x[0] + 0.004
    return a**5 - 2.0 * a**4


@njit
def third(x):
    a = x[0]
    kink = 0.01
    if a <= 1.0 - kink:
        f = 1.0 - a
    elif a >= 1.0 + kink:
        f = a - 1.0
    else:
        f = (a - 1.0) ** 2 / (2.0 * kink) + kink / 2.0
    return f + 2.0 * (1.0 - kink) / (39.0 * np.pi) * np.sin(39.0 * np.pi / 2.0 * a)


@njit
def yanai(x, b1, b2):
    a = x[0]
    left, right = np.sqrt(1.0 + b1 * b1) - b1, np.sqrt(1.0 + b2 * b2) - b2
    return left * np.sqrt((1.0 - a) ** 2 + b2 * b2) + right * np.sqrt(a * a + b1 * b1)


CASES = {
    "1": (first, (), 1e-3, 0.1),
    "2": (second, (), 0.1, 0.1 + 1e-9),
    "3": (third, (), 0.1, 0.1 + 1e-9),
    "4": (yanai, (0.001, 0.001), 0.001, 0.001 + 1e-9),
    "5": (yanai, (0.01, 0.001), 0.001, 0.001 + 1e-9),
    "6": (yanai, (0.001, 0.01), 0.001, 0.001 + 1e-9),
}


def slope_at(fun, args, a):
    """Derivative by a central difference: the functions are smooth on the scale of 1e-6."""
    h = 1e-6 * max(1.0, abs(a))
    return (fun(np.array([a + h]), *args) - fun(np.array([a - h]), *args)) / (2.0 * h)


@pytest.mark.parametrize("alpha", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize("name", CASES)
@searches
def test_conditions_hold_on_the_functions_of_more_and_thuente(search, name, alpha):
    fun, args, c1, c2 = CASES[name]
    limits = {"c1": c1} if search is armijo else {"c1": c1, "c2": c2}
    found = search(fun, [0.0], [1.0], "3-point", args, alpha=alpha, maxls=60, **limits)
    f0, slope0 = fun(np.zeros(1), *args), slope_at(fun, args, 0.0)
    f, slope = fun(np.array([found.alpha]), *args), slope_at(fun, args, found.alpha)
    assert found.success
    assert found.alpha > 0
    assert found.fun == f
    rounding = 1e-7 * abs(slope0)
    if search is armijo:
        assert f <= f0 + c1 * found.alpha * slope0 + rounding
        assert found.alpha <= alpha
    elif search is strong_wolfe:
        assert f <= f0 + c1 * found.alpha * slope0 + rounding
        assert abs(slope) <= c2 * abs(slope0) + rounding
    else:
        exact = f <= f0 + c1 * found.alpha * slope0 + rounding
        assert exact or (f <= f0 and slope <= (2.0 * c1 - 1.0) * slope0 + rounding)
        assert slope >= c2 * slope0 - rounding
        assert abs(found.jac[0] - slope) <= 1e-4


@wolfe_searches
def test_as_good_a_step_as_scipys(search):
    x = np.array([-1.2, 1.0])
    p = -rosenbrock_gradient(x)
    alpha, nfev, *_ = optimize.line_search(rosenbrock, rosenbrock_gradient, x, p, c1=0.1, c2=0.2)
    found = search(rosenbrock, x, p, rosenbrock_gradient, c1=0.1, c2=0.2, alpha=1e-3)
    assert found.success
    assert found.nfev <= nfev
    assert found.fun <= rosenbrock(x + alpha * p) * 1.1


# Counts and known values ------------------------------------------------------------------------------


@searches
def test_evaluations_are_counted_and_limited(search):
    calls = []

    def fun(x):
        calls.append(x.copy())
        return rosenbrock(x)

    x = np.array([-1.2, 1.0])
    p = -rosenbrock_gradient(x)
    found = search(fun, x, p, rosenbrock_gradient)
    assert found.nfev == len(calls) == len(np.unique(calls, axis=0)) >= 3
    known = search(fun, x, p, rosenbrock_gradient, fun0=rosenbrock(x), jac0=rosenbrock_gradient(x))
    assert known.nfev == found.nfev - 1
    assert known.alpha == found.alpha
    assert found.njev == (1 if search is armijo else found.nfev)
    assert search(fun, x, p, rosenbrock_gradient, maxls=2).nfev == 3


@wolfe_searches
def test_best_point_is_returned_without_success(search):
    x = np.array([-1.2, 1.0])
    p = -rosenbrock_gradient(x)
    found = search(rosenbrock, x, p, rosenbrock_gradient, c1=1e-9, c2=1e-8, alpha=1e-4, maxls=1)
    assert not found.success
    assert found.alpha > 0.0
    point = x + found.alpha * p
    assert found.fun == rosenbrock(point) < rosenbrock(x)
    assert np.array_equal(found.jac, rosenbrock_gradient(point))


@searches
def test_no_lower_point(search):
    x = np.array([1.0, 2.0])
    found = search(distance, x, [1.0, 0.0], lambda x, c: -distance_gradient(x, c), (np.zeros(2),))
    assert not found.success
    assert (found.alpha, found.fun) == (0.0, 5.0)


# Walls, and where there is no minimum -----------------------------------------------------------------


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
@searches
def test_a_wall_is_searched_before(search, beyond):
    @njit
    def fun(x, beyond):
        return -np.log(1.0 - x[0]) - 3.0 * x[0] if x[0] < 1.0 else beyond

    found = search(fun, [0.0], [1.0], njit(lambda x, beyond: 1.0 / (1.0 - x) - 3.0), (beyond,), alpha=8.0)
    assert found.success
    assert 0.0 < found.alpha < 1.0


@searches
def test_minus_infinity_ends_it(search):
    found = search(lambda x: -np.inf if x[0] > 0.5 else -x[0], [0.0], [1.0], lambda x: -np.ones(1))
    assert not found.success
    assert found.fun == -np.inf


@wolfe_searches
def test_a_line_without_an_end(search):
    found = search(lambda x: -x[0], [0.0], [1.0], lambda x: -np.ones(1))
    assert not found.success
    assert found.alpha > 1e10


@wolfe_searches
def test_rounding_does_not_stop_it(search):
    """Near a minimum the values are flat to the last bit; the slopes still tell."""
    x = np.array([1.0 + 3e-9])
    fun, jac = (lambda x: 1e3 + (x[0] - 1.0) ** 2), (lambda x: 2.0 * (x - 1.0))
    found = search(fun, x, [-6e-9], jac, alpha=0.45)
    assert found.success
    assert abs(x[0] - 6e-9 * found.alpha - 1.0) < 2.5e-9
    assert hager_zhang(fun, x, [-6e-9], jac, alpha=7.0).alpha == pytest.approx(0.5, rel=1e-6)


# Forms ------------------------------------------------------------------------------------------------


@searches
def test_plain_functions_and_other_gradients(search):
    centre = np.array([1.0, -2.0, 0.5])
    x = np.zeros(3)
    p = -distance_gradient.py_func(x, centre)
    expected = search(distance, x, p, distance_gradient, (centre,)).alpha

    def anything(x, centre, note):
        return {"value": distance.py_func(x, centre)}["value"]

    for fun, jac, args in (
        (distance.py_func, distance_gradient.py_func, (centre,)),
        (anything, lambda x, centre, note: list(distance_gradient.py_func(x, centre)), (centre, {"a": 1})),
        (lambda x, c: (distance.py_func(x, c), distance_gradient.py_func(x, c)), True, (centre,)),
        (distance, None, (centre,)),
        (distance, "3-point", (centre,)),
    ):
        assert search(fun, x, p, jac, args).alpha == pytest.approx(expected, rel=1e-6)
    assert np.array_equal(x, np.zeros(3))


@searches
def test_float32_stays_float32(search):
    x = np.array([-1.2, 1.0], np.float32)
    found = search(rosenbrock, x, -rosenbrock_gradient(x), rosenbrock_gradient, alpha=1e-3)
    assert found.success
    if search is not armijo:
        assert found.jac.dtype == np.float32


@searches
def test_exceptions_and_bad_input(search):
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        search(broken, [0.0], [1.0], lambda x: -np.ones(1))
    call = (rosenbrock, [-1.2, 1.0])
    with pytest.raises(ValueError, match="must lead down"):
        search(*call, rosenbrock_gradient(np.array([-1.2, 1.0])), rosenbrock_gradient)
    with pytest.raises(ValueError, match="direction must have shape"):
        search(*call, [1.0], rosenbrock_gradient)
    with pytest.raises(ValueError, match="direction must be finite"):
        search(*call, [np.nan, 0.0], rosenbrock_gradient)
    with pytest.raises(ValueError, match="alpha must be finite and positive"):
        search(*call, [1.0, 0.0], rosenbrock_gradient, alpha=0.0)
    with pytest.raises(ValueError, match=r"c1 must lie in \(0, 1\)"):
        search(*call, [1.0, 0.0], rosenbrock_gradient, c1=1.5)
    with pytest.raises(ValueError, match="together"):
        search(*call, [1.0, 0.0], rosenbrock_gradient, fun0=1.0)
    with pytest.raises(ValueError, match="maxls"):
        search(*call, [1.0, 0.0], rosenbrock_gradient, maxls=0)
    with pytest.raises(TypeError, match="callable"):
        search(3, [0.0], [1.0])


@searches
def test_nothing_is_found_from_a_point_that_is_not_finite(search):
    found = search(lambda x: np.nan * x[0], [1.0], [1.0], lambda x: -np.ones(1))
    assert not found.success
    assert found.alpha == 0.0


# In the user's compiled code --------------------------------------------------------------------------


@njit
def evaluate(centre, x, gradient):
    gradient[:] = 2.0 * (x - centre)
    return np.sum((x - centre) ** 2)


@njit
def value(centre, x):
    return np.sum((x - centre) ** 2)


@pytest.mark.parametrize("name", ["strong-wolfe", "hager-zhang"])
def test_wolfe_searches_inside_njit(name):
    search = make_search(name, evaluate)

    @njit
    def use(x, centre):
        trial, gradients = np.empty_like(x), np.empty((2, x.size))
        f0 = evaluate(centre, x, gradients[0])
        p = -gradients[0]
        found = search(centre, x, f0, -(p @ p), p, 1.0, trial, gradients, 1e-4, 0.1, 20)
        return found, trial, gradients[found.row].copy()

    centre = np.array([1.0, 2.0, -1.0])
    found, trial, gradient = use(np.zeros(3), centre)
    assert found.outcome == line_search.WOLFE
    np.testing.assert_allclose(trial, 2.0 * centre * found.alpha)
    assert found.f == value(centre, trial)
    assert np.array_equal(gradient, 2.0 * (trial - centre))


def test_armijo_inside_njit():
    search = make_search("armijo", value)

    @njit
    def use(x, centre):
        p = 2.0 * (centre - x)
        trial = np.empty_like(x)
        return search(centre, x, value(centre, x), -(p @ p), p, 4.0, trial, 1e-4, 20), trial

    found, trial = use(np.zeros(2), np.array([1.0, 2.0]))
    assert found.outcome == line_search.WOLFE
    # The parabola through a quadratic's values has its minimum: the second trial is exact.
    assert (found.alpha, found.evaluations) == (0.5, 2)
    np.testing.assert_allclose(trial, [1.0, 2.0])


def test_make_search_knows_its_names():
    with pytest.raises(ValueError, match="name must be one of"):
        make_search("golden", evaluate)


def test_examples():
    assert doctest.testmod(numgd.line_searches).failed == 0
