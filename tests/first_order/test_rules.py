"""Update rules against PyTorch's and optax's optimisers, in every form that they run in; published facts."""

import re
from collections import Counter
from functools import cache

import numba
import numpy as np
import pytest
from conftest import distance, distance_gradient, rosenbrock_gradient
from numba import njit
from reference.rules import CASES, FILE, MARKS, SEEDS, by_oracle, gradients, oracle_of, rule_of
from spoiling import spoiled

import numgd
from numgd.first_order.apply import exact_options, make_apply, make_start, step_coefficients
from numgd.foundations.evaluator import CARRIED
from numgd.jit.portable import SOLVER_FLAGS
from numgd.kernels.cpu.rules.step import Change, G, P, Table
from numgd.registry import METHODS, RULES
from numgd.solve.options import settings


@cache
def compiled(rule):
    return njit(**SOLVER_FLAGS)(make_apply(rule))


class Loop:
    """A rule over a vector in one thread, as solvers step."""

    def __init__(self, apply, rule, p):
        self.apply, self.rule, self.p = apply, rule, p
        self.slots = np.empty((len(rule.slots), p.size), p.dtype)
        self.running = np.zeros(CARRIED, p.dtype)

    def start(self, options):
        make_start(self.rule)(self.slots, options)

    def step(self, g, options, t, running):
        real = self.p.dtype.type
        options = self.rule.options(*map(real, options))
        self.apply(self.p, g, self.slots, options, real(t), self.running)


class InTable:
    """A rule over arrays on all cores, as optimizers step."""

    def __init__(self, rule, *arrays):
        self.rule, self.arrays = rule, arrays
        self.table = Table(arrays)
        self.table.point(P, arrays)
        self.slots = self.table.memory(len(rule.slots))

    def start(self, options):
        self.table.start(make_start(self.rule), self.slots, options)

    def step(self, *given):
        *gradients, options, t, running = given
        self.table.point(G, gradients)
        change = Change(np.ones(len(self.arrays)), 0.0, 1.0, np.inf)
        self.table.step(self.rule, self.slots, options, float(t), running, change)


FORMS = {
    "interpreted": lambda rule, p: Loop(make_apply(rule), rule, p),
    "njit": lambda rule, p: Loop(compiled(rule), rule, p),
    "table": InTable,
}


