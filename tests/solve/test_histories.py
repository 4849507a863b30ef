"""Histories: what each row holds, and recorded evaluations that change nothing."""

import copy
import math
import pickle

import numpy as np
import pytest
from conftest import rosenbrock, rosenbrock_gradient, standard_start
from numba import njit

import numgd

X0 = standard_start(4)


def ravine(x, a):
    total = 0.0
    for i in range(x.size - 1):
        total += a * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def ravine_slopes(x, a):
    return rosenbrock_gradient(x) * 1.0 if a == 100.0 else np.full(x.size, np.nan)


def joint(x, a):
    return ravine(x, a), ravine_slopes(x, a)


def called_back(x, a):
    return float(str(float(ravine(x, a))))  # Numba reads no numbers from strings


def both(fun, method, jac=None, x0=X0, args=(100.0,), **given):
    """The results without and with recorded evaluations."""
    options = {"maxiter": 12, **given.pop("options", {})}
    return [
        numgd.minimize(fun, x0, args, method, jac, options={**options, "history": history}, **given)
        for history in (True, "evaluations")
    ]


def assert_the_same(plain, recorded):
    for name in ("x", "fun", "jac", "nit", "nfev", "njev", "nhev", "status", "message", "derivatives"):
        assert (name in plain) == (name in recorded)
        if name in plain:
            np.testing.assert_equal(recorded[name], plain[name], err_msg=name)
    for name in ("fun", "grad_norm", "step", "x", "nfev"):
        np.testing.assert_array_equal(getattr(recorded.history, name), getattr(plain.history, name))
    assert plain.history.evaluated is None is plain.history.evaluated_fun


GRADIENTS = {
    "autodiff": (ravine, "autodiff"),
    "given": (ravine, ravine_slopes),
    "joint": (joint, True),
    "2-point": (ravine, "2-point"),
    "3-point": (ravine, "3-point"),
    "called back": (called_back, "3-point"),
}


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "newton", "newton-cg", "cg-hz", "adam"])
def test_recording_changes_nothing(method, gradient):
    fun, jac = GRADIENTS[gradient]
    plain, recorded = both(fun, method, jac)
    assert_the_same(plain, recorded)
    history = recorded.history
    assert history.evaluated.shape == (recorded.nfev, 4) and history.evaluated_fun.shape == (recorded.nfev,)
    np.testing.assert_array_equal(history.evaluated[0], X0)
    expected = [ravine(x, 100.0) for x in history.evaluated]
    np.testing.assert_allclose(history.evaluated_fun, expected, rtol=1e-13)
    for count, x, f in zip(history.nfev, history.x, history.fun, strict=True):
        seen = (history.evaluated[:count] == x).all(axis=1)
        assert seen.any() and f in history.evaluated_fun[:count][seen]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_complex_steps_are_no_points(dtype):
    plain, recorded = both(ravine, "bfgs", "cs", X0.astype(dtype))
    if dtype == np.float64:
        assert_the_same(plain, recorded)
    # each gradient counts as four evaluations, at complex points
    assert len(recorded.history.evaluated) == recorded.nfev - 4 * recorded.njev
    assert recorded.history.evaluated.dtype == recorded.history.evaluated_fun.dtype == dtype


@pytest.mark.parametrize("method", ["l-bfgs-b", "owl-qn"])
@pytest.mark.parametrize("jac", ["autodiff", "2-point"])
def test_within_bounds(method, jac):
    bounds = [(-2, 0.5), (None, 2), (-1.3, None), (0, 0.9)]
    plain, recorded = both(ravine, method, jac, bounds=bounds)
    assert_the_same(plain, recorded)
    low, high = np.array([(-np.inf if a is None else a, np.inf if b is None else b) for a, b in bounds]).T
    assert ((low <= recorded.history.evaluated) & (recorded.history.evaluated <= high)).all()
    assert len(recorded.history.evaluated) == recorded.nfev


