"""Learning-rate schedules against PyTorch's and against closed formulas."""

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.schedules import (
    CASES,
    FILE,
    PLATEAUS,
    RATE,
    SEEDS,
    STEPS,
    WARM_UP,
    by_pytorch,
    losses,
    plateau_by_pytorch,
    warm_up_by_pytorch,
)

from numgd import schedules
from numgd.schedules import (
    Constant,
    Cosine,
    Exponential,
    Function,
    InverseTime,
    Joined,
    OneCycle,
    Piecewise,
    Polynomial,
    ReduceOnPlateau,
    Step,
    ThresholdPolicy,
    WarmRestarts,
    WarmUp,
    as_schedule,
)

ALL = np.arange(1, STEPS + 1)


def schedule_of(case):
    _, _, name, parameters = CASES[case]
    return getattr(schedules, name)(**parameters)


def watched(schedule, values):
    """The rate of every step, the schedule told a value after each."""
    rates = []
    for t, value in enumerate(values, 1):
        rates.append(schedule(t))
        schedule.observe(value)
    return np.array(rates)


# PyTorch's ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_rates_are_pytorchs(case):
    with np.load(FILE) as reference:
        np.testing.assert_allclose(schedule_of(case)(ALL), reference[case], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", PLATEAUS)
def test_plateaus_are_pytorchs(case):
    with np.load(FILE) as reference:
        for seed, expected in zip(SEEDS, reference[f"plateau-{case}"], strict=True):
            rates = watched(ReduceOnPlateau(RATE, **PLATEAUS[case][1]), losses(seed))
            np.testing.assert_allclose(rates, expected, rtol=1e-14)


def test_warm_up_is_pytorchs():
    with np.load(FILE) as reference:
        np.testing.assert_allclose(
            WarmUp(Cosine(RATE, STEPS), *WARM_UP)(ALL), reference["warm-up"], rtol=1e-12
        )


@pytest.mark.parametrize("case", CASES)
def test_live_comparison(case):
    pytest.importorskip("torch")
    np.testing.assert_allclose(schedule_of(case)(ALL), by_pytorch(case), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", PLATEAUS)
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_live_comparison_of_plateaus_on_other_losses(case, seed):
    pytest.importorskip("torch")
    rates = watched(ReduceOnPlateau(RATE, **PLATEAUS[case][1]), losses(seed))
    np.testing.assert_allclose(rates, plateau_by_pytorch(case, seed), rtol=1e-14)


@pytest.mark.parametrize(("steps", "fraction"), [(1, 0.5), (5, 0.1), (17, 1.0)])
def test_live_comparison_of_other_warm_ups(steps, fraction):
    pytest.importorskip("torch")
    rates = WarmUp(Cosine(RATE, STEPS), steps, fraction)(ALL)
    np.testing.assert_allclose(rates, warm_up_by_pytorch(steps, fraction), rtol=1e-12)


# Closed formulas ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "t", "expected"),
    [
        (Constant(0.3), [1, 5, 10**12], [0.3, 0.3, 0.3]),
        (Step(1.0, 3, 0.5), [1, 3, 4, 6, 7, 10], [1.0, 1.0, 0.5, 0.5, 0.25, 0.125]),
        (Exponential(8.0, 0.25, 2), [1, 2, 3, 5], [8.0, 4.0, 2.0, 0.5]),
        (Exponential(8.0, 0.25, 2, staircase=True), [1, 2, 3, 4, 5], [8.0, 8.0, 2.0, 2.0, 0.5]),
        (InverseTime(1.0, 2.0, 4), [1, 3, 5, 9], [1.0, 1 / 2, 1 / 3, 1 / 5]),
        (InverseTime(1.0, 2.0, 4, staircase=True), [1, 4, 5, 8, 9], [1.0, 1.0, 1 / 3, 1 / 3, 1 / 5]),
        (Polynomial(1.0, 4, 0.2, 2.0), [1, 2, 3, 4, 5, 99], [1.0, 0.65, 0.4, 0.25, 0.2, 0.2]),
        (Cosine(1.0, 3, 0.5), [1, 2, 3, 4, 99], [1.0, 0.875, 0.625, 0.5, 0.5]),
        (WarmRestarts(1.0, 2), [1, 2, 3, 4, 5], [1.0, 0.5, 1.0, 0.5, 1.0]),
        (WarmRestarts(1.0, 1, 3), [1, 2, 3, 4, 5], [1.0, 1.0, 0.75, 0.25, 1.0]),
        (OneCycle(1.0, 9, 0.5, "linear", 2.0, 5.0), [1, 8, 9, 99], [0.5, 0.3, 0.1, 0.1]),
        (Piecewise([2, 3], [3.0, 0.0, 1.0]), [1, 2, 3, 4, 99], [3.0, 3.0, 0.0, 1.0, 1.0]),
        (Piecewise([], [0.5]), [1, 99], [0.5, 0.5]),
        (WarmUp(0.8, 4), [1, 2, 3, 4, 5, 6], [0.0, 0.2, 0.4, 0.6, 0.8, 0.8]),
        (WarmUp(Step(1.0, 1, 0.5), 2, 0.5), [1, 2, 3, 4, 5], [0.5, 0.75, 1.0, 0.5, 0.25]),
        (Joined([0.5, Step(1.0, 2, 0.5), lambda t: 1.0 / t], [1, 4]), ALL[:6], [0.5, 1, 1, 0.5, 1, 0.5]),
        (Joined([WarmUp(1.0, 1), 0.25], [3]), ALL[:5], [0.0, 1.0, 1.0, 0.25, 0.25]),
        (Function(lambda t: 0.25), [1, 2], [0.25, 0.25]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_closed_formulas(schedule, t, expected):
    np.testing.assert_allclose(schedule(np.array(t)), expected, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize(("period", "multiplier"), [(1, 2), (1, 3), (7, 2), (10, 5), (1000, 10), (3, 1)])
def test_restarts_are_where_the_sums_of_periods_are(period, multiplier):
    restart, length = 0, period
    schedule = WarmRestarts(1.0, period, multiplier)
    for _ in range(12):
        assert schedule(restart + 1) == 1.0
        restart += length
        assert schedule(restart) == pytest.approx(math.sin(0.5 * math.pi / length) ** 2, rel=1e-6)
        length *= multiplier


def test_threshold_policy():
    schedule = ThresholdPolicy(1.0, threshold=0.1, factor=0.25, minimum=0.05)
    values = [5.0, 4.0, 3.95, 3.8, math.nan, 3.8, 3.8, 3.75, 3.9]
    assert watched(schedule, values).tolist() == [1.0, 1.0, 1.0, 0.25, 0.25, 0.25, 0.25, 0.0625, 0.05]


def test_a_plateau_of_negative_values():
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert watched(schedule, [-10.0, -10.5, -11.5, -11.5]).tolist() == [1.0, 1.0, 0.5, 0.5]
    assert schedule(5) == 0.25


def test_one_observation_an_epoch_or_none():
    schedule = ReduceOnPlateau(0.1)
    assert np.array_equal(schedule(ALL), np.full(STEPS, 0.1))
    assert Cosine(0.1, 5).observe(3.0) is None and Cosine(0.1, 5).state_dict() == {}


# What all have in common ----------------------------------------------------------------------------

EXAMPLES = [
    *(schedule_of(case) for case in CASES),
    Constant(RATE),
    InverseTime(RATE, 0.7, 3),
    Piecewise([4, 20], [RATE, 0.2, 0.1]),
    Joined([Step(RATE, 2), WarmUp(Cosine(0.1, 20), 5, 0.3)], [30]),
    WarmUp(OneCycle(RATE, 40), 10, 1.0),
    ReduceOnPlateau(RATE),
    ThresholdPolicy(RATE, 1e-3),
]


@pytest.mark.parametrize("schedule", EXAMPLES, ids=str)
def test_numbers_and_arrays(schedule):
    rates = schedule(ALL)
    assert rates.dtype == np.float64 and rates.shape == ALL.shape
    single = [schedule(t) for t in range(1, STEPS + 1)]
    assert all(type(rate) is float for rate in single)
    assert np.array_equal(rates, single)
    assert np.array_equal(rates.reshape(3, 20), schedule(ALL.reshape(3, 20)))
    assert np.array_equal(rates, schedule(ALL.astype(np.uint8)))
    assert np.array_equal(rates[::-3], schedule(ALL[::-3]))
    assert schedule(np.int32(7)) == schedule(np.array(7)) == rates[6]
    assert schedule(ALL[:0]).shape == (0,)


@pytest.mark.parametrize("schedule", EXAMPLES, ids=str)
def test_the_text_of_a_schedule_makes_it_again(schedule):
    again = eval(str(schedule), vars(schedules))
    assert str(again) == str(schedule)
    assert np.array_equal(again(ALL), schedule(ALL))
    with pytest.raises(FrozenInstanceError):
        schedule.learning_rate = 1.0


@pytest.mark.parametrize(
    "schedule", [schedule for schedule in EXAMPLES if hasattr(schedule, "learning_rate")], ids=str
)
def test_the_first_rate(schedule):
    expected = RATE / schedule.initial_divisor if isinstance(schedule, OneCycle) else RATE
    assert schedule(1) == expected


positive = st.floats(1e-3, 1e3)
counts = st.integers(1, 1000)
fractions = st.floats(0.0, 1.0)
FALLING = st.one_of(
    st.builds(Step, positive, counts, fractions.filter(bool)),
    st.builds(Exponential, positive, st.floats(1e-3, 1.0), counts, st.booleans()),
    st.builds(InverseTime, positive, positive, counts, st.booleans()),
    st.builds(Polynomial, positive, counts, st.just(1e-3), st.floats(0.1, 5.0)),
    st.builds(Cosine, positive, counts, fractions),
)


@given(FALLING, st.lists(st.integers(1, 10**6), min_size=2))
def test_decays_fall_from_the_learning_rate(schedule, t):
    rates = schedule(np.sort(t))
    assert schedule(1) == schedule.learning_rate
    assert np.all(rates >= 0) and np.all(rates <= schedule.learning_rate)
    assert np.all(rates[1:] <= rates[:-1] * (1 + 1e-15))


@given(positive, st.integers(4, 10**4), st.booleans(), st.sampled_from(["cosine", "linear"]))
def test_one_cycle_has_one_peak_and_holds_its_end(rate, steps, three_phases, annealing):
    schedule = OneCycle(rate, steps, 0.45, annealing, 10.0, 10.0, three_phases)
    rates = schedule(np.arange(1, steps + 1))
    peak = rates.argmax()
    slack = 1e-14 * rate
    assert np.all(np.diff(rates[: peak + 1]) >= -slack) and np.all(np.diff(rates[peak:]) <= slack)
    assert rates[peak] <= rate and abs(peak - (0.45 * steps - 1)) <= 1
    assert rates[0] == rate / 10.0 and rates[-1] == rate / 10.0 / 10.0
    assert schedule(steps + 1) == schedule(10**15) == rates[-1]


@given(positive, counts, fractions, counts)
def test_ends_are_held(rate, steps, fraction, beyond):
    assert Cosine(rate, steps, fraction)(steps + beyond) == fraction * rate
    assert Polynomial(rate, steps, fraction)(steps + beyond) == fraction
    assert WarmUp(rate, steps, fraction)(steps + beyond) == rate
    assert WarmUp(rate, steps, fraction)(1) == pytest.approx(fraction * rate, rel=1e-15)


@given(positive, counts, st.integers(1, 5), fractions, st.lists(st.integers(1, 10**9), min_size=1))
def test_restarts_keep_within_their_limits(rate, period, multiplier, fraction, t):
    rates = WarmRestarts(rate, period, multiplier, fraction)(np.array(t))
    assert np.all(rates <= rate * (1 + 1e-15)) and np.all(rates >= fraction * rate * (1 - 1e-15))


# A run that goes on later ---------------------------------------------------------------------------

WATCHING = [
    lambda: ReduceOnPlateau(0.5, factor=0.7, patience=1, threshold=0.05, cooldown=2),
    lambda: ThresholdPolicy(0.5, threshold=0.3, factor=0.9),
    lambda: WarmUp(ReduceOnPlateau(0.5, factor=0.7, patience=1), 10),
]


@pytest.mark.parametrize("make", WATCHING)
@pytest.mark.parametrize("stop", [0, 1, 17, 40])
def test_a_resumed_run_is_an_uninterrupted_one(make, stop):
    values = losses(5)
    whole, first, second = make(), make(), make()
    expected = watched(whole, values)
    watched(first, values[:stop])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    rates = []
    for t, value in enumerate(values[stop:], stop + 1):
        rates.append(second(t))
        second.observe(value)
    assert np.array_equal(rates, expected[stop:])
    assert second.state_dict() == whole.state_dict() and len(set(expected)) > 4


def test_states_are_not_shared():
    first, second = ReduceOnPlateau(0.5, patience=0), ReduceOnPlateau(0.5, patience=0)
    state = first.state_dict()
    watched(first, [1.0, 1.0])
    assert state == second.state_dict() and first(3) < second(3) == 0.5


@pytest.mark.parametrize(
    ("state", "error", "match"),
    [
        ({"rate": 1.0}, ValueError, r"state must have the keys \['last', 'rate'\]; it has \['rate'\]"),
        ({"rate": 1.0, "last": "x"}, TypeError, r"state\['last'\] must be a number"),
        ([1.0], TypeError, "state must be a dictionary"),
    ],
)
def test_bad_states(state, error, match):
    schedule = ThresholdPolicy(0.5, 0.1)
    with pytest.raises(error, match=match):
        schedule.load_state_dict(state)
    assert schedule(1) == 0.5
    with pytest.raises(ValueError, match="keys"):
        Constant(0.5).load_state_dict(schedule.state_dict())


# A learning rate of any kind ------------------------------------------------------------------------


def test_as_schedule():
    def rate(t):
        return 1.0 / t

    cosine = Cosine(0.1, 5)
    assert as_schedule(rate) is rate and as_schedule(cosine) is cosine
    for number in (0.25, np.float32(0.25)):
        assert as_schedule(number) == Constant(0.25)
    assert as_schedule(1) == Constant(1.0)


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], 1j])
def test_what_is_no_learning_rate(value):
    with pytest.raises(TypeError, match="learning_rate must be a number, a schedule or a callable"):
        as_schedule(value)


# Bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: Constant(-0.1), ValueError, "learning_rate must be finite and at least 0; it is -0.1"),
        (lambda: Constant(math.nan), ValueError, "learning_rate must be finite"),
        (lambda: Constant(math.inf), ValueError, "learning_rate must be finite"),
        (lambda: Constant("0.1"), TypeError, "learning_rate must be a number; it is '0.1'"),
        (lambda: Constant(True), TypeError, "learning_rate must be a number"),
        (lambda: Step(0.1, 0), ValueError, "every must be at least 1; it is 0"),
        (lambda: Step(0.1, 2.0), TypeError, "every must be an integer; it is 2.0"),
        (lambda: Step(0.1, 2, 0.0), ValueError, "factor must be finite and positive"),
        (lambda: Exponential(0.1, 0.0), ValueError, "decay_rate must be finite and positive"),
        (lambda: Exponential(0.1, 0.5, 0), ValueError, "decay_steps must be at least 1"),
        (lambda: Exponential(0.1, 0.5, staircase=1), TypeError, "staircase must be True or False; it is 1"),
        (lambda: InverseTime(0.1, -1.0), ValueError, "decay_rate must be finite and at least 0"),
        (lambda: Polynomial(0.1, 5, power=0), ValueError, "power must be finite and positive"),
        (lambda: Polynomial(0.1, 5, end=-1), ValueError, "end must be finite and at least 0"),
        (lambda: Cosine(0.1, 5, 1.5), ValueError, r"end_fraction must lie in \[0, 1\]; it is 1.5"),
        (lambda: WarmRestarts(0.1, 5, 0), ValueError, "period_multiplier must be at least 1"),
        (lambda: WarmRestarts(0.1, 5, 1.5), TypeError, "period_multiplier must be an integer"),
        (lambda: OneCycle(0.1, 10, annealing="sine"), ValueError, "annealing must be 'cosine' or 'linear'"),
        (lambda: OneCycle(0.1, 10, annealing=["linear"]), ValueError, "annealing must be"),
        (lambda: OneCycle(0.1, 10, rising=0.1), ValueError, "rising = 0.1 of steps = 10 leaves a phase"),
        (lambda: OneCycle(0.1, 10, 0.6, three_phases=True), ValueError, "leaves a phase without steps"),
        (lambda: OneCycle(0.1, 10, initial_divisor=0), ValueError, "initial_divisor must be finite and pos"),
        (lambda: WarmUp(0.1, 0), ValueError, "steps must be at least 1"),
        (lambda: WarmUp(0.1, 3, 2.0), ValueError, r"fraction must lie in \[0, 1\]"),
        (lambda: WarmUp(None, 3), TypeError, "learning_rate must be a number, a schedule or a callable"),
        (lambda: Piecewise([1], [0.1]), ValueError, "boundaries must be one fewer than the 1 pieces"),
        (lambda: Piecewise([3, 3], [1, 2, 3]), ValueError, r"boundaries must increase; they are \(3, 3\)"),
        (lambda: Piecewise([1.5], [1, 2]), TypeError, r"boundaries\[0\] must be an integer; it is 1.5"),
        (lambda: Piecewise([0], [1, 2]), ValueError, r"boundaries\[0\] must be at least 1"),
        (lambda: Piecewise([1], [1, -2]), ValueError, r"values\[1\] must be finite and at least 0"),
        (lambda: Piecewise([], []), ValueError, "values must not be empty"),
        (lambda: Piecewise(3, [1, 2]), TypeError, "boundaries must be a sequence; it is 3"),
        (lambda: Joined(0.1, []), TypeError, "schedules must be a sequence"),
        (lambda: Joined([0.1, ReduceOnPlateau(0.1)], [3]), TypeError, r"schedules\[1\] must depend on t"),
        (lambda: Function(0.1), TypeError, "function must be callable"),
        (lambda: ReduceOnPlateau(0.1, 1.0), ValueError, r"factor must lie in \(0, 1\); it is 1.0"),
        (lambda: ReduceOnPlateau(0.1, patience=-1), ValueError, "patience must be at least 0"),
        (lambda: ReduceOnPlateau(0.1, minimum=0.2), ValueError, "minimum must be at most learning_rate"),
        (lambda: ThresholdPolicy(0.1, -1.0), ValueError, "threshold must be finite and at least 0"),
        (lambda: ThresholdPolicy(0.1, 1.0).observe("x"), TypeError, "value must be a real number; it is 'x'"),
        (lambda: ReduceOnPlateau(0.1).observe(None), TypeError, "value must be a real number"),
    ],
)
def test_bad_parameters(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("t", "error", "match"),
    [
        (0, ValueError, "t counts the steps from 1; it is 0"),
        ([3, -2], ValueError, "t counts the steps from 1; it is -2"),
        (1.0, TypeError, "t must be an integer or an array of integers; it is 1.0"),
        (np.array([1.5]), TypeError, "t must be an integer"),
        (True, TypeError, "t must be an integer"),
        ("1", TypeError, "t must be an integer"),
    ],
)
@pytest.mark.parametrize("schedule", [Constant(0.1), WarmUp(Cosine(0.1, 3), 2), ThresholdPolicy(0.1, 0.1)])
def test_bad_steps(schedule, t, error, match):
    with pytest.raises(error, match=match):
        schedule(t)


def test_a_function_that_gives_other_than_a_rate_a_step():
    with pytest.raises(ValueError, match="shape"):
        Function(lambda t: np.ones(3))([1, 2])
