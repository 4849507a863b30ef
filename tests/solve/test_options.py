"""Every option of numgd has a range, and a value outside of it is refused by name before anything is done.

What is refused is written here once more, by the name of the option: the checks are not their own oracle.
"""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import re

import numpy as np
import pytest

import numgd
from numgd import optimizers, schedules
from numgd.foundations.ranges import Interval, make_checked, make_within, parameters_of
from numgd.nn import functional
from numgd.registry import METHODS, RULES
from numgd.second_order.descent import AUTOMATIC
from numgd.solve.options import DriverOptions, _defaults, option_ranges, settings

INF, NAN = math.inf, math.nan
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)

# Name: values that are refused beside NaN, text and True; values that are taken.
NUMBERS = {
    "gtol": ((-1e-9, -INF), (0, 1e-9, INF)),
    "ftol": ((-1e-9, -INF), (0, 1e-9, INF)),
    "xtol": ((-1e-9, -INF), (0, 1e-9, INF)),
    "xrtol": ((-1e-9, -INF), (0, 1e-9, INF)),
    "norm": ((-1, 0, 0.99, -INF), (1, 2.5, INF)),
    "maxiter": ((-1, -0.5, -INF), (0, 100.1, 10**30, INF)),
    "maxfun": ((-1, 0, 0.5), (1, 7.5, INF)),
    "maxls": ((-1, 0, 0.5), (1, 7.5, INF)),
    "subproblem_maxiter": ((-1, 0), (1, 30)),
    "c1": ((-0.1, 0, 1, 1.5, INF), (1e-9, 0.005)),
    "c2": ((-0.1, 0, 1, 1.5, INF), (0.11, 0.99)),
    "phi": ((-0.1, 1.1, INF), (0, 0.5, 1)),
    "l1": ((-1, -1e-9, INF), (0, 3.5)),
    "l2": ((-4, -1e-9, INF), (0, 3.5)),
    "initial_trust_radius": ((-1, 0, INF), (1e-3, 5)),
    "max_trust_radius": ((-1, 0), (1, 1e4, INF)),
    "eta": ((-3, -1e-9, 0.25, 1, INF), (0, 0.2)),
    "learning_rate": ((-0.1, INF), (0, 0.1)),
    "learning_rate_decay": ((-0.1, INF), (0, 0.1)),
    "momentum": ((-0.1, 1.1, INF), (0, 0.9, 1)),
    "dampening": ((-0.1, 1.1, INF), (0, 0.4, 1)),
    "momentum_decay": ((-0.1, INF), (0, 0.1)),
    "weight_decay": ((-0.1, INF), (0, 0.1)),
    "decay": ((-0.1, 1, 2, INF), (0, 0.9)),
    "asgd.decay": ((-0.1, INF), (0, 2)),  # there the strength of a penalty
    "beta1": ((-0.1, 1, 2, INF), (0, 0.9)),
    "beta2": ((-0.1, 1, 2, INF), (0, 0.9)),
    "beta3": ((-0.1, 1, 2, INF), (0, 0.9)),
    "schedule-free-sgd.momentum": (
        (-0.1, 0, 1, 1.1, INF),
        (0.1, 0.9),
    ),
    "schedule-free-adamw.beta1": ((-0.1, 0, 1, 2, INF), (0.1, 0.9)),
    "warmup_steps": ((-1, INF), (0, 2.5, 10)),
    "weight_power": ((-0.1, INF), (0, 0.5)),
    "weight_rate_power": ((-0.1, INF), (0, 2)),
    "trust_coefficient": ((-0.1, INF), (0, 0.01)),
    "d0": ((-0.1, 0, INF), (1e-6, 1)),
    "d_factor": ((-0.1, 0, INF), (0.5, 2)),
    "growth_rate": ((-0.1, 0, 0.9), (1, 1.02, INF)),
    "eps": ((-1e-9, INF), (0, 1e-9)),
    "eps_root": ((-1e-9, INF), (0, 1e-9)),
    "initial_accumulator": ((-0.1, INF), (0, 0.1)),
    "decrease_factor": ((-0.1, 1.1, INF), (0, 0.5, 1)),
    "increase_factor": ((0.9, -1, INF), (1, 1.5)),
    "min_step_size": ((-0.1, INF), (0, 1e-9)),
    "max_step_size": ((-1, 0), (1, INF)),
    "power": ((-0.1, INF), (0, 0.75)),
    "averaging_start": ((-1,), (0, 1e6, INF)),
    # of optimizers
    "clip_value": ((-1, 0), (0.1, INF)),
    "clip_norm": ((-1, 0), (0.1, INF)),
    "clip_global_norm": ((-1, 0), (0.1, INF)),
    "ema": ((-0.1, 1, 2, INF), (0, 0.9)),
    "noise": ((-0.1, INF), (0, 0.1)),
    "noise_decay": ((-0.1, INF), (0, 0.1)),
    # of fits
    "max_nfev": ((-1, 0), (1, 100.5, INF)),
    "f_scale": ((-1, 0, INF), (0.1,)),
    "factor": ((-1, 0, INF), (0.1,)),
    # of runs by batches
    "min_delta": ((-0.1, INF), (0, 0.1)),
    "time_limit": ((-0.1,), (0, INF)),
    # of line searches
    "alpha": ((-1, 0, INF), (0.5,)),
}