def test_float32_stays():
    plain, recorded = both(rosenbrock, "bfgs", rosenbrock_gradient, X0.astype(np.float32), ())
    assert_the_same(plain, recorded)
    assert {column.dtype for column in recorded.history if column.dtype.kind == "f"} == {
        np.dtype(np.float32), recorded.history.seconds.dtype,
    }  # fmt: skip
    assert recorded.history.evaluated.dtype == np.float32


def test_division_by_zero_is_nan_in_both():
    @njit  # under Numba's own rules, division by zero is an error
    def steep(x):
        return 1.0 / x[0] + x[0] if x[0] > 0.6 else 1.0 / (x[0] - x[0])

    for jac in ("autodiff", "3-point"):
        plain, recorded = both(steep, "bfgs", jac, [3.0], ())
        assert_the_same(plain, recorded)
        unknown = np.isnan if jac == "3-point" else np.isinf  # a derivative divides as NumPy does
        assert unknown(recorded.history.evaluated_fun).any() and recorded.success


def test_exceptions_are_passed_on():
    def refusing(x):
        if x[0] < 1.5:
            raise ValueError("too far")
        return x[0] ** 2

    for history in (True, "evaluations"):
        with pytest.raises(ValueError, match=r"^too far$"):
            numgd.minimize(refusing, [2.0], options={"history": history})

    def dividing(x):
        return float(str(x[0])) / 0.0

    for history in (True, "evaluations"):
        with pytest.raises(ZeroDivisionError):
            numgd.minimize(dividing, [2.0], jac="2-point", options={"history": history})


def test_seconds_and_evaluations_of_rows():
    result = numgd.minimize(rosenbrock, X0, jac=rosenbrock_gradient, options={"history": True})
    history = result.history
    assert history[:4] == (history.fun, history.grad_norm, history.step, history.x)  # their places are kept
    assert history.seconds.shape == history.nfev.shape == (result.nit + 1,)
    assert history.seconds[0] == 0 and (np.diff(history.seconds) > 0).all() and history.seconds[-1] < 1.0
    assert history.nfev[0] == 1 and history.nfev[-1] == result.nfev and (np.diff(history.nfev) >= 1).all()
    assert history.nfev.dtype.kind == "i"


def test_copies():
    _, recorded = both(ravine, "bfgs")
    for copied in (copy.deepcopy(recorded), pickle.loads(pickle.dumps(recorded))):
        np.testing.assert_array_equal(copied.history.evaluated, recorded.history.evaluated)


def test_continued_run():
    first, other = both(ravine, "bfgs")
    assert_the_same(*both(ravine, "bfgs", x0=first))
    assert_the_same(*both(ravine, "bfgs", x0=other))


def test_of_the_best_of_many_starts():
    def wavy(x):
        return x[0] ** 2 + x[1] ** 2 + 3.0 * (2.0 - math.cos(4.0 * x[0]) - math.cos(4.0 * x[1]))

    found = numgd.minimize_multistart(
        wavy, bounds=[(-3, 2), (-2, 3)], n_starts=16, options={"history": "evaluations"}
    )
    history = found.history
    assert (found.starts == history.evaluated[0]).all(axis=1).any()
    np.testing.assert_array_equal(history.x[-1], found.x)
    assert history.fun[-1] == found.fun == history.evaluated_fun.min()


def test_other_values():
    def unreachable(x):
        raise AssertionError

    for value, error in (
        ("evaluation", TypeError),
        ([1], TypeError),
        (math.nan, ValueError),
        ({}, TypeError),
    ):
        with pytest.raises(error, match="option 'history' must be True, False or 'evaluations'"):
            numgd.minimize(unreachable, [1.0], options={"history": value})
    with pytest.raises(ValueError, match="'history' is not available in minimize_many"):
        numgd.minimize_many(unreachable, [[1.0]], options={"history": "evaluations"})
    for value in (False, 0, None):
        assert "history" not in numgd.minimize(rosenbrock, X0, jac="2-point", options={"history": value})
