"""A rule and a method made in one file, outside numgd, work wherever numgd's own do."""

import importlib.util
import json
import linecache
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

import numgd
from numgd.first_order import treatment
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import NonNegative
from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.registry import ALIASES, FIT_ALIASES, FIT_METHODS, METHODS, RULES, unregister
from numgd.sums_of_squares.fit_method import FitMethod

TOOLS = Path(__file__).parents[1] / "tools"

SOURCE = '''
"""Descent by the sign of the gradient, and gradient descent with a fixed step."""

from typing import NamedTuple

import numgd
from numgd.first_order import treatment
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import Limit, NonNegative, Positive, Tolerance
from numgd.foundations.ranges import NonNegative
from numgd.foundations.records import Method
from numgd.foundations.status import CONVERGED_GRADIENT, MAXITER, Outcome
from numgd.jit.portable import portable


class SignOptions(NamedTuple):
    learning_rate: NonNegative = 0.01
    shrink: Positive = 0.97


@portable
def coefficients(real, options, t, running):
    return (options.learning_rate * options.shrink**t,)


@portable
def update(p, g, slots, c):
    step = c[0] if g > 0 else -c[0] if g < 0 else 0 * c[0]
    return p - step, (slots[0] + abs(step),)


SIGN = Rule(
    name="own-sign", optimizer="OwnSign", summary="Steps by the sign.", formula="θ ← θ − ηₜ sign(g)",
    source="", options=SignOptions, slots=("path",), coefficients=coefficients, update=update,
    aliases=("osign",),
)


class FixedOptions(NamedTuple):
    gtol: Tolerance = 1e-5
    maxiter: Limit = 1000
    step: Positive = FACTOR


@portable
def rows(n, maxcor):
    return 1


def make_solver(space, evaluator):
    evaluate, observe = evaluator.evaluate, evaluator.observe
    max_abs, axpy = space.max_abs, space.axpy

    @portable
    def solve(problem, x, work, carry, options, age):
        g = work[0]
        f = evaluate(problem, x, g)
        iteration = 0
        while max_abs(g) > options.gtol and iteration < options.maxiter:
            axpy(x, -options.step, g)
            f = evaluate(problem, x, g)
            iteration += 1
            observe(problem, iteration, f)
        status = CONVERGED_GRADIENT if max_abs(g) <= options.gtol else MAXITER
        return Outcome(status, iteration, iteration + 1, f, iteration)

    return solve


FIXED = Method(
    name="own-fixed", summary="Fixed steps.", options=FixedOptions(), rows=rows, make_solver=make_solver,
    matrix_free=True,
)
'''


def load(folder, name="own_records", factor="0.25"):
    """The module with the records, from a file of its own."""
    path = folder / f"{name}.py"
    path.write_text(SOURCE.replace("FACTOR", factor))
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def own(tmp_path):
    module = load(tmp_path)
    for record in (module.SIGN, module.FIXED):
        assert numgd.register(record) is record
    yield module
    for record in (module.SIGN, module.FIXED):
        unregister(record)
    del sys.modules[module.__name__]
    assert "own-sign" not in {*METHODS, *RULES} and "own-fixed" not in METHODS


CENTRES = np.array([[1.0, -2.0], [0.25, 0.5], [3.0, 0.0]])


@njit
def bowl(x, centre):
    return np.sum((x - centre) ** 2)


def sign_path(x, centre, steps, rate=0.1, shrink=0.97):
    """The points of the rule, by NumPy."""
    x = np.array(x)
    points = [x.copy()]
    for t in range(1, steps + 1):
        x = x - rate * shrink**t * np.sign(x - centre)
        points.append(x.copy())
    return np.array(points)


def best(points, centre):
    return points[np.argmin(((points - centre) ** 2).sum(axis=1))]


def test_from_python(own):
    options = {"learning_rate": 0.1, "maxiter": 40}
    for name in ("own-sign", "OSIGN"):
        result = numgd.minimize(bowl, np.zeros(2), CENTRES[0], name, options=options)
        expected = best(sign_path(np.zeros(2), CENTRES[0], 40), CENTRES[0])
        np.testing.assert_allclose(result.x, expected, rtol=1e-13)
    result = numgd.minimize(bowl, np.zeros(2), CENTRES[0], "own-fixed")
    assert result.success
    np.testing.assert_allclose(result.x, CENTRES[0], atol=1e-5)
    single = numgd.minimize(bowl, np.zeros(2, np.float32), CENTRES[0].astype(np.float32), "own-fixed")
    assert single.x.dtype == np.float32 and single.success
    by_differences = numgd.minimize(bowl, np.zeros(2), CENTRES[0], "own-fixed", "2-point", tol=1e-4)
    np.testing.assert_allclose(by_differences.x, CENTRES[0], atol=1e-4)
    with pytest.raises(ValueError, match=r"^option 'step' must be finite and positive"):
        numgd.minimize(bowl, np.zeros(2), CENTRES[0], "own-fixed", options={"step": 0.0})


