"""The update rules over a flat vector on the CPU, against their formulas in NumPy."""

import numba
import numpy as np
import pytest

from numgd.access import CARRIED
from numgd.first_order import RULES
from numgd.first_order.apply import make_apply, make_start, step_coefficients
from numgd.jit.portable import SOLVER_FLAGS
from numgd.kernels.cpu.update import update


def gd(p, gradients, learning_rate):
    """Gradient descent."""
    for g in gradients:
        p = p - learning_rate * g
    return p


def momentum(p, gradients, learning_rate, momentum):
    """Polyak's momentum."""
    v = np.zeros_like(p)
    for g in gradients:
        v = momentum * v + learning_rate * g
        p = p - v
    return p


def adam(p, gradients, learning_rate, beta1, beta2, eps):
    """Kingma & Ba, algorithm 1, line by line."""
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - learning_rate * m_hat / (np.sqrt(v_hat) + eps)
    return p


REFERENCES = {"gd": gd, "momentum": momentum, "adam": adam}
STEPS = 20


def run(name, dtype, n, options, seed=3):
    """Parameters after STEPS steps of the driver, the slots, and what went in."""
    rule = RULES[name]
    rng = np.random.default_rng(seed)
    start = rng.normal(size=n).astype(dtype)
    gradients = rng.normal(size=(STEPS, n)).astype(dtype)
    p, slots, running = start.copy(), np.empty((len(rule.SLOTS), n), dtype), np.zeros(CARRIED)
    make_start(rule)(slots, options)
    for t, g in enumerate(gradients, start=1):
        update(rule)(p, g, slots, step_coefficients(rule, options, t, dtype, running))
    return p, slots, start, gradients


def test_every_rule_has_a_reference():
    assert set(REFERENCES) == set(RULES)


@pytest.mark.parametrize("n", [0, 1, 1003])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RULES)
def test_update_is_the_formula(name, dtype, n):
    options = RULES[name].Options()
    options = options._replace(learning_rate=0.02)
    p, slots, start, gradients = run(name, dtype, n, options)
    expected = REFERENCES[name](start.astype(np.float64), gradients.astype(np.float64), *options)
    tolerance = STEPS * 10 * np.finfo(dtype).eps
    assert p.dtype == slots.dtype == dtype
    np.testing.assert_allclose(p, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RULES)
def test_update_gives_the_same_bits_at_any_number_of_threads(name, dtype):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread")
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(run(name, dtype, 12_347, RULES[name].Options())[:2])
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", RULES)
def test_update_of_float32_computes_in_float32(name):
    rule = RULES[name]
    apply = numba.njit(no_cpython_wrapper=True, **SOLVER_FLAGS)(make_apply(rule))
    vector = numba.float32[::1]
    coefficients = numba.typeof(step_coefficients(rule, rule.Options(), 1, np.float32, np.zeros(CARRIED)))
    apply.compile((vector, vector, numba.float32[:, ::1], coefficients))
    assert "double" not in apply.inspect_llvm(apply.signatures[0])


@pytest.mark.parametrize("name", RULES)
def test_coefficients_are_computed_in_float64(name):
    rule = RULES[name]
    for t in (1, 1000, 10**7):
        running = np.full(CARRIED, 0.5)
        exact = step_coefficients(rule, rule.Options(), t, np.float64, running)
        single = step_coefficients(rule, rule.Options(), t, np.float32, running.copy())
        assert all(isinstance(value, np.float32) for value in single)
        assert [np.float32(value) for value in exact] == list(single)