# The same of what must be an integer: 1.5 is refused, too.
INTEGERS = {
    "maxcor": ((-1, 0), (1, 50)),
    "accumulate": ((-1, 0), (1, 5)),
    "average_from": ((-1, 0), (1, 5)),
    "noise_seed": ((-1, 2**64), (0, 2**64 - 1)),
    "batch_size": ((-1, 0), (1, 5)),
    "epochs": ((-1,), (0, 5)),
    "seed": ((-1, 2**64), (0, 5)),
    "patience": ((-1, 0), (1, 5)),
    "n_starts": ((-1, 0), (1, 5)),
}


def wrong_values(name, of=""):
    """(value, error) of all that an option must refuse; the name is not in the table where this fails."""
    refused, _ = NUMBERS.get(f"{of}.{name}") or NUMBERS.get(name) or INTEGERS[name]
    yield from ((value, ValueError) for value in refused)
    yield from ((value, TypeError) for value in ("text", True, [0.5], 1j, np.array(["a"])))
    yield (NAN, TypeError if name in INTEGERS else ValueError)
    if name in INTEGERS:
        yield from ((value, TypeError) for value in (1.5, INF))


def right_values(name, of=""):
    return (NUMBERS.get(f"{of}.{name}") or NUMBERS.get(name) or INTEGERS[name])[1]


def unreachable(x, *args):
    raise AssertionError("evaluated")


def never(*args, **kwargs):
    raise AssertionError("something was compiled")


@pytest.fixture
def nothing_compiles(monkeypatch):
    """An error for a call that comes as far as looking at the function."""
    for name, attribute in (
        ("solve.plan", "choose"), ("solve.line_searches", "choose"), ("solve._least_squares", "resolve"),
        ("solve._curve_fit", "resolve"), ("callables.batches", "loss_of"),
    ):  # fmt: skip
        monkeypatch.setattr(importlib.import_module(f"numgd.{name}"), attribute, never)


# The fields ------------------------------------------------------------------------------------------------


def option_classes():
    """All classes of options in numgd."""
    found = {}
    for module in pkgutil.walk_packages(numgd.__path__, "numgd."):
        if "cuda" in module.name or module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and hasattr(value, "_fields") and name.endswith("Options"):
                found[f"{value.__module__}.{value.__name__}"] = value
    return found


