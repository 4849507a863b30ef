"""When a user's function is compiled, and that it then means what it meant in Python."""

import warnings
from collections import namedtuple

import numpy as np
import pytest
from numba import njit, objmode, typeof
from numba.core.errors import NumbaExperimentalFeatureWarning

import numgd
from numgd import Status
from numgd.callables.objective import Functions, compile_objective
from numgd.foundations.schemes import TWO_POINT

X = np.zeros(2)


def is_compiled(fun, args=()):
    return not isinstance(compile_objective(Functions(fun), TWO_POINT, args, X), str)


def test_a_gradient_that_divides_by_zero_is_never_a_success():
    @njit
    def fun(x):
        return (x[0] - 1.0) ** 2 + (x[1] - 2.0) ** 2

    @njit
    def everywhere(x):
        return np.array([1.0 / (x[0] * 0.0), 2.0])

    @njit
    def beyond_a_wall(x):
        if x[0] > 0.5:
            return np.array([1.0 / (x[0] - x[0]), 0.0])
        return np.array([2.0 * (x[0] - 1.0), 2.0 * (x[1] - 2.0)])

    for jac in (everywhere, beyond_a_wall):
        with pytest.raises(ZeroDivisionError):
            jac(np.array([1.0, 1.0]))
        result = numgd.minimize(fun, [0.0, 0.0], jac=jac)
        assert not result.success
        assert result.x[0] <= 0.5
    assert numgd.minimize(fun, [0.0, 0.0], jac=everywhere).status == Status.NOT_FINITE


def test_indices_of_plain_functions_are_checked():
    with pytest.raises(IndexError):
        numgd.minimize(lambda x: (x[0] - 1) ** 2 + (x[5] - 1) ** 2, [0.0, 0.0])

    def writes(x):
        for i in range(200_000):
            x[i] = 0.0
        return x[0] ** 2

    with pytest.raises(IndexError):
        numgd.minimize(writes, [0.0, 0.0])


def test_what_could_change_is_not_compiled():
    numbers, table = [1.0], {"a": 1.0}
    array = np.ones(2)
    for fun in (
        lambda x: (x[0] - numbers[0]) ** 2,
        lambda x: (x[0] - table["a"]) ** 2,
        lambda x: ((x - array) ** 2).sum(),
        lambda x: (x[0] - np.random.normal()) ** 2,  # noqa: NPY002
    ):
        assert not is_compiled(fun)
    constant = 3.0
    assert is_compiled(lambda x: (x[0] - constant) ** 2 + np.pi)


def test_equal_values_of_other_types_are_told_apart():
    P, Q = namedtuple("P", "a b"), namedtuple("Q", "b a")
    for first, second in ((P(1.0, 5.0), Q(1.0, 5.0)),):
        namespace = {"par": first}
        exec("def fun(x):\n    return (x[0] - par.a) ** 2", namespace)
        assert abs(numgd.minimize(namespace["fun"], [0.0]).x[0] - 1.0) < 1e-5
        namespace["par"] = second
        assert abs(numgd.minimize(namespace["fun"], [0.0]).x[0] - 5.0) < 1e-5


def test_integers_of_python_are_kept():
    result = numgd.minimize(lambda x, k: (x[0] - k**30 / 1e30) ** 2, [0.0], (10,))
    assert abs(result.x[0] - 1.0) < 1e-5
    result = numgd.minimize(lambda x, k: (x[0] - k**-1) ** 2, [0.0], (2,))
    assert abs(result.x[0] - 0.5) < 1e-5


def test_default_arguments():
    def plain(x, a=3.0):
        return (x[0] - a) ** 2

    compiled = njit(plain)
    for fun in (plain, compiled):
        assert is_compiled(fun)
        assert abs(numgd.minimize(fun, [0.0]).x[0] - 3.0) < 1e-5
        assert abs(numgd.minimize(fun, [0.0], (7.0,)).x[0] - 7.0) < 1e-5

    @njit
    def inside(x0):
        return numgd.minimize(compiled, x0).x[0]

    assert abs(inside(np.zeros(1)) - 3.0) < 1e-5


def test_args_that_numba_copies_or_does_not_know_are_passed_as_they_are():
    log = [0.0]

    def fun(x, log):
        log.append(x[0])
        return (x[0] - 1.0) ** 2

    result = numgd.minimize(fun, [0.0], (log,))
    assert len(log) == result.nfev + 1
    matrix = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    assert abs(numgd.minimize(lambda x, A: (x[0] - (A * A)[0, 0]) ** 2, [0.0], (matrix,)).x[0] - 7.0) < 1e-4
    masked = np.ma.array([1.0, 2.0])
    for args in (([1, 2.5],), (masked,), (10**25,), ({"a": 1.0},)):
        assert numgd.minimize(lambda x, a: (x[0] - 2.0) ** 2, [0.0], args).success


def test_a_message_that_names_zero_division_is_no_zero_division():
    @njit
    def fun(x):
        if x[0] > 0.5:
            raise ValueError("not a ZeroDivisionError, a user's error")
        return (x[0] - 1.0) ** 2

    with pytest.raises(ValueError, match="user's error"):
        numgd.minimize(fun, [0.0])


def test_x_that_is_kept_through_objmode_is_a_copy():
    kept = []

    @njit
    def fun(x):
        with objmode():
            kept.append(x)
        return (x[0] - 1.0) ** 2

    result = numgd.minimize(fun, [5.0])
    assert len({x.ctypes.data for x in kept}) == len(kept) == result.nfev
    assert kept[0][0] == 5.0


def test_bounds_that_bind_nothing_change_nothing():
    fun = njit(lambda x: ((x - 1.0) ** 2).sum())
    result = numgd.minimize(fun, [0.0, 0.0], method="BFGS", bounds=[(None, None), (-np.inf, np.inf)])
    assert result.hess_inv.shape == (2, 2)


def test_a_compiled_function_in_args_gives_no_warning():
    square = njit(lambda value: value * value)
    nested = (square, (2.0, square))

    @njit
    def first(x, square):
        return square(x[0] - 1.0)

    @njit
    def inside(x, both):
        return both[0](x[0]) + both[1][1](x[0])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fun, arg in ((first, square), (inside, nested)):
            numgd.minimize(fun, np.zeros(1), (arg,), "gd", "2-point", options={"maxiter": 1})
    with pytest.warns(NumbaExperimentalFeatureWarning):
        typeof((square,))  # the user's own code is warned as before
