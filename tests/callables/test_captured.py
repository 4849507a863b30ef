"""Plain functions around numbers that change from call to call, and plain functions that call others."""

import os
import pickle
import subprocess
import sys
import warnings
from unittest import mock

import numpy as np
import pytest
from numba import njit
from numba.core import event
from scipy import optimize

import numgd
from numgd.callables.captured import VARIANTS
from numgd.jit import cache

T = np.linspace(0.0, 3.0, 30)
level = 1.0  # a global that a test changes
array = np.ones(2)
POLYNOMIAL = np.poly1d([1.0, 2.0])


class Compilations:
    """Counts what Numba compiles in this process, and the files of machine code that it keeps.

    Other processes may use the same folder meanwhile, so the files in it are not counted.
    """

    def __enter__(self):
        self._recording = event.install_recorder("numba:compile")
        self._recorder = self._recording.__enter__()
        self._writing = mock.patch.object(cache, "write_file", wraps=cache.write_file)
        self._written = self._writing.__enter__()
        return self

    def __exit__(self, *error):
        self._writing.__exit__(*error)
        self._recording.__exit__(*error)
        self.files = self._written.call_count
        self.count = len(self._recorder.buffer)


VALUES = np.linspace(1.0, 2.0, 12)


def loop(solve):
    """Solve for each value: the first three may compile, the others compile nothing and leave no file."""
    for value in VALUES[:3]:
        solve(value)
    with Compilations() as compilations:
        for value in VALUES[3:]:
            solve(value)
    assert (compilations.count, compilations.files) == (0, 0)


def check(result, expected, derivatives="autodiff"):
    np.testing.assert_allclose(result.x, expected, atol=2e-5)
    assert result.derivatives["jac"] == derivatives and "called_back" not in result.derivatives


# Numbers that change ----------------------------------------------------------------------------------


def test_a_closure_in_a_loop_of_fits():
    def solve(value):
        fitted, _ = numgd.curve_fit(
            lambda t, a, b: a * np.exp(-b * t / value), T, 2.0 * np.exp(-1.3 * T / value)
        )
        np.testing.assert_allclose(fitted, [2.0, 1.3], rtol=1e-6)

    loop(solve)


def test_a_model_of_any_number_of_parameters():
    def solve(value):
        def model(t, *p):
            return p[0] * np.exp(-p[1] * t * value)

        fitted, _ = numgd.curve_fit(model, T, 2.0 * np.exp(-1.3 * T * value), [1.0, 1.0])
        np.testing.assert_allclose(fitted, [2.0, 1.3], rtol=1e-6)

    loop(solve)


def test_a_default():
    loop(
        lambda value: check(
            numgd.minimize(lambda x, c=value: (x[0] - c) ** 2 + x[1] ** 2, [0, 0]), [value, 0]
        )
    )


def around_a_global(x):
    return (x[0] - level) ** 2 + x[1] ** 2


def test_a_global():
    def solve(value):
        global level
        level = value
        check(numgd.minimize(around_a_global, [0.0, 0.0]), [value, 0.0])

    loop(solve)


def test_integers_and_numpys_numbers():
    def solve(value):
        whole, double = round(11 * value), np.float64(value)
        result = numgd.minimize(lambda x: (x[0] - whole / 4) ** 2 + (x[1] - double) ** 2, [0.0, 0.0])
        check(result, [whole / 4, double])

    loop(solve)


def test_every_function_of_a_solve_gets_its_own():
    def solve(value):
        def fun(x):
            return (x[0] - value) ** 2 + x[1] ** 2

        def jac(x):
            return np.array([2.0 * (x[0] - value), 2.0 * x[1]])

        @njit
        def hessp(x, p):
            return 2.0 * p

        check(numgd.minimize(fun, [0.0, 0.0], jac=jac), [value, 0.0], "given")
        result = numgd.minimize(fun, [0.0, 0.0], method="trust-ncg", jac=jac, hessp=COMPILED)
        check(result, [value, 0.0], "given")

    loop(solve)


@njit
def COMPILED(x, p):
    return 2.0 * p