def test_every_field_has_a_range():
    found = option_classes()
    assert len(found) > 25
    for name, owner in found.items():
        assert set(parameters_of(owner)) == set(owner._fields), f"{name} has a field without a range"
    for name in schedules.__all__:
        cls = getattr(schedules, name)
        if dataclasses.is_dataclass(cls):
            fields = {field.name for field in dataclasses.fields(cls) if field.init}
            assert set(parameters_of(cls)) == fields, f"schedules.{name} has a field without a range"
    shared = set(inspect.signature(optimizers.Optimizer).parameters) - {"hyperparameters"}
    assert set(parameters_of(optimizers.Optimizer.__init__)) == shared


@pytest.mark.parametrize("method", METHODS)
def test_defaults_are_in_their_ranges(method):
    ranges, defaults = option_ranges(METHODS[method]), _defaults(METHODS[method])
    assert set(ranges) == set(defaults)
    for name, value in defaults.items():
        if (name, value) != ("maxiter", AUTOMATIC):
            found = ranges[name].kind.check(name, value)
            assert found == value and type(found) is type(value)


INTERVALS = {  # each with what a number x in it satisfies
    "(-inf, inf)": math.isfinite,
    "[0, inf)": lambda x: 0 <= x < INF,
    "(0, inf)": lambda x: 0 < x < INF,
    "[0, inf]": lambda x: x >= 0,
    "(0, inf]": lambda x: x > 0,
    "[0, 1]": lambda x: 0 <= x <= 1,
    "[0, 1)": lambda x: 0 <= x < 1,
    "(0, 1)": lambda x: 0 < x < 1,
    "[0, 0.25)": lambda x: 0 <= x < 0.25,
    "[1, inf]": lambda x: x >= 1,
}


@pytest.mark.parametrize("text", INTERVALS)
@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_a_range_is_the_same_in_python_and_in_compiled_code(text, real):
    kind, inside = Interval(text), INTERVALS[text]
    compiled, checked = make_within(kind, real), make_checked("x", kind, real)
    ends = [real(end) for end in (0, 0.25, 1, INF, -INF)]
    near = [np.nextafter(end, real(way)) for end in ends for way in (-INF, INF)]
    for value in (*ends, *near, real(NAN), real(0.5), real(-0.5), real(2.0)):
        expected = inside(float(value))
        assert kind.holds(float(value)) == compiled(value) == expected
        if expected:
            assert kind.check("x", value) == kind.check("x", np.array(value)) == checked(value) == value
        else:
            for refuse in (lambda value: kind.check("x", value), checked):
                with pytest.raises(ValueError, match=f"^x must {re.escape(kind.rule)}"):
                    refuse(value)


# Methods ---------------------------------------------------------------------------------------------------


LIMITS = {"maxiter", "maxfun", "maxls", "subproblem_maxiter"}


def as_option(name, value, dtype):
    """What becomes of a value: a limit is rounded up and ends at 2⁶², everything else has the dtype of x."""
    if name in LIMITS:
        return 2**62 if value > 2**62 else math.ceil(value)
    return value if name in INTEGERS else dtype.type(value)


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_every_method(method, nothing_compiles):
    for name in option_ranges(METHODS[method]):
        for value, error in wrong_values(name, method):
            with pytest.raises(error, match=f"^option '{name}' must"):
                numgd.minimize(unreachable, [1.0], method=method, options={name: value})
        for value in right_values(name, method):
            for dtype in (DOUBLE, SINGLE):
                for given in (value, np.array(value)) if value < 2**62 else (value,):
                    found = settings(METHODS[method], dtype, None, {name: given})
                    taken = found.maxcor if name == "maxcor" else getattr(found.options, name)
                    assert taken == as_option(name, value, dtype)
        default = settings(METHODS[method], DOUBLE, None, {name: None})
        assert default.options == settings(METHODS[method], DOUBLE, None, None).options


