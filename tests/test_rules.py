"""Update rules against PyTorch's optimisers, in every form that a rule runs in."""

import numpy as np
import pytest
from numba import njit, prange
from reference.rules import CASES, FILE, MARKS, SEEDS, by_pytorch, gradients

from numgd.access import CARRIED
from numgd.first_order import RULES
from numgd.first_order.apply import make_apply, make_element, make_rows, make_start, step_coefficients
from numgd.jit.portable import SOLVER_FLAGS, THREADED_FLAGS


def interpreted(rule):
    return make_apply(rule)


def compiled(rule):
    apply = make_apply(rule)
    return njit(**SOLVER_FLAGS)(lambda p, g, slots, c: apply(p, g, slots, c))


def threaded(rule):
    element, rows_of = make_element(rule), make_rows(rule)

    @njit(**THREADED_FLAGS)
    def apply(p, g, slots, c):
        rows = rows_of(slots, 0)
        for i in prange(p.size):
            element(i, p, g, rows, c)

    return apply


FORMS = {"interpreted": interpreted, "njit": compiled, "prange": threaded}


def path(case, form, dtype, seeds):
    """Parameters after each of MARKS steps, from the rule, shape (len(seeds), len(MARKS), SIZE)."""
    apply = FORMS[form](RULES[case.partition("-")[0]])
    return np.array([_path(case, apply, dtype, seed) for seed in seeds])


def _path(case, apply, dtype, seed):
    rule = RULES[case.partition("-")[0]]
    options = rule.Options(**CASES[case][1])
    start, steps = gradients(seed)
    p = start.astype(dtype)
    slots, running = np.empty((len(rule.SLOTS), p.size), dtype), np.zeros(CARRIED)
    make_start(rule)(slots, options)
    kept = []
    for t, gradient in enumerate(steps.astype(dtype), start=1):
        c = step_coefficients(rule, options, t, dtype, running)
        apply(p, gradient, slots, c)
        if t in MARKS:
            kept.append(p.copy())
    assert p.dtype == slots.dtype == dtype
    return np.array(kept)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_float64_is_pytorchs(case, form):
    with np.load(FILE) as reference:
        expected = reference[f"{case}-float64"]
    np.testing.assert_allclose(path(case, form, np.float64, [0])[0], expected[0], rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_float32_is_as_accurate_as_pytorchs(case):
    with np.load(FILE) as reference:
        exact, theirs = reference[f"{case}-float64"], reference[f"{case}-float32"]
    ours = path(case, "njit", np.float32, SEEDS)
    # Errors are a few roundings each: their root mean square over all seeds and parameters is compared.
    for k in range(len(MARKS)):
        error = [np.sqrt(np.mean((values[:, k] / exact[:, k] - 1.0) ** 2)) for values in (ours, theirs)]
        assert error[0] <= 2 * error[1]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_live_comparison_on_other_gradients(case, seed):
    pytest.importorskip("torch")
    np.testing.assert_allclose(
        path(case, "njit", np.float64, [seed])[0], by_pytorch(case, "float64", seed), rtol=1e-12, atol=1e-15
    )


def test_the_first_step_of_adam_is_the_learning_rate():
    rule = RULES["adam"]
    p, g, slots = np.zeros(3), np.array([1e-3, -5.0, 1e4]), np.zeros((2, 3))
    make_apply(rule)(p, g, slots, rule.coefficients(np.float64, rule.Options(), 1.0, np.zeros(CARRIED)))
    np.testing.assert_allclose(p, -1e-3 * np.sign(g), rtol=2e-5)