def test_other_front_ends():
    def solve(value):
        def fun(x, c):
            return (x[0] - value) ** 2 + (x[1] - c) ** 2

        many = numgd.minimize_many(fun, np.zeros((3, 2)), np.arange(3.0))
        np.testing.assert_allclose(many.x, [[value, c] for c in range(3)], atol=1e-5)
        fitted = numgd.least_squares(lambda x: np.array([x[0] - value, x[1] - x[0]]), [0.0, 0.0])
        check(fitted, [value, value])
        by_scipy = numgd.minimize(fun, [0.0, 0.0], 2.0, method="slsqp")
        np.testing.assert_allclose(by_scipy.x, [value, 2.0], atol=1e-4)

    loop(solve)


def test_batches():
    X = np.random.default_rng(0).normal(size=(64, 2))

    def solve(value):
        result = numgd.minimize_stochastic(
            lambda w, X: np.mean((X @ w - value * X[:, 0]) ** 2),
            [0.0, 0.0], X, epochs=60, batch_size=16, seed=1, method="adam", options={"learning_rate": 0.1},
        )  # fmt: skip
        np.testing.assert_allclose(result.x, [value, 0.0], atol=0.05)

    loop(solve)


def test_an_index_that_changes():
    def solve(value):
        k = round(11 * value) % 2
        result = numgd.minimize(lambda x: (x[k] - value) ** 2 + x[1 - k] ** 2, [0.0, 0.0])
        check(result, [value * (k == 0), value * (k == 1)])

    loop(solve)


def test_an_exponent_stays_a_constant_and_is_called_back_in_the_end():
    results = []
    for n in range(2, 10):
        results.append(numgd.minimize(lambda x: x[0] ** n + (x[1] - 1.0) ** 2, [0.5, 0.5]))  # noqa: B023
        expected = optimize.minimize(lambda x: x[0] ** n + (x[1] - 1.0) ** 2, [0.5, 0.5])  # noqa: B023
        if n % 2 == 0:
            np.testing.assert_allclose(results[-1].fun, expected.fun, atol=1e-6)
    assert ["called_back" in result.derivatives for result in results] == [False] * VARIANTS + [True] * 5
    assert "`n`, which changes from call to call" in results[-1].derivatives["called_back"]


def test_what_is_no_number_is_called_back_in_the_end():
    for word in ("a", "b", "a", "c", "d", "b"):
        result = numgd.minimize(lambda x: (x[0] - (1.0 if word == "a" else 2.0)) ** 2, [0.0])  # noqa: B023
        np.testing.assert_allclose(result.x, 1.0 if word == "a" else 2.0, atol=1e-5)
    assert "called_back" not in result.derivatives  # it was compiled for "b"


def test_names_keep_their_meaning():
    """Parameters of inner functions, loop variables and locals of the name of a number that changes."""
    for scale in (1.0, 2.0, 3.0, 4.0):

        def fun(x):
            inner = lambda scale: 10.0 * scale  # noqa: B023, E731
            total = 0.0
            for offset in range(2):
                total += (x[offset] - scale * (offset + 1)) ** 2  # noqa: B023
            return total + 0.0 * inner(x[0])

        np.testing.assert_allclose(numgd.minimize(fun, [0.0, 0.0]).x, [scale, 2 * scale], atol=1e-5)


def test_numbers_of_another_kind():
    values = (1.0, 2.0, 3, 2**60, 4.0, True, np.float32(1.5), 2.0)
    for value in values:
        result = numgd.minimize(lambda x: (1.0 + 1e-18 * value) * (x[0] - 2.0) ** 2, [1.0])  # noqa: B023
        np.testing.assert_allclose(result.x, 2.0, atol=1e-5)


def truncated(n):
    def fun(x):
        a = np.full(2, n)
        a[0] = 2.7  # of integers 2
        return np.sum((x - a[1]) ** 2) + a[0]

    return fun


def remainder(n):
    return lambda x: np.sum(x**2) + (n * 1103515245 + 12345) % 2147483648


def factorials(n):
    def fun(x):
        product = 1
        for k in range(1, n + 1):
            product *= k
        return np.sum(x**2) + product % 1000003

    return fun


