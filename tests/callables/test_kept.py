"""Another process finds the machine code of the user's functions, unless something has changed."""

import functools
import math
import subprocess
import sys
import uuid
import warnings

import numpy as np
import pytest
from numba import njit, typeof, types
from scipy import optimize

import numgd
from numgd.jit.cache import PackageCache
from numgd.jit.compilable import dispatcher_of
from numgd.jit.kept import keep

START = """
import math
import numpy as np
import numgd
from numba import njit
from numba.core import event

recording = event.install_recorder("numba:run_pass")
passes = recording.__enter__().buffer

"""


@pytest.fixture
def run(tmp_path):
    """Function that runs a script in a process and gives what it prints.

    UNIQUE in the script is a number that no earlier test used, so that its functions are new.
    """
    path, unique = tmp_path / "script.py", repr(float(uuid.uuid4().int))

    def run(script):
        path.write_text(START + script.replace("UNIQUE", unique) + "\nprint(len(passes))\n")
        command = [sys.executable, "-W", "error", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[:-1]

    return run


CALLS = """
def inner(x):
    return x * x + 0.0 * UNIQUE

def fun(x):
    return inner(x[0] - 1.0) + 10.0 * (x[1] - inner(x[0])) ** 2

def rows(x, a):
    return 0.0 * UNIQUE + (x[0] - a) ** 2 + np.exp(x[1]) - x[1]

def model(t, a, b):
    return a * np.exp(-b * t) + 0.0 * UNIQUE

def residuals(x, c):
    return np.array([x[0] - c, x[1] ** 2 + 0.0 * UNIQUE])

def loss(x, A, b):
    return np.mean((A @ x - b) ** 2) + 0.0 * UNIQUE

t = np.linspace(0.0, 2.0, 20)
rng = np.random.default_rng(0)
A = rng.normal(size=(40, 2))
b = A @ [1.0, -2.0]
results = [
    numgd.minimize(fun, [0.0, 0.5]).x,
    numgd.minimize(fun, [0.0, 0.5], method="trust-exact").x,
    numgd.minimize(fun, [0.0, 0.5], bounds=[(0.0, 0.5), (None, None)]).x,
    numgd.minimize(rows, [0.0, 0.5], args=(3.0,), jac="2-point").x,
    numgd.minimize(rows, [0.0, 0.5], args=(3.0,), jac="cs").x,
    numgd.minimize_many(rows, np.zeros((3, 2)), (np.arange(3.0),)).x,
    numgd.curve_fit(model, t, model(t, 2.0, 1.3))[0],
    numgd.least_squares(residuals, [0.0, 1.0], args=(2.0,)).x,
    numgd.minimize_stochastic(loss, [0.0, 0.0], (A, b), epochs=3, batch_size=8, seed=1).x,
    numgd.minimize(fun, [0.0, 0.5], jac="autodiff", method="l-bfgs").x,
]
for result in results:
    print(result.tobytes().hex())
"""


def test_a_second_process_compiles_nothing(run):
    first, second = run(CALLS), run(CALLS)
    assert first[:-1] == second[:-1] and len(first) == 11
    assert int(first[-1]) > 100 and int(second[-1]) == 0


ONE = """
from math import {function} as alias

SCALE = {scale}

def helper(x):
    return {helper}

def fun(x, shift={shift}):
    return 0.0 * UNIQUE + SCALE * helper(x[0]) ** 2 + (x[1] - alias(1.0)) ** 2 + shift

result = numgd.minimize(fun, [0.5, 0.5], jac={jac!r})
print(*np.round(result.x, 4), round(result.fun, 4))
"""

USUAL = {"function": "sin", "scale": 1.0, "helper": "x - 1.0", "shift": 0.0, "jac": None}


@pytest.mark.parametrize("jac", [None, pytest.param("2-point", marks=pytest.mark.slow)])
def test_what_changes_between_processes_counts(run, jac):
    expected = {
        "function": ("cos", [1.0, np.cos(1.0), 0.0]),
        "scale": (0.0, [0.5, np.sin(1.0), 0.0]),
        "helper": ("x - 2.0", [2.0, np.sin(1.0), 0.0]),
        "shift": (4.0, [1.0, np.sin(1.0), 4.0]),
    }
    usual = USUAL | {"jac": jac}
    first = run(ONE.format(**usual))
    np.testing.assert_allclose(np.float64(first[0].split()), [1.0, np.sin(1.0), 0.0], atol=1e-3)
    for name, (value, result) in expected.items():
        found = run(ONE.format(**usual | {name: value}))
        np.testing.assert_allclose(np.float64(found[0].split()), result, atol=1e-3)
    again = run(ONE.format(**usual))
    assert again[0] == first[0] and again[-1] == "0"


SWAPPED = """
def make(value):
    def part(x):
        return (x - value) ** 2 + 0.0 * UNIQUE
    return part

one, two = make({first}), make({second})

def fun(x):
    return one(x[0]) + 0.1 * two(x[0]) ** 2

print(numgd.minimize(fun, [0.0]).x[0])
"""

FIELDS = """
from collections import namedtuple
P = namedtuple("P", {fields!r})
given = P(1.0, 3.0)

def fun(x{argument}):
    return (x[0] - given.a) ** 2 + 0.0 * (x[0] - given.b) + 0.0 * UNIQUE

print(numgd.minimize(fun, [0.0]{args}).x[0])
"""


def test_closures_of_one_factory(run):
    for first, second in ((1.0, 3.0), (3.0, 1.0)):
        found = float(run(SWAPPED.format(first=first, second=second))[0])
        wanted = optimize.minimize_scalar(lambda x: (x - first) ** 2 + 0.1 * (x - second) ** 4)  # noqa: B023
        np.testing.assert_allclose(found, wanted.x, atol=1e-3)


@pytest.mark.parametrize(("argument", "args"), [("", ""), (", given", ", args=(given,)")])
def test_fields_of_a_namedtuple(run, argument, args):
    for fields, expected in (("a b", 1.0), ("b a", 3.0)):
        found = run(FIELDS.format(fields=fields, argument=argument, args=args))
        np.testing.assert_allclose(float(found[0]), expected, atol=1e-4)


def kept(function, *words):
    dispatcher = njit(function)
    keep(dispatcher, "own" * 100, (function,), *words)
    return dispatcher._cache.name if isinstance(dispatcher._cache, PackageCache) else None


def test_names():
    def fun(x, start=0j):
        return x

    assert kept(fun, 1) == kept(fun, 1) != kept(fun, 2)
    assert len(kept(fun)) < 100
    assert kept(fun, fun) is None  # its repr is an address
    assert kept(fun, types.float64[::1]) != kept(fun, types.float32[::1])
    assert kept(fun, types.Tuple((types.float64, typeof(njit(fun))))) is None
    namespace = {"__name__": "own"}
    exec("def typed(x):\n    return x\n", namespace)
    assert kept(namespace["typed"]) is None
    assert dispatcher_of(namespace["typed"])[0](2.0) == 2.0
    assert kept(keep) is None  # numgd's own functions have names of their own


def test_what_depends_on_more_than_the_function_is_not_kept():
    compiled = njit(lambda x: x)

    def of_a_dispatcher(x):
        return compiled(x[0])

    def of_numgd(x):
        return numgd.minimize(of_a_dispatcher, x).fun

    assert kept(of_a_dispatcher) is None and kept(of_numgd) is None
    one, two = (functools.wraps(kept)(function) for function in (lambda x: x + 1, lambda x: x + 2))
    assert kept(one) != kept(two)
    assert kept(functools.wraps(math.sin)(lambda x: x)) is None


def test_an_attribute_of_the_user_is_none_of_numgds():
    def fun(x):
        return np.sum((x - 1.0) ** 2)

    fun.made_from = "oak"
    np.testing.assert_allclose(numgd.minimize(fun, [0.0]).x, [1.0], atol=1e-5)


def test_a_file_whose_text_is_no_python_any_more(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text("def fun(x):\n    return (x[0] - 1.0) ** 2\n")
    namespace = {"__name__": "edited"}
    exec(compile(path.read_text(), path, "exec"), namespace)
    path.write_text("def fun(x):\n    return (x[0] - ((1.0) ** 2\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(numgd.minimize(namespace["fun"], [0.0]).x, [1.0], atol=1e-5)
    assert kept(namespace["fun"]) is None


@pytest.mark.parametrize("call", ["lambda x: np.sum((x - 1) ** 2)", "lambda x, *a: (x[0] - 1) ** 2"])
def test_functions_without_source_text_still_work(call):
    function = eval(call, {"np": np, "__name__": "own"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(numgd.minimize(function, [0.0]).x, [1.0], atol=1e-5)