def test_in_njit_and_many(own):
    @njit
    def solve(x0, centre):
        one = numgd.minimize(bowl, x0, (centre,), method="own-sign", options={"learning_rate": 0.1})
        other = numgd.minimize(bowl, x0, (centre,), method="own-fixed")
        return one.x, other.x

    by_sign, fixed = solve(np.zeros(2), CENTRES[0])
    python = numgd.minimize(bowl, np.zeros(2), CENTRES[0], "own-sign", options={"learning_rate": 0.1})
    np.testing.assert_array_equal(by_sign, python.x)
    for name, x in (("own-sign", by_sign), ("own-fixed", fixed)):
        options = {"learning_rate": 0.1} if name == "own-sign" else None
        found = numgd.minimize_many(bowl, np.zeros((3, 2)), (CENTRES,), name, options=options)
        np.testing.assert_array_equal(found.x[0], x)
        np.testing.assert_allclose(found.x, CENTRES, atol=0.05)


def test_as_an_optimizer_and_by_batches(own):
    cls = numgd.optimizers.of_rule("own-sign")
    assert cls.__name__ == "OwnSign" and numgd.optimizers.OwnSign is cls
    p, optimizer = np.zeros(2), cls(learning_rate=0.1, weight_decay=0.0)
    for _ in range(40):
        optimizer.step(p, p - CENTRES[0])
    np.testing.assert_allclose(p, sign_path(np.zeros(2), CENTRES[0], 40)[-1], rtol=1e-13)

    def loss(x, rows):
        return np.mean((x - rows) ** 2)

    found = numgd.minimize_stochastic(
        loss, np.zeros(2), np.tile(CENTRES[0], (8, 1)), method="own-sign", epochs=20, batch_size=4,
        options={"learning_rate": 0.1},
    )  # fmt: skip
    np.testing.assert_allclose(found.x, sign_path(np.zeros(2), CENTRES[0], 40)[-1], atol=1e-12)


def test_a_rule_that_is_registered_again_has_a_class_of_its_own(own):
    first = numgd.optimizers.of_rule("own-sign")
    unregister(own.SIGN)
    with pytest.raises(AttributeError, match="no attribute 'OwnSign'"):
        _ = numgd.optimizers.OwnSign
    fields = {field: getattr(own.SIGN, field) for field in Rule.__dataclass_fields__}
    again = numgd.register(Rule(**fields | {"options": HalfOptions}))
    second = numgd.optimizers.OwnSign
    assert second is not first and second()._own["learning_rate"] == 0.5
    assert isinstance(pickle.loads(pickle.dumps(second())), second)
    unregister(again)
    numgd.register(own.SIGN)


class HalfOptions(NamedTuple):
    learning_rate: NonNegative = 0.5
    shrink: NonNegative = 0.97


def test_aliases_of_a_least_squares_method_are_its_own():
    lm = FIT_METHODS["lm"]
    fields = {field: getattr(lm, field) for field in FitMethod.__dataclass_fields__}
    record = FitMethod(**fields | {"name": "own-lm", "aliases": ("osign", "bfgs", "marquardt")})
    assert numgd.register(record) is record
    residuals = lambda x: np.array([x[0] - 1.0, 2.0 * x[1]])  # noqa: E731
    found = numgd.least_squares(residuals, [0.0, 1.0], method="marquardt")
    np.testing.assert_allclose(found.x, [1.0, 0.0], atol=1e-8)
    with pytest.raises(ValueError, match=r"^record: the name 'marquardt' is taken"):
        numgd.register(FitMethod(**fields | {"name": "marquardt", "aliases": ()}))
    unregister(record)
    assert METHODS["bfgs"].name == "bfgs" and "marquardt" not in FIT_ALIASES and ALIASES["sgd"] == "gd"


def test_the_documentation_tables_have_it(own):
    sys.path.append(str(TOOLS))
    import generate

    assert "| `own-sign` | θ ← θ − ηₜ sign(g) | `path` |" in generate.rules_table()
    assert "class OwnSign(Optimizer):" in generate.optimizers_stub()