def kinds(a):
    def fun(x):
        y = np.array([a, a])
        y[0] = 0.6
        return np.sum(x**2) + y[0] + (5.0 if a is True else 1.0)

    return fun


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (truncated, (1, 2, 3, 4, 5)),
        (remainder, (1, 2, 3, 2000000011, 2**40)),
        (factorials, (1, 2, 3, 25, 30)),
        (kinds, (0.5, 1.5, True, 3, 2.5, False)),
        (lambda n: lambda x: np.sum(x**2) + (n + n), tuple(np.uint8([1, 2, 3, 200]))),
        (lambda a: lambda x: np.sum(x**2) + a * 3.0, tuple(np.float32([0.25, 0.5, 0.1, 0.2]))),
        (lambda n: lambda x: np.sum(x**2) + (100.0 if isinstance(n, int) else 0.0), (1, 2, 3.0, 4)),
        (lambda w: lambda x: np.sum(x**2) + np.sum(w * np.ones(3)), (1.0, 2.0, np.array([1.0, 10.0, 100.0]))),
    ],
)
def test_the_value_is_pythons(make, values):
    for value in values:
        fun = make(value)
        result = numgd.minimize(fun, [0.5, 0.5], options={"maxiter": 1})
        with np.errstate(all="ignore"):
            assert result.fun == pytest.approx(fun(result.x), rel=1e-15, abs=0)
        many = numgd.minimize_many(lambda x, d: fun(x) + 0.0 * d, np.ones((3, 2)), np.zeros(3), "gd")  # noqa: B023
        assert np.ptp(many.fun) == 0.0


def test_a_default_that_is_given_after_it_has_changed():
    def make(a):
        return lambda x, a=a: np.sum((x - a) ** 2) + a

    for value, args, expected in ((1.0, (), 1.0), (2.0, (), 2.0), (3.0, (5.0,), 5.0), (4.0, (), 4.0)):
        np.testing.assert_allclose(numgd.minimize(make(value), [0.0, 0.0], args).fun, expected, atol=1e-8)


