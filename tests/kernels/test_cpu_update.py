"""The update rules over a flat vector on the CPU."""

import numba
import numpy as np
import pytest
from reference.rules import CASES, FILE, MARKS, gradients, rule_of

from numgd.first_order import RULES
from numgd.first_order.apply import make_start, step_coefficients
from numgd.foundations.evaluator import CARRIED
from numgd.kernels.cpu.rules.update import update

every_rule = pytest.mark.parametrize("name", RULES)


def run(name, start, given, options):
    """Parameters after the steps of the driver along the gradients given, and the slots."""
    rule, dtype = RULES[name], start.dtype
    p, slots, running = start.copy(), np.empty((len(rule.SLOTS), start.size), dtype), np.zeros(CARRIED)
    make_start(rule)(slots, options)
    for t, g in enumerate(given, start=1):
        update(rule)(p, g, slots, step_coefficients(rule, options, t, dtype, running))
    assert p.dtype == slots.dtype == dtype
    return p, slots


@pytest.mark.parametrize("n", [0, 1, 1003])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_rule
def test_every_parameter_gets_the_stored_steps(name, dtype, n):
    for case in filter(lambda case: rule_of(case) == name, CASES):
        start, given = gradients(seed=0)
        columns = np.arange(n) % start.size
        with np.load(FILE) as reference:
            expected = reference[f"{case}-float64"][0, 2, columns]
        given = given[: MARKS[2], columns].astype(dtype)
        p, _ = run(name, start[columns].astype(dtype), given, RULES[name].Options(**CASES[case][1]))
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(p, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_rule
def test_update_gives_the_same_bits_at_any_number_of_threads(name, dtype):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread")
    start, *given = np.random.default_rng(3).normal(size=(6, 12_347)).astype(dtype)
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(run(name, start, given, RULES[name].Options()))
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@every_rule
def test_coefficients_are_computed_in_float64(name):
    rule = RULES[name]
    for t in (1, 1000, 10**7):
        exact, single = (
            step_coefficients(rule, rule.Options(), t, dtype, np.full(CARRIED, 0.5))
            for dtype in (np.float64, np.float32)
        )
        assert all(isinstance(value, np.float32) for value in single)
        assert [np.float32(value) for value in exact] == list(single)