@pytest.mark.parametrize(
    ("method", "options", "names"),
    [
        ("bfgs", {"c1": 0.9, "c2": 0.1}, ("c1", "c2")),
        ("l-bfgs-b", {"c1": 0.95}, ("c1", "c2")),
        ("newton-cg", {"c2": 1e-5}, ("c1", "c2")),
        ("dogleg", {"initial_trust_radius": 2.0, "max_trust_radius": 1.0}, ("initial_trust_radius", "max_t")),
        ("trust-exact", {"initial_trust_radius": 1001.0}, ("initial_trust_radius", "max_trust_radius")),
        ("trust-ncg", {"max_trust_radius": 0.5}, ("initial_trust_radius", "max_trust_radius")),
        ("trust-krylov", {"max_trust_radius": 0.5}, ("initial_trust_radius", "max_trust_radius")),
        ("sr1", {"initial_trust_radius": 1e11}, ("initial_trust_radius", "max_trust_radius")),
        ("rprop", {"min_step_size": 51.0}, ("min_step_size", "max_step_size")),
    ],
)
def test_options_that_do_not_go_together(method, options, names, nothing_compiles):
    with pytest.raises(ValueError, match=f"option '{names[0]}' must be .* option '{names[1]}"):
        numgd.minimize(unreachable, [1.0], method=method, options=options)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("adam", {"beta1": 1.0 - 1e-9}),
        ("bfgs", {"c2": 1.0 - 1e-9}),
        ("dogleg", {"initial_trust_radius": 1e-60}),
        ("gd", {"learning_rate": 1e39}),
        ("bfgs", {"c1": 0.5, "c2": 0.5 + 1e-9}),
    ],
)
def test_options_that_round_out_of_their_range(method, options, nothing_compiles):
    settings(METHODS[method], DOUBLE, None, options)
    with pytest.raises(ValueError, match=f"option '{next(iter(options))}' must"):
        numgd.minimize(unreachable, np.ones(1, np.float32), method=method, options=options)


def test_what_scipy_accepts():
    options = {"maxiter": 3.5, "gtol": np.float32(1e-3), "norm": np.array(2), "disp": 0, "eps": 1e-7}
    found = numgd.minimize(lambda x: x[0] ** 4 + x[1] ** 2, [3.0, 1.0], method="BFGS", options=options)
    assert found.nit == 4 and found.status == numgd.Status.MAXITER


def test_options_of_the_call(nothing_compiles):
    switches, steps = {"disp", "return_all", "history"}, {"eps", "finite_diff_rel_step"}
    assert set(DriverOptions._fields) == switches | steps | {"hess_inv0"}
    for name in switches:
        for value, error in (("yes", TypeError), ([1], TypeError), (NAN, ValueError)):
            with pytest.raises(error, match=f"option '{name}' must"):
                numgd.minimize(unreachable, [1.0], options={name: value})
    for name in steps:
        for value, error in ((0.0, ValueError), (NAN, ValueError), (INF, ValueError), ("a", TypeError)):
            with pytest.raises(error, match=f"option '{name}' must"):
                numgd.minimize(unreachable, [1.0], options={name: value})


def test_tol(nothing_compiles):
    for value, error in wrong_values("gtol"):
        with pytest.raises(error, match=r"^tol must"):
            numgd.minimize(unreachable, [1.0], tol=value)
        with pytest.raises(error, match=r"^tol must"):
            numgd.minimize_many(unreachable, [[1.0]], tol=value)
        with pytest.raises(error, match=r"^tol must"):
            numgd.minimize_multistart(unreachable, [[1.0]], tol=value)


@pytest.mark.parametrize("minimize", [numgd.minimize_many, numgd.minimize_multistart])
def test_many_problems_have_the_same_ranges(minimize, nothing_compiles):
    for method, options in (
        ("trust-exact", {"eta": -3}),
        ("owl-qn", {"l1": -1}),
        ("gd", {"learning_rate": INF}),
    ):
        with pytest.raises(ValueError, match=f"option '{next(iter(options))}' must"):
            minimize(unreachable, [[1.0]], method=method, options=options)
    with pytest.raises(ValueError, match="option 'c1' must be below option 'c2'"):
        minimize(unreachable, [[1.0]], method="bfgs", options={"c1": 0.5, "c2": 0.2})