SIMULATED = """
import os, sys
os.environ["NUMBA_ENABLE_CUDASIM"] = os.environ["NUMBA_DISABLE_JIT"] = "1"
import json
import numpy as np
sys.path[:0] = [FOLDER, TESTS]
import own_records
from cuda_cases import quadratic
from numgd.kernels.cuda.solvers.many_problems import scratch_many, solve_many
from numgd.kernels.cuda.rules import step
from numgd.kernels.cpu.rules.step import Change
from numgd.first_order.apply import exact_options, make_start
from numba import cuda

found = []
for method in (own_records.SIGN.method, own_records.FIXED):
    X, J, fun, counts = np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2), np.zeros((2, 3), np.int64)
    options = method.options._replace(maxiter=30)
    work = scratch_many(method, 2, 2, 0, np.dtype(float))
    args = (np.array([[1.0, -2.0], [0.5, 0.25]]), 0.5)
    solve_many(method, quadratic)(X, J, work, options, args, np.zeros((2, 2)), fun, counts)
    found.append(X.tolist())
p, g = np.arange(6.0), np.arange(6.0) - 2.5
table = step.Table([cuda.to_device(p)])
params = [cuda.to_device(p)]
table.point(step.P, params)
table.point(step.G, [cuda.to_device(g)])
slots = table.memory(1)
rule = own_records.SIGN
options = exact_options(rule, rule.options())
table.start(make_start(rule), slots, options)
table.step(rule, slots, options, 1.0, np.zeros(4), Change([1.0], 0.0, 1.0, np.inf))
found.append(params[0].copy_to_host().tolist())
print(json.dumps(found))
"""


def test_in_the_cuda_simulator(own, tmp_path):
    from kernels.cuda_cases import quadratic

    tests = str(Path(__file__).parent / "kernels")
    code = SIMULATED.replace("FOLDER", repr(str(tmp_path))).replace("TESTS", repr(tests))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *solved, stepped = json.loads(done.stdout.splitlines()[-1])

    @njit
    def joint(x, centre, weight):
        g = np.empty_like(x)
        return quadratic(x, g, centre, weight), g

    for method, X in zip(("own-sign", "own-fixed"), solved, strict=True):
        for centre, x in zip(([1.0, -2.0], [0.5, 0.25]), X, strict=True):
            expected = numgd.minimize(
                joint, np.zeros(2), (np.array(centre), 0.5), method, True, options={"maxiter": 30}
            )
            np.testing.assert_allclose(x, expected.x, rtol=1e-12)
    p = np.arange(6.0)
    np.testing.assert_allclose(stepped, p - 0.01 * 0.97 * np.sign(p - 2.5), rtol=1e-15)


def method_of(source, **names):
    """A method whose solver is made by functions that are not part of numgd, and their namespace."""
    namespace = {"portable": portable, "njit": njit, "__name__": "own_solver", **names}
    path = "<own solver>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), namespace)
    return Method(
        name="own", summary="", options=METHODS["gd"].options, rows=namespace["rows"],
        make_solver=namespace["make_solver"],
    )  # fmt: skip


NESTED = """
@portable
def helper(x):
    return x + 1.0

@portable
def rows(n, maxcor):
    return 1

def make_solver(space, evaluator, shift=SHIFT):
    @portable
    def solve(problem):
        return helper(CONSTANT) + shift
    return solve
"""


def name_of(source=NESTED, **names):
    return method_of(source, **{"CONSTANT": 1.0, "SHIFT": 0.5, **names}).code_name("solve")


def test_all_that_a_solver_refers_to_names_the_machine_code():
    """Also what only the function nested in `make_solver` uses."""
    plain = name_of()
    assert plain.startswith("solve-") and name_of() == plain
    assert name_of("\n\n" + NESTED) == plain  # other lines
    different = [
        name_of(CONSTANT=2.0),
        name_of(SHIFT=0.25),
        name_of(CONSTANT=np.float32(1.0)),
        name_of(CONSTANT=-0.0),
        name_of(CONSTANT=0.0),
        name_of(NESTED.replace("x + 1.0", "x + 2.0")),
        name_of(NESTED.replace("@portable\ndef helper", "@njit\ndef helper")),
        name_of(NESTED.replace("@portable\ndef helper", "@njit(fastmath=True)\ndef helper")),
        name_of(NESTED.replace("return helper(", "return INNER("), INNER=np.sin),
        name_of(NESTED.replace("return helper(", "return INNER("), INNER=np.cos),
        name_of(NESTED.replace("return helper(", "return INNER("), INNER=math.sin),
        name_of(NESTED.replace("return helper(", "return INNER("), INNER=np.float32),
        name_of(NESTED.replace("return helper(", "return INNER("), INNER=treatment.clipped),
        name_of(NESTED.replace("return helper(", "return INNER.sin("), INNER=np),
        name_of(NESTED.replace("return helper(", "return INNER.sin("), INNER=math),
        name_of(
            NESTED.replace("return helper(", "return INNER("), INNER=treatment.make_treated(RULES["gd"])[0]
        ),
        name_of(
            NESTED.replace("return helper(", "return INNER("), INNER=treatment.make_treated(RULES["adam"])[0]
        ),
        name_of(helper_of_a_helper(1.0)),
        name_of(helper_of_a_helper(2.0)),
    ]
    assert len({plain, *different}) == 1 + len(different)