def test_a_file_that_is_changed_meanwhile(tmp_path, monkeypatch):
    text = "def make(a):\n    def fun(x):\n        return (x[0] - a) ** 2 + 10.0\n    return fun\n"
    (tmp_path / "changed_meanwhile.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    import changed_meanwhile

    for value in (1.0, 2.0, 3.0):
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            result = numgd.minimize(changed_meanwhile.make(value), [0.0])
        np.testing.assert_allclose(result.fun, 10.0, atol=1e-8)
        assert any("gives other values" in str(each.message) for each in given) == (value > 1.0)
        (tmp_path / "changed_meanwhile.py").write_text(text.replace("10.0", "-55.25"))


def test_lambdas_on_one_line_without_columns(tmp_path):
    script = (
        "import numpy as np, numgd\n"
        "for i in (1.0, 2.0, 3.0):\n"
        "    fs = [lambda x: ((x - i) ** 2).sum() + i, lambda x: ((x + i) ** 2).sum() - i]\n"
        "    print(*(round(numgd.minimize(f, np.ones(2)).fun, 5) for f in fs))\n"
    )
    file = tmp_path / "lambdas.py"
    file.write_text(script)
    found = subprocess.run(
        [sys.executable, "-X", "no_debug_ranges", file], capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == ["1.0 -1.0", "2.0 -2.0", "3.0 -3.0"]


def test_a_function_beside_one_that_is_called_back():
    def make(word, scale):
        return lambda x: np.sum(x**2) + len(word), lambda x: 2.0 * x * (scale / scale)

    for count in range(5):
        fun, jac = make("w" * count, count + 1.0)
        result = numgd.minimize(fun, [1.0, 1.0], jac=jac)
        assert result.fun == pytest.approx(count, abs=1e-8)
    assert "`word`" in result.derivatives["called_back"]


def test_a_number_that_the_function_sets_itself():
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return x[0] ** 2

    for _ in range(4):
        assert numgd.minimize(fun, [1.0]).success
    assert calls > 4


# Functions that call others -------------------------------------------------------------------------------


def square(z):
    return z * z


def distance(x, c):
    return square(x[0] - c) + square(x[1])


def test_helpers_are_compiled_together():
    offset = 2.0

    def shifted(z):
        return square(z - offset)

    check(numgd.minimize(lambda x: distance(x, 1.0), [0.0, 0.0]), [1.0, 0.0])
    check(numgd.minimize(lambda x: shifted(x[0]) + shifted(x[1]), [0.0, 0.0]), [2.0, 2.0])
    many = numgd.minimize_many(lambda x: distance(x, 1.0), np.zeros((4, 2)))
    np.testing.assert_allclose(many.x[:, 0], 1.0, atol=1e-5)
    fitted, _ = numgd.curve_fit(lambda t, a, b: square(a) * np.exp(-b * t), T, 4.0 * np.exp(-T))
    np.testing.assert_allclose(np.abs(fitted), [2.0, 1.0], rtol=1e-6)


def test_a_helper_that_is_replaced():
    def solve(helper):
        return numgd.minimize(lambda x: helper(x[0]) + x[1] ** 2, [0.5, 0.5])

    check(solve(square), [0.0, 0.0])
    check(solve(lambda z: (z - 3.0) ** 2), [3.0, 0.0])


def test_a_helpers_number_that_changes():
    for value in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):

        def helper(z):
            return (z - value) ** 2  # noqa: B023

        result = numgd.minimize(lambda x: helper(x[0]) + x[1] ** 2, [0.0, 0.0])
        np.testing.assert_allclose(result.x, [value, 0.0], atol=1e-5)
    assert "`helper.value`" in result.derivatives["called_back"]


# Reasons ---------------------------------------------------------------------------------------------------


def factorial(n):
    return 1.0 if n < 1 else n * factorial(n - 1)


class Objective:
    def fun(self, x):
        return x[0] ** 2

    __call__ = fun


@pytest.mark.parametrize(
    ("fun", "reason"),
    [
        (lambda x: np.sum((x - array) ** 2), "refers to the array `array`: pass it through `args`"),
        (lambda x: distance(x, array[0]), "refers to the array `array`"),
        (lambda x: x[0] ** 2 + len(os.curdir), "refers to the module `os`"),
        (lambda x: x[0] ** 2 * factorial(3), "`factorial`"),
        (lambda x: x[0] ** 2 + 0 * np.random.normal(), "random numbers"),  # noqa: NPY002
        (lambda x: float(str(x[0])) ** 2, "cannot be compiled by Numba"),
        (Objective().fun, "is a method"),
        (Objective(), "is an object of class Objective"),
        (lambda x: x[0] ** 2 + 0 * POLYNOMIAL(x[1]), "refers to `POLYNOMIAL` (poly1d)"),
    ],
)
def test_why_a_function_is_called_back(fun, reason):
    result = numgd.minimize(fun, [0.5, 0.5], options={"maxiter": 3})
    assert reason in result.derivatives["called_back"] and reason in result.derivatives["refused"]
    with pytest.raises(numgd.autodiff.NotDifferentiable, match="autodiff"):
        numgd.minimize(fun, [0.5, 0.5], jac="autodiff")
    with pytest.warns(RuntimeWarning, match="one after the other"):
        numgd.minimize_many(fun, np.full((2, 2), 0.5), options={"maxiter": 1})
    fitted = numgd.least_squares(lambda x: np.array([fun(x)]), [0.5, 0.5], max_nfev=2)
    assert fitted.derivatives["called_back"]


def test_a_function_without_return():
    def fun(x):
        x[0] ** 2

    with pytest.raises((TypeError, ValueError), match="has it a `return`"):
        numgd.minimize(fun, [1.0])
    with pytest.raises((TypeError, ValueError), match="has it a `return`"):
        numgd.least_squares(fun, [1.0])


def test_a_function_without_source_text_is_told_of_once():
    """As a worker process is sent it: its code alone."""
    script = (
        "import warnings, numpy as np, numgd\n"
        "warnings.simplefilter('default')\n"
        "exec('def fun(x): return (x[0] - 1.0) ** 2')\n"
        "for _ in range(3):\n"
        "    result = numgd.minimize(fun, [0.0])\n"
        "print(result.derivatives['jac'], result.derivatives['refused'])\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stderr.count("its source text cannot be found; differences are used") == 1
    assert found.stdout.startswith("2-point") and "source text" in found.stdout


def test_what_is_refused_pickles():
    assert pickle.loads(pickle.dumps(numgd.minimize(Objective(), [0.5]).derivatives))["jac"] == "2-point"