def test_multistart():
    for value, error in wrong_values("n_starts"):
        with pytest.raises(error, match=r"^n_starts must"):
            numgd.minimize_multistart(unreachable, bounds=[(0, 1)], n_starts=value)


# Optimizers and runs by batches ----------------------------------------------------------------------------

CLASSES = [getattr(optimizers, name) for name in optimizers.__all__ if name != "Optimizer"]
SHARED = ("clip_value", "clip_norm", "clip_global_norm", "accumulate", "ema", "average_from", "noise")
SHARED += ("noise_decay", "noise_seed")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_argument_of_every_optimizer(cls):
    fields = RULES[cls.rule_name].options._fields
    for name in {*fields, "weight_decay", *SHARED}:
        for value, error in wrong_values(name, cls.rule_name):
            with pytest.raises(error, match=f"^{name} must"):
                cls(**{name: value})
            if name in fields:
                with pytest.raises(error, match=f"^{name} must"):
                    cls(groups={"a": {name: value}})
        for value in right_values(name, cls.rule_name):
            cls(**{name: value})


def test_arguments_of_optimizers_that_are_no_numbers():
    given = set(inspect.signature(numgd.Adam).parameters)
    assert given - set(RULES["adam"].options._fields) - {"weight_decay", *SHARED} == {
        "decoupled", "groups", "nonfinite", "lookahead", "maximize"
    }  # fmt: skip
    for wrong, error in (
        ({"decoupled": 1}, TypeError), ({"decoupled": None}, TypeError), ({"groups": 3}, TypeError),
        ({"nonfinite": "drop"}, ValueError), ({"nonfinite": None}, ValueError),
        ({"lookahead": (0, 0.5)}, ValueError), ({"lookahead": (2.5, 0.5)}, TypeError),
        ({"lookahead": (2, NAN)}, ValueError), ({"lookahead": (2, "a")}, TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{next(iter(wrong))}"):
            numgd.Adam(**wrong)
    with pytest.raises(ValueError, match="min_step_size must be at most max_step_size"):
        numgd.Rprop(groups={"a": {"min_step_size": 60.0}})


RATES = [
    (lambda t: NAN, ValueError),
    (lambda t: INF, ValueError),
    (lambda t: -0.1, ValueError),
    (lambda t: "0.1", TypeError),
    (lambda t: None, TypeError),
    (lambda t: np.zeros((2, 2)), TypeError),
]


@pytest.mark.parametrize(("rate", "error"), RATES)
def test_schedules_that_give_no_rate(rate, error):
    def schedule(t):
        return 0.1 if np.all(t < 3) else rate(t)

    params, gradients = {"a": np.ones(2), "b": np.ones(3)}, {"a": np.ones(2), "b": np.ones(3)}
    optimizer = numgd.Adam(0.1, accumulate=2, groups={"b": {"learning_rate": schedule}})
    for _ in range(5):
        optimizer.step(params, gradients)
    before, state = {key: p.copy() for key, p in params.items()}, optimizer.state_dict()
    with pytest.raises(error, match=r"learning rate of step 3 by <function .*schedule.* must"):
        optimizer.step(params, gradients)
    for key, p in params.items():
        assert np.array_equal(p, before[key])
    after = optimizer.state_dict()
    assert all(np.array_equal(value, after[name]) for name, value in state.items())
    with pytest.raises(error, match="learning rate of step 1 by"):
        numgd.SGD(rate).learning_rate  # noqa: B018


DATA = np.ones((12, 2))


@pytest.mark.parametrize(("rate", "error"), RATES)
def test_schedules_that_give_no_rate_to_a_run(rate, error):
    def loss(x, rows):
        return ((x - rows) ** 2).sum()

    def schedule(t):
        rates = [0.01 if k < 3 else rate(k) for k in np.atleast_1d(t)]
        return np.array(rates) if np.ndim(t) else rates[0]

    def by_number(t):
        return 0.01 if t < 3 else rate(t)  # an array t has no truth value

    for given in (schedule, by_number):
        with pytest.raises(error, match=r"learning rate of step 3 by <function .* must"):
            numgd.minimize_stochastic(
                loss, np.zeros(2), DATA, method="gd", batch_size=4, options={"learning_rate": given}
            )


def test_a_watching_schedule_takes_no_rate_from_a_state():
    schedule = schedules.ReduceOnPlateau(0.1)
    for rate in (NAN, -1.0, INF):
        with pytest.raises(ValueError, match="rate"):
            schedule.load_state_dict({**schedule.state_dict(), "rate": rate})
    assert schedule(1) == 0.1


def test_every_argument_of_a_stochastic_run(nothing_compiles):
    ranges = set(parameters_of(numgd.minimize_stochastic)) - {"fun", "callback"}
    names = {"batch_size", "epochs", "seed", "patience", "min_delta", "time_limit"}
    assert ranges - names == {"shuffle", "last_batch", "restore_best", "progress"}
    for name in names:
        for value, error in wrong_values(name):
            with pytest.raises(error, match=f"^{name} must"):
                numgd.minimize_stochastic(unreachable, [1.0], DATA, **{name: value})
    for name in ("shuffle", "restore_best", "progress"):
        for value in (None, 2, "yes"):
            with pytest.raises(TypeError, match=f"^{name} must"):
                numgd.minimize_stochastic(unreachable, [1.0], DATA, **{name: value})
    with pytest.raises(ValueError, match=r"^last_batch must be 'keep' or 'drop'"):
        numgd.minimize_stochastic(unreachable, [1.0], DATA, last_batch=None)
    for method in RULES:
        for name in RULES[method].options._fields:
            for value, error in wrong_values(name, method):
                with pytest.raises(error, match=f"^{name} must"):
                    numgd.minimize_stochastic(unreachable, [1.0], DATA, method=method, options={name: value})


# Fits and line searches ------------------------------------------------------------------------------------

FIT_NUMBERS = ("ftol", "xtol", "gtol", "max_nfev", "f_scale")


@pytest.mark.parametrize("method", ["trf", "dogbox", "gn", "lm"])
def test_every_option_of_every_fit(method, nothing_compiles):
    x, y = np.arange(4.0), np.ones(4)
    for name in FIT_NUMBERS:
        for value, error in wrong_values(name):
            with pytest.raises(error, match=f"^{name} must"):
                numgd.least_squares(unreachable, [1.0], method=method, **{name: value})
            if method != "lm":
                with pytest.raises(error, match=f"^{name} must"):
                    numgd.curve_fit(lambda t, a: unreachable(a), x, y, method=method, **{name: value})
    for value, error in ((0.0, ValueError), (NAN, ValueError), (INF, ValueError), ("a", TypeError)):
        for name in ("diff_step", "x_scale"):
            with pytest.raises((error, ValueError), match=f"^{name} must"):  # x_scale may be a name
                numgd.least_squares(unreachable, [1.0], method=method, **{name: value})
    for name, value, error in (
        ("verbose", 3, ValueError),
        ("callback", 3, TypeError),
        ("tr_solver", 1, ValueError),
    ):
        with pytest.raises(error, match=f"^{name} must"):
            numgd.least_squares(unreachable, [1.0], method=method, **{name: value})


def test_every_option_of_leastsq(nothing_compiles):
    x, y = np.arange(4.0), np.ones(4)
    for name, values in (
        ("ftol", "gtol"), ("xtol", "gtol"), ("gtol", "gtol"), ("factor", "factor"), ("maxfev", "maxiter"),
        ("epsfcn", "learning_rate"),
    ):  # fmt: skip
        for value, error in wrong_values(values):
            with pytest.raises(error, match=f"^{name} must"):
                numgd.curve_fit(lambda t, a: unreachable(a), x, y, method="lm", **{name: value})


@pytest.mark.parametrize("search", ["armijo", "strong_wolfe", "hager_zhang"])
def test_every_option_of_every_line_search(search, nothing_compiles):
    function = getattr(numgd.line_searches, search)
    for name in {"alpha", "c1", "c2", "maxls"} & set(inspect.signature(function).parameters):
        for value, error in wrong_values(name):
            with pytest.raises(error, match=f"^{name} must"):
                function(unreachable, [1.0], [-1.0], **{name: value})
    if search != "armijo":
        with pytest.raises(ValueError, match=r"^c1 must be below c2"):
            function(unreachable, [1.0], [-1.0], c1=0.5, c2=0.4)
    with pytest.raises(ValueError, match=r"^fun0 must be finite"):
        function(unreachable, [1.0], [-1.0], fun0=NAN, jac0=[1.0])


# Layers ----------------------------------------------------------------------------------------------------

ARRAYS = {
    "x", "target", "grad", "weight", "bias", "gamma", "beta", "running_mean", "running_variance", "mean",
    "variance", "statistics", "out", "indices", "y", "sample_weight", "parameters", "features", "labels",
    "direction", "arrays", "pos_weight", "num_batches_tracked",
}  # fmt: skip
IN_TESTS_OF_LAYERS = {  # with the arrays that they must suit
    "kernel_size", "stride", "padding", "dilation", "groups", "output_padding", "output_size", "activation",
    "algorithm", "reduction", "value", "scale_factor",
}  # fmt: skip
LAYER_NUMBERS = {
    "negative_slope": (-INF, INF), "alpha": (-INF, INF), "label_smoothing": (-0.1, 1.1), "p": (-0.1, 1.1),
    "beta": (0, -1, INF), "delta": (0, -1, INF), "momentum": (-0.1, 1.1), "eps": (0, -1, INF),
    "margin": (-INF, INF), "k": (0, -1, INF),
    "divisor_override": (0, -1, INF), "l1": (-1, INF), "l2": (-1, INF),
    "smooth_l1_loss.beta": (-1, INF), "poisson_nll_loss.eps": (-1, INF),
    "local_response_norm.alpha": (-1, INF), "local_response_norm.beta": (-1, INF),
}  # fmt: skip
LAYER_INTEGERS = {
    "ignore_index": (), "axis": (), "seed": (-1, 2**64), "stream": (-1, 2**64), "num_groups": (0, -1),
    "size": (0, -1), "classes": (0, -1),
}  # fmt: skip


@pytest.mark.parametrize("name", functional.__all__)
def test_every_argument_of_every_layer(name):
    function = getattr(functional, name)
    parameters, ranges = inspect.signature(function).parameters, parameters_of(function)
    assert set(parameters) - set(ranges) <= ARRAYS | IN_TESTS_OF_LAYERS, "an argument without a range"
    required = {key: None for key, value in parameters.items() if value.default is value.empty}
    required |= {key: 1 for key in ("seed", "num_groups", "size", "classes") if key in required}
    for key in ranges:
        own = f"{name.removesuffix('_backward')}.{key}"
        wrong = [(value, TypeError) for value in ("text", [1.0], 1j)]
        if key in LAYER_INTEGERS:
            wrong += [(value, ValueError) for value in LAYER_INTEGERS[key]]
            wrong += [(value, TypeError) for value in (1.5, NAN, True, None)]
        elif key in LAYER_NUMBERS:
            wrong += [(value, ValueError) for value in (*LAYER_NUMBERS.get(own, LAYER_NUMBERS[key]), NAN)]
            wrong += [(True, TypeError)]
        elif key in ("approximate", "mode"):
            wrong = [("exact", ValueError), (None, ValueError), (1, ValueError)]
        else:
            assert isinstance(parameters[key].default, bool)
            wrong += [(value, TypeError) for value in (1, 0.0, None)]
        for value, error in wrong:
            with pytest.raises(error, match=f"^{key} must"):
                function(**{**required, key: value})