def helper_of_a_helper(value):
    return NESTED.replace("x + 1.0", "inner(x)") + f"@portable\ndef inner(x):\n    return x * {value}\n"


def test_code_that_differs_from_its_file_has_a_name_of_its_own():
    """As a file that is edited after it was imported."""
    method = method_of(NESTED, CONSTANT=1.0, SHIFT=0.5)
    edited = NESTED.replace("x + 1.0", "x + 2.0")
    linecache.cache["<own solver>"] = (len(edited), None, edited.splitlines(keepends=True), "<own solver>")
    assert method.code_name("solve") not in (name_of(), name_of(edited))


@pytest.mark.parametrize("value", [[1.0], object(), pytest, type("Class", (), {"__module__": "own"})])
def test_machine_code_is_not_kept_where_something_could_change(value):
    assert name_of(CONSTANT=value) is None
    assert name_of(SHIFT=value) is None


def test_machine_code_is_not_kept_before_a_name_has_its_value():
    assert name_of(NESTED.replace("CONSTANT", "undefined")) is None
    made = """
def make():
    def make_solver(space, evaluator):
        return later
    record = method(make_solver)
    name = record.code_name("solve")
    later = 1
    return name
"""
    namespace = {
        "method": lambda make_solver: Method(
            name="own", summary="", options=METHODS["gd"].options, rows=METHODS["gd"].rows,
            make_solver=make_solver,
        ),
        "__name__": "own_solver",
    }  # fmt: skip
    exec(made, namespace)
    assert namespace["make"]() is None


def test_the_users_source_names_the_machine_code(tmp_path):
    first, again = load(tmp_path, "own_first"), load(tmp_path, "own_first")
    other = load(tmp_path, "own_other", "0.125")
    names = [module.FIXED.code_name("solve", "own-fixed") for module in (first, again, other)]
    assert names[0] == names[1] != "solve-own-fixed"
    edited = SOURCE.replace("iteration += 1", "iteration += 2")
    (tmp_path / "own_edited.py").write_text(edited.replace("FACTOR", "0.25"))
    spec = importlib.util.spec_from_file_location("own_edited", tmp_path / "own_edited.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.FIXED.code_name("solve", "own-fixed") != names[0]
    assert METHODS["bfgs"].code_name("solve", "bfgs") == "solve-bfgs"
    namespace = dict(vars(first))
    exec("def rows(n, maxcor):\n    return 1\n", namespace)  # as typed at a prompt
    typed = Method(
        name="typed", summary="", options=first.FIXED.options, rows=namespace["rows"],
        make_solver=first.make_solver,
    )  # fmt: skip
    assert typed.code_name("solve", "typed") is None


def test_what_cannot_be_registered(own):
    with pytest.raises(TypeError, match=r"^record must be a Rule"):
        numgd.register("bfgs")
    for record, taken in ((own.SIGN, "own-sign"), (own.FIXED, "own-fixed")):
        with pytest.raises(ValueError, match=f"^record: the name '{taken}' is taken"):
            numgd.register(record)
    fields = {field: getattr(own.SIGN, field) for field in Rule.__dataclass_fields__}
    with pytest.raises(ValueError, match="'Adam' is taken"):
        numgd.register(Rule(**fields | {"name": "another", "aliases": (), "optimizer": "Adam"}))
    assert "another" not in RULES
    with pytest.raises(ValueError, match=r"^a name of a Rule must be in lower case"):
        Rule(**fields | {"name": "Own Sign"})
    with pytest.raises(ValueError, match="in lower case"):
        Rule(**fields | {"aliases": ("../sign",)})
    with pytest.raises(TypeError, match="unexpected keyword argument 'matrix_fre'"):
        Method(name="a", summary="", options=None, rows=None, make_solver=None, matrix_fre=True)
    with pytest.raises(ValueError, match=r"^scope must be 'array' or 'all'"):
        Rule(**fields | {"scope": "layer"})
    for optimizer in ("Optimizer", "of_rule", "", "__all__"):
        with pytest.raises(ValueError, match=r"^optimizer must be the name of a class"):
            Rule(**fields | {"optimizer": optimizer})
    with pytest.raises(ValueError, match=r"^measure and adapt go together"):
        Rule(**fields | {"measure": own.update})
    with pytest.raises(ValueError, match=r"^curvature must be"):
        Method(**{f: getattr(own.FIXED, f) for f in Method.__dataclass_fields__} | {"curvature": "full"})