@pytest.fixture(autouse=True)
def one_thread():
    """Six parameters are not worth a second thread, for which the first would wait 200 times."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def steps(name, start, gradients, options=None, form="table"):
    """The parameters after each of the gradients, the slots then, and the last coefficients."""
    rule = RULES[name]
    options = exact_options(rule, rule.options(**options or {}))
    p, dtype, running = start.copy(), start.dtype, np.zeros(CARRIED)
    stepped = FORMS[form](rule, p)
    stepped.start(options)
    points = []
    for t, gradient in enumerate(gradients, start=1):
        stepped.step(gradient(p) if callable(gradient) else np.array(gradient, dtype), options, t, running)
        points.append(p.copy())
    assert p.dtype == stepped.slots.dtype == dtype
    c = step_coefficients(rule, options, len(points), dtype, running.copy())
    return np.array(points), stepped.slots, c


def path(case, form, dtype, seed):
    """Parameters after each of MARKS steps, from the rule, shape (len(MARKS), SIZE)."""
    start, given = gradients(seed)
    points, _, _ = steps(rule_of(case), start.astype(dtype), given, CASES[case][1], form)
    return points[np.array(MARKS) - 1]


def root_mean_square(values, axis):
    return np.sqrt(np.mean(np.square(values), axis))


OF_EACH_KIND = ("momentum", "nadam", "asgd", "lamb", "prodigy", "schedule-free-adamw")
"""Rules with a product or a position that they carry, with sums over layers or over all, with two points."""

every_rule = pytest.mark.parametrize("name", RULES)
each_kind = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in OF_EACH_KIND else pytest.mark.slow) for name in RULES]
)
every_case = pytest.mark.parametrize("case", CASES)


# In figures ------------------------------------------------------------------------------------------


def test_every_rule_has_at_least_two_cases():
    count = Counter(map(rule_of, CASES))
    assert set(count) == set(RULES) and min(count.values()) >= 2


@pytest.mark.parametrize("form", FORMS)
@every_case
def test_float64_is_the_oracles(case, form):
    with np.load(FILE) as reference:
        expected = reference[f"{case}-float64"][0]
    np.testing.assert_allclose(path(case, form, np.float64, 0), expected, rtol=1e-12)


@every_case
def test_float32_is_as_accurate_as_the_oracles(case):
    with np.load(FILE) as reference:
        exact, theirs = reference[f"{case}-float64"], reference[f"{case}-float32"]
    ours = np.array([path(case, "table", np.float32, seed) for seed in SEEDS])
    # Errors are a few roundings each, and three more are allowed: drivers that give the same bits at any
    # number of threads fuse no multiply-adds.  They are taken over all seeds, beside the size that the
    # parameter has over them: of one that happens to pass by 0 they say nothing.
    size = root_mean_square(exact, axis=0)
    error, their_error = (root_mean_square((found - exact) / size, axis=(0, 2)) for found in (ours, theirs))
    assert np.all(error <= 2 * their_error + 3 * np.finfo(np.float32).eps)


@every_case
@pytest.mark.parametrize("seed", [11, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (12, 13))])
def test_live_comparison_on_other_gradients(case, seed):
    pytest.importorskip(oracle_of(case)[0])
    np.testing.assert_allclose(
        path(case, "table", np.float64, seed), by_oracle(case, "float64", seed), rtol=1e-12, atol=1e-15
    )


# As machine code -------------------------------------------------------------------------------------


@pytest.mark.skipif(numba.config.BOUNDSCHECK == 1, reason="a loop that may raise has no vectors")
@each_kind
def test_float32_is_computed_in_float32_vectors(name):
    rule = RULES[name]
    options = numba.typeof(rule.options(*map(np.float32, rule.options())))
    vector = numba.float32[::1]
    signature = (vector, vector, numba.float32[:, ::1], options, numba.float32, vector)
    apply = compiled(rule)
    apply.compile(signature)
    functions = re.findall(r"^define .*?^}", apply.inspect_llvm(signature), re.MULTILINE | re.DOTALL)
    (body,) = (text for text in functions if " @_ZN5numgd" in text.splitlines()[0])  # no wrappers
    assert "double" not in body
    assert re.search(r"fmul[a-z ]*<\d+ x float>", body)


@pytest.mark.parametrize("name", ["adam", "nadam", "radam", "rprop"])
def test_coefficients_of_a_float32_solver_are_float32(name):
    rule = RULES[name]
    coefficients = rule.coefficients

    @njit(**SOLVER_FLAGS)
    def compute(options, t, running):
        return coefficients(np.float32, options, t, running)

    options = settings(METHODS[name], np.dtype(np.float32), None, None).options
    single, double = np.full(CARRIED, np.nan, np.float32), np.full(CARRIED, np.nan)
    for t in (1, 2, 100):
        found = compute(options, np.float32(t), single)
        exact = step_coefficients(rule, rule.options(), t, np.float64, double)
        np.testing.assert_allclose(found, exact, rtol=2e-4)
    (overload,) = compute.overloads.values()
    assert set(overload.signature.return_type) == {numba.float32}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_rule
def test_nan_in_a_gradient_spoils_its_own_parameter_for_good(name, dtype):
    given = np.ones((3, 50))
    given[1, 17] = np.nan
    points, _, _ = steps(name, np.ones(50, dtype), given)
    spoiled_alone = RULES[name].measure is None  # a sum spoils all that depend on it
    assert np.array_equal(np.flatnonzero(np.isnan(points[-1])), [17] if spoiled_alone else np.arange(50))


@pytest.mark.parametrize("n", [0, 1, 1003])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_rule
def test_every_parameter_gets_the_stored_steps(name, dtype, n):
    if RULES[name].measure is not None:
        pytest.skip("a step depends on all parameters")
    for case in filter(lambda case: rule_of(case) == name, CASES):
        start, given = gradients(seed=0)
        columns = np.arange(n) % start.size
        with np.load(FILE) as reference:
            expected = reference[f"{case}-float64"][0, 2, columns]
        points, _, _ = steps(name, start[columns].astype(dtype), given[: MARKS[2], columns], CASES[case][1])
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(points[-1], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_rule
def test_the_same_bits_at_any_number_of_threads(name, dtype):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread")
    start, *given = np.random.default_rng(3).normal(size=(6, 52_347)).astype(dtype)
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        results.append(steps(name, start, given)[:2])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@every_rule
def test_coefficients_are_computed_in_float64(name):
    rule = RULES[name]
    for t in (1, 1000, 10**7):
        exact, single = (
            step_coefficients(rule, rule.options(), t, dtype, np.full(CARRIED, 0.5))
            for dtype in (np.float64, np.float32)
        )
        assert all(isinstance(value, np.float32) for value in single)
        assert [np.float32(value) for value in exact] == list(single)


# Rules whose step depends on sums ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lamb", "lars"])
def test_sums_of_layers_are_their_own(name):
    start, given = gradients(seed=1)
    together = [start.copy(), 3.0 * start[:4], np.zeros(0)]
    alone = [array.copy() for array in together]
    rule = RULES[name]
    options = exact_options(rule, rule.options(learning_rate=0.1))
    stepped = [InTable(rule, *together), *(InTable(rule, array) for array in alone)]
    memory = [np.zeros(CARRIED) for _ in stepped]
    for table in stepped:
        table.start(options)
    for t, g in enumerate(given[:20], start=1):
        own = [g, g[:4] ** 2, np.zeros(0)]
        stepped[0].step(*own, options, t, memory[0])
        for table, values, running in zip(stepped[1:], own, memory[1:], strict=True):
            table.step(values, options, t, running)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_sums_of_prodigy_are_over_all_arrays():
    start, given = gradients(seed=1)
    whole, parts = start.copy(), [start[:2].copy(), start[2:].copy()]
    rule = RULES["prodigy"]
    options = exact_options(rule, rule.options())
    stepped = [InTable(rule, whole), InTable(rule, *parts)]
    memory = [np.zeros(CARRIED) for _ in stepped]
    for table in stepped:
        table.start(options)
    for t, g in enumerate(given, start=1):
        stepped[0].step(g, options, t, memory[0])
        stepped[1].step(g[:2], g[2:], options, t, memory[1])
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12)
    assert memory[0][0] > 10 * options.d0  # the estimate has grown


@each_kind
def test_every_rule_is_a_method_of_minimize(name):
    centre = np.array([1.0, -2.0, 0.5])
    options = {"learning_rate": 1.0 if name == "adadelta" else 0.05, "maxiter": 5000}
    result = numgd.minimize(distance, np.zeros(3), centre, name, distance_gradient, options=options)
    np.testing.assert_allclose(result.x, centre, atol=5e-3)


@each_kind
def test_a_run_goes_on_bit_for_bit(name):
    def run(x0, maxiter):
        options = {"learning_rate": 1e-3, "maxiter": maxiter}
        return numgd.minimize(distance, x0, np.ones(3), name, distance_gradient, options=options)

    whole, rest = run(np.zeros(3), 9), run(spoiled(run(np.zeros(3), 4)), 5)
    assert np.array_equal(whole.x, rest.x)
    assert (whole.nit, rest.nit) == (9, 5)


def test_other_names_of_methods():
    for other, name in (("SGD", "gd"), ("NAG", "nesterov")):
        results = [
            numgd.minimize(
                distance, np.zeros(2), np.ones(2), method, distance_gradient, options={"maxiter": 5}
            )
            for method in (other, name)
        ]
        assert np.array_equal(results[0].x, results[1].x) and results[0].nit == 5


# Published facts -------------------------------------------------------------------------------------


def random_gradients(count, n, seed=5):
    return np.random.default_rng(seed).normal(size=(count, n))


def test_nesterovs_gradient_is_taken_at_the_look_ahead_point():
    start, rate, decay = np.array([-1.2, 1.0, 0.3]), 1e-4, 0.9
    theta, v = start, np.zeros(3)
    for _ in range(100):
        v = decay * v + rate * rosenbrock_gradient(theta - decay * v)
        theta = theta - v
    options = {"learning_rate": rate, "momentum": decay}
    points, slots, c = steps("nesterov", start, [rosenbrock_gradient] * 100, options)
    np.testing.assert_allclose(points[-1], theta - decay * v, rtol=1e-12)
    np.testing.assert_allclose(RULES["nesterov"].position(points[-1], slots, c), theta, rtol=1e-12)


def test_asgds_position_is_the_average_of_the_points():
    given = random_gradients(60, 4)
    for count in (1, 20, 22, 60):
        points, slots, c = steps("asgd", np.ones(4), given[:count], {"averaging_start": 20})
        average = points[21:].mean(axis=0) if count > 22 else points[-1]
        np.testing.assert_allclose(RULES["asgd"].position(points[-1], slots, c), average, rtol=1e-13)


def test_asgds_average_is_pytorchs():
    torch = pytest.importorskip("torch")
    given, start = random_gradients(60, 4).astype(np.float32), np.ones(4, np.float32)
    parameters = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.ASGD([parameters], t0=20)
    for gradient in given:
        parameters.grad = torch.tensor(gradient)
        optimizer.step()
    points, slots, c = steps("asgd", start, given, {"averaging_start": 20})
    average = RULES["asgd"].position(points[-1], slots, c)
    np.testing.assert_allclose(average, optimizer.state[parameters]["ax"], rtol=1e-5)


def test_the_steps_of_rprop_depend_on_signs_alone():
    signs = np.sign(random_gradients(100, 20))
    sizes = 10.0 ** np.random.default_rng(6).uniform(-300, 300, size=signs.shape)
    by_signs, by_sizes = (steps("rprop", np.zeros(20), given)[0] for given in (signs, signs * sizes))
    assert np.array_equal(by_signs, by_sizes)


def test_rprop_grows_along_a_slope_and_stands_still_when_it_turns():
    points, _, _ = steps("rprop", np.zeros(1), [[2.0], [1.0], [3.0], [-1.0], [-1.0]])
    np.testing.assert_allclose(np.diff(points[:, 0], prepend=0), [-0.01, -0.012, -0.0144, 0, 0.0072])


def test_the_steps_of_adagrad_shrink_as_the_root_of_their_number():
    points, _, _ = steps("adagrad", np.zeros(3), np.tile([1e-3, -5.0, 1e4], (100, 1)), {"eps": 0.0})
    expected = -0.01 * np.array([1, -1, 1]) / np.sqrt(np.arange(1, 101))[:, None]
    np.testing.assert_allclose(np.diff(points, axis=0), expected[1:], rtol=1e-10)


@pytest.mark.parametrize(
    "name", ["adadelta", "rmsprop", "rmsprop-centred", "adam", "amsgrad", "nadam", "yogi"]
)
def test_the_units_of_the_gradient_do_not_matter(name):
    given = random_gradients(50, 10)
    options = {"eps": 1e-14 if name == "adadelta" else 0.0}
    if name == "yogi":
        options["initial_accumulator"] = 0.0
    ours, scaled = (steps(name, np.ones(10), factor * given, options)[0] for factor in (1.0, 1024.0))
    np.testing.assert_allclose(ours, scaled, rtol=1e-9)
    assert np.all(ours[-1] != 1.0)


def test_the_first_step_of_adadelta_has_the_units_of_eps():
    points, _, _ = steps("adadelta", np.zeros(3), [[1.0, -50.0, 1e5]], {"eps": 1e-6})
    np.testing.assert_allclose(
        points[0], [-1e-3 / np.sqrt(0.1), 1e-3 / np.sqrt(0.1), -1e-3 / np.sqrt(0.1)], rtol=1e-4
    )


def test_centred_rmsprop_survives_a_gradient_that_stays():
    points, slots, _ = steps("rmsprop-centred", np.zeros(4), np.tile([0.1, 1 / 3, -7.7, 1e5], (2000, 1)))
    assert np.all(np.isfinite(points)) and np.all(slots[1] >= 0)


def test_the_first_step_of_adam_is_the_learning_rate():
    g = np.array([1e-3, -5.0, 1e4])
    points, _, _ = steps("adam", np.zeros(3), [g])
    np.testing.assert_allclose(points[0], -1e-3 * np.sign(g), rtol=2e-5)


def test_amsgrad_never_forgets_a_large_gradient():
    given = np.full((200, 1), 1e-3)
    given[0] = 100.0
    options = {"beta1": 0.0, "beta2": 0.9}
    ours, forgetful = (steps(name, np.zeros(1), given, options)[0] for name in ("amsgrad", "adam"))
    assert abs(ours[-1] - ours[-2]) < 1e-7 < 1e-4 < abs(forgetful[-1] - forgetful[-2])


def test_the_steps_of_adamax_are_at_most_the_learning_rate():
    points, _, _ = steps("adamax", np.zeros(200), random_gradients(100, 200), {"beta2": 1 - 1e-9})
    assert 0.9 < np.abs(np.diff(points, axis=0, prepend=0)).max() / 2e-3 <= 1 + 1e-6


def test_radam_begins_as_momentum():
    points, _, _ = steps("radam", np.zeros(2), [[3.0, -0.2]] * 6)
    taken = np.diff(points, axis=0, prepend=0)
    np.testing.assert_allclose(taken[:5], -1e-3 * np.tile([3.0, -0.2], (5, 1)), rtol=1e-9)  # ρ ≤ 5
    assert np.all(np.abs(taken[5]) < 1e-3)


@pytest.mark.parametrize(("name", "plain"), [("adamw", "adam"), ("nadamw", "nadam")])
def test_decoupled_decay_does_not_depend_on_the_gradient(name, plain):
    start, options = np.array([1.0, -3.0]), {"learning_rate": 0.1, "weight_decay": 0.5}
    for size in (1e-3, 1.0, 1e5):
        decayed, _, _ = steps(name, start, [[size, size]], options)
        without, _, _ = steps(plain, start, [[size, size]], {"learning_rate": 0.1})
        np.testing.assert_allclose(decayed[0] - without[0], -0.1 * 0.5 * start, rtol=1e-12)


def test_yogi_changes_its_mean_square_by_the_same_part_of_the_square():
    given = random_gradients(50, 10)
    squares = np.array([steps("yogi", np.zeros(10), given[:count])[1][1] for count in range(1, 51)])
    np.testing.assert_allclose(np.abs(np.diff(squares, axis=0)), 1e-3 * given[1:] ** 2, rtol=1e-9, atol=1e-15)


def test_all_steps_of_lion_have_one_length():
    points, _, _ = steps("lion", np.zeros(10), random_gradients(50, 10))
    np.testing.assert_allclose(np.abs(np.diff(points, axis=0)), 1e-4, rtol=1e-9)
